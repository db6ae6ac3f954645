//! The error of an effect: operation, path and cause.

use std::io;
use std::path::{Path, PathBuf};

use crate::io_error::{error_name, is_read_only, is_vanished};

/// The result of an effect.
pub type Result<T> = std::result::Result<T, Error>;

/// An effect that failed.
#[derive(Debug, thiserror::Error)]
#[error("can't {operation} `{}`: {}", .path.display(), describe(.source))]
pub struct Error {
    operation: &'static str,
    path: PathBuf,
    source: io::Error,
}

impl Error {
    /// For `map_err`: `operation` (a verb phrase, as in "create the directory") failed on `path`.
    pub fn on(operation: &'static str, path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self { operation, path: path.as_ref().to_owned(), source }
    }

    /// The operation that failed.
    pub fn operation(&self) -> &'static str {
        self.operation
    }

    /// The path it failed on.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The cause.
    pub fn io_error(&self) -> &io::Error {
        &self.source
    }

    /// Whether writing there is forbidden: another user owns the depot, or it is mounted read-only.
    pub fn is_read_only(&self) -> bool {
        is_read_only(&self.source)
    }

    /// The mount point, if a removal was refused because of one.
    pub fn mount_point(&self) -> Option<&Path> {
        let source = self.source.get_ref()?.downcast_ref::<MountPoint>()?;
        Some(&source.0)
    }

    /// Whether nothing was done because another process broke the lock.
    pub fn is_lock_lost(&self) -> bool {
        self.source.get_ref().is_some_and(|error| error.is::<LockLost>())
    }

    /// Whether the path is missing or vanished meanwhile: creating its directory again may help.
    pub fn is_missing(&self) -> bool {
        is_vanished(&self.source)
    }

    /// Whether there is a directory where a file was expected.
    pub fn is_directory(&self) -> bool {
        self.source.kind() == io::ErrorKind::IsADirectory
    }

    /// Whether the path exists already.
    pub fn is_occupied(&self) -> bool {
        self.source.kind() == io::ErrorKind::AlreadyExists
    }

    /// Whether a file has as many hard links as the file system allows (65,000 on ext4).
    pub fn is_link_limit(&self) -> bool {
        self.source.kind() == io::ErrorKind::TooManyLinks
    }
}

/// The lock of a file was broken by another process.
#[derive(Debug, thiserror::Error)]
#[error("another process has broken its lock, which was not refreshed for too long")]
pub(crate) struct LockLost;

/// A removal would have emptied the file system mounted here.
#[derive(Debug, thiserror::Error)]
#[error("`{}` is a mount point; unmount it first", .0.display())]
pub(crate) struct MountPoint(pub(crate) PathBuf);

/// The cause, with the name or number that manuals use: "read-only file system (EROFS)" rather than "Read-only file
/// system (os error 30)".
fn describe(error: &io::Error) -> String {
    let Some(code) = error.raw_os_error() else { return error.to_string() };
    let message = system_message(error);
    match error_name(code) {
        Some(name) => format!("{message} ({name})"),
        None => format!("{message} (os error {code})"),
    }
}

/// The system's message for the middle of a sentence: without its number, and without the full stop of Windows.
pub fn system_message(error: &io::Error) -> String {
    let text = error.to_string();
    let words = text.split(" (os error ").next().unwrap_or(&text).trim_end_matches('.');
    let mut characters = words.chars();
    match characters.next() {
        Some(first) => first.to_lowercase().chain(characters).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_reads_as_a_sentence() {
        // ERROR_ACCESS_DENIED on Windows
        let (code, text) = match cfg!(unix) {
            true => (30, "read-only file system (EROFS)"),
            false => (5, "access denied (os error 5)"),
        };
        let error = Error::on("create", "/depot/x")(io::Error::from_raw_os_error(code));
        assert_eq!(error.to_string(), format!("can't create `/depot/x`: {text}"));
        assert!(error.is_read_only());
        let error = Error::on("read", "/depot/x")(io::Error::other("odd"));
        assert_eq!(error.to_string(), "can't read `/depot/x`: odd");
        assert!(!error.is_read_only());
    }
}
