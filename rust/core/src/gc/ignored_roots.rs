//! Roots that the user tells a collection to ignore.

use std::collections::HashSet;
use std::path::Path;

use scratchrs_fs::FileId;

use crate::error::Result;
use crate::place::in_current_directory;

/// Roots that a collection treats as missing: they keep nothing, whether they can be read or not. Their records
/// stay in the logs.
#[derive(Clone, Debug, Default)]
pub(super) struct IgnoredRoots {
    paths: HashSet<String>,
    files: HashSet<FileId>,
}

impl IgnoredRoots {
    /// The roots at these paths. A log may have other paths of the same files.
    ///
    /// # Errors
    ///
    /// If a relative path is given and there is no current directory.
    pub(super) fn of(roots: &[String]) -> Result<Self> {
        let mut ignored = Self::default();
        for root in roots {
            let path = in_current_directory(root)?;
            ignored.files.extend(FileId::of(Path::new(&*path)));
            ignored.paths.extend([path.into_owned(), root.clone()]);
        }
        Ok(ignored)
    }

    /// Whether no root is ignored.
    pub(super) fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    /// Whether a root is one of them.
    pub(super) fn has(&self, path: &str) -> bool {
        let is_same = || FileId::of(Path::new(path)).is_some_and(|id| self.files.contains(&id));
        !self.is_empty() && (self.paths.contains(path) || is_same())
    }
}
