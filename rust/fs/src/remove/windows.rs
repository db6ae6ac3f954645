//! Removing a tree by the standard library. Compiled, but not tested on Windows.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{TrustedDir, is_removal_name};
use crate::error::{Error, Result};
use crate::measure::Size;

/// The identity of a directory: unknown here.
pub(super) type Identity = ();

/// An open directory: the standard library has none.
pub(super) type Handle = ();

/// Opens nothing.
pub(super) fn open(_path: &Path) -> io::Result<Handle> {
    Ok(())
}

/// The identity of the directory at `path`, or `None` if it is not a directory.
pub(super) fn directory(path: &Path, _trusted: &TrustedDir) -> io::Result<Option<Identity>> {
    Ok(fs::symlink_metadata(path)?.is_dir().then_some(()))
}

/// Renames the directory at `path`; `None` if it does not exist. If renaming fails it keeps its
/// name.
pub(super) fn rename_aside(path: &Path, _trusted: &TrustedDir) -> Result<Option<PathBuf>> {
    if path.file_name().is_some_and(is_removal_name) {
        return Ok(Some(path.to_owned()));
    }
    let mut count = 0;
    let mut aside = path.with_file_name(super::removal_name(path, count));
    while fs::symlink_metadata(&aside).is_ok() {
        count += 1;
        aside = path.with_file_name(super::removal_name(path, count));
    }
    match fs::rename(path, &aside) {
        Ok(()) => Ok(Some(aside)),
        Err(absent) if absent.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(refused) if crate::io_error::is_read_only(&refused) => {
            Err(Error::on("remove", path)(refused))
        }
        Err(_) => Ok(Some(path.to_owned())),
    }
}

/// Removes the file or link at `path`, and returns its size.
pub(super) fn remove_leaf(path: &Path, _trusted: &TrustedDir) -> io::Result<Size> {
    let size =
        fs::symlink_metadata(path).map(|metadata| Size::of_metadata(&metadata)).unwrap_or_default();
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(size),
    }
}

/// Removes a directory with its entries, and returns their size. The standard library follows no
/// link, but fails at read-only files.
pub(super) fn remove_tree(
    directory: &Path,
    _expected: Identity,
    _trusted: &TrustedDir,
) -> Result<Size> {
    let found = Size::of(directory);
    let remove = || {
        if fs::remove_dir_all(directory).is_err() {
            make_writable(directory)?;
            fs::remove_dir_all(directory)?;
        }
        Ok(found)
    };
    remove().map_err(Error::on("remove", directory))
}

#[expect(clippy::permissions_set_readonly_false, reason = "there is no other way on Windows")]
fn make_writable(path: &Path) -> io::Result<()> {
    let metadata = fs::symlink_metadata(path)?;
    let mut permissions = metadata.permissions();
    permissions.set_readonly(false);
    fs::set_permissions(path, permissions)?;
    if metadata.is_dir() {
        for entry in fs::read_dir(path)? {
            make_writable(&entry?.path())?;
        }
    }
    Ok(())
}
