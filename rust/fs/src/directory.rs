//! Directories: made, published, told apart.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result, has_vanished};
use crate::platform;
use crate::short::Short;

/// Makes a directory and those above it, unless it is there.
///
/// # Errors
///
/// Also where something else, or a link to nothing, stands in its place.
pub fn ensure_directory(path: &Path) -> Result<()> {
    // Most are there.
    if platform::is_directory(path) {
        return Ok(());
    }
    // A collection may remove an empty directory above it while this makes the next one.
    const ROUNDS: u32 = 8;
    let mut made = make_all(path);
    for _ in 1..ROUNDS {
        match &made {
            Err(error) if has_vanished(error) => made = make_all(path),
            _ => break,
        }
    }
    let Err(error) = made else { return Ok(()) };
    // The topmost thing that is in the way says more than the answer for the whole path.
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

/// Makes a directory and those above it that are missing. The standard library's function calls itself
/// for each of them.
fn make_all(path: &Path) -> io::Result<()> {
    let make = |path: &Path| match fs::create_dir(Short::of(path)?.path()) {
        Err(error) if error.kind() != io::ErrorKind::NotFound && is_directory(path) => Ok(()),
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

/// Makes the directory that `path` is to lie in, unless it is there.
///
/// # Errors
///
/// As [`ensure_directory`].
pub fn ensure_parent(path: &Path) -> Result<()> {
    // A name alone lies in the current directory.
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.map_or(Ok(()), ensure_directory)
}

/// What `make` makes at `path`, whose directory is made if it is missing. A collection may delete the
/// directory again while it is empty, so that may take more than one attempt.
///
/// # Errors
///
/// Those of `make`, and as [`ensure_directory`], which names what is in the way of a directory.
pub fn in_directory<T>(path: &Path, mut make: impl FnMut() -> Result<T>) -> Result<T> {
    const ROUNDS: u32 = 16;
    let has_no_directory = |error: &Error| {
        error.is_missing() || error.io_error().kind() == io::ErrorKind::NotADirectory
    };
    for _ in 1..ROUNDS {
        match make() {
            Err(error) if has_no_directory(&error) => ensure_parent(path)?,
            made => return made,
        }
    }
    make()
}

/// Whether there is a directory at `path`, or a link to one, by the cheapest call that tells.
pub fn is_directory(path: &Path) -> bool {
    platform::is_directory(path)
}

/// Whether this process may make and remove entries of the directory at `path`, as far as the system
/// tells without trying: neither the permissions nor a read-only file system forbid it.
pub fn is_writable_directory(path: &Path) -> bool {
    platform::is_writable_directory(path)
}

/// Whether `path` is a directory with nothing in it; `None` if it is no directory.
///
/// # Errors
///
/// If the directory cannot be read.
pub fn is_empty_directory(path: &Path) -> Result<Option<bool>> {
    match fs::read_dir(path) {
        Ok(mut entries) => Ok(Some(entries.next().is_none())),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(Error::on("read the directory", path)(error)),
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Removes a directory that has nothing in it; one that has something stays.
///
/// # Errors
///
/// If it is empty and cannot be removed.
pub fn remove_if_empty(path: &Path) -> Result<()> {
    match fs::remove_dir(path) {
        Err(error) if is_occupied(&error) || is_absent(&error) => Ok(()),
        result => result.map_err(Error::on("remove", path)),
    }
}

/// Tells one directory of a file system from another, also after it was renamed; `None` if there
/// is none at `path`, or the system cannot say.
pub fn identity(path: &Path) -> Option<String> {
    let metadata = fs::metadata(path).ok()?;
    platform::identity(&metadata).map(|identity| identity.to_string())
}

/// The path that leads to the same without a link on the way; none if there is nothing at `path`.
pub fn real_path(path: &Path) -> Option<PathBuf> {
    fs::canonicalize(path).ok()
}

/// Puts the directory `built` into the place of `target`. Afterwards `built` is gone, or holds
/// what stood at `target` before, for the caller to remove.
///
/// # Crash
///
/// Readers see the old directory or the new one, whole. Only where `target` has content and the
/// file system cannot exchange two directories (Linux and macOS can, NFS cannot) is there a
/// moment in which they see none.
///
/// # Errors
///
/// The file system refuses, or something is mounted in `target` ([`Error::mount_point`]). `target` is
/// then as it was.
pub fn publish(built: &Path, target: &Path) -> Result<()> {
    let publish = "put the generated directory into the place of";
    let full = match fs::rename(built, target) {
        Ok(()) => return Ok(()),
        Err(error) => error,
    };
    // What stood there is to be removed afterwards.
    crate::Mounts::read().refuse(target)?;
    match platform::exchange(built, target) {
        Ok(()) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::Unsupported => {}
        // That the target is full was no reason yet.
        Err(error) if is_occupied(&full) => return Err(Error::on(publish, target)(error)),
        Err(_) => return Err(Error::on(publish, target)(full)),
    }
    let aside = replaced_name(target);
    fs::rename(target, &aside).map_err(Error::on(publish, target))?;
    if let Err(error) = fs::rename(built, target) {
        let _ = fs::rename(&aside, target);
        return Err(Error::on(publish, target)(error));
    }
    // The new one is in its place: what becomes of the old one changes nothing about that.
    if fs::rename(&aside, built).is_err() {
        let _ = crate::remove(&aside);
    }
    Ok(())
}

/// Gives the directory `built` the name `target`, unless a directory has that name: then both stay
/// as they are. Whether it has the name.
///
/// # Crash
///
/// Readers see the directory whole, or none.
///
/// # Errors
///
/// Something else has the name, or the file system refuses. Both are then as they were.
pub fn publish_new(built: &Path, target: &Path) -> Result<bool> {
    if platform::is_directory(target) {
        return Ok(false);
    }
    match fs::rename(built, target) {
        Ok(()) => Ok(true),
        // Somebody was faster.
        Err(_) if platform::is_directory(target) => Ok(false),
        Err(error) => Err(Error::on("put a directory into the place of", target)(error)),
    }
}

fn is_occupied(error: &io::Error) -> bool {
    use io::ErrorKind::{AlreadyExists, DirectoryNotEmpty};
    matches!(error.kind(), AlreadyExists | DirectoryNotEmpty)
}

/// Undoes what a [`publish`] that was killed may have left: a `target` that is set aside, and
/// nothing in its place, or an empty directory that somebody who missed it has made.
///
/// # Errors
///
/// If the file system refuses.
pub fn restore(target: &Path) -> Result<()> {
    let aside = replaced_name(target);
    if fs::symlink_metadata(&aside).is_err() {
        return Ok(());
    }
    match fs::rename(&aside, target) {
        Err(_) if fs::symlink_metadata(target).is_ok() => crate::remove(&aside),
        result => result.map_err(Error::on("restore", target)),
    }
}

/// The names of all that is in a directory, sorted; none if it is missing. Names that are not Unicode
/// are left out.
///
/// # Errors
///
/// If the directory is there and cannot be read.
pub fn names(directory: &Path) -> Result<Vec<String>> {
    let read = || -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(directory)? {
            names.extend(entry?.file_name().into_string());
        }
        names.sort();
        Ok(names)
    };
    match read() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        result => result.map_err(Error::on("read the directory", directory)),
    }
}

fn replaced_name(target: &Path) -> PathBuf {
    let mut name = target.as_os_str().to_owned();
    name.push("@replaced");
    name.into()
}

/// The names of the directories, and links to directories, in a directory, sorted. A missing
/// directory has none. Names that are not Unicode are left out: no space has one.
///
/// # Errors
///
/// If the directory is there and cannot be read.
pub fn subdirectories(directory: &Path) -> Result<Vec<String>> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::on("read the directory", directory)(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(Error::on("read the directory", directory))?;
        if fs::metadata(entry.path()).is_ok_and(|metadata| metadata.is_dir()) {
            names.extend(entry.file_name().into_string());
        }
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

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
            publish(&built, &target).unwrap();
            assert_eq!(fs::read_to_string(target.join("new")).unwrap(), round.to_string());
            assert_eq!(fs::read_dir(&target).unwrap().count(), 1, "{prepare}");
            assert_eq!(identity(&target), identity_of_built);
        }
        assert!(built.join("old").exists(), "what was replaced is the caller's to remove");
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
        restore(&target).unwrap();
        assert!(holds("old"), "in the place of nothing");
        remove_and_make(&target);
        set_aside();
        restore(&target).unwrap();
        assert!(holds("old"), "in the place of one that has nothing in it");
        remove_and_make(&target);
        fs::write(target.join("new"), "").unwrap();
        set_aside();
        restore(&target).unwrap();
        assert!(holds("new") && !holds("old"), "the new one stays, the old one goes");
    }

    #[test]
    fn a_new_directory_goes_over_none() {
        let depot = tempfile::tempdir().unwrap();
        let (target, built) = (depot.path().join("target"), depot.path().join("built"));
        remove_and_make(&built);
        fs::write(built.join("new"), "").unwrap();
        assert!(publish_new(&built, &target).unwrap());
        remove_and_make(&built);
        assert!(!publish_new(&built, &target).unwrap());
        assert!(target.join("new").exists() && built.exists());
        assert_eq!(names(depot.path()).unwrap(), ["built", "target"]);
        fs::remove_dir_all(&target).unwrap();
        fs::write(&target, "").unwrap();
        assert_eq!(publish_new(&built, &target).unwrap_err().path(), target);
        assert_eq!(names(&depot.path().join("nowhere")).unwrap(), [""; 0]);
    }

    fn remove_and_make(directory: &Path) {
        let _ = fs::remove_dir_all(directory);
        fs::create_dir(directory).unwrap();
    }

    #[test]
    #[cfg(unix)]
    fn what_is_in_the_way_is_named() {
        let depot = tempfile::tempdir().unwrap();
        let file = depot.path().join("file");
        fs::write(&file, "").unwrap();
        let error = ensure_directory(&file.join("a/b")).unwrap_err();
        assert_eq!(error.path(), file);
        assert!(error.to_string().ends_with("a file is in the way"), "{error}");
        let link = depot.path().join("link");
        std::os::unix::fs::symlink("nowhere", &link).unwrap();
        let error = ensure_directory(&link.join("a")).unwrap_err();
        assert_eq!(error.path(), link);
        assert!(error.to_string().ends_with("a symbolic link to nothing is in the way"), "{error}");
    }

    #[test]
    fn emptiness() {
        let depot = tempfile::tempdir().unwrap();
        assert_eq!(is_empty_directory(depot.path()).unwrap(), Some(true));
        fs::write(depot.path().join("file"), "").unwrap();
        assert_eq!(is_empty_directory(depot.path()).unwrap(), Some(false));
        assert_eq!(is_empty_directory(&depot.path().join("file")).unwrap(), None);
        assert_eq!(is_empty_directory(&depot.path().join("nothing")).unwrap(), None);
    }
}
