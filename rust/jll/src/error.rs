//! The error type of this crate.

use scratchrs_archive as archive;
use scratchrs_fs as fs;

use crate::audit::Finding;
use crate::product::InvalidProduct;

/// A result with the error type of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why no package was made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An argument is invalid.
    #[error("{0}")]
    InvalidInput(String),
    /// Products are invalid together.
    #[error(transparent)]
    Product(#[from] InvalidProduct),
    /// An operation of the file system failed.
    #[error(transparent)]
    Io(#[from] fs::Error),
    /// A tree could not be hashed or packed.
    #[error(transparent)]
    Archive(#[from] archive::Error),
    /// The audit found errors.
    #[error("{} of the artifacts would not work elsewhere", .0.len())]
    Audit(Vec<Finding>),
    /// The package exists.
    #[error("`{0}` exists")]
    Exists(String),
    /// The work was cancelled.
    #[error(transparent)]
    Cancelled(#[from] fs::Cancelled),
}
