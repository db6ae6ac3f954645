//! A download: into a file, hashed while it comes, resumed and tried again where that helps.

use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use scratchrs_fs::{self as fs, Partial, Progress};
use scratchrs_model::hash::Sha256;
use sha2::Digest;
use ureq::http::HeaderMap;

use crate::client::{Answer, Client, Unanswered, retry_after};
use crate::connection::{content_received, words};
use crate::error::{Error, Failure, LimitSource, Reason, Result};
use crate::resume::{Note, Validator};
use crate::server::Header;
use crate::url::{Url, masked};

/// How much is read, hashed and written at a time.
const BUFFER_SIZE: usize = 64 * 1024;

/// How many bytes of an unknown number are written before the free space is checked again.
const SPACE_CHECK_INTERVAL: u64 = 16 * 1024 * 1024;

/// After so many attempts it is enough, even if each has brought something.
const MOST_ATTEMPTS: usize = 100;

/// The interval between checks for cancellation while waiting.
const MOMENT: Duration = Duration::from_millis(50);

/// What is asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Request<'a> {
    /// An `https`, `http` or `file` URL.
    pub url: &'a str,
    /// The hash that the content has to have, if that is known.
    pub sha256: Option<Sha256>,
    /// How many bytes it has, if that is known, as from the `size` of a binding. A longer content is
    /// refused, as soon as it is announced or comes; of a shorter one, only the hash decides.
    pub size: Option<u64>,
    /// How many bytes it may have at most.
    pub limit: Option<u64>,
}

/// What came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Downloaded {
    /// The hash of the content.
    pub sha256: Sha256,
    /// How many bytes it has.
    pub size: u64,
}

impl Client {
    /// Downloads into the file at `to`.
    ///
    /// What an earlier process left there is gone on with, if it noted what that is a part of, and
    /// the server still has the same. The bytes are reported to the client's progress, as expected
    /// when the server tells their number and as done when they are in the file.
    ///
    /// The content is never longer than the request allows or the server announced, and a reserve of
    /// free space is left on the disk ([`fs::free_space_but_reserve`]).
    ///
    /// # Crash
    ///
    /// The file has a part of the content, with a note `<to>.resume` beside it, for the next one.
    ///
    /// # Locking
    ///
    /// Nobody else downloads into the same file.
    ///
    /// # Errors
    ///
    /// The content cannot be downloaded, is not the expected one, is too long, or does not fit on the
    /// disk; the transfer is too slow, breaks off or is cancelled. A part of the content stays in the
    /// file if a later download can resume it; otherwise the file is removed.
    pub fn download(&self, request: &Request<'_>, to: &Path) -> Result<Downloaded> {
        self.progress.check()?;
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

/// A download that is under way.
struct Transfer<'a> {
    client: &'a Client,
    request: &'a Request<'a>,
    url: &'a Url,
    path: PathBuf,
    partial: Partial,
    note: Note,
    /// Of what the partial file has.
    hasher: sha2::Sha256,
    /// What tells whether the server still has what the partial file is a part of.
    validator: Option<Validator>,
    /// Whether the content was put together from several transfers.
    is_resumed: bool,
    /// Whether that was of no use once.
    has_restarted: bool,
    reported: Reported<'a>,
}

/// How one attempt ended.
enum Ended {
    /// All is there.
    Complete,
    /// What was there is of no use; nothing is there now.
    Anew,
}

/// Why one attempt ended without an answer for the caller.
enum Stopped {
    /// There is nothing more to do.
    For(Error),
    /// This went wrong.
    By(Unanswered),
}

impl From<fs::Error> for Stopped {
    fn from(error: fs::Error) -> Self {
        Self::For(error.into())
    }
}

impl From<Reason> for Stopped {
    fn from(reason: Reason) -> Self {
        Self::By(Unanswered { reason, redirected_to: None })
    }
}

impl From<fs::Cancelled> for Stopped {
    fn from(cancelled: fs::Cancelled) -> Self {
        Self::For(cancelled.into())
    }
}

impl<'a> Transfer<'a> {
    fn new(client: &'a Client, request: &'a Request<'a>, url: &'a Url, to: &Path) -> Result<Self> {
        let mut transfer = Self {
            client,
            request,
            url,
            path: to.to_owned(),
            partial: Partial::open(to)?,
            note: Note::beside(to, url),
            hasher: sha2::Sha256::new(),
            validator: None,
            is_resumed: false,
            has_restarted: false,
            reported: Reported { progress: &client.progress, done: 0, total: 0 },
        };
        transfer.reported.expect(request.size.unwrap_or(0));
        transfer.take_over()?;
        Ok(transfer)
    }

