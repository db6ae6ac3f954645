//! Regular files at paths where anything may be: opening and reading them, and refusing the rest.
//!
//! A depot, a log or a user may name any path. To open a FIFO waits for a writer, to read a device
//! may never end, and to replace one breaks the system. So every path that is not known to be ours is
//! opened by [`open_regular`], which returns at once and refuses all but regular files.

use std::fs::{self, File, FileType, OpenOptions};
use std::io::{self, Read};
use std::path::Path;

use crate::error::{Error, Result};
use crate::measure::is_absent;
use crate::platform;
use crate::stamp::Stamp;

/// How much room there is for a file at least.
const SMALL: usize = 4095;

/// Opens the regular file at `path` as `options` say. A link is followed.
///
/// Returns at once, whatever is at `path`: no FIFO is waited for, and no terminal becomes that of this
/// process.
///
/// # Errors
///
/// If it cannot be opened, or is not a regular file: the message says what it is, and
/// [`io::Error::kind`] is [`io::ErrorKind::IsADirectory`] for a directory.
pub(crate) fn open_regular(path: &Path, options: &OpenOptions) -> io::Result<File> {
    let file = match platform::open_at_once(path, options) {
        Ok(file) => file,
        Err(error) if is_absent(&error) => return Err(error),
        Err(error) => match fs::metadata(path) {
            Ok(found) if !found.is_file() => return Err(not_regular(found.file_type())),
            // Another process has leased the file, and is told now that it is wanted.
            Ok(_) if error.kind() == io::ErrorKind::WouldBlock => options.open(path)?,
            _ => return Err(error),
        },
    };
    let found = file.metadata()?;
    if !found.is_file() {
        return Err(not_regular(found.file_type()));
    }
    Ok(file)
}

/// Opens the regular file at `path` for reading, as [`open_regular`].
pub(crate) fn open_to_read(path: &Path) -> io::Result<File> {
    open_regular(path, OpenOptions::new().read(true))
}

fn not_regular(kind: FileType) -> io::Error {
    let message = format!("it is {}, not a regular file", platform::kind_name(kind));
    let kind = if kind.is_dir() { io::ErrorKind::IsADirectory } else { io::ErrorKind::Other };
    io::Error::new(kind, message)
}

/// Reads many files, one after the other, into the same memory.
#[derive(Debug, Default)]
pub struct FileReader {
    buffer: Vec<u8>,
}

impl FileReader {
    /// The bytes of a regular file, and its stamp from before they were read; none if it is missing.
    ///
    /// # Errors
    ///
    /// If it cannot be read, is not a regular file (see [`Error::is_directory`]), or has more than
    /// `limit` bytes.
    pub fn read(&mut self, path: &Path, limit: u64) -> Result<Option<(&[u8], Stamp)>> {
        match self.fill(path, limit) {
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(Error::on("read", path)(error)),
            Ok((length, stamp)) => Ok(Some((&self.buffer[..length], stamp))),
        }
    }

    /// Reads a file to the beginning of the buffer, and returns how long it is.
    fn fill(&mut self, path: &Path, limit: u64) -> io::Result<(usize, Stamp)> {
        let mut file = open_to_read(path)?;
        let metadata = file.metadata()?;
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
        Ok((length, Stamp::of_metadata(&metadata)))
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
        assert_eq!(read_regular(&at("file"), 5).unwrap().unwrap().0, b"12345");
        assert!(read_regular(&at("file"), 4).is_err());
        for absent in ["circle", "file/x", "nothing", &"x".repeat(5000), "\0"] {
            assert!(read_regular(&at(absent), 5).unwrap().is_none(), "{absent}");
            assert!(!is_regular(&at(absent)).unwrap(), "{absent}");
        }
        assert!(is_regular(&at("file")).unwrap());
    }

    /// What is at the path, and how the message names it.
    fn special_files(directory: &Path) -> Vec<(std::path::PathBuf, &'static str)> {
        let at = |name: &str| directory.join(name);
        rustix::fs::mkfifoat(rustix::fs::CWD, at("fifo"), 0o600.into()).unwrap();
        symlink("fifo", at("link")).unwrap();
        std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        symlink("/dev/zero", at("device")).unwrap();
        fs::create_dir(at("directory")).unwrap();
        vec![
            (at("fifo"), "a FIFO"),
            (at("link"), "a FIFO"),
            (at("socket"), "a socket"),
            (at("device"), "a character device"),
            (at("directory"), "a directory"),
        ]
    }

    /// Would any of these wait, or read without end, this test would not end either.
    #[test]
    fn nothing_but_a_regular_file_is_read_written_or_replaced() {
        let depot = tempfile::tempdir().unwrap();
        type Effect = fn(&Path) -> Result<()>;
        let effects: [(&str, Effect); 10] = [
            ("read_regular", |path| read_regular(path, 5).map(drop)),
            ("read", |path| crate::read(path).map(drop)),
            ("read_from", |path| crate::read_from(path, 3).map(drop)),
            ("open", |path| crate::open(path).map(drop)),
            ("append", |path| crate::append(path, "text")),
            ("replace", |path| crate::replace(path, "text", None).map(drop)),
            ("Held::read", |path| crate::Held::read(path).map(drop)),
            ("Partial::open", |path| crate::Partial::open(path).map(drop)),
            ("copy_file", |path| {
                crate::copy_file(path, &path.with_extension("copy"), crate::Access::default())
            }),
            ("try_acquire", |path| {
                let policy = crate::Policy::brief(std::time::Duration::from_secs(3));
                crate::PidLock::try_acquire(path, policy).map(drop)
            }),
        ];
        for (path, kind) in special_files(depot.path()) {
            for (name, effect) in effects {
                let error = effect(&path).expect_err(name);
                let text = error.to_string();
                let told = format!("`{}`: it is {kind}, not a regular file", path.display());
                assert!(text.ends_with(&told), "{name}: {text}");
                assert_eq!(error.is_directory(), kind == "a directory", "{name}");
            }
            assert!(!is_regular(&path).unwrap());
        }
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
