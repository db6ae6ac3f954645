//! Moving a finished file or directory into place, and undoing a move that was killed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::io_error::is_occupied;
use crate::metadata::{is_dir, is_empty_dir};
use crate::mounts::Mounts;
use crate::platform;
use crate::syscall_path::SyscallPath;

/// The behaviour of [`place`] if the target exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfExists {
    /// A file or an empty directory is replaced; a directory with entries is an error.
    Replace,
    /// The target is replaced, and takes the place of `built`, for the caller to remove.
    Swap,
    /// The target is kept, and `built` too. Of several processes that place there, one succeeds.
    Keep,
}

const PLACE: &str = "move into place";

/// Moves the file or directory `built` to `target`. Returns whether it did: always, but with
/// [`IfExists::Keep`].
///
/// # Crash
///
/// Readers see the old target or the new one, whole. There are two exceptions. If a directory with entries is
/// swapped where the file system cannot exchange two directories (Linux and macOS can, NFS cannot), none is
/// visible for a moment; [`restore_replaced`] undoes a kill then. If a target is kept on a file system without
/// `renameat2` (NFS), a file may be at both places.
///
/// # Errors
///
/// The file system refuses; the target of a swap contains a mount ([`Error::mount_point`]); or one of the two is
/// a directory and the other is not. Both are then unchanged.
pub fn place(built: &Path, target: &Path, if_exists: IfExists) -> Result<bool> {
    match if_exists {
        IfExists::Replace => rename(built, target).map_err(Error::on(PLACE, target))?,
        IfExists::Swap => swap(built, target)?,
        IfExists::Keep => return place_new(built, target),
    }
    Ok(true)
}

fn rename(built: &Path, target: &Path) -> io::Result<()> {
    platform::rename(SyscallPath::of(built)?.path(), SyscallPath::of(target)?.path())
}

fn swap(built: &Path, target: &Path) -> Result<()> {
    let failed = |error: io::Error| Error::on(PLACE, target)(error);
    let refused = match rename(built, target) {
        Ok(()) => return Ok(()),
        Err(error) => error,
    };
    // The caller removes the old directory afterwards.
    Mounts::read().refuse(target)?;
    match platform::exchange(built, target) {
        Ok(()) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::Unsupported => {}
        // A target with entries alone would not be an obstacle.
        Err(error) if is_occupied(&refused) => return Err(failed(error)),
        Err(_) => return Err(failed(refused)),
    }
    let aside = replaced_name(target);
    rename(target, &aside).map_err(failed)?;
    if let Err(error) = rename(built, target) {
        let _ = rename(&aside, target);
        return Err(failed(error));
    }
    // The new directory is in place, whatever becomes of the old one.
    if rename(&aside, built).is_err() {
        let _ = crate::remove(&aside);
    }
    Ok(())
}

fn place_new(built: &Path, target: &Path) -> Result<bool> {
    let failed = |error: io::Error| Error::on(PLACE, target)(error);
    match rename_unless_exists(built, target) {
        Ok(()) => Ok(true),
        // Not the result of another process, but an obstacle.
        Err(error) if is_occupied(&error) && is_dir(built) && !is_dir(target) => Err(failed(error)),
        Err(error) if is_occupied(&error) => Ok(false),
        Err(error) => Err(failed(error)),
    }
}

/// Renames, unless `target` exists.
pub(crate) fn rename_unless_exists(built: &Path, target: &Path) -> io::Result<()> {
    let (built, target) = (SyscallPath::of(built)?, SyscallPath::of(target)?);
    match platform::rename_new(built.path(), target.path()) {
        Err(error) if error.kind() == io::ErrorKind::Unsupported => {
            rename_in_steps(built.path(), target.path())
        }
        result => result,
    }
}

/// As [`rename_unless_exists`], if the file system cannot do it in one call: a file gets its new name by a hard link,
/// and a directory replaces at most an empty one.
fn rename_in_steps(built: &Path, target: &Path) -> io::Result<()> {
    let exists = || fs::symlink_metadata(target).is_ok();
    if fs::symlink_metadata(built)?.is_dir() {
        return if exists() {
            Err(io::ErrorKind::AlreadyExists.into())
        } else {
            rename(built, target)
        };
    }
    match fs::hard_link(built, target) {
        Ok(()) => fs::remove_file(built),
        Err(error) if is_occupied(&error) => Err(error),
        // No hard links either. A concurrent process has the same content to place.
        Err(_) if exists() => Err(io::ErrorKind::AlreadyExists.into()),
        Err(_) => rename(built, target),
    }
}

/// Undoes a [`place`] that was killed while it replaced a directory: the old `target` gets its name back,
/// unless the new one, or another with entries, has it.
///
/// # Errors
///
/// The file system refuses.
pub fn restore_replaced(target: &Path) -> Result<()> {
    let aside = replaced_name(target);
    if fs::symlink_metadata(&aside).is_err() {
        return Ok(());
    }
    match rename(&aside, target) {
        // Another obstacle, as an open file, is no reason to remove the only copy.
        Err(_) if has_content(target) => crate::remove(&aside),
        result => result.map_err(Error::on("restore", target)),
    }
}

