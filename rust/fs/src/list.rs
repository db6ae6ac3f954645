//! The entries of a directory.

use std::fs;
use std::io;
use std::path::Path;

use crate::error::{Error, Result};
use crate::io_error::is_absent;
use crate::metadata::{DirEntry, FileKind};
use crate::syscall_path::SyscallPath;

/// The entries of the directory at `path`, in no order. Empty if `path` does not exist or is not a
/// directory.
///
/// # Errors
///
/// The directory cannot be read.
pub fn read_dir(path: &Path) -> Result<Vec<DirEntry>> {
    match list(path) {
        Err(error) if is_absent(&error) => Ok(Vec::new()),
        found => found.map_err(Error::on("read the directory", path)),
    }
}

/// The names of the entries of a directory, sorted, without those that are not Unicode. Empty if
/// `path` does not exist.
///
/// # Errors
///
/// `path` is not a directory, or cannot be read.
pub fn names(path: &Path) -> Result<Vec<String>> {
    names_of(path, |_| true)
}

/// As [`names`], of the directories and links to directories.
///
/// # Errors
///
/// As [`names`].
pub fn subdirectories(path: &Path) -> Result<Vec<String>> {
    names_of(path, |entry| entry.is_dir_in(path))
}

fn names_of(path: &Path, is_wanted: impl Fn(&DirEntry) -> bool) -> Result<Vec<String>> {
    let entries = match list(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        found => found.map_err(Error::on("read the directory", path))?,
    };
    let wanted = entries.into_iter().filter(is_wanted);
    let mut names: Vec<_> = wanted.filter_map(|entry| entry.name.into_string().ok()).collect();
    names.sort();
    Ok(names)
}

fn list(path: &Path) -> io::Result<Vec<DirEntry>> {
    let short = SyscallPath::of(path)?;
    let mut entries = Vec::new();
    let opened = fs::read_dir(short.path()).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound if leads_through_file(path) => io::ErrorKind::NotADirectory.into(),
        _ => error,
    });
    for entry in opened? {
        let entry = match entry {
            // The directory was removed while it was read.
            Err(error) if is_absent(&error) => break,
            entry => entry?,
        };
        // The entry may have been deleted meanwhile.
        let Ok(kind) = entry.file_type() else { continue };
        entries.push(DirEntry { kind: FileKind::of(kind), name: entry.file_name() });
    }
    Ok(entries)
}

/// Whether a path that does not exist leads through a file. Only Windows does not say so itself.
fn leads_through_file(path: &Path) -> bool {
    let existing = || path.ancestors().skip(1).find_map(|above| fs::metadata(above).ok());
    cfg!(windows) && existing().is_some_and(|found| !found.is_dir())
}
