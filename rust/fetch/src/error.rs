//! Why a download failed.

use std::fmt;
use std::time::Duration;

use scratchrs_fs as fs;
use scratchrs_model::hash::Sha256;

/// The result of a download.
pub type Result<T> = std::result::Result<T, Error>;

/// Why there is no file.
#[derive(Debug)]
pub enum Error {
    /// Nobody wants it any more.
    Cancelled,
    /// The local file system refused.
    Disk(fs::Error),
    /// What came is not what was expected.
    Mismatch {
        /// From where it came, as it may be shown.
        url: String,
        /// The hash that it should have.
        expected: Sha256,
        /// The hash that it has.
        actual: Sha256,
    },
    /// It did not come.
    Failed(Box<Failure>),
}

/// A download that did not succeed, however often it was tried.
#[derive(Debug)]
pub struct Failure {
    /// What was asked for, as it may be shown.
    pub url: String,
    /// The URL that a redirection led to, if one did, as it may be shown.
    pub redirected_to: Option<String>,
    /// What went wrong the last time.
    pub reason: Reason,
    /// How often it was tried.
    pub attempts: usize,
    /// What else is worth knowing, as that a token was not sent.
    pub notes: Vec<String>,
}

/// What went wrong in one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The text is no URL.
    NoUrl,
    /// The scheme is none that can be downloaded from.
    Scheme(String),
    /// A `file` URL names another machine.
    RemoteFile,
    /// The local file that a `file` URL names cannot be read.
    File(String),
    /// There is no such host, as far as is known.
    NoHost {
        /// The host.
        host: String,
        /// What the system says.
        message: String,
        /// Whether it may be found later.
        may_pass: bool,
    },
    /// The host, or its proxy, cannot be reached.
    NoConnection(String),
    /// The connection is not trusted: no certificate says that the host is the one that is meant.
    Untrusted(String),
    /// The certificates to trust in cannot be read.
    Certificates(String),
    /// The proxy, or its setting, is at fault.
    Proxy(String),
    /// Nothing, or next to nothing, came for this long.
    Stalled(Duration),
    /// The connection broke.
    Broken(String),
    /// What came is no HTTP.
    Protocol(String),
    /// The server says no.
    Status {
        /// The number of its answer.
        code: u16,
        /// For how long it asks to wait.
        retry_after: Option<Duration>,
    },
    /// A redirection leads nowhere, or to what cannot be downloaded from.
    Redirect(String),
    /// There were more redirections than anybody needs.
    TooManyRedirects,
    /// Less came than was announced.
    Truncated {
        /// How many bytes there are.
        got: u64,
        /// How many there should be.
        expected: u64,
    },
    /// The content is longer than it may be.
    TooLarge {
        /// How many bytes are allowed.
        limit: u64,
        /// Where the limit comes from.
        set_by: LimitSource,
    },
    /// The content does not fit on the disk, of which a reserve is left free.
    NoSpace {
        /// How many more bytes are needed, if the server announced the length.
        needed: Option<u64>,
        /// How many bytes may be written.
        available: u64,
    },
}

/// Where the limit for the length of a content comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitSource {
    /// The caller's [`limit`](crate::Request::limit).
    Caller,
    /// The [`size`](crate::Request::size) that the content is expected to have.
    ExpectedSize,
    /// What the server announced.
    Announcement,
}

impl Reason {
    /// Whether it may go well when it is tried again.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::NoHost { may_pass, .. } => *may_pass,
            Self::NoConnection(_) | Self::Stalled(_) | Self::Broken(_) | Self::Truncated { .. } => {
                true
            }
            Self::Status { code, .. } => {
                matches!(code, 408 | 425 | 429 | 500 | 502..=504 | 520..=599)
            }
            _ => false,
        }
    }
}

impl From<fs::Error> for Error {
    fn from(error: fs::Error) -> Self {
        Self::Disk(error)
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
            Self::Cancelled => fs::Cancelled.fmt(f),
            Self::Disk(error) => error.fmt(f),
            Self::Mismatch { url, expected, actual } => write!(
                f,
                "what came from {url} is not what was expected\n  expected sha256 {expected}\n  got      sha256 {actual}"
            ),
            Self::Failed(failure) => failure.fmt(f),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Disk(error) => error.source(),
            _ => None,
        }
    }
}

