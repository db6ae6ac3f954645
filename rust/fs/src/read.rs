//! Opening and reading regular files, and refusing anything else.
//!
//! A depot, a log or a user may name any path. Opening a FIFO waits for a writer, reading a device may
//! never end, and replacing one breaks the system. So [`open_regular`] opens every path that another
//! program may have named: it never blocks, and refuses all but regular files.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use crate::error::{Error, Result};
use crate::io_error::is_absent;
use crate::metadata::FileKind;
use crate::platform;
use crate::stamp::FileStamp;
use crate::syscall_path::SyscallPath;

/// Opens the regular file at `path` with `options`. A link is followed.
///
/// Never blocks: it does not wait for the writer of a FIFO. No terminal becomes that of this process.
///
/// # Errors
///
/// It cannot be opened, or is not a regular file: the message names its type, and
/// [`io::Error::kind`] is [`io::ErrorKind::IsADirectory`] for a directory.
pub(crate) fn open_regular(path: &Path, options: &OpenOptions) -> io::Result<File> {
    let file = match platform::open_at_once(path, options) {
        Ok(file) => file,
        Err(error) if is_absent(&error) => return Err(error),
        Err(error) => match fs::metadata(path) {
            Ok(found) if !found.is_file() => {
                return Err(not_regular(FileKind::of(found.file_type())));
            }
            // Another process has a lease on the file, and is notified now.
            Ok(_) if error.kind() == io::ErrorKind::WouldBlock => options.open(path)?,
            _ => return Err(error),
        },
    };
    match platform::kind(&file)? {
        FileKind::File => Ok(file),
        kind => Err(not_regular(kind)),
    }
}

/// Opens the regular file at `path` for reading, as [`open_regular`].
pub(crate) fn open_to_read(path: &Path) -> io::Result<File> {
    open_regular(path, OpenOptions::new().read(true))
}

fn not_regular(kind: FileKind) -> io::Error {
    let message = format!("it is {kind}, not a regular file");
    let class = match kind {
        FileKind::Directory => io::ErrorKind::IsADirectory,
        _ => io::ErrorKind::Other,
    };
    io::Error::new(class, message)
}

/// The bytes of a regular file, and its stamp from before the read; `None` if it does not exist.
///
/// # Errors
///
/// It cannot be read, is not a regular file (see [`Error::is_directory`]), or has more than `limit`
/// bytes.
pub fn read_up_to(path: &Path, limit: u64) -> Result<Option<(Vec<u8>, FileStamp)>> {
    let read = || -> io::Result<(Vec<u8>, FileStamp)> {
        let file = open_to_read(path)?;
        let stat = platform::fstat(&file)?;
        let within_limit = |length: u64| match length <= limit {
            true => Ok(()),
            false => Err(io::Error::from(io::ErrorKind::FileTooLarge)),
        };
        within_limit(stat.len())?;
        let mut bytes = Vec::with_capacity(stat.len() as usize);
        // One byte more than allowed, to detect a file that has grown.
        file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
        within_limit(bytes.len() as u64)?;
        Ok((bytes, FileStamp::of_stat(&stat)))
    };
    match read() {
        Err(error) if is_absent(&error) => Ok(None),
        found => found.map(Some).map_err(Error::on("read", path)),
    }
}

/// The bytes of the file at `path`; empty if it does not exist.
///
/// # Errors
///
/// It exists and cannot be read, or is not a regular file.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    read_from(path, 0)
}

/// The bytes of the file at `path` after the first `offset`; empty if it does not exist or is shorter.
///
/// # Errors
///
/// As [`read`].
pub fn read_from(path: &Path, offset: u64) -> Result<Vec<u8>> {
    let read = || -> io::Result<Vec<u8>> {
        let mut file = open_to_read(path)?;
        file.seek(SeekFrom::Start(offset))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    match read() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        result => result.map_err(Error::on("read", path)),
    }
}

/// Opens the regular file at `path` for reading. Never blocks.
///
/// # Errors
///
/// It does not exist, is not a regular file, or cannot be read.
pub fn open(path: &Path) -> Result<File> {
    open_to_read(path).map_err(Error::on("open", path))
}

