//! A download into a file: hashed while it is received, resumed, and retried.

use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use scratchrs_fs::{self as fs, PartialFile, Progress};
use scratchrs_model::hash::Sha256;
use sha2::Digest;
use ureq::http::HeaderMap;

use crate::auth;
use crate::client::{Client, FailedRequest, FinalResponse, retry_after};
use crate::connect::POLL_INTERVAL;
use crate::error::{Error, Failure, LimitSource, Reason, Result};
use crate::progress::DownloadProgress;
use crate::resume::{ResumeRecord, Validator, range_start, total_length, unsatisfied_total};
use crate::server::Header;
use crate::transport::content_received;
use crate::url::{Url, masked};

/// How much is read, hashed and written at a time.
const BUFFER_SIZE: usize = 64 * 1024;

/// How many bytes are written between checks of the free space, if the length is unknown.
const SPACE_CHECK_INTERVAL: u64 = 16 * 1024 * 1024;

/// The highest number of attempts, even if each makes progress.
const MAX_ATTEMPTS: usize = 100;

/// A request for a download.
#[derive(Clone, Copy, Debug, Default)]
pub struct Request<'a> {
    /// An `https`, `http` or `file` URL.
    pub url: &'a str,
    /// The expected hash of the content, if it is known.
    pub sha256: Option<Sha256>,
    /// The expected number of bytes, if it is known, such as the `size` of a binding. A longer
    /// content is an error as soon as it is announced or received; a shorter one only if its hash
    /// differs.
    pub size: Option<u64>,
    /// The largest number of bytes allowed.
    pub limit: Option<u64>,
}

/// A downloaded file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Downloaded {
    /// The hash of the content.
    pub sha256: Sha256,
    /// Its number of bytes.
    pub size: u64,
}

impl Client {
    /// Downloads into the file at `to`.
    ///
    /// Resumes a partial file of an earlier process, if that recorded the same URL and the server
    /// still has the same content. Bytes are reported to the client's progress: as expected when
    /// the server announces their number, as done when they are in the file.
    ///
    /// The content is never longer than the request allows or the server announced, and a reserve
    /// of free space is left on the disk ([`fs::free_space_less_reserve`]).
    ///
    /// # Crash
    ///
    /// The file holds a part of the content, and `<to>.resume` what the next download needs to
    /// resume.
    ///
    /// # Locking
    ///
    /// The caller ensures that there is only one download into a file at a time.
    ///
    /// # Errors
    ///
    /// The content cannot be downloaded, has another hash, is too long, or does not fit on the
    /// disk; the transfer is too slow, breaks or is cancelled. A part of the content stays in the
    /// file if a later download can resume it; otherwise the file is removed.
    pub fn download(&self, request: &Request<'_>, to: &Path) -> Result<Downloaded> {
        self.http.progress.check()?;
        let url = Url::parse(request.url).map_err(|reason| failed(request.url, reason))?;
        let mut transfer = Transfer::new(self, request, &url, to)?;
        let result = if url.scheme() == "file" { transfer.copy() } else { transfer.run() };
        if result.is_err() && !transfer.is_resumable() {
            transfer.discard();
        }
        result
    }
}

fn failed(url: &str, reason: Reason) -> Error {
    let url = masked(url);
    Error::Failed(Box::new(Failure {
        url,
        redirected_to: None,
        reason,
        attempts: 1,
        notes: vec![],
    }))
}

/// A download in progress.
struct Transfer<'a> {
    client: &'a Client,
    request: &'a Request<'a>,
    url: &'a Url,
    path: PathBuf,
    partial: PartialFile,
    record: ResumeRecord,
    /// Has hashed the content of the partial file.
    hasher: sha2::Sha256,
    /// Identifies the content that the partial file is a part of.
    validator: Option<Validator>,
    /// Whether the file was assembled from several responses.
    is_resumed: bool,
    /// Whether such a file had the wrong hash before.
    has_restarted: bool,
    progress: DownloadProgress<'a>,
}

/// How an attempt ended without an error.
enum Attempt {
    /// The content is complete.
    Complete,
    /// The partial file was unusable and is empty now.
    Restarted,
}

