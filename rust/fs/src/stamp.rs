//! File stamps and snapshots: recognizing a file that has not changed.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::error::{Error, Result};
use crate::platform;
use crate::read::open_to_read;

/// Identity, size and modification time of a file, as far as the file system keeps them: they change when it
/// is written or replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileStamp {
    identity: Option<u64>,
    size: u64,
    modified: Option<SystemTime>,
}

impl FileStamp {
    /// The stamp of the file at `path`; `None` if it is not a file or its metadata cannot be read.
    pub fn of(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
        Some(Self::of_metadata(&metadata))
    }

    pub(crate) fn of_metadata(metadata: &fs::Metadata) -> Self {
        Self {
            identity: platform::identity(metadata),
            size: metadata.len(),
            modified: metadata.modified().ok(),
        }
    }

    /// The modification time.
    pub fn modified(&self) -> Option<SystemTime> {
        self.modified
    }

    /// The size at the time of an `earlier` stamp, if it is the same file and no shorter: if a file is only
    /// appended to, that part has not changed.
    pub fn grown_from(&self, earlier: &Self) -> Option<u64> {
        let is_same = self.identity.is_some() && self.identity == earlier.identity;
        (is_same && self.size >= earlier.size).then_some(earlier.size)
    }

    /// Whether the file has not changed for `age`, so that its next change will show in its modification
    /// time.
    pub fn is_older_than(&self, age: Duration, now: SystemTime) -> bool {
        let since = self.modified.and_then(|modified| now.duration_since(modified).ok());
        since.is_some_and(|since| since > age)
    }
}

/// A file as it was when it was read. It stays open, so no other file can have its identity.
#[derive(Debug)]
pub struct Snapshot {
    file: File,
    stamp: FileStamp,
}

impl Snapshot {
    /// Reads the file at `path`; `None` if it does not exist.
    ///
    /// # Errors
    ///
    /// It exists and cannot be read.
    pub fn read(path: &Path) -> Result<Option<(Self, Vec<u8>)>> {
        let read = || -> io::Result<(Self, Vec<u8>)> {
            let mut file = open_to_read(path)?;
            let stamp = FileStamp::of_metadata(&file.metadata()?);
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
        FileStamp::of(path).is_some_and(|now| now == self.stamp)
    }

    /// Records that the caller, who holds the lock of the file, has appended to it.
    ///
    /// # Errors
    ///
    /// The metadata cannot be read.
    pub fn refresh(&mut self, path: &Path) -> Result<()> {
        let metadata = self.file.metadata().map_err(Error::on("read the metadata of", path))?;
        self.stamp = FileStamp::of_metadata(&metadata);
        Ok(())
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_differs_from_its_replacement() {
        let lab = tempfile::tempdir().unwrap();
        let file = lab.path().join("file");
        assert!(Snapshot::read(&file).unwrap().is_none());
        for round in 0..50 {
            fs::write(&file, "content").unwrap();
            let (mut snapshot, bytes) = Snapshot::read(&file).unwrap().expect("it is there");
            assert_eq!(bytes, b"content");
            assert!(snapshot.is_current(&file));
            crate::append(&file, "more").unwrap();
            assert!(!snapshot.is_current(&file));
            snapshot.refresh(&file).unwrap();
            assert!(snapshot.is_current(&file));
            // Twice, for a file system that would give the same number again.
            for text in ["contentmuch", "contentmore"] {
                crate::replace(&file, text).unwrap();
            }
            assert!(!snapshot.is_current(&file), "in round {round}");
        }
    }
}
