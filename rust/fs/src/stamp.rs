//! How a file looks from outside.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::platform;

/// What changes when a file is written or replaced: its identity, its size, and the time of its
/// last change, as far as the file system keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    identity: Option<u64>,
    size: u64,
    changed: Option<SystemTime>,
}

impl Stamp {
    /// The stamp of the file at `path`; none if there is no file, or it may not be looked at.
    pub fn of(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
        Some(Self::of_metadata(&metadata))
    }

    pub(crate) fn of_metadata(metadata: &fs::Metadata) -> Self {
        Self {
            identity: platform::identity(metadata),
            size: metadata.len(),
            changed: metadata.modified().ok(),
        }
    }

    /// How many bytes the file had at the time of an `earlier` stamp, if it is still that file and
    /// no shorter: of a file that is only appended to, those have not changed.
    pub fn grown_from(&self, earlier: &Self) -> Option<u64> {
        let is_same = self.identity.is_some() && self.identity == earlier.identity;
        (is_same && self.size >= earlier.size).then_some(earlier.size)
    }

    /// Whether the file has stayed as it is for some time, so that its next change shows in the
    /// time of its last change.
    pub fn is_older_than(&self, age: Duration, now: SystemTime) -> bool {
        let changed = self.changed.and_then(|changed| now.duration_since(changed).ok());
        changed.is_some_and(|since| since > age)
    }
}
