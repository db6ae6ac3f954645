//! Roots that the user wants to be ignored.

use std::collections::HashSet;
use std::path::Path;

use scratchrs_fs::FileId;

use crate::error::Result;
use crate::place::in_current_directory;

/// Roots that a collection treats as if they were missing: they keep nothing, whether they can be read
/// or not. Their records stay in the logs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ignored {
    paths: HashSet<String>,
    files: HashSet<FileId>,
}

impl Ignored {
    /// The roots at these paths, by whatever path a log has them.
    ///
    /// # Errors
    ///
    /// If a relative path is given and there is no current directory.
    pub(crate) fn of(roots: &[String]) -> Result<Self> {
        let mut ignored = Self::default();
        for root in roots {
            let path = in_current_directory(root)?;
            ignored.files.extend(FileId::of(Path::new(&*path)));
            ignored.paths.extend([path.into_owned(), root.clone()]);
        }
        Ok(ignored)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    /// Whether a root is one of them.
    pub(crate) fn has(&self, path: &str) -> bool {
        let is_same = || FileId::of(Path::new(path)).is_some_and(|id| self.files.contains(&id));
        !self.is_empty() && (self.paths.contains(path) || is_same())
    }
}
