//! The same operations on Windows.

use std::ffi::OsStr;
use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::windows::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use windows_sys::Win32::Foundation::ERROR_SHARING_VIOLATION;
use windows_sys::Win32::Storage::FileSystem as win32;

use crate::metadata::FileKind;

mod rename;
mod stat;
mod system;

pub(crate) use rename::{patiently, rename, rename_new, set_aside};
pub(crate) use stat::{Stat, fstat, has_other_names, identity, is_same_file, lstat, stat};
pub(crate) use system::{is_dead, is_deleted, lock_exclusive, try_lock_exclusive};

pub(crate) fn is_dir(path: &Path) -> bool {
    path.is_dir()
}

/// If it is unknown, an attempt to write will show it.
pub(crate) fn is_writable_dir(path: &Path) -> bool {
    path.is_dir() && crate::access_rights::may_create_in(path).unwrap_or(true)
}

pub(crate) fn exchange(_a: &Path, _b: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(crate) fn name_also(_file: &File, _path: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(crate) fn is_local(directory: &Path) -> bool {
    system::is_on_local_drive(directory).unwrap_or(false)
}

pub(crate) fn create_prepared(
    path: &Path,
    mut prepare: impl FnMut(&mut File) -> io::Result<()>,
) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    let mut file = match options.open(path) {
        Err(refused) if is_in_the_way(path, &refused) => {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        created => created?,
    };
    prepare(&mut file).inspect_err(|_| {
        let _ = std::fs::remove_file(path);
    })?;
    Ok(file)
}

/// Whether a file that will soon be free or gone is the cause of an error: another process has it open alone, or it
/// was deleted and keeps its name until its last handle is closed.
///
/// Access to a deleted file is denied, to its metadata too. So it is in a directory without permission, where no other
/// file can be created either.
pub(crate) fn is_in_the_way(path: &Path, error: &io::Error) -> bool {
    let is_denied = |error: &io::Error| error.kind() == io::ErrorKind::PermissionDenied;
    let has_metadata = || !lstat(path).is_err_and(|error| is_denied(&error));
    let can_create = || path.parent().is_some_and(|above| tempfile::tempfile_in(above).is_ok());
    let shared = Some(ERROR_SHARING_VIOLATION.cast_signed());
    error.raw_os_error() == shared || is_denied(error) && !has_metadata() && can_create()
}

/// A file that is created read-only can be written to through its handle here too.
pub(crate) fn create_options(access: super::Access) -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    options.attributes(if access.read_only { win32::FILE_ATTRIBUTE_READONLY } else { 0 });
    options
}

pub(crate) fn open_at_once(path: &Path, options: &OpenOptions) -> io::Result<File> {
    options.open(path)
}

pub(crate) fn open_nofollow(path: &Path) -> io::Result<File> {
    let flags = win32::FILE_FLAG_OPEN_REPARSE_POINT | win32::FILE_FLAG_BACKUP_SEMANTICS;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if file.metadata()?.is_symlink() {
        return Err(io::Error::other("it is a symbolic link"));
    }
    Ok(file)
}

/// A read-only file and a directory have times too.
pub(crate) fn touch(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.access_mode(win32::FILE_WRITE_ATTRIBUTES);
    options.custom_flags(win32::FILE_FLAG_BACKUP_SEMANTICS);
    options.open(path)?.set_modified(crate::clock::now())
}

/// Nothing to do: a new file inherits the access rights of its directory.
pub(crate) fn apply_umask(_temporary: &mut tempfile::Builder<'_, '_>) {}

/// Only NTFS replaces them, since Windows 10.
pub(crate) const OPEN_FILES_ARE_REPLACED: bool = false;

/// The standard library opens no directory here.
pub(crate) const SYNCS_DIRECTORIES: bool = false;

/// Only a handle that may write makes the system write.
pub(crate) fn options_to_sync() -> OpenOptions {
    OpenOptions::new().read(true).write(true).clone()
}

pub(crate) fn sync_file_system(_directory: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// The kind of an open file. A device such as `NUL` has no metadata.
pub(crate) fn kind(file: &File) -> io::Result<FileKind> {
    match winapi_util::file::typ(file)? {
        found if found.is_disk() => Ok(FileKind::of(file.metadata()?.file_type())),
        _ => Ok(FileKind::Special("a device")),
    }
}

pub(crate) fn special_name(_kind: std::fs::FileType) -> &'static str {
    "something unknown"
}

pub(crate) fn path_of(bytes: Vec<u8>) -> Option<PathBuf> {
    Some(String::from_utf8(bytes).ok()?.into())
}

pub(crate) fn symlink(target: &OsStr, path: &Path, to_directory: bool) -> io::Result<()> {
    use std::os::windows::fs::{symlink_dir, symlink_file};
    if to_directory { symlink_dir(target, path) } else { symlink_file(target, path) }
}

pub(crate) use crate::access_rights::{may_execute, set_executable};

/// Windows has no such modes; see `mode::is_executable`.
pub(crate) fn is_executable(_metadata: &Metadata) -> bool {
    false
}

pub(crate) fn permissions(_replaced: &Metadata) -> Option<std::fs::Permissions> {
    None
}

pub(crate) fn changed(metadata: &Metadata) -> Option<SystemTime> {
    metadata.modified().ok()
}

/// Removes a file or a link, with its read-only attribute, and waits a while for other processes that have it open.
pub(crate) fn remove_file(path: &Path) -> io::Result<()> {
    let metadata = std::fs::symlink_metadata(path)?;
    let remove = || match metadata.file_type().is_symlink_dir() {
        // A link or a mount point.
        true => std::fs::remove_dir(path),
        false => std::fs::remove_file(path),
    };
    patiently(|| {
        remove().or_else(|refused| {
            if !metadata.permissions().readonly() {
                return Err(refused);
            }
            clear_read_only(path, &metadata)?;
            remove()
        })
    })
}

/// Removes a file so that its name is free at once, also while other processes have it open.
///
/// NTFS does that since Windows 10. Elsewhere the file keeps its name until its last handle is closed, and so gets
/// another one first.
pub(crate) fn free_name(path: &Path) -> io::Result<()> {
    match patiently(|| system::delete_at_once(path)) {
        Err(error) if system::is_unknown_call(&error) => {
            set_aside(path).and_then(|aside| remove_file(&aside))
        }
        removed => removed,
    }
}

/// Makes a file writable.
#[expect(clippy::permissions_set_readonly_false, reason = "it is an attribute of the file here")]
pub(crate) fn clear_read_only(path: &Path, metadata: &Metadata) -> io::Result<()> {
    let mut permissions = metadata.permissions();
    if !permissions.readonly() {
        return Ok(());
    }
    permissions.set_readonly(false);
    std::fs::set_permissions(path, permissions)
}

pub(crate) fn without_write(metadata: &Metadata) -> Option<std::fs::Permissions> {
    let mut permissions = metadata.permissions();
    let is_writable = !permissions.readonly();
    permissions.set_readonly(true);
    is_writable.then_some(permissions)
}
