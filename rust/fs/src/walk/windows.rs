//! The cursor on systems without handles of directories: by paths, which may be longer there. Never run on
//! Windows.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::MountPolicy;
use crate::metadata::{DirEntry, FileKind, Metadata};
use crate::platform::{self, Access};

/// Directories from a root to one below it, the innermost of which is the current one.
#[derive(Debug)]
pub struct TreeCursor {
    path: PathBuf,
    depth: usize,
}

impl TreeCursor {
    /// Begins in the directory at `root`, or that a link there leads to.
    ///
    /// # Errors
    ///
    /// It is not a directory, or cannot be read.
    pub(crate) fn open(root: &Path, _mounts: MountPolicy) -> io::Result<Self> {
        fs::read_dir(root)?;
        Ok(Self { path: root.to_owned(), depth: 0 })
    }

    /// The number of directories from the root to the current one.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// The path of the current directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Enters the directory `name` in the current one. No link is followed.
    ///
    /// # Errors
    ///
    /// The directory does not exist. The current one is then the same as before.
    pub fn enter(&mut self, name: &OsStr) -> io::Result<()> {
        let path = self.path.join(name);
        if !fs::symlink_metadata(&path)?.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        self.path = path;
        self.depth += 1;
        Ok(())
    }

    /// Returns to the directory above the current one.
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
    pub fn read_dir(&mut self) -> io::Result<Vec<DirEntry>> {
        let child = |entry: io::Result<fs::DirEntry>| {
            let entry = entry?;
            Ok(DirEntry { name: entry.file_name(), kind: FileKind::of(entry.file_type()?) })
        };
        fs::read_dir(&self.path)?.map(child).collect()
    }

    /// The metadata of the entry `name`; a link is not followed.
    ///
    /// # Errors
    ///
    /// It is missing, or its metadata cannot be read.
    pub fn metadata(&self, name: &OsStr) -> io::Result<Metadata> {
        Ok(Metadata::of(&platform::lstat(&self.path.join(name))?))
    }

    /// The text of the link `name`.
    ///
    /// # Errors
    ///
    /// The link does not exist, or cannot be read.
    pub fn read_link(&self, name: &OsStr) -> io::Result<OsString> {
        Ok(fs::read_link(self.path.join(name))?.into())
    }

    /// Opens the file `name` for reading.
    ///
    /// # Errors
    ///
    /// The file does not exist, or cannot be read.
    pub fn open_file(&self, name: &OsStr) -> io::Result<File> {
        File::open(self.path.join(name))
    }

    pub(crate) fn create_file(&self, name: &OsStr, access: Access) -> io::Result<File> {
        platform::create_options(access).open(self.path.join(name))
    }

    pub(crate) fn create_dir(&self, name: &OsStr) -> io::Result<()> {
        fs::create_dir(self.path.join(name))
    }

    pub(crate) fn symlink(&self, target: &OsStr, name: &OsStr) -> io::Result<()> {
        let path = self.path.join(name);
        let is_directory = self.path.join(target).is_dir();
        platform::symlink(target, &path, is_directory)
    }

    pub(crate) fn make_read_only(&self, name: &OsStr) -> io::Result<()> {
        let path = self.path.join(name);
        match platform::without_write(&fs::symlink_metadata(&path)?) {
            Some(permissions) => fs::set_permissions(path, permissions),
            None => Ok(()),
        }
    }
}
