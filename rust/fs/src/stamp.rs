//! File stamps and snapshots: recognizing a file that has not changed.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::error::{Error, Result};
use crate::platform::{self, Stat};
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
        let stat = platform::stat(path).ok().filter(|found| found.is_file())?;
        Some(Self::of_stat(&stat))
    }

    pub(crate) fn of_stat(stat: &Stat) -> Self {
        Self {
            identity: platform::identity(stat),
            size: stat.len(),
            modified: stat.modified().ok(),
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

/// A file as it was when it was read.
#[derive(Debug)]
pub struct Snapshot {
    /// The file stays open, so that no other file can have its identity. On Windows it would be in the way of its
    /// replacement.
    file: Option<File>,
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
            let stamp = FileStamp::of_stat(&platform::fstat(&file)?);
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            let file = platform::OPEN_FILES_ARE_REPLACED.then_some(file);
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
        let stat = match &self.file {
            Some(file) => platform::fstat(file),
            None => platform::stat(path),
        };
        let stat = stat.map_err(Error::on("read the metadata of", path))?;
        self.stamp = FileStamp::of_stat(&stat);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

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