/// Opens the file at `path` for reading, of whatever kind. Never blocks.
///
/// # Errors
///
/// It does not exist, is a symbolic link, or cannot be read.
pub fn open_nofollow(path: &Path) -> Result<File> {
    let open = || platform::open_nofollow(SyscallPath::of(path)?.path());
    open().map_err(Error::on("open", path))
}

/// The text of the symbolic link at `path`.
///
/// # Errors
///
/// It does not exist, is not a link, or cannot be read.
pub fn read_link(path: &Path) -> Result<OsString> {
    let read = || fs::read_link(SyscallPath::of(path)?.path());
    Ok(read().map_err(Error::on("read the symbolic link", path))?.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::symlink;

    fn is_file(path: &Path) -> bool {
        crate::metadata(path).is_ok_and(|found| found.is_some_and(|found| found.is_file()))
    }

    #[test]
    fn only_a_regular_file_is_read() {
        let depot = tempfile::tempdir().unwrap();
        let at = |name: &str| depot.path().join(name);
        fs::write(at("file"), "12345").unwrap();
        symlink("circle", at("circle")).unwrap();
        assert_eq!(read_up_to(&at("file"), 5).unwrap().unwrap().0, b"12345");
        assert!(read_up_to(&at("file"), 4).is_err());
        for absent in ["circle", "file/x", "nothing", &"x".repeat(5000), "\0"] {
            assert!(read_up_to(&at(absent), 5).unwrap().is_none(), "{absent}");
            assert!(!is_file(&at(absent)), "{absent}");
        }
        assert!(is_file(&at("file")));
    }

    /// Paths of what is not a regular file, with the names of their types in messages.
    fn special_files(directory: &Path) -> Vec<(std::path::PathBuf, &'static str)> {
        let at = |name: &str| directory.join(name);
        fs::create_dir(at("directory")).unwrap();
        let directory = (at("directory"), "a directory");
        #[cfg(unix)]
        {
            // rustix has no function for it on macOS.
            let made = std::process::Command::new("mkfifo").arg(at("fifo")).status();
            assert!(made.is_ok_and(|status| status.success()));
            symlink("fifo", at("link")).unwrap();
            std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
            symlink("/dev/zero", at("device")).unwrap();
            vec![
                directory,
                (at("fifo"), "a FIFO"),
                (at("link"), "a FIFO"),
                (at("socket"), "a socket"),
                (at("device"), "a character device"),
            ]
        }
        #[cfg(windows)]
        vec![directory, ("NUL".into(), "a device")]
    }

    /// Would any of these wait, or read without end, this test would not end either.
    #[test]
    fn nothing_but_a_regular_file_is_read_written_or_replaced() {
        let depot = tempfile::tempdir().unwrap();
        type Effect = fn(&Path) -> Result<()>;
        let effects: [(&str, Effect); 10] = [
            ("read_up_to", |path| read_up_to(path, 5).map(drop)),
            ("read", |path| crate::read(path).map(drop)),
            ("read_from", |path| crate::read_from(path, 3).map(drop)),
            ("open", |path| crate::open(path).map(drop)),
            ("append", |path| crate::append(path, "text")),
            ("replace", |path| crate::replace(path, "text")),
            ("Snapshot::read", |path| crate::Snapshot::read(path).map(drop)),
            ("PartialFile::open", |path| crate::PartialFile::open(path).map(drop)),
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
            assert!(!is_file(&path));
        }
    }

    #[test]
    fn a_reader_gives_each_file_as_it_is() {
        let depot = tempfile::tempdir().unwrap();
        for length in [3, 100_000, 0, 7, 1] {
            let path = depot.path().join(length.to_string());
            let bytes: Vec<u8> = (0..length).map(|index| index as u8).collect();
            fs::write(&path, &bytes).unwrap();
            let (read, stamp) = read_up_to(&path, 1 << 20).unwrap().unwrap();
            assert_eq!((read, Some(stamp)), (bytes, FileStamp::of(&path)));
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_file_is_read_to_its_end_whatever_its_metadata_says() {
        // Its size is zero.
        let path = Path::new("/proc/self/status");
        let (bytes, _) = read_up_to(path, 1 << 20).unwrap().unwrap();
        assert!(bytes.starts_with(b"Name:") && bytes.ends_with(b"\n"));
        assert!(read_up_to(path, 10).is_err());
    }
}
