//! Removing a tree.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result, is_read_only};
use crate::measure::Size;
use crate::platform;

/// Removes what is at `path`: a file, a link (never what it leads to), or a directory with all
/// that is in it, read-only directories included. Nothing at `path` is no error.
///
/// # Crash
///
/// A directory is renamed first, so that it is gone at once for everybody else; a process that
/// is killed leaves it under its new name, `<name>@removing-<pid>-<count>`, for
/// [`remove_leftovers`]. Where it cannot be renamed (a mount point), it is removed in its place.
///
/// # Errors
///
/// What could not be removed stays, under its new name.
pub fn remove(path: &Path) -> Result<()> {
    set_aside(path)?.map_or(Ok(()), |doomed| doomed.remove().map(drop))
}

/// Something that is to be removed, and that nobody finds under its old name any more.
#[derive(Debug)]
#[must_use = "it is gone for everybody, and still takes its space"]
pub struct SetAside {
    /// Its old name.
    path: PathBuf,
    /// Where it is now. The same, if it could not be renamed.
    doomed: PathBuf,
    is_directory: bool,
}

/// Renames what is at `path`, to be removed. None if there is nothing.
///
/// Only a directory is renamed; a file or a link goes in one step. What cannot be renamed, such as
/// a mount point, stays under its name until it is removed.
///
/// # Crash
///
/// As [`remove`].
///
/// # Errors
///
/// If nobody can say what is there, or the directory that it lies in may not be written to: then it
/// stays as it is.
pub fn set_aside(path: &Path) -> Result<Option<SetAside>> {
    // A separator at the end would make the system follow a link.
    let path: PathBuf = path.components().collect();
    let is_directory = match fs::symlink_metadata(&path) {
        Ok(metadata) => metadata.is_dir(),
        Err(absent) if absent.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(failed) => return Err(Error::on("remove", &path)(failed)),
    };
    let mut doomed = path.clone();
    if is_directory {
        let name = removal_name(&path);
        match fs::rename(&path, &name) {
            Ok(()) => doomed = name,
            Err(absent) if absent.kind() == io::ErrorKind::NotFound => return Ok(None),
            // It would stay, with nothing in it.
            Err(refused) if is_read_only(&refused) => {
                return Err(Error::on("remove", &path)(refused));
            }
            Err(_) => {}
        }
    }
    Ok(Some(SetAside { path, doomed, is_directory }))
}

impl SetAside {
    /// Removes it, and returns how much it was.
    ///
    /// # Errors
    ///
    /// What could not be removed stays, under its new name.
    pub fn remove(self) -> Result<Size> {
        let Self { path, doomed, is_directory } = self;
        let removed = if is_directory { remove_tree(&doomed) } else { remove_leaf(&doomed) };
        removed.map_err(Error::on("remove", &path))
    }
}

fn remove_leaf(path: &Path) -> io::Result<Size> {
    let size = fs::symlink_metadata(path).map(|metadata| Size::of(&metadata));
    match fs::remove_file(path).or_else(unless_absent) {
        Ok(()) => Ok(size.unwrap_or_default()),
        Err(error) => Err(error),
    }
}

/// Removes what a [`remove`] of `path` that was killed left beside it. One that is still at work
/// is helped.
///
/// # Errors
///
/// As [`remove`].
pub fn remove_leftovers(path: &Path) -> Result<()> {
    let path: &Path = &path.components().collect::<PathBuf>();
    let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else { return Ok(()) };
    let entries = match fs::read_dir(directory) {
        Err(absent) if absent.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(Error::on("read the directory", directory))?,
    };
    let mut prefix = name.to_owned();
    prefix.push(REMOVING);
    for entry in entries {
        let entry = entry.map_err(Error::on("read the directory", directory))?;
        let name = entry.file_name();
        if name.as_encoded_bytes().starts_with(prefix.as_encoded_bytes()) {
            let removed = remove_tree(&entry.path());
            removed.map_err(Error::on("remove", entry.path()))?;
        }
    }
    Ok(())
}

const REMOVING: &str = "@removing-";

/// A name beside `path` that nothing has.
fn removal_name(path: &Path) -> PathBuf {
    let name = |count: u32| {
        let mut name: OsString = path.file_name().unwrap_or_default().to_owned();
        name.push(format!("{REMOVING}{}-{count}", std::process::id()));
        path.with_file_name(name)
    };
    let mut count = 0;
    while fs::symlink_metadata(name(count)).is_ok() {
        count += 1;
    }
    name(count)
}

/// Removes a directory with all that is in it, and returns how much that was.
fn remove_tree(directory: &Path) -> io::Result<Size> {
    let mut size = Size::default();
    match platform::remove_tree(directory, &mut size) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(size),
        result => result.map(|()| size),
    }
}

fn unless_absent(error: io::Error) -> io::Result<()> {
    match error.kind() {
        io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_tree_goes_and_nothing_outside_it() {
        let depot = tempfile::tempdir().unwrap();
        let outside = depot.path().join("outside");
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("file"), "").unwrap();
        let tree = depot.path().join("tree");
        fs::create_dir_all(tree.join("a/b")).unwrap();
        fs::write(tree.join("a/b/file"), "").unwrap();
        symlink(&outside, tree.join("a/link")).unwrap();
        for directory in ["a/b", "a"] {
            let read_only = fs::Permissions::from_mode(0o500);
            fs::set_permissions(tree.join(directory), read_only).unwrap();
        }
        remove(&tree).unwrap();
        assert!(outside.join("file").exists());
        assert_eq!(fs::read_dir(depot.path()).unwrap().count(), 1, "nothing is left beside");
    }

    #[test]
    fn what_a_killed_removal_left_goes() {
        let depot = tempfile::tempdir().unwrap();
        let beside = |name: &str| depot.path().join(name);
        for name in ["tree@removing-1-0", "tree@removing-23-1", "trees@removing-1-0", "tree"] {
            fs::create_dir_all(beside(name).join("below")).unwrap();
        }
        remove_leftovers(&beside("tree")).unwrap();
        assert!(!beside("tree@removing-1-0").exists() && !beside("tree@removing-23-1").exists());
        assert!(beside("trees@removing-1-0").exists() && beside("tree").exists());
        remove_leftovers(&beside("nowhere/tree")).unwrap();
    }

    #[test]
    fn a_link_goes_and_its_target_stays() {
        let depot = tempfile::tempdir().unwrap();
        let target = depot.path().join("target");
        fs::create_dir(&target).unwrap();
        let link = depot.path().join("link");
        symlink(&target, &link).unwrap();
        remove(Path::new(&format!("{}/", link.display()))).unwrap();
        assert!(target.exists() && fs::symlink_metadata(&link).is_err());
        remove(&link).unwrap();
    }
}
