//! Renaming on Windows: as on a Unix system, as far as the file system can do that.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::system::move_new;
use crate::clock;
use crate::io_error::is_occupied;
use crate::remove::removal_name;

/// How long a refused rename is tried again. Programs that look at new files, as virus scanners do, have them open for
/// less than that.
const RETRIED_FOR: Duration = Duration::from_secs(2);
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// Renames, and replaces a file by a file, and an empty directory by a directory.
///
/// A target that is open is replaced only by file systems with the semantics of POSIX (NTFS since Windows 10); elsewhere
/// this fails after a while.
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    let is_directory = |path: &Path| fs::symlink_metadata(path).map(|found| found.is_dir());
    let built_is_directory = is_directory(from)?;
    match is_directory(to) {
        // The system would replace the file.
        Ok(false) if built_is_directory => Err(io::ErrorKind::NotADirectory.into()),
        Ok(true) if !built_is_directory => Err(io::ErrorKind::IsADirectory.into()),
        Ok(true) => patiently(|| {
            fs::rename(from, to).or_else(|_| {
                fs::remove_dir(to)?;
                move_new(from, to)
            })
        }),
        _ => patiently(|| fs::rename(from, to)),
    }
}

/// Renames, unless the new name exists.
pub(crate) fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    patiently(|| move_new(from, to))
}

/// Gives a file or directory a free name of what is being removed, and returns its new path.
pub(crate) fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let mut count = 0;
    loop {
        let aside = path.with_file_name(removal_name(path, count));
        match rename_new(path, &aside) {
            Err(taken) if is_occupied(&taken) => count += 1,
            renamed => return renamed.map(|()| aside),
        }
    }
}

/// Calls `attempt` again for a while if it fails because of another process that has a file open.
pub(crate) fn patiently<T>(mut attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let started = clock::stopwatch();
    let mut pause = FIRST_PAUSE;
    loop {
        match attempt() {
            Err(error) if is_transient(&error) && started.elapsed() < RETRIED_FOR => {
                std::thread::sleep(pause);
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            result => return result,
        }
    }
}

/// Whether another process may be the cause of an error. Missing permission has the same number as an open file.
fn is_transient(error: &io::Error) -> bool {
    use windows_sys::Win32::Foundation as win32;
    const CODES: [u32; 3] =
        [win32::ERROR_ACCESS_DENIED, win32::ERROR_SHARING_VIOLATION, win32::ERROR_LOCK_VIOLATION];
    error.raw_os_error().is_some_and(|code| CODES.contains(&code.cast_unsigned()))
}
