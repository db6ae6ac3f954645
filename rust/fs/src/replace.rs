//! Replacing a file as a whole.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use tempfile::TempPath;

use crate::error::{Error, LockLost, Result};
use crate::io_error::where_supported;
use crate::lock::PidLock;
use crate::place::rename_unless_exists;
use crate::platform;
use crate::read::open_to_read;

/// Replaces the file at `path` by one with `content`, or creates it. A link is followed: the file that it
/// leads to is replaced.
///
/// # Crash
///
/// Readers see the old file or the new one, whole. The new one is on the disk before it takes the old
/// one's place. A killed process may leave `.scratchrs-<name>-<six characters>` beside the file, which the
/// next replacement removes. So the caller holds the lock of the file.
///
/// # Errors
///
/// The old file is then unchanged, and nothing is left beside it.
pub fn replace(path: &Path, content: impl AsRef<[u8]>) -> Result<()> {
    replace_if(path, content.as_ref(), None, || Ok(())).map(drop)
}

/// As [`replace`], for a log to which other programs append without a lock: `content` accounts for the first
/// `known` bytes of the old file. Returns the bytes after them.
///
/// # Errors
///
/// As [`replace`]; and if another process has broken `lock`, because this one did not refresh it for too
/// long ([`Error::is_lock_lost`]).
pub fn replace_locked(
    lock: &PidLock,
    path: &Path,
    content: impl AsRef<[u8]>,
    known: u64,
) -> Result<Vec<u8>> {
    let check = || if lock.is_held() { Ok(()) } else { Err(io::Error::other(LockLost)) };
    replace_if(path, content.as_ref(), Some(known), check)
}

/// Replaces a file if `check` succeeds when the new one is on the disk. Returns the bytes of the old one after
/// the first `known`.
fn replace_if(
    path: &Path,
    content: &[u8],
    known: Option<u64>,
    check: impl Fn() -> io::Result<()>,
) -> Result<Vec<u8>> {
    let target = crate::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    log::debug!("replacing `{}`", target.display());
    let replace = || -> io::Result<Vec<u8>> {
        let old = match open_to_read(&target) {
            Ok(old) => Some(old),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let metadata = old.as_ref().map(File::metadata).transpose()?;
        let directory = target.parent().unwrap_or(Path::new("."));
        remove_temp_files(&target);
        let prefix = prefix_beside(&target);
        // `tempfile` makes the name. It would wrap an error into one without the system's number.
        let create = |path: &Path| OpenOptions::new().write(true).create_new(true).open(path);
        let mut builder = tempfile::Builder::new();
        let mut new =
            builder.prefix(&prefix).rand_bytes(RANDOM_CHARACTERS).make_in(directory, create)?;
        if let Some(permissions) = metadata.as_ref().and_then(platform::permissions) {
            where_supported(new.as_file().set_permissions(permissions))?;
        }
        new.as_file_mut().write_all(content)?;
        new.as_file().sync_data()?;
        check()?;
        // A handle of the new file could keep it from being renamed on Windows.
        put(new.into_temp_path(), &target, old, known)
    };
    replace().map_err(Error::on("replace", path))
}

/// Creates or replaces the file at `path` with the content that `write` produces. Unlike [`replace`], it replaces a
/// link at `path`, gives the file the permissions of a new one, and does not sync it.
///
/// # Crash
///
/// Readers see the old file or the new one, whole. A killed process leaves a temporary file beside it.
///
/// # Errors
///
/// Those of `write`, or the file system refuses. The file is then unchanged.
pub fn replace_with<T, E: From<Error>>(
    path: &Path,
    write: impl FnOnce(&File) -> std::result::Result<T, E>,
) -> std::result::Result<T, E> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".scratchrs-pack-");
    platform::apply_umask(&mut builder);
    let new = builder.tempfile_in(directory).map_err(Error::on("write", path))?;
    let written = write(new.as_file())?;
    let new = new.into_temp_path();
    platform::rename(&new, path).map_err(Error::on("write", path))?;
    keep(new);
    Ok(written)
}

