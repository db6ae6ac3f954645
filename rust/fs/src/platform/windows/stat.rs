//! Metadata with the number of a file and its count of names, which the standard library has no stable function for.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::ops::Deref;
use std::os::windows::fs::OpenOptionsExt;
use std::path::Path;

use winapi_util::file::Information;
use windows_sys::Win32::Storage::FileSystem::{
    FILE_FLAG_BACKUP_SEMANTICS, FILE_FLAG_OPEN_REPARSE_POINT,
};

/// The metadata of a file.
#[derive(Clone)]
pub(crate) struct Stat {
    metadata: Metadata,
    /// `None` if the file cannot be opened, as a page file.
    information: Option<Information>,
}

impl Deref for Stat {
    type Target = Metadata;

    fn deref(&self) -> &Metadata {
        &self.metadata
    }
}

/// The metadata of `path`; links are followed.
pub(crate) fn stat(path: &Path) -> io::Result<Stat> {
    match open(path, FILE_FLAG_BACKUP_SEMANTICS) {
        Ok(file) => fstat(&file),
        Err(_) => Ok(Stat { metadata: fs::metadata(path)?, information: None }),
    }
}

/// The metadata of `path`; a link at `path` is not followed.
pub(crate) fn lstat(path: &Path) -> io::Result<Stat> {
    match open(path, FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT) {
        Ok(file) => fstat(&file),
        Err(_) => Ok(Stat { metadata: fs::symlink_metadata(path)?, information: None }),
    }
}

/// The metadata of an open file.
pub(crate) fn fstat(file: &File) -> io::Result<Stat> {
    let information = winapi_util::file::information(file).ok();
    Ok(Stat { metadata: file.metadata()?, information })
}

fn open(path: &Path, flags: u32) -> io::Result<File> {
    // No right is needed to read metadata, and no other process is disturbed.
    OpenOptions::new().access_mode(0).custom_flags(flags).open(path)
}

/// The number of the file on its volume.
pub(crate) fn identity(stat: &Stat) -> Option<u64> {
    stat.information.as_ref().map(Information::file_index)
}

/// Whether both are the same file, of which at least one handle is open: the number of a deleted file is used again.
pub(crate) fn is_same_file(a: &Stat, b: &Stat) -> bool {
    let id = |stat: &Stat| {
        let found = stat.information.as_ref()?;
        Some((found.volume_serial_number(), found.file_index()))
    };
    id(a).is_some() && id(a) == id(b)
}

pub(crate) fn has_other_names(stat: &Stat) -> bool {
    stat.information.as_ref().is_some_and(|found| found.number_of_links() > 1)
}
