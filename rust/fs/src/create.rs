//! Creating directories, files and links.
//!
//! Files and links are created where `path` does not exist, and never through a link at its end.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::Path;

use crate::error::{Error, Result};
use crate::io_error::{is_occupied, is_vanished};
use crate::metadata::is_dir;
use crate::platform::{self, Access};
use crate::syscall_path::SyscallPath;

/// Creates the directory at `path` and its parents, unless it exists.
///
/// # Errors
///
/// Also if a file or a dangling link is in the way, which the error names.
pub fn create_dir_all(path: &Path) -> Result<()> {
    // Most directories exist.
    if is_dir(path) {
        return Ok(());
    }
    // A collection may delete an empty parent while this creates the next one.
    const ROUNDS: u32 = 8;
    let mut made = make_all(path);
    for _ in 1..ROUNDS {
        match &made {
            Err(error) if is_vanished(error) => made = make_all(path),
            _ => break,
        }
    }
    let Err(error) = made else { return Ok(()) };
    // Name the topmost path that is in the way, not the whole path.
    for above in path.ancestors().collect::<Vec<_>>().into_iter().rev() {
        let Ok(metadata) = fs::symlink_metadata(above) else {
            continue;
        };
        let in_the_way = if metadata.is_symlink() && fs::metadata(above).is_err() {
            "a symbolic link to nothing is in the way"
        } else if fs::metadata(above).is_ok_and(|target| !target.is_dir()) {
            "a file is in the way"
        } else {
            continue;
        };
        let error = io::Error::new(io::ErrorKind::NotADirectory, in_the_way);
        return Err(Error::on("create the directory", above)(error));
    }
    Err(Error::on("create the directory", path)(error))
}

/// Creates a directory and its missing parents. The standard library's function recurses for each.
fn make_all(path: &Path) -> io::Result<()> {
    let make = |path: &Path| match fs::create_dir(SyscallPath::of(path)?.path()) {
        Err(error) if error.kind() != io::ErrorKind::NotFound && is_dir(path) => Ok(()),
        made => made,
    };
    let mut missing = Vec::new();
    for above in path.ancestors().filter(|above| !above.as_os_str().is_empty()) {
        match make(above) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => missing.push(above),
            made => {
                made?;
                break;
            }
        }
    }
    missing.into_iter().rev().try_for_each(make)
}

/// Creates the parent directory of `path`, unless it exists.
///
/// # Errors
///
/// As [`create_dir_all`].
fn create_parent_dir(path: &Path) -> Result<()> {
    // The parent of a name alone is the current directory.
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.map_or(Ok(()), create_dir_all)
}

/// Calls `make`, which creates `path`, and creates the parent directory if that is missing. Several
/// attempts: a collection may delete the directory again while it is empty.
///
/// # Errors
///
/// Those of `make`, and as [`create_dir_all`].
pub fn with_parent_dir<T>(path: &Path, mut make: impl FnMut() -> Result<T>) -> Result<T> {
    const ROUNDS: u32 = 16;
    let has_no_directory = |error: &Error| {
        error.is_missing() || error.io_error().kind() == io::ErrorKind::NotADirectory
    };
    for _ in 1..ROUNDS {
        match make() {
            Err(error) if has_no_directory(&error) => create_parent_dir(path)?,
            made => return made,
        }
    }
    make()
}

/// Creates the directory at `path`.
///
/// # Errors
///
/// `path` exists, or its parent does not.
pub fn create_dir(path: &Path) -> Result<()> {
    let make = || fs::create_dir(SyscallPath::of(path)?.path());
    make().map_err(Error::on("create the directory", path))
}

/// Creates the file at `path`, and opens it for writing.
///
/// # Errors
///
/// `path` exists (a link included), or its parent does not.
pub fn create_file(path: &Path, access: Access) -> Result<File> {
    let create = || platform::create_options(access).open(SyscallPath::of(path)?.path());
    create().map_err(Error::on("create", path))
}

/// Creates a symbolic link at `path`. Windows has two kinds; `to_directory` selects the one for
/// directories.
///
/// # Errors
///
/// `path` exists, its parent does not, or the system refuses links.
pub fn symlink(target: &OsStr, path: &Path, to_directory: bool) -> Result<()> {
    let make = || platform::symlink(target, SyscallPath::of(path)?.path(), to_directory);
    make().map_err(Error::on("create the symbolic link", path))
}

/// Removes the directory at `path` if it is empty.
///
/// # Errors
///
/// It is empty and cannot be removed.
pub fn remove_dir_if_empty(path: &Path) -> Result<()> {
    match fs::remove_dir(path) {
        Err(error) if is_occupied(&error) || is_missing(&error) => Ok(()),
        result => result.map_err(Error::on("remove", path)),
    }
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::is_empty_dir;

    #[test]
    fn an_obstacle_is_named() {
        let depot = tempfile::tempdir().unwrap();
        let file = depot.path().join("file");
        fs::write(&file, "").unwrap();
        let error = create_dir_all(&file.join("a/b")).unwrap_err();
        assert_eq!(error.path(), file);
        assert!(error.to_string().ends_with("a file is in the way"), "{error}");
        let link = depot.path().join("link");
        crate::testing::symlink("nowhere", &link).unwrap();
        let error = create_dir_all(&link.join("a")).unwrap_err();
        assert_eq!(error.path(), link);
        assert!(error.to_string().ends_with("a symbolic link to nothing is in the way"), "{error}");
    }

    #[test]
    fn emptiness() {
        let depot = tempfile::tempdir().unwrap();
        assert_eq!(is_empty_dir(depot.path()).unwrap(), Some(true));
        fs::write(depot.path().join("file"), "").unwrap();
        assert_eq!(is_empty_dir(depot.path()).unwrap(), Some(false));
        assert_eq!(is_empty_dir(&depot.path().join("file")).unwrap(), None);
        assert_eq!(is_empty_dir(&depot.path().join("nothing")).unwrap(), None);
    }

    #[test]
    fn an_existing_path_is_an_error_also_if_it_is_a_link() {
        let directory = tempfile::tempdir().unwrap();
        let [link, outside] = ["link", "outside"].map(|name| directory.path().join(name));
        symlink(outside.as_os_str(), &link, false).unwrap();
        assert!(&create_file(&link, Access::default()).unwrap_err().is_occupied());
        assert!(&create_dir(&link).unwrap_err().is_occupied());
        assert!(&symlink(outside.as_os_str(), &link, false).unwrap_err().is_occupied());
        assert!(!outside.exists());
    }
}