/// How an attempt failed.
enum AttemptError {
    /// The download fails.
    Fatal(Error),
    /// Another attempt may succeed, depending on the reason.
    Failed(FailedRequest),
}

impl From<fs::Error> for AttemptError {
    fn from(error: fs::Error) -> Self {
        Self::Fatal(error.into())
    }
}

impl From<Reason> for AttemptError {
    fn from(reason: Reason) -> Self {
        Self::Failed(FailedRequest { reason, redirected_to: None })
    }
}

impl From<fs::Cancelled> for AttemptError {
    fn from(cancelled: fs::Cancelled) -> Self {
        Self::Fatal(cancelled.into())
    }
}

impl<'a> Transfer<'a> {
    fn new(client: &'a Client, request: &'a Request<'a>, url: &'a Url, to: &Path) -> Result<Self> {
        let mut transfer = Self {
            client,
            request,
            url,
            path: to.to_owned(),
            partial: PartialFile::open(to)?,
            record: ResumeRecord::new(to, url),
            hasher: sha2::Sha256::new(),
            validator: None,
            is_resumed: false,
            has_restarted: false,
            progress: DownloadProgress::new(&client.http.progress),
        };
        transfer.progress.set_total(request.size.unwrap_or(0));
        transfer.reuse_partial()?;
        Ok(transfer)
    }

    /// Hashes the partial file of an earlier download, or empties it if it can't be resumed.
    fn reuse_partial(&mut self) -> Result<()> {
        let validator = self.record.read().filter(|_| self.url.scheme() != "file");
        let is_too_long = self.check_length(self.partial.length(), None).is_err();
        if validator.is_none() || self.partial.length() == 0 || is_too_long {
            return self.restart();
        }
        let (hasher, progress) = (&mut self.hasher, &self.client.http.progress);
        let end = self.partial.read(|piece| {
            hasher.update(piece);
            match progress.check() {
                Ok(()) => ControlFlow::Continue(()),
                Err(cancelled) => ControlFlow::Break(cancelled),
            }
        })?;
        if let ControlFlow::Break(cancelled) = end {
            return Err(cancelled.into());
        }
        self.validator = validator;
        self.progress.advance(self.partial.length());
        Ok(())
    }

    /// Empties the file.
    fn restart(&mut self) -> Result<()> {
        self.record.remove()?;
        self.partial.clear()?;
        self.hasher.reset();
        self.validator = None;
        self.is_resumed = false;
        self.progress.restart();
        Ok(())
    }

    /// Whether a later download can resume the file.
    fn is_resumable(&self) -> bool {
        self.validator.is_some() && self.partial.length() > 0
    }

    /// Downloads, with retries.
    fn run(&mut self) -> Result<Downloaded> {
        let retries = &self.client.http.settings.timeouts.retries;
        let mut pauses = retries.iter();
        let mut attempts = 0;
        loop {
            attempts += 1;
            let before = self.partial.length();
            let failed = match self.attempt() {
                Ok(Attempt::Restarted) => continue,
                Ok(Attempt::Complete) => match self.finish()? {
                    Some(downloaded) => return Ok(downloaded),
                    None => continue,
                },
                Err(AttemptError::Fatal(error)) => return Err(error),
                Err(AttemptError::Failed(failed)) => failed,
            };
            // A cancellation shows as some other failure of the transfer.
            self.client.http.progress.check()?;
            let has_progressed = self.partial.length() > before;
            if has_progressed {
                pauses = retries.iter();
            }
            let pause = pauses.next().filter(|_| attempts < MAX_ATTEMPTS);
            match pause.and_then(|pause| self.pause_before_retry(&failed.reason, *pause)) {
                Some(pause) => wait(&self.client.http.progress, pause)?,
                None => return Err(self.give_up(failed, attempts)),
            }
        }
    }

    /// How long to wait before the next attempt; `None` if there is none.
    fn pause_before_retry(&self, reason: &Reason, pause: Duration) -> Option<Duration> {
        if !reason.is_transient() {
            return None;
        }
        match reason {
            Reason::Status { retry_after: Some(asked), .. } => {
                let max_wait = self.client.http.settings.timeouts.max_wait;
                (*asked <= max_wait).then_some(*asked)
            }
            _ => Some(pause),
        }
    }

