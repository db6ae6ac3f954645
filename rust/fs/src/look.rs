//! What is at a path, by one call.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::SystemTime;

use crate::error::{Error, Result};
use crate::measure::{EntryKind, is_absent};
use crate::platform;
use crate::regular::open_to_read;
use crate::short::Short;
use crate::stamp::Stamp;

/// What is at a path, links not followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// What it is; a link is a [`EntryKind::Link`], whatever it leads to.
    pub kind: EntryKind,
    /// Its size in bytes.
    pub size: u64,
    /// Whether its owner may execute it.
    pub is_executable: bool,
    /// Whether it is a file that has other names too.
    pub has_other_names: bool,
    /// Tells it from others of its file system, where the system can.
    pub identity: Option<u64>,
    /// When it was last changed, or came to its place, whichever was later.
    pub changed: Option<SystemTime>,
}

/// What is at `path`; none if nothing.
///
/// # Errors
///
/// If nobody can say.
pub fn look(path: &Path) -> Result<Option<Look>> {
    let metadata = match Short::of(path).and_then(|short| fs::symlink_metadata(short.path())) {
        Ok(metadata) => metadata,
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(Error::on("look at", path)(error)),
    };
    let kind = match metadata.file_type() {
        kind if kind.is_dir() => EntryKind::Directory,
        kind if kind.is_symlink() => EntryKind::Link,
        _ => EntryKind::File,
    };
    Ok(Some(Look {
        kind,
        size: metadata.len(),
        is_executable: platform::is_executable(&metadata),
        has_other_names: kind == EntryKind::File && platform::has_other_names(&metadata),
        identity: platform::identity(&metadata),
        changed: platform::changed(&metadata),
    }))
}

/// A file as it was when it was read, held open: as long as it is, no other file can have its
/// identity.
#[derive(Debug)]
pub struct Held {
    file: File,
    stamp: Stamp,
}

impl Held {
    /// Reads the file at `path`, and holds it; none if there is none.
    ///
    /// # Errors
    ///
    /// If it is there and cannot be read.
    pub fn read(path: &Path) -> Result<Option<(Self, Vec<u8>)>> {
        let read = || -> io::Result<(Self, Vec<u8>)> {
            let mut file = open_to_read(path)?;
            let stamp = Stamp::of_metadata(&file.metadata()?);
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            Ok((Self { file, stamp }, bytes))
        };
        match read() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            result => result.map(Some).map_err(Error::on("read", path)),
        }
    }

    /// Whether the file at `path` is still this one, unchanged.
    pub fn is_current(&self, path: &Path) -> bool {
        Stamp::of(path).is_some_and(|now| now == self.stamp)
    }

    /// Takes note that the caller, who holds the lock of the file, has appended to it.
    ///
    /// # Errors
    ///
    /// If nobody can say how it looks now.
    pub fn refresh(&mut self, path: &Path) -> Result<()> {
        let metadata = self.file.metadata().map_err(Error::on("look at", path))?;
        self.stamp = Stamp::of_metadata(&metadata);
        Ok(())
    }
}

/// Sets the time of the last change of the file at `path` to now. Whether there is one.
///
/// # Errors
///
/// If the file system refuses.
pub fn touch(path: &Path) -> Result<bool> {
    match platform::touch(path) {
        Err(error) if is_absent(&error) => Ok(false),
        touched => touched.map(|()| true).map_err(Error::on("touch", path)),
    }
}

/// Writes a file where none is. It is the caller's alone until it is moved to its place.
///
/// # Errors
///
/// If something is there, or the file system refuses; a part may have been written then.
pub fn write_new(path: &Path, text: &str) -> Result<()> {
    let write = || -> io::Result<()> {
        let mut file = fs::OpenOptions::new().write(true).create_new(true).open(path)?;
        file.write_all(text.as_bytes())
    };
    write().map_err(Error::on("write", path))
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_told() {
        let lab = tempfile::tempdir().unwrap();
        let file = lab.path().join("file");
        assert_eq!(look(&file).unwrap(), None);
        write_new(&file, "1234").unwrap();
        let seen = look(&file).unwrap().unwrap();
        assert_eq!((seen.kind, seen.size, seen.is_executable), (EntryKind::File, 4, false));
        assert!(!seen.has_other_names && seen.changed.is_some());
        fs::hard_link(&file, lab.path().join("other")).unwrap();
        assert!(look(&file).unwrap().unwrap().has_other_names);
        let link = lab.path().join("link");
        std::os::unix::fs::symlink(lab.path(), &link).unwrap();
        assert_eq!(look(&link).unwrap().unwrap().kind, EntryKind::Link);
        assert_eq!(look(lab.path()).unwrap().unwrap().kind, EntryKind::Directory);
        assert_eq!(
            write_new(&file, "").unwrap_err().io_error().kind(),
            io::ErrorKind::AlreadyExists
        );
    }

    #[test]
    fn a_held_file_is_told_from_what_replaces_it() {
        let lab = tempfile::tempdir().unwrap();
        let file = lab.path().join("file");
        assert!(Held::read(&file).unwrap().is_none());
        for round in 0..50 {
            fs::write(&file, "content").unwrap();
            let (mut held, bytes) = Held::read(&file).unwrap().expect("it is there");
            assert_eq!(bytes, b"content");
            assert!(held.is_current(&file));
            crate::append(&file, "more").unwrap();
            assert!(!held.is_current(&file));
            held.refresh(&file).unwrap();
            assert!(held.is_current(&file));
            // Twice, for a file system that would give the same number again.
            for text in ["contentmuch", "contentmore"] {
                crate::replace(&file, text, None).unwrap();
            }
            assert!(!held.is_current(&file), "in round {round}");
        }
    }
}
