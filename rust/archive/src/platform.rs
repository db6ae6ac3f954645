//! Differences between systems: one small function for each, with one version per system.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use scratchrs_fs::Access;
use scratchrs_model::windows_name;

/// The bytes of a file name or link target as git and tar store them: on Unix, unchanged.
#[cfg(unix)]
pub(crate) fn bytes(text: &OsStr) -> &[u8] {
    use std::os::unix::ffi::OsStrExt;
    text.as_bytes()
}

/// The bytes of a file name or link target as git and tar store them: UTF-8, into which Julia also
/// converts Windows' UTF-16 (an unpaired surrogate becomes WTF-8).
#[cfg(windows)]
pub(crate) fn bytes(text: &OsStr) -> &[u8] {
    text.as_encoded_bytes()
}

/// The path with these bytes in an archive: on Unix, any bytes, unchanged.
#[cfg(unix)]
pub(crate) fn to_path(bytes: &[u8]) -> Option<&Path> {
    use std::os::unix::ffi::OsStrExt;
    Some(Path::new(OsStr::from_bytes(bytes)))
}

/// The path with these bytes in an archive: `None` if they are not UTF-8, which Windows can't
/// represent.
#[cfg(windows)]
pub(crate) fn to_path(bytes: &[u8]) -> Option<&Path> {
    std::str::from_utf8(bytes).ok().map(Path::new)
}

/// The file name with these bytes in an archive.
///
/// # Errors
///
/// This system can't represent it; the error is the reason, as a clause.
pub(crate) fn to_name(bytes: &[u8]) -> Result<&Path, String> {
    let problem = if cfg!(windows) { windows_name::problem(bytes) } else { None };
    match (problem, to_path(bytes)) {
        (Some(problem), _) => Err(format!("a name in its path {problem}")),
        (None, Some(path)) => Ok(path),
        (None, None) => Err("its path is not Unicode".to_owned()),
    }
}

/// The path with these bytes, converted lossily if this system can't represent it.
pub(crate) fn to_path_lossy(bytes: &[u8]) -> PathBuf {
    match to_path(bytes) {
        Some(path) => path.to_owned(),
        None => String::from_utf8_lossy(bytes).into_owned().into(),
    }
}

/// Gives a new file the mode that it could not be created with.
#[cfg(unix)]
pub(crate) fn keep_mode(_path: &Path, _access: Access) {}

/// Gives a new file the mode that it could not be created with. A file system without access control lists keeps no
/// modes, which a verification takes into account.
#[cfg(windows)]
pub(crate) fn keep_mode(path: &Path, access: Access) {
    let _ = scratchrs_fs::set_executable(path, access.executable);
}

/// Reads at an offset until `buffer` is full or the file ends, and returns the number of bytes.
pub(crate) fn read_at(file: &File, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    #[cfg(unix)]
    use std::os::unix::fs::FileExt;
    #[cfg(windows)]
    use std::os::windows::fs::FileExt;
    #[cfg(unix)]
    let read_at = File::read_at;
    #[cfg(windows)]
    let read_at = File::seek_read;
    let mut filled = 0;
    while filled < buffer.len() {
        match read_at(file, &mut buffer[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
