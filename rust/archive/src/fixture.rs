//! Trees for tests, built entry by entry below a temporary directory.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

pub(crate) struct Tree(TempDir);

impl Tree {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn directory(self, path: &str) -> Self {
        fs::create_dir_all(self.path().join(path)).unwrap();
        self
    }

    /// Adds a file with mode 644.
    pub(crate) fn file(self, path: &str, contents: impl AsRef<[u8]>) -> Self {
        self.file_with_mode(path, contents, 0o644)
    }

    pub(crate) fn file_with_mode(self, path: &str, contents: impl AsRef<[u8]>, mode: u32) -> Self {
        let path = self.new_path(path);
        fs::write(&path, contents).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        self
    }

    pub(crate) fn link(self, path: &str, target: impl AsRef<Path>) -> Self {
        symlink(target, self.new_path(path)).unwrap();
        self
    }

    pub(crate) fn fifo(self, path: &str) -> Self {
        let status = Command::new("mkfifo").arg(self.new_path(path)).status().unwrap();
        assert!(status.success());
        self
    }

    /// The path below the root, whose parent exists.
    fn new_path(&self, path: &str) -> PathBuf {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }
}