/// Whether there is anything but an empty directory at `path`.
fn has_content(path: &Path) -> bool {
    match is_empty_dir(path) {
        Ok(Some(is_empty)) => !is_empty,
        _ => fs::symlink_metadata(path).is_ok_and(|found| !found.is_dir()),
    }
}

fn replaced_name(target: &Path) -> PathBuf {
    let mut name = target.as_os_str().to_owned();
    name.push("@replaced");
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{metadata, names};

    fn identity(path: &Path) -> Option<u64> {
        metadata(path).unwrap().unwrap().identity
    }

    #[test]
    fn a_directory_is_published_over_nothing_an_empty_one_and_a_full_one() {
        let depot = tempfile::tempdir().unwrap();
        let target = depot.path().join("space");
        let built = depot.path().join("built");
        for (round, prepare) in ["absent", "empty", "full"].into_iter().enumerate() {
            match prepare {
                "empty" => {
                    remove_and_make(&target);
                }
                "full" => fs::write(target.join("old"), "old").unwrap(),
                _ => {}
            }
            remove_and_make(&built);
            fs::write(built.join("new"), round.to_string()).unwrap();
            let identity_of_built = identity(&built);
            place(&built, &target, IfExists::Swap).unwrap();
            assert_eq!(fs::read_to_string(target.join("new")).unwrap(), round.to_string());
            assert_eq!(fs::read_dir(&target).unwrap().count(), 1, "{prepare}");
            assert_eq!(identity(&target), identity_of_built);
        }
        assert!(built.join("old").exists(), "the caller removes the old directory");
    }

    #[test]
    fn a_target_that_was_set_aside_comes_back() {
        let depot = tempfile::tempdir().unwrap();
        let target = depot.path().join("space");
        let aside = replaced_name(&target);
        let holds = |name: &str| target.join(name).exists() && !aside.exists();
        let set_aside = || {
            fs::create_dir(&aside).unwrap();
            fs::write(aside.join("old"), "").unwrap();
        };
        set_aside();
        restore_replaced(&target).unwrap();
        assert!(holds("old"), "in the place of nothing");
        remove_and_make(&target);
        set_aside();
        restore_replaced(&target).unwrap();
        assert!(holds("old"), "in the place of one that has nothing in it");
        remove_and_make(&target);
        fs::write(target.join("new"), "").unwrap();
        set_aside();
        restore_replaced(&target).unwrap();
        assert!(holds("new") && !holds("old"), "the new one stays, the old one is removed");
    }

    #[test]
    fn a_new_directory_replaces_none() {
        let depot = tempfile::tempdir().unwrap();
        let (target, built) = (depot.path().join("target"), depot.path().join("built"));
        remove_and_make(&built);
        fs::write(built.join("new"), "").unwrap();
        assert!(place(&built, &target, IfExists::Keep).unwrap());
        remove_and_make(&built);
        assert!(!place(&built, &target, IfExists::Keep).unwrap());
        assert!(target.join("new").exists() && built.exists());
        assert_eq!(names(depot.path()).unwrap(), ["built", "target"]);
        fs::remove_dir_all(&target).unwrap();
        fs::write(&target, "").unwrap();
        assert_eq!(place(&built, &target, IfExists::Keep).unwrap_err().path(), target);
        assert_eq!(names(&depot.path().join("nowhere")).unwrap(), [""; 0]);
    }

    #[test]
    fn one_of_several_is_placed() {
        let lab = tempfile::tempdir().unwrap();
        let at = |name: &str| lab.path().join(name);
        for (round, kind) in ["file", "directory"].into_iter().enumerate() {
            let make = |name: &str| {
                if kind == "file" {
                    fs::write(at(name), name).unwrap();
                } else {
                    fs::create_dir(at(name)).unwrap();
                    fs::write(at(name).join("inside"), name).unwrap();
                }
            };
            let target = at(&format!("target {round}"));
            make("first");
            make("second");
            assert!(place(&at("first"), &target, IfExists::Keep).unwrap(), "{kind}");
            assert!(!place(&at("second"), &target, IfExists::Keep).unwrap(), "{kind}");
            assert!(at("second").exists() && !at("first").exists());
            rename_in_steps(&at("second"), &target).unwrap_err();
            crate::remove(&at("second")).unwrap();
        }
    }

    #[test]
    fn a_directory_does_not_replace_a_file_nor_a_file_a_directory() {
        let lab = tempfile::tempdir().unwrap();
        let (file, directory) = (lab.path().join("file"), lab.path().join("directory"));
        fs::write(&file, "").unwrap();
        fs::create_dir(&directory).unwrap();
        for (built, target) in [(&file, &directory), (&directory, &file)] {
            place(built, target, IfExists::Replace).unwrap_err();
            assert!(file.is_file() && directory.is_dir());
        }
    }

    fn remove_and_make(directory: &Path) {
        let _ = fs::remove_dir_all(directory);
        fs::create_dir(directory).unwrap();
    }
}
