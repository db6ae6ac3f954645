//! What went wrong, at what, on which path.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// The result of an effect.
pub type Result<T> = std::result::Result<T, Error>;

/// An effect that failed.
#[derive(Debug)]
pub struct Error {
    operation: &'static str,
    path: PathBuf,
    source: io::Error,
}

impl Error {
    /// For `map_err`: that `operation` (a verb phrase, as in "create the directory") failed on
    /// `path`.
    pub fn on(operation: &'static str, path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self { operation, path: path.as_ref().to_owned(), source }
    }

    /// What was attempted.
    pub fn operation(&self) -> &'static str {
        self.operation
    }

    /// On which path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the system answered.
    pub fn io_error(&self) -> &io::Error {
        &self.source
    }

    /// Whether the system says that nobody may write there: the depot is somebody else's, or
    /// mounted read-only.
    pub fn is_read_only(&self) -> bool {
        is_read_only(&self.source)
    }

    /// Where something is mounted, if that is why a removal was refused.
    pub fn mount_point(&self) -> Option<&Path> {
        let source = self.source.get_ref()?.downcast_ref::<crate::mounts::MountPoint>()?;
        Some(&source.0)
    }

    /// Whether nothing was done since the lock that it needs was lost to another process.
    pub fn is_lock_lost(&self) -> bool {
        self.source.get_ref().is_some_and(|error| error.is::<LockLost>())
    }

    /// Whether what the path leads to is missing, or vanished meanwhile: to make it, or the directory
    /// that it is in, once more may help.
    pub fn is_missing(&self) -> bool {
        has_vanished(&self.source)
    }

    /// Whether a directory is where a file was expected.
    pub fn is_directory(&self) -> bool {
        self.source.kind() == io::ErrorKind::IsADirectory
    }

    /// Whether something is there already, where something new was to be made.
    pub fn is_occupied(&self) -> bool {
        self.source.kind() == io::ErrorKind::AlreadyExists
    }
}

/// The lock of a file was broken by another process.
#[derive(Debug)]
pub(crate) struct LockLost;

impl fmt::Display for LockLost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("another process has broken its lock, which was not refreshed for too long")
    }
}

impl std::error::Error for LockLost {}

/// Whether an error means that a file is missing, or vanished while it was used: NFS then answers
/// `ESTALE`.
pub(crate) fn has_vanished(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::StaleNetworkFileHandle)
}

/// Whether an error means that nobody may write there.
pub fn is_read_only(error: &io::Error) -> bool {
    use io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
    matches!(error.kind(), PermissionDenied | ReadOnlyFilesystem)
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operation, path, source } = self;
        write!(f, "can't {operation} `{}`: {}", path.display(), describe(source))
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// The system's words, in the middle of a sentence, with the name that manuals use: "read-only
/// file system (EROFS)" rather than "Read-only file system (os error 30)".
fn describe(error: &io::Error) -> String {
    let text = error.to_string();
    let Some(code) = error.raw_os_error() else {
        return text;
    };
    let words = text.split(" (os error ").next().unwrap_or(&text);
    let mut characters = words.chars();
    let words: String = match characters.next() {
        Some(first) => first.to_lowercase().chain(characters).collect(),
        None => String::new(),
    };
    match crate::platform::error_name(code) {
        Some(name) => format!("{words} ({name})"),
        None => format!("{words} (os error {code})"),
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    #[test]
    fn an_error_reads_as_a_sentence() {
        let error = Error::on("create", "/depot/x")(io::Error::from_raw_os_error(30));
        assert_eq!(error.to_string(), "can't create `/depot/x`: read-only file system (EROFS)");
        assert!(error.is_read_only());
        let error = Error::on("read", "/depot/x")(io::Error::other("odd"));
        assert_eq!(error.to_string(), "can't read `/depot/x`: odd");
        assert!(!error.is_read_only());
    }
}
