//! Errors of commands.

use std::path::Path;
use std::process::ExitCode;

use scratchrs_archive as archive;
use scratchrs_core::{self as core, FrontEnd};
use scratchrs_text::human::{count, size, visible};
use serde::Serialize;

/// The result of a command, or of a step of one.
pub(crate) type Result<T> = std::result::Result<T, Failure>;

/// The kinds of failures, with their names in JSON and exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Code {
    InvalidInput,
    NotFound,
    Io,
    Busy,
    /// The user did not answer yes.
    Declined,
    /// Content does not match its hash.
    Integrity,
    /// A file is invalid.
    Format,
    Download,
    /// The user interrupted the command.
    Interrupted,
    /// Existing data prevents it.
    Conflict,
    /// A bug of ours.
    Internal,
}

/// The exit code of a program that SIGINT ends.
pub(crate) const INTERRUPTED: u8 = 130;

impl Code {
    pub(crate) fn exit_code(self) -> ExitCode {
        match self {
            Self::Io
            | Self::Busy
            | Self::Declined
            | Self::Integrity
            | Self::Format
            | Self::Download
            | Self::Conflict
            | Self::Internal => ExitCode::from(1),
            Self::InvalidInput => ExitCode::from(2),
            Self::NotFound => ExitCode::from(3),
            Self::Interrupted => ExitCode::from(INTERRUPTED),
        }
    }
}

/// What is wrong, in one sentence; the path; what to do about it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Failure {
    pub(crate) code: Code,
    pub(crate) message: String,
    path: Option<String>,
    pub(crate) hint: Option<String>,
}

impl Failure {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), path: None, hint: None }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(Code::InvalidInput, message)
    }

    pub(crate) fn about(mut self, path: impl AsRef<Path>) -> Self {
        self.path = Some(path.as_ref().to_string_lossy().into_owned());
        self
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// An error of the argument parser, as one sentence and a hint.
    pub(crate) fn of_arguments(error: &clap::Error) -> Self {
        let text = error.render().to_string();
        let mut paragraphs = text.split("\n\n").map(in_one_line);
        let message = paragraphs.next().unwrap_or_default();
        let tip = paragraphs.find_map(|text| text.strip_prefix("tip: ").map(str::to_owned));
        Self::invalid(message.strip_prefix("error: ").unwrap_or(&message)).hint(
            tip.unwrap_or_else(|| "`scratchrs --help` lists the commands and options".to_owned()),
        )
    }

    /// An error of the tree or archive at `path`.
    pub(crate) fn of_archive(error: archive::Error, path: &str) -> Self {
        Self::from(core::Error::from(error)).about_by_default(path)
    }

    /// Sets the path, unless there is one.
    pub(crate) fn about_by_default(self, path: &str) -> Self {
        if self.path.is_none() { self.about(path) } else { self }
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        self.code.exit_code()
    }
}

fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl From<core::Error> for Failure {
    fn from(error: core::Error) -> Self {
        let code = match error.code() {
            core::ErrorCode::InvalidInput => Code::InvalidInput,
            core::ErrorCode::NotFound => Code::NotFound,
            core::ErrorCode::Io => Code::Io,
            core::ErrorCode::Busy => Code::Busy,
            core::ErrorCode::Internal => Code::Internal,
            core::ErrorCode::Integrity => Code::Integrity,
            core::ErrorCode::Format => Code::Format,
            core::ErrorCode::Cancelled => Code::Interrupted,
            core::ErrorCode::Download => Code::Download,
            core::ErrorCode::Conflict => Code::Conflict,
        };
        let message = match &error {
            core::Error::Cancelled => "Interrupted".to_owned(),
            core::Error::CollectionCancelled { items, bytes } => {
                let freed = format!("{} ({})", size(*bytes), count(*items, "item"));
                format!("Interrupted: freed {freed}; run again to continue")
            }
            // A name may contain control characters.
            core::Error::Undecided { .. } => visible(&error.to_string()),
            error => error.to_string(),
        };
        Self {
            code,
            message,
            path: error.path().map(|path| path.to_string_lossy().into_owned()),
            hint: error.hint(FrontEnd::Shell).map(str::to_owned),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interrupted_collection_says_what_it_freed() {
        let failure =
            Failure::from(core::Error::CollectionCancelled { items: 2048, bytes: 1 << 30 });
        let message = "Interrupted: freed 1.0 GiB (2048 items); run again to continue";
        assert_eq!((failure.code, &*failure.message), (Code::Interrupted, message));
    }
}