impl std::error::Error for Reason {}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "can't download {}: {}", self.url, self.reason)?;
        if let Some(url) = &self.redirected_to {
            write!(f, " (redirected to {url})")?;
        }
        if self.attempts > 1 {
            write!(f, " (tried {} times)", self.attempts)?;
        }
        self.notes.iter().try_for_each(|note| write!(f, "; {note}"))
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoUrl => f.write_str("that is no URL"),
            Self::Scheme(scheme) => {
                write!(f, "`{scheme}:` is not supported; `https:`, `http:` and `file:` are")
            }
            Self::RemoteFile => f.write_str("a `file:` URL can't name another machine"),
            Self::File(message) | Self::Certificates(message) => f.write_str(message),
            Self::NoHost { host, message, .. } => write!(f, "there is no host `{host}`: {message}"),
            Self::NoConnection(message) => write!(f, "no connection: {message}"),
            Self::Untrusted(message) => write!(f, "the server is not trusted: {message}"),
            Self::Proxy(message) => write!(f, "the proxy fails: {message}"),
            Self::Stalled(period) => {
                write!(f, "less than a byte per second came for {} s", period.as_secs_f32())
            }
            Self::Broken(message) => write!(f, "the connection broke: {message}"),
            Self::Protocol(message) => write!(f, "the server speaks no HTTP: {message}"),
            Self::Status { code, retry_after } => {
                write!(f, "the server answers {code}")?;
                if let Some(words) = status_words(*code) {
                    write!(f, " ({words})")?;
                }
                match retry_after {
                    Some(after) => write!(f, ", and asks to wait {} s", after.as_secs()),
                    None => Ok(()),
                }
            }
            Self::Redirect(message) => write!(f, "the redirection leads nowhere: {message}"),
            Self::TooManyRedirects => f.write_str("too many redirections"),
            Self::Truncated { got, expected } => {
                write!(f, "only {got} of {expected} bytes came")
            }
            Self::TooLarge { limit, set_by } => {
                write!(f, "it has more than {limit} bytes")?;
                f.write_str(match set_by {
                    LimitSource::Caller => "",
                    LimitSource::ExpectedSize => {
                        ", the `size` that is expected; if the file is right, correct that `size`"
                    }
                    LimitSource::Announcement => ", which the server announced",
                })
            }
            Self::NoSpace { needed: Some(needed), available } => write!(
                f,
                "{needed} more bytes are needed, and the disk has room for {available}; free some space"
            ),
            Self::NoSpace { needed: None, available } => write!(
                f,
                "the disk has room for {available} more bytes, and the server does not say how many are to \
                 come; free some space"
            ),
        }
    }
}

fn status_words(code: u16) -> Option<&'static str> {
    ureq::http::StatusCode::from_u16(code).ok()?.canonical_reason()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(reason: Reason, attempts: usize) -> Failure {
        let url = "https://example.org/x".to_owned();
        Failure { url, redirected_to: None, reason, attempts, notes: Vec::new() }
    }

    #[test]
    fn a_failure_reads_as_a_sentence() {
        let mut failed = failure(Reason::Status { code: 503, retry_after: None }, 3);
        assert_eq!(
            failed.to_string(),
            "can't download https://example.org/x: the server answers 503 (Service Unavailable) (tried 3 times)"
        );
        failed.redirected_to = Some("https://other/y".to_owned());
        failed.attempts = 1;
        failed.notes.push("no token was sent".to_owned());
        assert_eq!(
            failed.to_string(),
            "can't download https://example.org/x: the server answers 503 (Service Unavailable) \
             (redirected to https://other/y); no token was sent"
        );
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        let status = |code| Reason::Status { code, retry_after: None };
        for code in [408, 429, 500, 502, 503, 504] {
            assert!(status(code).may_pass(), "{code}");
        }
        for code in [200, 304, 400, 401, 403, 404, 410, 416, 501] {
            assert!(!status(code).may_pass(), "{code}");
        }
        assert!(Reason::Truncated { got: 1, expected: 2 }.may_pass());
        assert!(!Reason::Untrusted(String::new()).may_pass());
    }

    #[test]
    fn an_error_may_cross_threads() {
        fn crosses_threads<T: Send + Sync + 'static>() {}
        crosses_threads::<Error>();
    }
}