    fn give_up(&mut self, failed: FailedRequest, attempts: usize) -> Error {
        let FailedRequest { reason, redirected_to } = failed;
        let mut notes = self.client.notes();
        if matches!(reason, Reason::Status { code: 401 | 403, .. }) {
            notes.extend(auth::missing_token(&self.client.http, self.url));
        }
        self.progress.withdraw();
        Error::Failed(Box::new(Failure {
            url: self.url.to_string(),
            redirected_to: redirected_to.map(|url| url.to_string()),
            reason,
            attempts,
            notes,
        }))
    }

    /// Removes the file and its record. Errors are ignored, in favour of the one before.
    fn discard(&self) {
        let _ = self.record.remove();
        let _ = fs::remove(&self.path);
    }

    /// Sends one request and appends the content of the response.
    fn attempt(&mut self) -> std::result::Result<Attempt, AttemptError> {
        let client = self.client;
        let have = self.partial.length();
        let headers = self.range_headers();
        let FinalResponse { response, redirected_to } =
            client.get(self.url, &headers).map_err(AttemptError::Failed)?;
        let failed = |reason| {
            AttemptError::Failed(FailedRequest { reason, redirected_to: redirected_to.clone() })
        };
        match response.status().as_u16() {
            200 => self.restart().map_err(AttemptError::Fatal)?,
            206 if have > 0 && self.is_rest(response.headers()) => self.is_resumed = true,
            416 if have > 0 && unsatisfied_total(response.headers()) == Some(have) => {
                self.is_resumed = true;
                return Ok(Attempt::Complete);
            }
            206 | 416 if have > 0 => {
                self.restart().map_err(AttemptError::Fatal)?;
                return Ok(Attempt::Restarted);
            }
            code => {
                return Err(failed(Reason::Status { code, retry_after: retry_after(&response) }));
            }
        }
        let expected = total_length(response.headers(), self.partial.length());
        self.expect(expected).map_err(failed)?;
        if self.validator.is_none() {
            self.validator = Validator::from_headers(response.headers());
            if let Some(validator) = &self.validator {
                self.record.write(validator)?;
            }
        }
        let mut body = response.into_body().into_reader();
        let end = self.append_all(&mut body, expected, |error| client.http.reason(error));
        match (end?, expected) {
            // A missing part says more than how the connection ended.
            (_, Some(expected)) if self.partial.length() < expected => {
                Err(failed(Reason::Truncated { got: self.partial.length(), expected }))
            }
            (Err(reason), _) => Err(failed(reason)),
            (Ok(()), _) => Ok(Attempt::Complete),
        }
    }

    /// The headers that request the rest of a partial file.
    fn range_headers(&self) -> Vec<Header> {
        match &self.validator {
            Some(validator) if self.partial.length() > 0 => vec![
                ("Range".to_owned(), format!("bytes={}-", self.partial.length())),
                ("If-Range".to_owned(), validator.header().to_owned()),
            ],
            _ => Vec::new(),
        }
    }

    /// Whether a response continues the partial file, according to its headers.
    fn is_rest(&self, headers: &HeaderMap) -> bool {
        let is_same =
            Validator::from_headers(headers).is_none_or(|said| self.validator == Some(said));
        is_same && range_start(headers) == Some(self.partial.length())
    }

    /// Checks that an announced length is allowed and fits on the disk, and sets the total.
    fn expect(&mut self, total: Option<u64>) -> std::result::Result<(), Reason> {
        let Some(total) = total else { return Ok(()) };
        self.check_length(total, None)?;
        let needed = total.saturating_sub(self.partial.length());
        let available = self.available_space();
        if needed > available {
            return Err(Reason::NoSpace { needed: Some(needed), available });
        }
        self.progress.set_total(total);
        Ok(())
    }

