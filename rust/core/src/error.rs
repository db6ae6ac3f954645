//! The error type of this crate.

use std::io;
use std::path::{Path, PathBuf};

use scratchrs_archive as archive;
use scratchrs_fs as fs;
use scratchrs_model::diagnostic::Diagnostic;
use scratchrs_model::key::InvalidKey;
use scratchrs_model::quantity::InvalidQuantity;

use crate::front_end::FrontEnd;

/// A result with the error type of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why an operation failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An argument is invalid.
    #[error("{0}")]
    InvalidInput(String),
    /// An operation of the file system failed.
    #[error(transparent)]
    Io(#[from] fs::Error),
    /// A depot cannot be collected, because it cannot be written to.
    #[error(transparent)]
    ReadOnlyDepot(fs::Error),
    /// Another process holds a lock.
    #[error("{}", locked(.lock, .holder))]
    Busy {
        /// The lock file.
        lock: PathBuf,
        /// The process that holds it.
        holder: fs::Holder,
    },
    /// A requested item does not exist.
    #[error("{0}")]
    NotFound(String),
    /// Content does not match its hash.
    #[error(
        "{message}\n  from     {}\n  expected {expected}\n  got      {actual}",
        .path.display()
    )]
    Integrity {
        /// The content and the consequence, in one sentence.
        message: String,
        /// The path or URL of the content.
        path: PathBuf,
        /// The expected hash.
        expected: String,
        /// The actual hash.
        actual: String,
        /// The remedy, if it is known.
        hint: Option<String>,
    },
    /// A file is malformed.
    #[error("{}: {message}", at(.path, [.line, .column]))]
    Format {
        /// The file.
        path: PathBuf,
        /// The line, from 1, if it is known.
        line: Option<usize>,
        /// The column, from 1, if it is known.
        column: Option<usize>,
        /// The problem.
        message: String,
    },
    /// A binding depends on platform tags that are unknown for this machine.
    #[error(
        "the binding of `{name}` in `{}` depends on `{}`, which is unknown without Julia",
        .file.display(),
        .tags.join("`, `")
    )]
    Undecided {
        /// The file that binds the name.
        file: PathBuf,
        /// The name.
        name: String,
        /// The platform tags that the binding depends on.
        tags: Vec<String>,
    },
    /// The work was cancelled.
    #[error("{}", fs::Cancelled)]
    Cancelled,
    /// A collection was cancelled, after it had deleted some items.
    #[error("{}: {items} items were deleted, {bytes} bytes", fs::Cancelled)]
    CollectionCancelled {
        /// How many items were deleted.
        items: u64,
        /// How much of the disk that freed, in bytes.
        bytes: u64,
    },
    /// A download failed, from each source. The message has a line for each.
    #[error("{0}")]
    Download(String),
    /// A tree or an archive has invalid content, or changes while it is read.
    #[error("{0}")]
    Content(archive::Error),
    /// The request conflicts with the current state; for example, a name is bound already.
    #[error("{0}")]
    Conflict(String),
}

/// The kind of an error. Numbers are never reused for another kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum ErrorCode {
    /// [`Error::InvalidInput`], [`Error::Undecided`]
    InvalidInput = 1,
    /// [`Error::Io`], [`Error::ReadOnlyDepot`]
    Io = 2,
    /// [`Error::Busy`]
    Busy = 3,
    /// [`Error::NotFound`]
    NotFound = 4,
    /// A bug in ScratchRS.
    Internal = 5,
    /// [`Error::Integrity`]
    Integrity = 6,
    /// [`Error::Format`], [`Error::Content`]
    Format = 7,
    /// [`Error::Cancelled`], [`Error::CollectionCancelled`]
    Cancelled = 8,
    /// [`Error::Download`]
    Download = 9,
    /// [`Error::Conflict`]
    Conflict = 10,
}

impl Error {
    /// The error for a diagnostic of `file`.
    pub fn of_diagnostic(file: impl Into<PathBuf>, diagnostic: Diagnostic) -> Self {
        let Diagnostic { line, column, message } = diagnostic;
        Self::Format { path: file.into(), line, column, message }
    }

