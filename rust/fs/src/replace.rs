//! Reading and replacing a file as a whole.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use tempfile::NamedTempFile;

use crate::error::{Error, LockLost, Result};
use crate::lock::PidLock;
use crate::platform;
use crate::regular::open_to_read;

/// Opens the file at `path` for reading. Refuses all but regular files; opening a FIFO would block.
///
/// # Errors
///
/// If it is missing, is not a regular file, or cannot be read.
pub fn open(path: &Path) -> Result<File> {
    open_to_read(path).map_err(Error::on("open", path))
}

/// The bytes of the file at `path`; none if it is missing.
///
/// # Errors
///
/// If it is there and cannot be read, or is not a regular file.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    read_from(path, 0)
}

/// The bytes of the file at `path` behind the first `offset`; none if it is missing or shorter.
///
/// # Errors
///
/// If it is there and cannot be read, or is not a regular file.
pub fn read_from(path: &Path, offset: u64) -> Result<Vec<u8>> {
    let read = || -> io::Result<Vec<u8>> {
        let mut file = open_to_read(path)?;
        file.seek(SeekFrom::Start(offset))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    match read() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        result => result.map_err(Error::on("read", path)),
    }
}

/// What somebody appended to a file, without its lock, while it was being replaced.
pub type Overtaken = Vec<u8>;

/// Replaces the file at `path` by one with `content` in it, or makes it. A link is followed: the
/// file that it leads to is replaced.
///
/// `known` is how many bytes of the old file the caller has taken into account in `content`, if
/// it has: what stands behind them is given back, because peers that append without a lock may have
/// got in between.
///
/// # Crash
///
/// Readers see the old file or the new one, whole. The new one is on the disk before it takes
/// the old one's place. A process that is killed may leave `.scratchrs-<name>-<six characters>`
/// beside the file; whoever replaces the file next removes it. So the caller holds the lock of
/// the file.
///
/// # Errors
///
/// The old file is then as it was, and nothing is left beside it.
pub fn replace(path: &Path, content: impl AsRef<[u8]>, known: Option<u64>) -> Result<Overtaken> {
    replace_if(path, content.as_ref(), known, || Ok(()))
}

/// Replaces the file at `path` as [`replace`] does, if `lock` is still held right before the new file
/// takes the old one's place.
///
/// # Errors
///
/// As [`replace`]; and if another process has broken the lock, because this one gave no sign of life
/// for too long ([`Error::is_lock_lost`]).
pub fn replace_under(
    lock: &PidLock,
    path: &Path,
    content: impl AsRef<[u8]>,
    known: Option<u64>,
) -> Result<Overtaken> {
    let check = || if lock.is_held() { Ok(()) } else { Err(io::Error::other(LockLost)) };
    replace_if(path, content.as_ref(), known, check)
}

