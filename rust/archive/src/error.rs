//! The errors of this crate.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use scratchrs_fs as fs;

/// Why a tree could not be hashed, packed or unpacked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file system refused an operation, in the tree or on a new tarball.
    #[error(transparent)]
    Io(#[from] fs::Error),
    /// The path is not a file, a directory or a symbolic link.
    #[error("expected a file, a directory or a symbolic link at `{}`, found {found}", path.display())]
    UnsupportedFileType {
        /// The path.
        path: PathBuf,
        /// Its type, in words: `a FIFO`, `a socket`.
        found: &'static str,
    },
    /// A file was changed while it was read.
    #[error("`{}` changed while it was read; its size at first, in bytes: {expected}", path.display())]
    ChangedWhileReading {
        /// The file.
        path: PathBuf,
        /// Its size in bytes when it was opened.
        expected: u64,
    },
    /// The bytes of an archive could not be read.
    #[error("can't read the archive: {0}")]
    ReadArchive(#[source] io::Error),
    /// An archive is malformed, or contains an entry that is refused.
    #[error(transparent)]
    Archive(#[from] InvalidArchive),
    /// The contents of an archive exceed the available space.
    #[error("the archive holds {bytes} bytes or more, and there is room for {available} bytes")]
    TooLarge {
        /// The size of the contents read so far, according to the headers, in bytes.
        bytes: u64,
        /// The available space in bytes.
        available: u64,
    },
    /// The work was cancelled.
    #[error("{}", fs::Cancelled)]
    Cancelled,
}

/// Why an archive is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidArchive {
    /// The name of the entry with the problem; `None` for a problem of the archive as a whole.
    entry: Option<Vec<u8>>,
    problem: String,
    hint: Option<&'static str>,
}

impl Error {
    /// The path on disk, if the error has one.
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

    /// A remedy, if one is known.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Archive(bad) => bad.hint,
            Self::UnsupportedFileType { .. } => {
                Some("remove it: an artifact holds files, directories and symbolic links")
            }
            Self::ChangedWhileReading { .. } => Some("try again when no program writes to it"),
            Self::TooLarge { .. } => Some("free some space, or name a depot on another disk"),
            Self::Io(_) | Self::ReadArchive(_) | Self::Cancelled => None,
        }
    }
}

impl InvalidArchive {
    /// A problem of the archive as a whole, as a clause: "it is truncated".
    pub(crate) fn whole(problem: impl Into<String>) -> Self {
        Self { entry: None, problem: problem.into(), hint: None }
    }

    /// A problem of the entry `name`, as a clause: "its path is absolute".
    pub(crate) fn entry(name: &[u8], problem: impl Into<String>) -> Self {
        Self { entry: Some(name.to_owned()), problem: problem.into(), hint: None }
    }

    /// Adds a remedy.
    pub(crate) fn with_hint(self, hint: &'static str) -> Self {
        Self { hint: Some(hint), ..self }
    }

    /// The problem as a clause, without the name of the entry.
    pub fn problem(&self) -> &str {
        &self.problem
    }
}

impl From<fs::Cancelled> for Error {
    fn from(_: fs::Cancelled) -> Self {
        Self::Cancelled
    }
}

impl fmt::Display for InvalidArchive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.entry {
            Some(name) => {
                write!(f, "the archive can't be unpacked: `{}`: {}", shown(name), self.problem)
            }
            None => write!(f, "the archive can't be unpacked: {}", self.problem),
        }
    }
}

/// A name from an archive for a message: on one line, without control characters, and shortened.
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

impl std::error::Error for InvalidArchive {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_operation_and_path() {
        let error = Error::from(fs::Error::on("read", "some/where")(io::Error::other("no")));
        assert_eq!(error.to_string(), "can't read `some/where`: no");
        assert_eq!(error.path(), Some(Path::new("some/where")));
    }

    #[test]
    fn names_from_archives_are_escaped_in_messages() {
        let bad = InvalidArchive::entry(b"a\x1b[2J\nb\xff", "its path is absolute");
        assert_eq!(
            bad.to_string(),
            "the archive can't be unpacked: `a\\u{1b}[2J\\nb\u{fffd}`: its path is absolute"
        );
        assert!(shown(&[b'x'; 100_000]).len() < 200);
    }

    #[test]
    fn an_error_is_send_and_sync() {
        fn assert_send_and_sync<T: Send + Sync + 'static>() {}
        assert_send_and_sync::<Error>();
    }
}