    /// Makes use of what an earlier process left, or empties the file.
    fn take_over(&mut self) -> Result<()> {
        let validator = self.note.read().filter(|_| self.url.scheme() != "file");
        let is_too_long = self.check_length(self.partial.length(), None).is_err();
        if validator.is_none() || self.partial.length() == 0 || is_too_long {
            return self.restart();
        }
        let (hasher, progress) = (&mut self.hasher, &self.client.progress);
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
        self.reported.advance(self.partial.length());
        Ok(())
    }

    /// Empties the file.
    fn restart(&mut self) -> Result<()> {
        self.note.remove()?;
        self.partial.clear()?;
        self.hasher.reset();
        self.validator = None;
        self.is_resumed = false;
        self.reported.take_back();
        Ok(())
    }

    /// Whether a later download can go on with what is in the file.
    fn is_resumable(&self) -> bool {
        self.validator.is_some() && self.partial.length() > 0
    }

    /// Downloads, as often as it takes.
    fn run(&mut self) -> Result<Downloaded> {
        let patience = &self.client.settings.patience;
        let mut pauses = patience.retries.iter();
        let mut attempts = 0;
        loop {
            attempts += 1;
            let before = self.partial.length();
            let unanswered = match self.attempt() {
                Ok(Ended::Anew) => continue,
                Ok(Ended::Complete) => match self.finish()? {
                    Some(downloaded) => return Ok(downloaded),
                    None => continue,
                },
                Err(Stopped::For(error)) => return Err(error),
                Err(Stopped::By(unanswered)) => unanswered,
            };
            // Whatever it was, it comes of being cancelled.
            self.client.progress.check()?;
            let has_progressed = self.partial.length() > before;
            if has_progressed {
                pauses = patience.retries.iter();
            }
            let pause = pauses.next().filter(|_| attempts < MOST_ATTEMPTS);
            match pause.and_then(|pause| self.pause_before_retry(&unanswered.reason, *pause)) {
                Some(pause) => wait(&self.client.progress, pause)?,
                None => return Err(self.give_up(unanswered, attempts)),
            }
        }
    }

    /// For how long to wait before the next attempt; none if there is to be none.
    fn pause_before_retry(&self, reason: &Reason, pause: Duration) -> Option<Duration> {
        if !reason.may_pass() {
            return None;
        }
        match reason {
            Reason::Status { retry_after: Some(asked), .. } => {
                (*asked <= self.client.settings.patience.longest_wait).then_some(*asked)
            }
            _ => Some(pause),
        }
    }

    fn give_up(&mut self, unanswered: Unanswered, attempts: usize) -> Error {
        let Unanswered { reason, redirected_to } = unanswered;
        let mut notes = self.client.notes();
        if matches!(reason, Reason::Status { code: 401 | 403, .. }) {
            notes.extend(self.client.missing_token(self.url));
        }
        self.reported.withdraw();
        Error::Failed(Box::new(Failure {
            url: self.url.to_string(),
            redirected_to: redirected_to.map(|url| url.to_string()),
            reason,
            attempts,
            notes,
        }))
    }

    /// Removes the file and its note. A failure to remove them is less important than the one before.
    fn discard(&self) {
        let _ = self.note.remove();
        let _ = fs::remove(&self.path);
    }

