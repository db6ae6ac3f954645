//! Paths, links and modes in tests that run on every system.

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

/// The hash of a tree with one new file `foo` that says `foo`, by Pkg and git. On Windows, a new file may be executed.
pub const FOO: &str = match cfg!(windows) {
    false => "2f42e2c1c1afd4ef8c66a2aaba5d5e1baddcab33",
    true => "2bedb51a2f1b5796969d803f64520fe034be6e5e",
};

/// The text of a path between the quotes of TOML or JSON.
pub fn in_quotes(path: impl AsRef<Path>) -> String {
    path.as_ref().to_str().expect("the path is Unicode").replace('\\', r"\\")
}

/// A path with the separators of this system, for one that is written with slashes.
pub fn native(path: &str) -> String {
    path.replace('/', std::path::MAIN_SEPARATOR_STR)
}

/// Gives a file a mode. On Windows, that is whether it may be written to and, if it is a file, executed.
pub fn set_mode(path: impl AsRef<Path>, mode: u32) {
    let path = path.as_ref();
    #[cfg(unix)]
    let permissions = <fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(mode);
    #[cfg(windows)]
    let permissions = {
        let found = fs::metadata(path).expect("a file");
        if found.is_file() {
            scratchrs_fs::set_executable(path, mode & 0o100 != 0).expect("the right to execute");
        }
        let mut permissions = found.permissions();
        permissions.set_readonly(mode & 0o200 == 0);
        permissions
    };
    fs::set_permissions(path, permissions).expect("permissions");
}