/// Replaces a file if, when the new one is on the disk, `check` succeeds.
fn replace_if(
    path: &Path,
    content: &[u8],
    known: Option<u64>,
    check: impl Fn() -> io::Result<()>,
) -> Result<Overtaken> {
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let replace = || -> io::Result<Overtaken> {
        let old = match open_to_read(&target) {
            Ok(old) => Some(old),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let metadata = old.as_ref().map(File::metadata).transpose()?;
        let directory = target.parent().unwrap_or(Path::new("."));
        discard_unfinished(&target);
        let prefix = prefix_beside(&target);
        // `tempfile` makes the name. It would wrap an error into one without the system's number.
        let create = |path: &Path| OpenOptions::new().write(true).create_new(true).open(path);
        let mut builder = tempfile::Builder::new();
        let mut new =
            builder.prefix(&prefix).rand_bytes(RANDOM_CHARACTERS).make_in(directory, create)?;
        if let Some(permissions) = metadata.as_ref().and_then(platform::permissions) {
            platform::where_supported(new.as_file().set_permissions(permissions))?;
        }
        new.as_file_mut().write_all(content)?;
        new.as_file().sync_data()?;
        check()?;
        let old = put(new, &target, old)?;
        let mut overtaken = Vec::new();
        if let (Some(mut old), Some(known)) = (old, known) {
            old.seek(SeekFrom::Start(known))?;
            old.read_to_end(&mut overtaken)?;
        }
        Ok(overtaken)
    };
    replace().map_err(Error::on("replace", path))
}

/// Puts `new` into the place of `target`, and returns what stood there: `old`, if there was
/// anything when the caller looked, else what somebody has made since.
fn put(new: NamedTempFile, target: &Path, old: Option<File>) -> io::Result<Option<File>> {
    let (new, old) = match old {
        Some(old) => (new, Some(old)),
        None => match new.persist_noclobber(target) {
            Ok(_) => return Ok(None),
            Err(refused) if refused.error.kind() == io::ErrorKind::AlreadyExists => {
                (refused.file, Some(open_to_read(target)?))
            }
            // Some file systems cannot do that: there, what somebody makes now is lost.
            Err(refused) => (refused.file, None),
        },
    };
    new.persist(target)?;
    Ok(old)
}

/// How many characters follow the prefix of a file that is to replace another one.
const RANDOM_CHARACTERS: usize = 6;

/// What the name of a file that is to replace another one begins with, before the name of that one.
pub const UNFINISHED: &str = ".scratchrs-";

/// What the name of a file that is to replace `target` begins with.
fn prefix_beside(target: &Path) -> OsString {
    let mut prefix = OsString::from(UNFINISHED);
    prefix.push(target.file_name().unwrap_or_default());
    prefix.push("-");
    prefix
}

/// Removes what a [`replace`] of the file at `path` that was killed left beside it, as the next one
/// does. The caller holds the lock of the file. What cannot be removed stays, and is in nobody's
/// way.
pub fn discard_unfinished(path: &Path) {
    let prefix = prefix_beside(path);
    let entries = path.parent().and_then(|directory| fs::read_dir(directory).ok());
    for entry in entries.into_iter().flatten().flatten() {
        let name = entry.file_name();
        let rest = name.as_encoded_bytes().strip_prefix(prefix.as_encoded_bytes());
        if rest.is_some_and(|rest| rest.len() == RANDOM_CHARACTERS) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn the_file_keeps_its_permissions_and_its_link() {
        let depot = tempfile::tempdir().unwrap();
        let file = depot.path().join("file");
        let link = depot.path().join("link");
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o664)).unwrap();
        symlink("file", &link).unwrap();
        assert_eq!(replace(&link, "new", Some(3)).unwrap(), b"");
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o664);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_dir(depot.path()).unwrap().count(), 2);
    }

    #[test]
    fn what_a_killed_process_left_goes_and_nothing_else() {
        let depot = tempfile::tempdir().unwrap();
        let beside = |name: &str| depot.path().join(name);
        let others = [".scratchrs-other-abcdef", ".scratchrs-file-abc", "file-abcdef"];
        for name in [".scratchrs-file-abcdef"].iter().chain(&others) {
            fs::write(beside(name), "").unwrap();
        }
        replace(&beside("file"), "new", None).unwrap();
        assert!(!beside(".scratchrs-file-abcdef").exists());
        assert!(others.iter().all(|name| beside(name).exists()));
    }

    #[test]
    fn an_error_has_the_number_of_the_system() {
        let depot = tempfile::tempdir().unwrap();
        let error = replace(&depot.path().join("nowhere/file"), "new", None).unwrap_err();
        assert_eq!(error.io_error().kind(), io::ErrorKind::NotFound);
        assert!(error.io_error().raw_os_error().is_some(), "{error}");
    }

    #[test]
    fn a_file_that_was_made_in_between_is_given_back() {
        let depot = tempfile::tempdir().unwrap();
        let file = depot.path().join("file");
        let new = || NamedTempFile::new_in(depot.path()).unwrap();
        assert!(put(new(), &file, None).unwrap().is_none());
        fs::write(&file, "somebody else's").unwrap();
        let old = put(new(), &file, None).unwrap().expect("somebody made it");
        assert_eq!(io::read_to_string(old).unwrap(), "somebody else's");
        assert_eq!(fs::read(&file).unwrap(), b"");
        assert_eq!(fs::read_dir(depot.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_came_in_between_is_given_back() {
        let depot = tempfile::tempdir().unwrap();
        let file = depot.path().join("file");
        assert_eq!(replace(&file, "made", Some(0)).unwrap(), b"");
        fs::write(&file, "known, not known").unwrap();
        assert_eq!(replace(&file, "new", Some(5)).unwrap(), b", not known".to_vec());
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
    }
}