    /// Checks that a content of `length` bytes or more is allowed.
    fn check_length(&self, length: u64, announced: Option<u64>) -> std::result::Result<(), Reason> {
        let limits = [
            (self.request.limit, LimitSource::Caller),
            (self.request.size, LimitSource::ExpectedSize),
            (announced, LimitSource::Announcement),
        ];
        for (limit, set_by) in limits {
            if let Some(limit) = limit.filter(|limit| length > *limit) {
                return Err(Reason::TooLarge { limit, set_by });
            }
        }
        Ok(())
    }

    /// How many bytes may be written; unlimited if the file system does not report it.
    fn available_space(&self) -> u64 {
        self.path.parent().and_then(fs::free_space_less_reserve).unwrap_or(u64::MAX)
    }

    /// Appends all of `source`; the server `announced` the length of the whole content. The inner
    /// result is an error of `source`, converted by `reason`.
    fn append_all(
        &mut self,
        source: &mut dyn Read,
        announced: Option<u64>,
        reason: impl Fn(io::Error) -> Reason,
    ) -> std::result::Result<std::result::Result<(), Reason>, AttemptError> {
        let mut buffer = vec![0; BUFFER_SIZE];
        let mut unchecked = 0;
        loop {
            self.client.http.progress.check()?;
            let count = match source.read(&mut buffer) {
                Ok(0) => return Ok(Ok(())),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Ok(Err(reason(error))),
            };
            content_received();
            let (more, length) = (count as u64, self.partial.length() + count as u64);
            let mut allowed = self.check_length(length, announced);
            if allowed.is_ok() && announced.is_none() && unchecked < more {
                let available = self.available_space();
                unchecked = available.min(SPACE_CHECK_INTERVAL);
                if available < more {
                    allowed = Err(Reason::NoSpace { needed: None, available });
                }
            }
            if let Err(reason) = allowed {
                // The partial file can't become the content, or may be any distance from it.
                self.restart().map_err(AttemptError::Fatal)?;
                return Ok(Err(reason));
            }
            unchecked = unchecked.saturating_sub(more);
            self.partial.append(&buffer[..count])?;
            self.hasher.update(&buffer[..count]);
            self.progress.advance(more);
        }
    }

    /// Checks the hash. `None` if the content must be requested once more: it was assembled from
    /// parts, which may be parts of different contents.
    fn finish(&mut self) -> Result<Option<Downloaded>> {
        let actual = Sha256(self.hasher.clone().finalize().into());
        match self.request.sha256 {
            Some(expected) if expected != actual => {
                if std::mem::take(&mut self.is_resumed) && !self.has_restarted {
                    self.has_restarted = true;
                    self.restart()?;
                    return Ok(None);
                }
                self.progress.withdraw();
                self.restart()?;
                Err(Error::Mismatch { url: self.url.to_string(), expected, actual })
            }
            _ => {
                self.record.remove()?;
                let size = self.partial.length();
                self.progress.set_total(size);
                Ok(Some(Downloaded { sha256: actual, size }))
            }
        }
    }

    /// Copies a local file.
    fn copy(&mut self) -> Result<Downloaded> {
        let copied = self.url.file_path().map_err(AttemptError::from).and_then(|path| {
            let file = fs::open(&path).map_err(|error| Reason::File(error.to_string()))?;
            let length = file.metadata().ok().map(|metadata| metadata.len());
            self.expect(length)?;
            let reason = |error| Reason::File(unreadable(&path, &error));
            Ok(self.append_all(&mut &file, length, reason)??)
        });
        match copied {
            Ok(()) => match self.finish()? {
                Some(downloaded) => Ok(downloaded),
                None => unreachable!("a copy is not assembled from parts"),
            },
            Err(AttemptError::Fatal(error)) => Err(error),
            Err(AttemptError::Failed(failed)) => Err(self.give_up(failed, 1)),
        }
    }
}

fn unreadable(path: &Path, error: &io::Error) -> String {
    format!("can't read `{}`: {}", path.display(), fs::system_message(error))
}

/// Sleeps until the pause is over or the work is cancelled.
fn wait(progress: &Progress, pause: Duration) -> Result<()> {
    let until = Instant::now() + pause;
    loop {
        progress.check()?;
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        thread::sleep(left.min(POLL_INTERVAL));
    }
}
