//! Permissions of files and trees.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::io_error::where_supported;
use crate::metadata::{FileKind, Metadata};
use crate::platform;
use crate::syscall_path::SyscallPath;
use crate::walk::walk;

/// Makes the file at `path` executable for everyone with read permission, or not executable.
///
/// # Errors
///
/// The file system refuses.
pub fn set_executable(path: &Path, executable: bool) -> Result<()> {
    platform::set_executable(path, executable).map_err(Error::on("change the mode of", path))
}

/// Whether git and Pkg record a file as executable: by the owner's bit alone; on Windows, if this process may execute
/// it.
pub fn is_executable(found: &Metadata, path: impl FnOnce() -> PathBuf) -> bool {
    match cfg!(windows) {
        true => platform::may_execute(&path()).unwrap_or_default(),
        false => found.is_executable,
    }
}

/// Removes write permission from the files of a tree, not from its directories. Links are not followed. A
/// file keeps its mode if the system refuses.
///
/// # Errors
///
/// A directory cannot be read.
pub fn make_tree_read_only(tree: &Path) -> Result<()> {
    walk(tree, |cursor, entry| {
        if entry.kind == FileKind::File {
            let _ = cursor.make_read_only(&entry.name);
        }
        true
    })
}

/// Gives a directory the permissions of `other`.
///
/// # Errors
///
/// The file system refuses.
pub fn copy_permissions(directory: &Path, other: &Path) -> Result<()> {
    let allow = || fs::set_permissions(directory, fs::metadata(other)?.permissions());
    allow().map_err(Error::on("change the mode of", directory))
}

/// Whether files in a directory keep their mode, by a trial; some foreign file systems do not. `None` if no
/// file can be created.
pub fn keeps_modes(directory: &Path) -> Option<bool> {
    let file = tempfile::NamedTempFile::new_in(directory).ok()?;
    let keeps = |executable| {
        set_executable(file.path(), executable).is_ok()
            && Metadata::of_file(file.as_file()).is_ok_and(|metadata| {
                is_executable(&metadata, || file.path().to_owned()) == executable
            })
    };
    Some(keeps(true) && keeps(false))
}

/// Removes write permission from the file or directory at `path`. A file system without permissions, such
/// as vfat, is not an error.
///
/// # Errors
///
/// `path` does not exist, or the file system refuses.
pub fn make_read_only(path: &Path) -> Result<()> {
    let make = || -> io::Result<()> {
        let short = SyscallPath::of(path)?;
        let path = short.path();
        let metadata = fs::symlink_metadata(path)?;
        match platform::without_write(&metadata) {
            None => Ok(()),
            Some(permissions) => where_supported(fs::set_permissions(path, permissions)),
        }
    };
    make().map_err(Error::on("remove write permission from", path))
}

#[cfg(test)]
pub(crate) mod tests {
    #[cfg(unix)]
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[cfg(unix)]
    pub(crate) fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    #[cfg(unix)]
    fn a_read_only_tree_has_directories_as_before() {
        use crate::platform::Access;
        use crate::{create_file, symlink};
        let directory = tempfile::tempdir().unwrap();
        let tree = directory.path().join("tree");
        let below = tree.join("below");
        fs::create_dir_all(&below).unwrap();
        let outside = directory.path().join("outside");
        fs::write(&outside, "").unwrap();
        symlink(outside.as_os_str(), &below.join("link"), false).unwrap();
        create_file(&below.join("program"), Access { executable: true, read_only: false }).unwrap();
        let before = (mode(&tree), mode(&below), mode(&outside));
        make_tree_read_only(&tree).unwrap();
        assert_eq!((mode(&tree), mode(&below), mode(&outside)), before);
        assert_eq!(mode(&below.join("program")) & 0o322, 0o100);
        fs::set_permissions(&tree, fs::Permissions::from_mode(0o700)).unwrap();
        copy_permissions(&tree, directory.path()).unwrap();
        assert_eq!(mode(&tree), mode(directory.path()));
    }

    #[test]
    fn this_file_system_keeps_modes() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(keeps_modes(directory.path()), Some(true));
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
        assert_eq!(keeps_modes(&directory.path().join("nowhere")), None);
    }

    #[test]
    #[cfg(unix)]
    fn a_read_only_file_keeps_its_other_rights() {
        let lab = tempfile::tempdir().unwrap();
        let file = lab.path().join("file");
        fs::write(&file, "").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o765)).unwrap();
        make_read_only(&file).unwrap();
        assert_eq!(mode(&file), 0o545);
    }
}
