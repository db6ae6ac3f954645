//! Whether symbolic links can be created.

use std::ffi::OsStr;
use std::path::Path;

use crate::create::symlink;
use crate::metadata::{FileKind, symlink_metadata};

/// Whether symbolic links can be created in a directory, by a trial. Some file systems have none, and Windows lets
/// only administrators and developers create them. A system may also pretend: the trial reads its link again.
pub fn makes_symlinks(directory: &Path) -> bool {
    let Ok(trial) = tempfile::Builder::new().prefix(".links-").tempdir_in(directory) else {
        return false;
    };
    let link = trial.path().join("link");
    symlink(OsStr::new("target"), &link, false).is_ok()
        && symlink_metadata(&link)
            .is_ok_and(|found| found.is_some_and(|found| found.kind == FileKind::Link))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trial_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        assert!(makes_symlinks(directory.path()) || cfg!(windows));
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
        assert!(!makes_symlinks(&directory.path().join("missing")));
    }
}
