//! Metadata of a path: one `stat` each.
//!
//! Predicates (`is_…`) return `bool`, and `false` if the answer is unknown. Where that would be wrong,
//! [`metadata`] and [`symlink_metadata`] return the error.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;
use std::time::SystemTime;

use crate::error::{Error, Result};
use crate::io_error::is_absent;
use crate::platform::{self, Stat};
use crate::syscall_path::SyscallPath;

/// The type of a file; links are not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A directory.
    Directory,
    /// A regular file.
    File,
    /// A symbolic link.
    Link,
    /// A FIFO, a socket or a device; its name for messages.
    Special(&'static str),
}

impl FileKind {
    /// The kind of a file of this type.
    pub fn of(kind: fs::FileType) -> Self {
        match kind {
            _ if kind.is_dir() => Self::Directory,
            _ if kind.is_symlink() => Self::Link,
            _ if kind.is_file() => Self::File,
            _ => Self::Special(platform::special_name(kind)),
        }
    }

    /// The type in words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Directory => "a directory",
            Self::File => "a file",
            Self::Link => "a symbolic link",
            Self::Special(name) => name,
        }
    }
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirEntry {
    /// Its name.
    pub name: OsString,
    /// Its type.
    pub kind: FileKind,
}

impl DirEntry {
    /// Whether it is a directory, or a link to one, in the directory at `parent`.
    pub fn is_dir_in(&self, parent: &Path) -> bool {
        match self.kind {
            FileKind::Directory => true,
            FileKind::Link => is_dir(&parent.join(&self.name)),
            FileKind::File | FileKind::Special(_) => false,
        }
    }

    /// Its name, if that is Unicode.
    pub fn text(&self) -> Option<&str> {
        OsStr::to_str(&self.name)
    }
}

/// The metadata of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// Its type.
    pub kind: FileKind,
    /// Its size in bytes.
    pub size: u64,
    /// Whether its owner may execute it.
    pub is_executable: bool,
    /// Whether it is a file with other hard links.
    pub has_other_names: bool,
    /// Its number in its file system, where the system has one.
    pub identity: Option<u64>,
    /// Time of the last change of content, name or permissions.
    pub changed: Option<SystemTime>,
}

impl Metadata {
    /// Whether it is a directory.
    pub fn is_dir(&self) -> bool {
        self.kind == FileKind::Directory
    }

    /// Whether it is a regular file.
    pub fn is_file(&self) -> bool {
        self.kind == FileKind::File
    }

    /// Whether it is a symbolic link.
    pub fn is_link(&self) -> bool {
        self.kind == FileKind::Link
    }

    /// The metadata of an open file.
    ///
    /// # Errors
    ///
    /// The system cannot read it.
    pub fn of_file(file: &fs::File) -> io::Result<Self> {
        Ok(Self::of(&platform::fstat(file)?))
    }

    pub(crate) fn of(metadata: &Stat) -> Self {
        let kind = FileKind::of(metadata.file_type());
        Self {
            kind,
            size: metadata.len(),
            is_executable: platform::is_executable(metadata),
            has_other_names: kind != FileKind::Directory
                && kind != FileKind::Link
                && platform::has_other_names(metadata),
            identity: platform::identity(metadata),
            changed: platform::changed(metadata),
        }
    }
}

/// Metadata of `path`, or `None` if it does not exist. Links are followed.
///
/// # Errors
///
/// The metadata cannot be read.
pub fn metadata(path: &Path) -> Result<Option<Metadata>> {
    found(path, platform::stat)
}

/// Metadata of `path`, or `None` if it does not exist. A link at `path` is not followed.
///
/// # Errors
///
/// The metadata cannot be read.
pub fn symlink_metadata(path: &Path) -> Result<Option<Metadata>> {
    found(path, platform::lstat)
}

fn found(path: &Path, stat: fn(&Path) -> io::Result<Stat>) -> Result<Option<Metadata>> {
    match SyscallPath::of(path).and_then(|short| stat(short.path())) {
        Ok(metadata) => Ok(Some(Metadata::of(&metadata))),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(Error::on("read the metadata of", path)(error)),
    }
}

/// Whether there is a directory at `path`, or a link to one; `false` if that is unknown. The cheapest
/// call.
pub fn is_dir(path: &Path) -> bool {
    platform::is_dir(path)
}

/// Whether something exists at `path`; `false` if that is unknown. Links are followed.
pub fn exists(path: &Path) -> bool {
    matches!(metadata(path), Ok(Some(_)))
}

/// Whether there is a regular file at `path`, or a link to one; `false` if that is unknown.
pub fn is_file(path: &Path) -> bool {
    matches!(metadata(path), Ok(Some(found)) if found.is_file())
}

/// Whether this process may create and remove entries of the directory at `path`, by its permissions and
/// whether the file system is read-only.
pub fn is_writable_dir(path: &Path) -> bool {
    platform::is_writable_dir(path)
}

/// Whether the directory at `path` is empty; `None` if it does not exist or is not a directory.
///
/// # Errors
///
/// The directory cannot be read.
pub fn is_empty_dir(path: &Path) -> Result<Option<bool>> {
    match fs::read_dir(path) {
        Ok(mut entries) => Ok(Some(entries.next().is_none())),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(Error::on("read the directory", path)(error)),
    }
}

/// Sets the modification time of the file at `path` to now. Returns whether it exists.
///
/// # Errors
///
/// The file system refuses.
pub fn touch(path: &Path) -> Result<bool> {
    match platform::touch(path) {
        Err(error) if is_absent(&error) => Ok(false),
        touched => touched.map(|()| true).map_err(Error::on("touch", path)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_describes_a_file() {
        let lab = tempfile::tempdir().unwrap();
        let file = lab.path().join("file");
        assert_eq!(symlink_metadata(&file).unwrap(), None);
        fs::write(&file, "1234").unwrap();
        let seen = symlink_metadata(&file).unwrap().unwrap();
        assert_eq!((seen.kind, seen.size, seen.is_executable), (FileKind::File, 4, false));
        assert!(!seen.has_other_names && seen.changed.is_some());
        fs::hard_link(&file, lab.path().join("other")).unwrap();
        assert!(symlink_metadata(&file).unwrap().unwrap().has_other_names);
        let link = lab.path().join("link");
        crate::testing::symlink(lab.path(), &link).unwrap();
        assert_eq!(symlink_metadata(&link).unwrap().unwrap().kind, FileKind::Link);
        assert_eq!(symlink_metadata(lab.path()).unwrap().unwrap().kind, FileKind::Directory);
        let again = crate::create_file(&file, crate::Access::default()).unwrap_err();
        assert_eq!(again.io_error().kind(), io::ErrorKind::AlreadyExists);
    }
}
