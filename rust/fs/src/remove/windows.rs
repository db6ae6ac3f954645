//! Removing a tree on Windows, by the standard library, which follows no link and no mount point of a directory.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::windows::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use windows_sys::Win32::Storage::FileSystem::{
    FILE_FLAG_BACKUP_SEMANTICS, FILE_FLAG_OPEN_REPARSE_POINT, FILE_LIST_DIRECTORY, FILE_SHARE_READ,
    FILE_SHARE_WRITE,
};

use super::{TrustedDir, is_removal_name};
use crate::error::{Error, Result};
use crate::io_error::is_vanished;
use crate::measure::Size;
use crate::platform;

/// The identity of a directory: its number on its volume, where the file system has one.
pub(super) type Identity = Option<u64>;

/// The identity of the trusted directory: while a handle is open, other processes could not delete the directory.
pub(super) type Handle = Identity;

/// The identity of the directory at `path`, or that a link there leads to.
pub(super) fn open(path: &Path) -> io::Result<Handle> {
    Ok(platform::identity(&platform::stat(path)?))
}

/// The identity of the directory at `path`, or `None` if it is not a directory.
pub(super) fn directory(path: &Path, _trusted: &TrustedDir) -> io::Result<Option<Identity>> {
    let found = platform::lstat(path)?;
    Ok(found.is_dir().then(|| platform::identity(&found)))
}

/// Opens the directories from the trusted one to the parent of `path`. As long as the handles are open, none of them
/// can be renamed or replaced, so calls that take `path` do not follow a link below the trusted directory.
fn hold_above(path: &Path, trusted: &TrustedDir) -> io::Result<Vec<File>> {
    let parent = path.parent().unwrap_or(Path::new(""));
    let mut directory = trusted.path.clone();
    let first = hold(&directory, 0)?;
    if trusted.handle.is_some_and(|known| {
        known != platform::fstat(&first).ok().and_then(|found| platform::identity(&found))
    }) {
        return Err(io::Error::other(REPLACED));
    }
    let mut held = vec![first];
    for below in parent.strip_prefix(&trusted.path).unwrap_or(Path::new("")) {
        directory.push(below);
        let below = hold(&directory, FILE_FLAG_OPEN_REPARSE_POINT)?;
        if !below.metadata()?.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        held.push(below);
    }
    Ok(held)
}

/// Opens a directory so that other processes can change its entries, but not rename or delete it.
fn hold(directory: &Path, flags: u32) -> io::Result<File> {
    let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    let mut options = OpenOptions::new();
    // Only a handle with access to the content restricts what others share.
    options.access_mode(FILE_LIST_DIRECTORY).share_mode(FILE_SHARE_READ | FILE_SHARE_WRITE);
    options.custom_flags(FILE_FLAG_BACKUP_SEMANTICS | flags);
    platform::patiently(|| options.open(directory))
}

const REPLACED: &str = "another directory has taken its place";

/// Renames the directory at `path`; `None` if it does not exist. If renaming fails it keeps its
/// name.
pub(super) fn rename_aside(path: &Path, trusted: &TrustedDir) -> Result<Option<PathBuf>> {
    let _held = match hold_above(path, trusted) {
        Err(absent) if is_vanished(&absent) => return Ok(None),
        held => held.map_err(Error::on("remove", path))?,
    };
    if path.file_name().is_some_and(is_removal_name) {
        return Ok(Some(path.to_owned()));
    }
    match platform::set_aside(path) {
        Err(absent) if absent.kind() == io::ErrorKind::NotFound => Ok(None),
        // If a file in it is open, or writing is forbidden, nothing may be removed.
        renamed => renamed.map(Some).map_err(Error::on("remove", path)),
    }
}

/// Removes the file or link at `path`, and returns its size.
pub(super) fn remove_leaf(path: &Path, trusted: &TrustedDir) -> io::Result<Size> {
    let _held = match hold_above(path, trusted) {
        Err(absent) if is_vanished(&absent) => return Ok(Size::default()),
        held => held?,
    };
    let size = Size::of(path);
    match platform::remove_file(path) {
        Err(error) if !is_vanished(&error) => Err(error),
        _ => Ok(size),
    }
}

/// Removes a directory with its entries, and returns their size. If its identity is not `expected`, nothing is
/// removed.
pub(super) fn remove_tree(
    directory: &Path,
    expected: Identity,
    trusted: &TrustedDir,
) -> Result<Size> {
    let failed = |error: io::Error| Error::on("remove", directory)(error);
    let _held = match hold_above(directory, trusted) {
        Err(absent) if is_vanished(&absent) => return Ok(Size::default()),
        held => held.map_err(failed)?,
    };
    match platform::lstat(directory) {
        Err(absent) if is_vanished(&absent) => return Ok(Size::default()),
        Err(error) => return Err(failed(error)),
        Ok(found) if !found.is_dir() || platform::identity(&found) != expected => {
            return Err(failed(io::Error::other(REPLACED)));
        }
        Ok(_) => {}
    }
    let size = Size::of(directory);
    let remove = || {
        fs::remove_dir_all(directory).or_else(|_| {
            make_writable(directory)?;
            fs::remove_dir_all(directory)
        })
    };
    match platform::patiently(remove) {
        // Another process removed it.
        Err(absent) if is_vanished(&absent) => Ok(size),
        removed => removed.map(|()| size).map_err(failed),
    }
}

/// Clears the attribute that keeps the files of a tree from being deleted, on file systems that heed it.
fn make_writable(path: &Path) -> io::Result<()> {
    let metadata = fs::symlink_metadata(path)?;
    platform::clear_read_only(path, &metadata)?;
    if metadata.is_dir() {
        for entry in fs::read_dir(path)? {
            make_writable(&entry?.path())?;
        }
    }
    Ok(())
}
