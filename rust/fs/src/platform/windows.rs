//! The same operations by the standard library. Compiled, but not tested on Windows.

use std::ffi::OsStr;
use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

pub(crate) fn is_dir(path: &Path) -> bool {
    path.is_dir()
}

/// Unknown: an attempt to write fails.
pub(crate) fn is_writable_dir(path: &Path) -> bool {
    path.is_dir()
}

/// The standard library has no stable function for it: a killed generation is repeated.
pub(crate) fn identity(_metadata: &Metadata) -> Option<u64> {
    None
}

/// By creation time, which Windows keeps to 100 ns.
pub(crate) fn is_same_file(a: &Metadata, b: &Metadata) -> bool {
    a.created().ok() == b.created().ok()
}

pub(crate) fn has_other_names(_metadata: &Metadata) -> bool {
    false
}

/// Unknown: a lock of another process is stale by its age only.
pub(crate) fn is_dead(_pid: u32) -> bool {
    false
}

pub(crate) fn exchange(_a: &Path, _b: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(crate) fn name_also(_file: &File, _path: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(crate) fn is_local(_directory: &Path) -> bool {
    false
}

pub(crate) fn create_prepared(
    path: &Path,
    mut prepare: impl FnMut(&mut File) -> io::Result<()>,
) -> io::Result<File> {
    let mut file = OpenOptions::new().read(true).write(true).create_new(true).open(path)?;
    prepare(&mut file).inspect_err(|_| {
        let _ = std::fs::remove_file(path);
    })?;
    Ok(file)
}

/// A file that is created read-only can be written to through its handle here too.
pub(crate) fn create_options(access: super::Access) -> OpenOptions {
    use std::os::windows::fs::OpenOptionsExt;
    const READ_ONLY: u32 = 1;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    options.attributes(if access.read_only { READ_ONLY } else { 0 });
    options
}

pub(crate) fn open_at_once(path: &Path, options: &OpenOptions) -> io::Result<File> {
    options.open(path)
}

pub(crate) fn open_nofollow(path: &Path) -> io::Result<File> {
    File::open(path)
}

pub(crate) fn touch(path: &Path) -> io::Result<()> {
    OpenOptions::new().write(true).open(path)?.set_modified(crate::clock::now())
}

/// Nothing to do: a new file inherits the access rights of its directory.
pub(crate) fn apply_umask(_temporary: &mut tempfile::Builder<'_, '_>) {}

/// The standard library opens no directory here.
pub(crate) const SYNCS_DIRECTORIES: bool = false;

pub(crate) fn sync_file_system(_file: &File) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
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

pub(crate) use crate::execute_right::{may_execute, set_executable};

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

pub(crate) fn rename_new(_from: &Path, _to: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(crate) fn without_write(metadata: &Metadata) -> Option<std::fs::Permissions> {
    let mut permissions = metadata.permissions();
    let is_writable = !permissions.readonly();
    permissions.set_readonly(true);
    is_writable.then_some(permissions)
}