    /// Asks once, and takes what comes.
    fn attempt(&mut self) -> std::result::Result<Ended, Stopped> {
        let client = self.client;
        let have = self.partial.length();
        let headers = self.range_headers();
        let Answer { response, redirected_to } =
            client.get(self.url, &headers).map_err(Stopped::By)?;
        let stopped =
            |reason| Stopped::By(Unanswered { reason, redirected_to: redirected_to.clone() });
        match response.status().as_u16() {
            200 => self.restart().map_err(Stopped::For)?,
            206 if have > 0 && self.is_rest(response.headers()) => self.is_resumed = true,
            416 if have > 0 && unsatisfied_total(response.headers()) == Some(have) => {
                self.is_resumed = true;
                return Ok(Ended::Complete);
            }
            206 | 416 if have > 0 => {
                self.restart().map_err(Stopped::For)?;
                return Ok(Ended::Anew);
            }
            code => {
                return Err(stopped(Reason::Status { code, retry_after: retry_after(&response) }));
            }
        }
        let expected = total(response.headers(), self.partial.length());
        self.expect(expected).map_err(stopped)?;
        if self.validator.is_none() {
            self.validator = Validator::of(response.headers());
            if let Some(validator) = &self.validator {
                self.note.write(validator)?;
            }
        }
        let mut body = response.into_body().into_reader();
        let end = self.take(&mut body, expected, |error| client.reason(error));
        match (end?, expected) {
            // Of a body that is cut off, the length says more than how the connection ended.
            (_, Some(expected)) if self.partial.length() < expected => {
                Err(stopped(Reason::Truncated { got: self.partial.length(), expected }))
            }
            (Err(reason), _) => Err(stopped(reason)),
            (Ok(()), _) => Ok(Ended::Complete),
        }
    }

    /// What asks for the rest of what there is a part of.
    fn range_headers(&self) -> Vec<Header> {
        match &self.validator {
            Some(validator) if self.partial.length() > 0 => vec![
                ("Range".to_owned(), format!("bytes={}-", self.partial.length())),
                ("If-Range".to_owned(), validator.header().to_owned()),
            ],
            _ => Vec::new(),
        }
    }

    /// Whether an answer has the rest of what there is a part of, as far as it says.
    fn is_rest(&self, headers: &HeaderMap) -> bool {
        let is_same = Validator::of(headers).is_none_or(|said| self.validator == Some(said));
        is_same && range_start(headers) == Some(self.partial.length())
    }

    /// Refuses an announced length that is too long or does not fit on the disk. Otherwise the length
    /// counts for the progress.
    fn expect(&mut self, total: Option<u64>) -> std::result::Result<(), Reason> {
        let Some(total) = total else { return Ok(()) };
        self.check_length(total, None)?;
        let needed = total.saturating_sub(self.partial.length());
        let available = self.available_space();
        if needed > available {
            return Err(Reason::NoSpace { needed: Some(needed), available });
        }
        self.reported.expect(total);
        Ok(())
    }

    /// Refuses a content of `length` bytes or more if that is more than it may have.
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

    /// How many bytes may be written. Where the file system does not say, as many as anybody likes.
    fn available_space(&self) -> u64 {
        self.path.parent().and_then(fs::free_space_but_reserve).unwrap_or(u64::MAX)
    }

    /// Appends all of `source`, of which the server `announced` the length of the whole content. What goes
    /// wrong there is the inner result, put into words by `reason`.
    fn take(
        &mut self,
        source: &mut dyn Read,
        announced: Option<u64>,
        reason: impl Fn(io::Error) -> Reason,
    ) -> std::result::Result<std::result::Result<(), Reason>, Stopped> {
        let mut buffer = vec![0; BUFFER_SIZE];
        let mut unchecked = 0;
        loop {
            self.client.progress.check()?;
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
                // What is there can't become the content, or there is no telling how far it is from it.
                self.restart().map_err(Stopped::For)?;
                return Ok(Err(reason));
            }
            unchecked = unchecked.saturating_sub(more);
            self.partial.append(&buffer[..count])?;
            self.hasher.update(&buffer[..count]);
            self.reported.advance(more);
        }
    }

