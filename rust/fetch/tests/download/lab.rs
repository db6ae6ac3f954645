//! A server with files, and a directory to download into.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use scratchrs_fetch::{Client, Downloaded, Error, Failure, Reason, Request, Result, Settings};
use scratchrs_fs::Progress;
use scratchrs_model::hash::Sha256;
use scratchrs_testkit::server::Server;
use sha2::Digest;
use tempfile::TempDir;

/// The time, in seconds since 1970.
#[expect(clippy::disallowed_methods, reason = "files have the time of this machine")]
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}

pub(crate) struct Lab {
    pub(crate) server: Server,
    pub(crate) progress: Progress,
    pub(crate) settings: Settings,
    pub(crate) directory: TempDir,
}

impl Lab {
    pub(crate) fn new() -> Self {
        Self::with(Server::start)
    }

    pub(crate) fn tls() -> Self {
        Self::with(Server::start_tls)
    }

    fn with(start: impl Fn(&std::path::Path) -> Server) -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("served")).unwrap();
        let server = start(&directory.path().join("served"));
        Self { server, progress: Progress::default(), settings: settings(&[]), directory }
    }

    /// A lab whose client gives up after a second without bytes.
    pub(crate) fn with_short_timeout() -> Self {
        let mut lab = Self::new();
        lab.settings.timeouts.stall = Duration::from_secs(1);
        lab
    }

    /// Sets these environment variables.
    pub(crate) fn set(&mut self, variables: &[(&str, &str)]) {
        self.settings = settings(variables);
    }

    /// Puts a file on the server.
    pub(crate) fn serve(&self, name: &str, content: &[u8]) {
        fs::write(self.directory.path().join("served").join(name), content).unwrap();
    }

    pub(crate) fn target(&self) -> PathBuf {
        self.directory.path().join("partial")
    }

    /// The downloaded content.
    pub(crate) fn content(&self) -> Vec<u8> {
        fs::read(self.target()).unwrap()
    }

    /// The names in the directory, apart from the files of the server.
    pub(crate) fn left(&self) -> Vec<String> {
        let entries = self.directory.path().read_dir().unwrap().flatten();
        let names = entries.map(|entry| entry.file_name().into_string().unwrap());
        let mut names: Vec<_> = names.filter(|name| name != "served").collect();
        names.sort();
        names
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(&self.settings, &self.progress)
    }

    pub(crate) fn request(&self, request: &Request<'_>) -> Result<Downloaded> {
        self.client().download(request, &self.target())
    }

    pub(crate) fn download(&self, url: &str) -> Result<Downloaded> {
        self.request(&Request { url, ..Request::default() })
    }

    /// Downloads from a path of the server.
    pub(crate) fn get(&self, path: &str) -> Result<Downloaded> {
        self.download(&self.server.url(path))
    }

    /// The targets of the requests to the server.
    pub(crate) fn requested(&self) -> Vec<String> {
        self.server.received().into_iter().map(|received| received.target).collect()
    }

    /// The header of each request.
    pub(crate) fn headers(&self, name: &str) -> Vec<Option<String>> {
        let value = |received: &scratchrs_testkit::server::Received| {
            received.header(name).map(str::to_owned)
        };
        self.server.received().iter().map(value).collect()
    }

    pub(crate) fn progress(&self) -> (u64, u64) {
        let progress = self.progress.state();
        (progress.done, progress.total)
    }
}

/// Settings without pauses between attempts.
pub(crate) fn settings(variables: &[(&str, &str)]) -> Settings {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(now());
    let mut settings = Settings::new(variables.iter().copied(), now);
    settings.timeouts.retries = vec![Duration::ZERO; 3];
    // Machine and server may be slow: tests of stalls use `with_short_timeout`.
    settings.timeouts.stall = Duration::from_secs(600);
    settings
}

/// Bytes without a short repeating pattern.
pub(crate) fn content(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..length).map(next).collect()
}

pub(crate) fn sha256(content: &[u8]) -> Sha256 {
    Sha256(sha2::Sha256::digest(content).into())
}

pub(crate) fn failure(result: Result<Downloaded>) -> Failure {
    match result {
        Err(Error::Failed(failure)) => *failure,
        other => panic!("expected a failure, got {other:?}"),
    }
}

pub(crate) fn reason(result: Result<Downloaded>) -> Reason {
    failure(result).reason
}
