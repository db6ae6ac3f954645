//! Failures on single paths, as reports have them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A path on which an operation failed, or that it left alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// The file or directory.
    pub path: String,
    /// The reason.
    pub message: String,
}

impl Failure {
    pub(crate) fn of(path: impl Into<String>, reason: impl ToString) -> Self {
        Self { path: path.into(), message: reason.to_string() }
    }
}
