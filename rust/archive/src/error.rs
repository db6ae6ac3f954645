//! What can go wrong, with the path where it did.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why a tree could not be hashed or packed.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The system refused an operation.
    Io {
        /// What was attempted.
        operation: Operation,
        /// On which file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
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
}

/// What was attempted when an [`Error::Io`] came up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operation {
    /// Asking for type, size or mode.
    Inspect,
    /// Listing a directory.
    List,
    /// Opening a file to read it.
    Open,
    /// Reading from an open file.
    Read,
    /// Reading the target of a symbolic link.
    ReadLink,
    /// Creating the temporary file beside a new one.
    Create,
    /// Writing a new file's contents.
    Write,
    /// Giving a new file its final name.
    Rename,
}

impl Error {
    /// The path where it went wrong.
    pub fn path(&self) -> &Path {
        match self {
            Self::Io { path, .. }
            | Self::UnsupportedFileType { path, .. }
            | Self::ChangedWhileReading { path, .. } => path,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { operation, path, .. } => {
                write!(f, "could not {operation} `{}`", path.display())
            }
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
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::UnsupportedFileType { .. } | Self::ChangedWhileReading { .. } => None,
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Inspect => "inspect",
            Self::List => "list the directory",
            Self::Open => "open",
            Self::Read => "read",
            Self::ReadLink => "read the symbolic link",
            Self::Create => "create a temporary file for",
            Self::Write => "write",
            Self::Rename => "rename the finished file to",
        })
    }
}

/// Adds to an `io::Error` what was attempted, and where.
pub(crate) trait Context<T> {
    /// Returns the value, or the error as [`Error::Io`].
    fn context(self, operation: Operation, path: &Path) -> Result<T, Error>;
}

impl<T> Context<T> for io::Result<T> {
    fn context(self, operation: Operation, path: &Path) -> Result<T, Error> {
        self.map_err(|source| Error::Io { operation, path: path.to_owned(), source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::error::Error as _;

    #[test]
    fn a_message_says_what_was_attempted_and_where_and_leaves_the_cause_to_the_source() {
        let missing: io::Result<()> = Err(io::ErrorKind::NotFound.into());
        let error = missing.context(Operation::List, Path::new("some/where")).unwrap_err();
        assert_eq!(error.to_string(), "could not list the directory `some/where`");
        assert_eq!(error.path(), Path::new("some/where"));
        assert_eq!(
            error.source().unwrap().to_string(),
            io::Error::from(io::ErrorKind::NotFound).to_string()
        );
    }

    #[test]
    fn an_error_may_cross_threads() {
        fn crosses_threads<T: Send + Sync + 'static>() {}
        crosses_threads::<Error>();
    }
}
