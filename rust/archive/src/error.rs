//! What can go wrong, with the path where it did.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use scratchrs_fs as fs;

/// Why a tree could not be hashed, packed or unpacked.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The file system refused an operation, in the tree or at a new tarball.
    Io(fs::Error),
    /// Something else lies where there should be a file, a directory or a symbolic link.
    UnsupportedFileType {
        /// Where it lies.
        path: PathBuf,
        /// What it is, in words: `a FIFO`, `a socket`.
        found: &'static str,
    },
    /// A file was written to while it was read, so that it has no one content.
    ChangedWhileReading {
        /// The file.
        path: PathBuf,
        /// Its size in bytes when it was opened.
        expected: u64,
    },
    /// An archive could not be read to its end: whoever supplies its bytes gave an error.
    ReadArchive(io::Error),
    /// An archive is malformed, or holds what no tree may hold.
    Archive(BadArchive),
    /// An archive holds more than there is room for.
    TooLarge {
        /// What the archive says that it holds, as far as it was read, in bytes.
        bytes: u64,
        /// What there is room for, in bytes.
        room: u64,
    },
    /// Nobody wants the result any more.
    Cancelled,
}

/// What is wrong with an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadArchive {
    /// The entry that it is wrong with, where it is one.
    entry: Option<Vec<u8>>,
    problem: String,
    hint: Option<&'static str>,
}

impl Error {
    /// The path where it went wrong, if it was on disk.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Io(error) => Some(error.path()),
            Self::UnsupportedFileType { path, .. } | Self::ChangedWhileReading { path, .. } => {
                Some(path)
            }
            Self::ReadArchive(_) | Self::Archive(_) | Self::TooLarge { .. } | Self::Cancelled => {
                None
            }
        }
    }

    /// What to do about it, where we know.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Archive(bad) => bad.hint,
            Self::UnsupportedFileType { .. } => {
                Some("remove it: an artifact holds files, directories and symbolic links")
            }
            Self::ChangedWhileReading { .. } => Some("try again when nobody writes to it"),
            Self::TooLarge { .. } => Some("free some space, or name a depot on another disk"),
            Self::Io(_) | Self::ReadArchive(_) | Self::Cancelled => None,
        }
    }
}

impl BadArchive {
    /// That the archive as a whole has a `problem`: a clause like "it is truncated".
    pub(crate) fn whole(problem: impl Into<String>) -> Self {
        Self { entry: None, problem: problem.into(), hint: None }
    }

    /// That the entry of this name has a `problem`: a clause like "its path is absolute".
    pub(crate) fn entry(name: &[u8], problem: impl Into<String>) -> Self {
        Self { entry: Some(name.to_owned()), problem: problem.into(), hint: None }
    }

    /// Adds what to do about it.
    pub(crate) fn with_hint(self, hint: &'static str) -> Self {
        Self { hint: Some(hint), ..self }
    }

    /// What is wrong, as a clause without the entry's name.
    pub fn problem(&self) -> &str {
        &self.problem
    }
}

impl From<BadArchive> for Error {
    fn from(bad: BadArchive) -> Self {
        Self::Archive(bad)
    }
}

impl From<fs::Error> for Error {
    fn from(error: fs::Error) -> Self {
        Self::Io(error)
    }
}

impl From<fs::Cancelled> for Error {
    fn from(_: fs::Cancelled) -> Self {
        Self::Cancelled
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::UnsupportedFileType { path, found } => write!(
                f,
                "expected a file, a directory or a symbolic link at `{}`, found {found}",
                path.display()
            ),
            Self::ChangedWhileReading { path, expected } => write!(
                f,
                "`{}` changed while it was read; its size at first, in bytes: {expected}",
                path.display()
            ),
            Self::ReadArchive(error) => write!(f, "can't read the archive: {error}"),
            Self::Archive(bad) => bad.fmt(f),
            Self::TooLarge { bytes, room } => write!(
                f,
                "the archive holds {bytes} bytes or more, and there is room for {room} bytes"
            ),
            Self::Cancelled => fs::Cancelled.fmt(f),
        }
    }
}

impl fmt::Display for BadArchive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.entry {
            Some(name) => {
                write!(f, "the archive can't be unpacked: `{}`: {}", shown(name), self.problem)
            }
            None => write!(f, "the archive can't be unpacked: {}", self.problem),
        }
    }
}

/// A name from an archive as a message shows it: on one line, without control characters, and not
/// longer than one can read.
pub(crate) fn shown(name: &[u8]) -> String {
    const LONGEST: usize = 120;
    let text = String::from_utf8_lossy(&name[..name.len().min(4 * LONGEST)]);
    let mut shown: String = text.chars().take(LONGEST).flat_map(escaped).collect();
    if text.chars().count() > LONGEST {
        shown.push('…');
    }
    shown
}

fn escaped(character: char) -> Box<dyn Iterator<Item = char>> {
    if character.is_control() {
        Box::new(character.escape_default())
    } else {
        Box::new(std::iter::once(character))
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error.io_error()),
            Self::ReadArchive(error) => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_says_what_was_attempted_and_where() {
        let error = Error::from(fs::Error::on("read", "some/where")(io::Error::other("no")));
        assert_eq!(error.to_string(), "can't read `some/where`: no");
        assert_eq!(error.path(), Some(Path::new("some/where")));
    }

    #[test]
    fn a_name_from_an_archive_can_play_no_tricks_with_a_message() {
        let bad = BadArchive::entry(b"a\x1b[2J\nb\xff", "its path is absolute");
        assert_eq!(
            bad.to_string(),
            "the archive can't be unpacked: `a\\u{1b}[2J\\nb\u{fffd}`: its path is absolute"
        );
        assert!(shown(&[b'x'; 100_000]).len() < 200);
    }

    #[test]
    fn an_error_may_cross_threads() {
        fn crosses_threads<T: Send + Sync + 'static>() {}
        crosses_threads::<Error>();
    }
}