    /// What came, if it is what was expected. None if it has to be asked for once more: it was put
    /// together from parts, which may be parts of different things.
    fn finish(&mut self) -> Result<Option<Downloaded>> {
        let actual = Sha256(self.hasher.clone().finalize().into());
        match self.request.sha256 {
            Some(expected) if expected != actual => {
                if std::mem::take(&mut self.is_resumed) && !self.has_restarted {
                    self.has_restarted = true;
                    self.restart()?;
                    return Ok(None);
                }
                self.reported.withdraw();
                self.restart()?;
                Err(Error::Mismatch { url: self.url.to_string(), expected, actual })
            }
            _ => {
                self.note.remove()?;
                let size = self.partial.length();
                self.reported.expect(size);
                Ok(Some(Downloaded { sha256: actual, size }))
            }
        }
    }

    /// Copies a local file.
    fn copy(&mut self) -> Result<Downloaded> {
        let copied = self.url.file_path().map_err(Stopped::from).and_then(|path| {
            let file = fs::open(&path).map_err(|error| Reason::File(error.to_string()))?;
            let length = file.metadata().ok().map(|metadata| metadata.len());
            self.expect(length)?;
            let reason = |error| Reason::File(unreadable(&path, &error));
            Ok(self.take(&mut &file, length, reason)??)
        });
        match copied {
            Ok(()) => match self.finish()? {
                Some(downloaded) => Ok(downloaded),
                None => unreachable!("a copy is made in one go"),
            },
            Err(Stopped::For(error)) => Err(error),
            Err(Stopped::By(unanswered)) => Err(self.give_up(unanswered, 1)),
        }
    }
}

fn unreadable(path: &Path, error: &io::Error) -> String {
    format!("can't read `{}`: {}", path.display(), words(error))
}

/// The progress reported for one download, so that it can be reverted.
struct Reported<'a> {
    progress: &'a Progress,
    done: u64,
    total: u64,
}

impl Reported<'_> {
    /// Of this download, `total` is to be expected in all.
    fn expect(&mut self, total: u64) {
        let total = total.max(self.done);
        self.progress.expect(total.saturating_sub(self.total));
        self.progress.take_back(0, self.total.saturating_sub(total));
        self.total = total;
    }

    /// So much more is there. Never more is done than is expected.
    fn advance(&mut self, more: u64) {
        self.done += more;
        self.expect(self.total);
        self.progress.advance(more);
    }

    /// Nothing is done yet.
    fn take_back(&mut self) {
        self.progress.take_back(self.done, 0);
        self.done = 0;
    }

    /// Nothing is to be expected any more.
    fn withdraw(&mut self) {
        self.take_back();
        self.expect(0);
    }
}

/// Waits, unless it is cancelled.
fn wait(progress: &Progress, pause: Duration) -> Result<()> {
    let until = Instant::now() + pause;
    loop {
        progress.check()?;
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        thread::sleep(left.min(MOMENT));
    }
}

/// How many bytes the whole content has, of which `have` are there.
fn total(headers: &HeaderMap, have: u64) -> Option<u64> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(range) = text("content-range") {
        return range.rsplit('/').next()?.trim().parse().ok();
    }
    let length: u64 = text("content-length")?.trim().parse().ok()?;
    length.checked_add(have)
}

/// Where the part that an answer has begins.
fn range_start(headers: &HeaderMap) -> Option<u64> {
    let range = headers.get("content-range")?.to_str().ok()?;
    range.trim().strip_prefix("bytes ")?.split('-').next()?.trim().parse().ok()
}

/// How many bytes there are, where a server says that there are no more.
fn unsatisfied_total(headers: &HeaderMap) -> Option<u64> {
    let range = headers.get("content-range")?.to_str().ok()?;
    range.trim().strip_prefix("bytes */")?.trim().parse().ok()
}
