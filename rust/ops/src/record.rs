//! Errors as records.

use schemars::JsonSchema;
use scratchrs_core::{Error, ErrorCode, FrontEnd};
use serde::Serialize;

/// An error, taken apart for a language that has no Rust types.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ErrorRecord {
    /// Its kind, which crosses as the status.
    #[serde(skip)]
    pub code: ErrorCode,
    /// One sentence: the problem, and its place.
    pub message: String,
    /// The path that the error is about; empty for none.
    pub path: String,
    /// The system's error number, or zero.
    pub os_error: i32,
    /// What to do about the error; empty if it is unknown.
    pub hint: String,
}

impl ErrorRecord {
    /// The record of an error.
    pub fn of(error: &Error) -> Self {
        Self {
            code: error.code(),
            message: error.to_string(),
            path: error.path().map(|path| path.display().to_string()).unwrap_or_default(),
            os_error: error.os_error().unwrap_or(0),
            hint: error.hint(FrontEnd::Julia).unwrap_or_default().to_owned(),
        }
    }

    /// The record of a panic.
    pub fn of_panic(message: &str) -> Self {
        Self {
            code: ErrorCode::Internal,
            message: message.to_owned(),
            path: String::new(),
            os_error: 0,
            hint: "this is a bug in ScratchRS: please report it with the message above".to_owned(),
        }
    }
}
