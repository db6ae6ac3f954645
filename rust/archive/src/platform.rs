//! Differences between systems: one small function for each, with one version per system.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

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
pub(crate) fn to_name(bytes: &[u8]) -> Result<&Path, &'static str> {
    let problem = if cfg!(windows) { windows_problem(bytes) } else { None };
    match (problem, to_path(bytes)) {
        (Some(problem), _) => Err(problem),
        (None, Some(path)) => Ok(path),
        (None, None) => Err("its path is not Unicode"),
    }
}

/// Why Windows can't have a file of this name, or changes the name.
fn windows_problem(name: &[u8]) -> Option<&'static str> {
    let has_reserved = name.iter().any(|byte| *byte < b' ' || b"\"*:<>?\\|".contains(byte));
    let stem = name.split(|byte| *byte == b'.').next().unwrap_or_default().trim_ascii_end();
    let is = |device: &[u8]| stem.eq_ignore_ascii_case(device);
    let is_numbered = stem.len() == 4
        && stem[3].is_ascii_digit()
        && [&b"com"[..], b"lpt"].iter().any(|device| stem[..3].eq_ignore_ascii_case(device));
    if has_reserved {
        Some("its path contains a character that Windows does not allow in names")
    } else if name.ends_with(b".") || name.ends_with(b" ") {
        Some("a name in its path ends in a dot or a space, which Windows removes")
    } else if is_numbered || [&b"con"[..], b"prn", b"aux", b"nul"].iter().any(|device| is(device)) {
        Some("a name in its path is that of a device on Windows")
    } else {
        None
    }
}

/// The path with these bytes, converted lossily if this system can't represent it.
pub(crate) fn to_path_lossy(bytes: &[u8]) -> PathBuf {
    match to_path(bytes) {
        Some(path) => path.to_owned(),
        None => String::from_utf8_lossy(bytes).into_owned().into(),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_windows_names_are_refused() {
        let refused = [
            "a:b", "C:", "a\\b", "\\", "a*", "a?", "a\"", "<", ">", "|", "a\n", "\u{1}", "a.",
            "a ", "con", "NUL", "nul.txt", "Aux.", "COM1", "lpt9.x", "con .txt",
        ];
        for name in refused {
            assert!(windows_problem(name.as_bytes()).is_some(), "{name:?}");
        }
        for name in ["a", ".a", "console", "com", "com10", "a b", "é", "nulx", "lpt"] {
            assert_eq!(windows_problem(name.as_bytes()), None, "{name:?}");
        }
    }
}
