//! The entries of a tree that is being built: each is made where nothing is yet, and no link is
//! followed at the end of a path.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::Path;

use crate::error::{Error, Result};
use crate::platform;

/// What a new file allows, as far as the umask lets it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// Whoever may read it may execute it.
    pub executable: bool,
    /// Nobody may write to it, but through the handle that made it.
    pub read_only: bool,
}

/// Makes a directory where nothing is yet.
///
/// # Errors
///
/// Something is there, or the directory above is not.
pub fn make_directory(path: &Path) -> Result<()> {
    fs::create_dir(path).map_err(Error::on("create the directory", path))
}

/// Creates a file where nothing is yet, to be written to.
///
/// # Errors
///
/// Something is there (be it a link), or the directory above is not.
pub fn create_file(path: &Path, access: Access) -> Result<File> {
    platform::create_options(access).open(path).map_err(Error::on("create", path))
}

/// Makes a symbolic link where nothing is yet. On Windows, which has two kinds, `to_directory` says
/// whether it is to lead to a directory.
///
/// # Errors
///
/// Something is there, the directory above is not, or the system lets us make no links.
pub fn make_link(target: &OsStr, path: &Path, to_directory: bool) -> Result<()> {
    platform::make_link(target, path, to_directory)
        .map_err(Error::on("create the symbolic link", path))
}

/// Copies the contents of a file to a new one. File systems that can let both share them.
///
/// # Errors
///
/// As [`create_file`]; or `source` cannot be read.
pub fn copy_file(source: &Path, path: &Path, access: Access) -> Result<()> {
    let mut from = File::open(source).map_err(Error::on("open", source))?;
    let mut to = create_file(path, access)?;
    io::copy(&mut from, &mut to).map_err(Error::on("write", path))?;
    Ok(())
}

/// Makes what is at `path`, a file, executable for those who may read it, or for nobody.
///
/// # Errors
///
/// If the file system refuses.
pub fn set_executable(path: &Path, executable: bool) -> Result<()> {
    platform::set_executable(path, executable).map_err(Error::on("change the mode of", path))
}

/// How many more bytes may be written to the file system that `path` is on; `None` where it does
/// not say.
pub fn free_space(path: &Path) -> Option<u64> {
    fs2::available_space(path).ok()
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn what_is_read_only_can_be_written_by_whom_made_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("f");
        let access = Access { executable: true, read_only: true };
        create_file(&path, access).unwrap().write_all(b"contents").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"contents");
        assert_eq!(mode(&path) & 0o322, 0o100);
        let copy = directory.path().join("copy");
        copy_file(&path, &copy, Access::default()).unwrap();
        assert_eq!(fs::read(&copy).unwrap(), b"contents");
        assert_eq!(mode(&copy) & 0o700, 0o600);
        set_executable(&copy, true).unwrap();
        assert_eq!(mode(&copy) & 0o700, 0o700);
        set_executable(&copy, false).unwrap();
        assert_eq!(mode(&copy) & 0o111, 0);
    }

    #[test]
    fn nothing_is_made_where_something_is_nor_through_a_link() {
        let directory = tempfile::tempdir().unwrap();
        let [link, outside] = ["link", "outside"].map(|name| directory.path().join(name));
        make_link(outside.as_os_str(), &link, false).unwrap();
        assert!(&create_file(&link, Access::default()).unwrap_err().is_occupied());
        assert!(&make_directory(&link).unwrap_err().is_occupied());
        assert!(&make_link(outside.as_os_str(), &link, false).unwrap_err().is_occupied());
        assert!(!outside.exists());
    }

    #[test]
    fn a_file_system_says_how_much_is_free() {
        assert!(free_space(&std::env::temp_dir()).is_some());
        assert_eq!(free_space(Path::new("/nowhere")), None);
    }
}
