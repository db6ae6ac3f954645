//! The trail of a system without handles of directories: by paths, which are not limited to a few
//! thousand bytes there. Compiled by no test yet, as the Windows half of `platform`.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::{Child, Crossing, FileKind, Properties};
use crate::platform;
use crate::tree::Access;

/// Directories from a root to one below it, the innermost of which is the current one.
#[derive(Debug)]
pub struct Trail {
    path: PathBuf,
    depth: usize,
}

impl Trail {
    /// Begins in the directory at `root`, or that a link there leads to.
    ///
    /// # Errors
    ///
    /// It is no directory or cannot be read.
    pub fn open(root: &Path, _crossing: Crossing) -> io::Result<Self> {
        fs::read_dir(root)?;
        Ok(Self { path: root.to_owned(), depth: 0 })
    }

    /// How many directories below the root the current one is.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// The path of the current directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Goes on to the directory `name` in the current one. No link is followed.
    ///
    /// # Errors
    ///
    /// There is no such directory. The current one is then the same as before.
    pub fn enter(&mut self, name: &OsStr) -> io::Result<()> {
        let path = self.path.join(name);
        if !fs::symlink_metadata(&path)?.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        self.path = path;
        self.depth += 1;
        Ok(())
    }

    /// Goes back to the directory above the current one.
    ///
    /// # Errors
    ///
    /// Never here.
    pub fn leave(&mut self) -> io::Result<()> {
        if self.depth > 0 {
            self.path.pop();
            self.depth -= 1;
        }
        Ok(())
    }

    /// The entries of the current directory, in no order.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub fn entries(&mut self) -> io::Result<Vec<Child>> {
        let child = |entry: io::Result<fs::DirEntry>| {
            let entry = entry?;
            Ok(Child { name: entry.file_name(), kind: file_kind(entry.file_type()?) })
        };
        fs::read_dir(&self.path)?.map(child).collect()
    }

    /// The metadata of the entry `name`.
    ///
    /// # Errors
    ///
    /// There is none, or it cannot be read.
    pub fn properties(&self, name: &OsStr) -> io::Result<Properties> {
        let metadata = fs::symlink_metadata(self.path.join(name))?;
        Ok(Properties {
            kind: file_kind(metadata.file_type()),
            size: metadata.len(),
            is_executable: platform::is_executable(&metadata),
            has_other_names: platform::has_other_names(&metadata),
        })
    }

    /// The text of the link `name`.
    ///
    /// # Errors
    ///
    /// There is no such link, or it cannot be read.
    pub fn read_link(&self, name: &OsStr) -> io::Result<OsString> {
        Ok(fs::read_link(self.path.join(name))?.into())
    }

    /// Opens the file `name` for reading.
    ///
    /// # Errors
    ///
    /// There is no such file, or it cannot be read.
    pub fn open_file(&self, name: &OsStr) -> io::Result<File> {
        File::open(self.path.join(name))
    }

    pub(crate) fn create_file(&self, name: &OsStr, access: Access) -> io::Result<File> {
        platform::create_options(access).open(self.path.join(name))
    }

    pub(crate) fn make_directory(&self, name: &OsStr) -> io::Result<()> {
        fs::create_dir(self.path.join(name))
    }

    pub(crate) fn make_link(&self, target: &OsStr, name: &OsStr) -> io::Result<()> {
        let path = self.path.join(name);
        let is_directory = self.path.join(target).is_dir();
        platform::make_link(target, &path, is_directory)
    }

    pub(crate) fn forbid_writing(&self, name: &OsStr) -> io::Result<()> {
        let path = self.path.join(name);
        match platform::without_write(&fs::symlink_metadata(&path)?) {
            Some(permissions) => fs::set_permissions(path, permissions),
            None => Ok(()),
        }
    }
}

fn file_kind(kind: fs::FileType) -> FileKind {
    match kind {
        _ if kind.is_dir() => FileKind::Directory,
        _ if kind.is_symlink() => FileKind::Link,
        _ if kind.is_file() => FileKind::File,
        _ => FileKind::Special("something unknown"),
    }
}
