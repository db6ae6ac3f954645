//! What may be a file, a directory or anything else: whether it is, and reading it if it is a file.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use crate::error::{Error, Result};
use crate::measure::is_absent;
use crate::platform;
use crate::stamp::Stamp;

/// How much room there is for a file at least.
const SMALL: usize = 4095;

/// Reads many files, one after the other, into the same memory.
#[derive(Debug, Default)]
pub struct FileReader {
    buffer: Vec<u8>,
}

impl FileReader {
    /// The bytes of a regular file, and how it looked before they were read; none if there is no
    /// such file, or something else in its place.
    ///
    /// # Errors
    ///
    /// If it is there and cannot be read, or has more than `limit` bytes.
    pub fn read(&mut self, path: &Path, limit: u64) -> Result<Option<(&[u8], Stamp)>> {
        match self.fill(path, limit) {
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(Error::on("read", path)(error)),
            Ok(found) => Ok(found.map(|(length, stamp)| (&self.buffer[..length], stamp))),
        }
    }

    /// Reads a file to the beginning of the buffer, and returns how long it is.
    fn fill(&mut self, path: &Path, limit: u64) -> io::Result<Option<(usize, Stamp)>> {
        let mut file = match platform::open_at_once(path) {
            Ok(file) => file,
            Err(error) if is_absent(&error) => return Err(error),
            // A directory that may not be read, a socket; or a file that somebody has leased.
            Err(_) if !fs::metadata(path)?.is_file() => return Ok(None),
            Err(_) => File::open(path)?,
        };
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Ok(None);
        }
        if metadata.len() > limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let expected = metadata.len() as usize;
        let mut length = 0;
        loop {
            // One byte more than there should be: it stays empty unless the file has grown.
            if self.buffer.len() <= length.max(expected) {
                self.buffer.resize(SMALL.max(2 * length).max(expected) + 1, 0);
            }
            match file.read(&mut self.buffer[length..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
                Ok(0) => break,
                Ok(count) => length += count,
            }
            if length == expected {
                break;
            }
            if length as u64 > limit {
                return Err(io::ErrorKind::FileTooLarge.into());
            }
        }
        Ok(Some((length, Stamp::of_metadata(&metadata))))
    }
}

/// As [`FileReader::read`], of one file.
///
/// # Errors
///
/// As [`FileReader::read`].
pub fn read_regular(path: &Path, limit: u64) -> Result<Option<(Vec<u8>, Stamp)>> {
    let mut reader = FileReader::default();
    let found = reader.read(path, limit)?.map(|(bytes, stamp)| (bytes.len(), stamp));
    Ok(found.map(|(length, stamp)| {
        reader.buffer.truncate(length);
        (reader.buffer, stamp)
    }))
}

/// Whether there is a regular file at `path`, or a link to one.
///
/// # Errors
///
/// If nobody can say.
pub fn is_regular(path: &Path) -> Result<bool> {
    is_there(path, fs::Metadata::is_file)
}

/// Whether there is a directory at `path`, or a link to one.
///
/// # Errors
///
/// If nobody can say.
pub fn try_is_directory(path: &Path) -> Result<bool> {
    is_there(path, fs::Metadata::is_dir)
}

fn is_there(path: &Path, is_meant: fn(&fs::Metadata) -> bool) -> Result<bool> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(is_meant(&metadata)),
        Err(error) if is_absent(&error) => Ok(false),
        Err(error) => Err(Error::on("look at", path)(error)),
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn only_a_regular_file_is_read() {
        let depot = tempfile::tempdir().unwrap();
        let at = |name: &str| depot.path().join(name);
        fs::write(at("file"), "12345").unwrap();
        symlink("circle", at("circle")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, at("pipe"), 0o600.into()).unwrap();
        assert_eq!(read_regular(&at("file"), 5).unwrap().unwrap().0, b"12345");
        assert!(read_regular(&at("file"), 4).is_err());
        for other in ["", "circle", "file/x", "nothing", "pipe", &"x".repeat(5000), "\0"] {
            assert!(read_regular(&at(other), 5).unwrap().is_none(), "{other}");
            assert!(!is_regular(&at(other)).unwrap(), "{other}");
        }
        assert!(is_regular(&at("file")).unwrap());
    }

    #[test]
    fn a_reader_gives_each_file_as_it_is() {
        let depot = tempfile::tempdir().unwrap();
        let mut reader = FileReader::default();
        for length in [3, 100_000, 0, 7, 1] {
            let path = depot.path().join(length.to_string());
            let bytes: Vec<u8> = (0..length).map(|index| index as u8).collect();
            fs::write(&path, &bytes).unwrap();
            let (read, stamp) = reader.read(&path, 1 << 20).unwrap().unwrap();
            assert_eq!((read, Some(stamp)), (&bytes[..], Stamp::of(&path)));
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_file_is_read_to_its_end_whatever_its_length_was_said_to_be() {
        // The system says that this one is empty.
        let path = Path::new("/proc/self/status");
        let (bytes, _) = read_regular(path, 1 << 20).unwrap().unwrap();
        assert!(bytes.starts_with(b"Name:") && bytes.ends_with(b"\n"));
        assert!(read_regular(path, 10).is_err());
    }
}