    /// The kind of the error.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::InvalidInput(_) | Self::Undecided { .. } => ErrorCode::InvalidInput,
            Self::Io(_) | Self::ReadOnlyDepot(_) => ErrorCode::Io,
            Self::Busy { .. } => ErrorCode::Busy,
            Self::NotFound(_) => ErrorCode::NotFound,
            Self::Integrity { .. } => ErrorCode::Integrity,
            Self::Format { .. } => ErrorCode::Format,
            Self::Cancelled | Self::CollectionCancelled { .. } => ErrorCode::Cancelled,
            Self::Download(_) => ErrorCode::Download,
            Self::Conflict(_) => ErrorCode::Conflict,
            Self::Content(archive::Error::TooLarge { .. }) => ErrorCode::Io,
            Self::Content(_) => ErrorCode::Format,
        }
    }

    /// The file or directory of the error, if it has one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Io(error) | Self::ReadOnlyDepot(error) => Some(error.path()),
            Self::Busy { lock, .. } => Some(lock),
            Self::Integrity { path, .. } | Self::Format { path, .. } => Some(path),
            Self::Undecided { file, .. } => Some(file),
            Self::Content(error) => error.path(),
            Self::InvalidInput(_)
            | Self::NotFound(_)
            | Self::Cancelled
            | Self::CollectionCancelled { .. }
            | Self::Download(_)
            | Self::Conflict(_) => None,
        }
    }

    /// The error number of the operating system, if it reported the error.
    pub fn os_error(&self) -> Option<i32> {
        match self {
            Self::Io(error) | Self::ReadOnlyDepot(error) => error.io_error().raw_os_error(),
            _ => None,
        }
    }

    /// The remedy, if it is known, as it is typed at a front end.
    pub fn hint(&self, front_end: FrontEnd) -> Option<&str> {
        use io::ErrorKind::{IsADirectory, NotADirectory, QuotaExceeded, StorageFull};
        match self {
            Self::Io(error) if error.is_read_only() => Some(front_end.spell(
                "put a writable depot first in JULIA_DEPOT_PATH, or pass one: `--depot /path`",
                "put a writable depot first in JULIA_DEPOT_PATH, or pass one: `depot = \"/path\"`",
            )),
            Self::ReadOnlyDepot(_) => {
                Some("collect as a user who may write to the depot, where it is not read-only")
            }
            Self::Io(error) if error.mount_point().is_some() => Some(
                "the mounted file system is not part of the depot, so nothing was deleted; unmount \
                 it and try again",
            ),
            Self::Io(error) => match error.io_error().kind() {
                NotADirectory => {
                    Some("move away the file that is in the way, or use another depot")
                }
                IsADirectory => Some("move the directory away; the path is that of a file"),
                StorageFull | QuotaExceeded => Some(front_end.spell(
                    "free disk space: `scratchrs status` shows what takes it, `scratchrs gc` deletes what is unreachable",
                    "free disk space: `ScratchRS.status()` shows what takes it, `ScratchRS.gc()` deletes what is \
                     unreachable",
                )),
                _ => None,
            },
            Self::Integrity { hint, .. } => hint.as_deref(),
            Self::Content(error) => error.hint(),
            Self::Undecided { .. } => Some(
                "pass the platform: `--platform TRIPLET`; in Julia, \
                 `Base.BinaryPlatforms.host_triplet()` returns it",
            ),
            Self::Busy { .. } => Some(
                "wait for that process, or end it; the lock of a dead process is broken \
                 automatically",
            ),
            _ => None,
        }
    }
}

/// The position of a problem in a file, as in `file.toml:3:7`.
fn at(path: &Path, places: [&Option<usize>; 2]) -> String {
    let places = places.into_iter().flatten().map(|place| format!(":{place}"));
    path.display().to_string() + &places.collect::<String>()
}

fn locked(lock: &Path, holder: &fs::Holder) -> String {
    match holder.pid {
        Some(pid) => {
            format!("`{}` is locked by process {pid} on `{}`", lock.display(), holder.host)
        }
        None => format!("`{}` is locked", lock.display()),
    }
}

impl From<fs::Cancelled> for Error {
    fn from(_: fs::Cancelled) -> Self {
        Self::Cancelled
    }
}

impl From<archive::Error> for Error {
    fn from(error: archive::Error) -> Self {
        match error {
            archive::Error::Io(error) => Self::Io(error),
            archive::Error::Cancelled => Self::Cancelled,
            error => Self::Content(error),
        }
    }
}

impl From<InvalidQuantity> for Error {
    fn from(error: InvalidQuantity) -> Self {
        Self::InvalidInput(error.to_string())
    }
}

impl From<InvalidKey> for Error {
    fn from(error: InvalidKey) -> Self {
        Self::InvalidInput(error.to_string())
    }
}