/// Replaces `target` by `new`, and returns the bytes of the old file after the first `known`. The old file is `old`, or
/// one that another process has created since.
fn put(new: TempPath, target: &Path, old: Option<File>, known: Option<u64>) -> io::Result<Vec<u8>> {
    let old = match old {
        Some(old) => old,
        None => match rename_unless_exists(&new, target) {
            Ok(()) => {
                keep(new);
                return Ok(Vec::new());
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => open_to_read(target)?,
            Err(error) => return Err(error),
        },
    };
    let rest = || known.map_or(Ok(Vec::new()), |known| read_rest(&old, known));
    let rest = match fs::rename(&new, target) {
        Ok(()) => rest()?,
        // Some file systems of Windows replace no open file. What another process appends now is lost there.
        Err(_) => {
            let rest = rest()?;
            drop(old);
            platform::rename(&new, target)?;
            rest
        }
    };
    keep(new);
    Ok(rest)
}

/// The bytes of a file after the first `offset`.
fn read_rest(mut file: &File, offset: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(offset))?;
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Ends the responsibility for a temporary file that has got another name.
fn keep(mut renamed: TempPath) {
    renamed.disable_cleanup(true);
}

/// The number of characters after the prefix of a temporary file.
const RANDOM_CHARACTERS: usize = 6;

/// The beginning of the name of a temporary file, before the name of the file that it replaces.
pub const TEMP_PREFIX: &str = ".scratchrs-";

/// The beginning of the names of temporary files for `target`.
fn prefix_beside(target: &Path) -> OsString {
    let mut prefix = OsString::from(TEMP_PREFIX);
    prefix.push(target.file_name().unwrap_or_default());
    prefix.push("-");
    prefix
}

/// Removes the temporary files that a killed [`replace`] of `path` left, as the next one does. The caller holds
/// the lock of the file. Errors are ignored.
pub fn remove_temp_files(path: &Path) {
    let prefix = prefix_beside(path);
    let entries = path.parent().and_then(|directory| fs::read_dir(directory).ok());
    for entry in entries.into_iter().flatten().flatten() {
        let name = entry.file_name();
        let rest = name.as_encoded_bytes().strip_prefix(prefix.as_encoded_bytes());
        if rest.is_some_and(|rest| rest.len() == RANDOM_CHARACTERS) {
            log::debug!("deleting `{}`: left by a killed process", entry.path().display());
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use tempfile::NamedTempFile;

    use super::*;

    fn replace_known(path: &Path, content: &str, known: u64) -> Result<Vec<u8>> {
        replace_if(path, content.as_ref(), Some(known), || Ok(()))
    }

    #[test]
    #[cfg(unix)]
    fn the_file_keeps_its_permissions_and_its_link() {
        use std::os::unix::fs::{PermissionsExt, symlink};

        let depot = tempfile::tempdir().unwrap();
        let file = depot.path().join("file");
        let link = depot.path().join("link");
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o664)).unwrap();
        symlink("file", &link).unwrap();
        assert_eq!(replace_known(&link, "new", 3).unwrap(), b"");
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o664);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_dir(depot.path()).unwrap().count(), 2);
    }

    #[test]
    fn temporary_files_of_a_killed_process_are_removed() {
        let depot = tempfile::tempdir().unwrap();
        let beside = |name: &str| depot.path().join(name);
        let others = [".scratchrs-other-abcdef", ".scratchrs-file-abc", "file-abcdef"];
        for name in [".scratchrs-file-abcdef"].iter().chain(&others) {
            fs::write(beside(name), "").unwrap();
        }
        replace(&beside("file"), "new").unwrap();
        assert!(!beside(".scratchrs-file-abcdef").exists());
        assert!(others.iter().all(|name| beside(name).exists()));
    }

    #[test]
    fn an_error_has_the_number_of_the_system() {
        let depot = tempfile::tempdir().unwrap();
        let error = replace(&depot.path().join("nowhere/file"), "new").unwrap_err();
        assert_eq!(error.io_error().kind(), io::ErrorKind::NotFound);
        assert!(error.io_error().raw_os_error().is_some(), "{error}");
    }

    #[test]
    fn a_file_created_meanwhile_is_returned() {
        let depot = tempfile::tempdir().unwrap();
        let file = depot.path().join("file");
        let new = || NamedTempFile::new_in(depot.path()).unwrap().into_temp_path();
        assert_eq!(put(new(), &file, None, Some(0)).unwrap(), b"");
        fs::write(&file, "another process").unwrap();
        assert_eq!(put(new(), &file, None, Some(0)).unwrap(), b"another process");
        assert_eq!(fs::read(&file).unwrap(), b"");
        assert_eq!(fs::read_dir(depot.path()).unwrap().count(), 1);
    }

    #[test]
    fn content_written_meanwhile_is_returned() {
        let depot = tempfile::tempdir().unwrap();
        let file = depot.path().join("file");
        assert_eq!(replace_known(&file, "made", 0).unwrap(), b"");
        fs::write(&file, "known, not known").unwrap();
        assert_eq!(replace_known(&file, "new", 5).unwrap(), b", not known".to_vec());
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
    }
}
