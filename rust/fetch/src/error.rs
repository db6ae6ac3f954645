//! Why a download failed.

use std::fmt;
use std::time::Duration;

use scratchrs_fs as fs;
use scratchrs_model::hash::Sha256;

/// The result of a download.
pub type Result<T> = std::result::Result<T, Error>;

/// An error of a download.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The download was cancelled.
    #[error("{}", fs::Cancelled)]
    Cancelled,
    /// The local file system refused an operation.
    #[error(transparent)]
    Disk(#[from] fs::Error),
    /// The content has another hash than expected.
    #[error(
        "the download from {url} has the wrong hash\n  expected sha256 {expected}\n  got      \
         sha256 {actual}"
    )]
    Mismatch {
        /// The URL, without secrets.
        url: String,
        /// The expected hash.
        expected: Sha256,
        /// The hash of the content.
        actual: Sha256,
    },
    /// The content could not be downloaded.
    #[error(transparent)]
    Failed(Box<Failure>),
}

/// A download that failed, after all its retries.
#[derive(Debug, thiserror::Error)]
pub struct Failure {
    /// The requested URL, without secrets.
    pub url: String,
    /// The URL of the last redirection, if there was one, without secrets.
    pub redirected_to: Option<String>,
    /// Why the last attempt failed.
    pub reason: Reason,
    /// The number of attempts.
    pub attempts: usize,
    /// Possible causes, such as a token that was not sent.
    pub notes: Vec<String>,
}

/// Why one attempt failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The text is not a URL.
    #[error("invalid URL")]
    InvalidUrl,
    /// The scheme is not supported.
    #[error("`{0}:` is not supported; `https:`, `http:` and `file:` are")]
    Scheme(String),
    /// A `file` URL names another machine.
    #[error("a `file:` URL can't name another machine")]
    RemoteFile,
    /// A `file` URL names no drive, on a system where every path has one.
    #[error("a `file:` URL needs a drive here, as in `file:///C:/folder/file`")]
    NoDrive,
    /// The local file that a `file` URL names cannot be read.
    #[error("{0}")]
    File(String),
    /// The name of the host cannot be resolved.
    #[error("host `{host}` not found: {message}")]
    HostNotFound {
        /// The host.
        host: String,
        /// The message of the system.
        message: String,
        /// Whether the system says that the failure is temporary.
        is_temporary: bool,
    },
    /// The host, or its proxy, cannot be reached.
    #[error("can't connect: {0}")]
    ConnectionFailed(String),
    /// No trusted certificate vouches for the host.
    #[error("the server is not trusted: {0}")]
    Untrusted(String),
    /// The trusted certificates cannot be read.
    #[error("{0}")]
    Certificates(String),
    /// The proxy, or its setting, is at fault.
    #[error("proxy error: {0}")]
    Proxy(String),
    /// The transfer was too slow for this long.
    #[error("less than one byte per second was received for {} s", .0.as_secs_f32())]
    Stalled(Duration),
    /// The connection broke.
    #[error("the connection broke: {0}")]
    ConnectionBroken(String),
    /// The response is not HTTP.
    #[error("invalid HTTP response: {0}")]
    Protocol(String),
    /// The server answered with an error.
    #[error("the server answers {code}{}{}", status_text(*code), retry_text(*retry_after))]
    Status {
        /// The status code.
        code: u16,
        /// How long the server asks to wait.
        retry_after: Option<Duration>,
    },
    /// A redirection without a valid target.
    #[error("invalid redirection: {0}")]
    Redirect(String),
    /// There were more redirections than are followed.
    #[error("too many redirections")]
    TooManyRedirects,
    /// The content is shorter than announced.
    #[error("only {got} of {expected} bytes were received")]
    Truncated {
        /// The number of bytes received.
        got: u64,
        /// The announced number of bytes.
        expected: u64,
    },
    /// The content is longer than allowed.
    #[error("it has more than {limit} bytes{set_by}")]
    TooLarge {
        /// The allowed number of bytes.
        limit: u64,
        /// Where the limit comes from.
        set_by: LimitSource,
    },
    /// The content does not fit on the disk, of which a reserve is left free.
    #[error("{}", no_space_text(*needed, *available))]
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
    /// The expected [`size`](crate::Request::size).
    ExpectedSize,
    /// The length that the server announced.
    Announcement,
}

impl fmt::Display for LimitSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Caller => "",
            Self::ExpectedSize => {
                ", the expected `size`; if the file is right, correct that `size`"
            }
            Self::Announcement => ", the length that the server announced",
        })
    }
}

impl From<fs::Cancelled> for Error {
    fn from(_: fs::Cancelled) -> Self {
        Self::Cancelled
    }
}

impl Reason {
    /// Whether another attempt may succeed.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::HostNotFound { is_temporary, .. } => *is_temporary,
            Self::ConnectionFailed(_)
            | Self::Stalled(_)
            | Self::ConnectionBroken(_)
            | Self::Truncated { .. } => true,
            Self::Status { code, .. } => {
                matches!(code, 408 | 425 | 429 | 500 | 502..=504 | 520..=599)
            }
            _ => false,
        }
    }
}

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

fn status_text(code: u16) -> String {
    let status = ureq::http::StatusCode::from_u16(code).ok();
    status
        .and_then(|status| status.canonical_reason())
        .map_or(String::new(), |text| format!(" ({text})"))
}

fn retry_text(retry_after: Option<Duration>) -> String {
    retry_after.map_or(String::new(), |after| format!(", and asks to wait {} s", after.as_secs()))
}

fn no_space_text(needed: Option<u64>, available: u64) -> String {
    match needed {
        Some(needed) => format!(
            "{needed} more bytes are needed, and the disk has room for {available}; free some space"
        ),
        None => format!(
            "the disk has room for {available} more bytes, and the server does not announce the \
             length; free some space"
        ),
    }
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
    fn only_transient_failures_are_retried() {
        let status = |code| Reason::Status { code, retry_after: None };
        for code in [408, 429, 500, 502, 503, 504] {
            assert!(status(code).is_transient(), "{code}");
        }
        for code in [200, 304, 400, 401, 403, 404, 410, 416, 501] {
            assert!(!status(code).is_transient(), "{code}");
        }
        assert!(Reason::Truncated { got: 1, expected: 2 }.is_transient());
        assert!(!Reason::Untrusted(String::new()).is_transient());
    }

    #[test]
    fn an_error_is_send_and_sync() {
        fn assert_send_and_sync<T: Send + Sync + 'static>() {}
        assert_send_and_sync::<Error>();
    }
}
