//! Links and modes in tests that run on every system.

use std::fs;
use std::path::Path;

/// Creates a symbolic link.
pub fn symlink(target: impl AsRef<Path>, path: impl AsRef<Path>) {
    #[cfg(unix)]
    let made = std::os::unix::fs::symlink(target, path);
    #[cfg(windows)]
    let made = {
        let (target, path) = (target.as_ref(), path.as_ref());
        let to_directory = path.parent().is_some_and(|parent| parent.join(target).is_dir());
        let symlink = if to_directory {
            std::os::windows::fs::symlink_dir
        } else {
            std::os::windows::fs::symlink_file
        };
        symlink(target, path)
    };
    made.expect("a symbolic link");
}

/// Gives a file a mode. On Windows, only the owner's right to write counts.
pub fn set_mode(path: impl AsRef<Path>, mode: u32) {
    let path = path.as_ref();
    #[cfg(unix)]
    let permissions = <fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(mode);
    #[cfg(windows)]
    let permissions = {
        let mut permissions = fs::metadata(path).expect("a file").permissions();
        permissions.set_readonly(mode & 0o200 == 0);
        permissions
    };
    fs::set_permissions(path, permissions).expect("permissions");
}
