//! Getting an artifact from where it can be downloaded.
//!
//! # Locking
//!
//! `<hash>.pid`, the lock of Pkg since Julia 1.13, from [`begin_install`] until the artifact is there
//! or cannot be had. So one process downloads, and the others wait for it.
//!
//! # Crash
//!
//! A killed process leaves its lock, a directory under construction, and a download. Who installs
//! that artifact next clears away the first two and goes on with the third.
//!
//! # Filesystems
//!
//! The hash that counts is that of the archive, whatever the file system makes of modes and links.

use std::path::{Path, PathBuf};
use std::time::Duration;

use scratchrs_archive::{self as archive, Links, TreeRecord, UnpackOptions, Unpacked};
use scratchrs_fetch::{self as fetch, Client, LimitSource, Reason, Request, Settings};
use scratchrs_fs::{self as fs, Attempt, Holder, IfExists, PidLock, Progress};
use scratchrs_model::artifacts_toml::{Bindings, Download, Entry, Host};
use scratchrs_model::diagnostic::Diagnostic;
use scratchrs_model::hash::{Sha256, TreeHash};
use scratchrs_model::layout::{BUILDING, DOWNLOAD, join};
use scratchrs_model::time::DepotTime;

use super::bindings::downloadable;
use super::create::put_in_place;
use super::presence::{Presence, confirm, lock_beside, log_use_while_wanted};
use super::record;
use super::report::{Installed, LeftOut};
use super::stack::Stack;
use crate::error::{Error, Result};
use crate::locks;
use crate::tarball::sha256;

/// The interval between checks for cancellation while waiting for another process.
const MOMENT: Duration = Duration::from_millis(50);

/// What is to be installed, and from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// What the artifact is called, for people.
    pub name: String,
    /// Its hash.
    pub hash: TreeHash,
    /// The places to download it from, tried in this order, after the Pkg server.
    pub downloads: Vec<Download>,
    /// Further sources, of tarballs whose hash is unknown: the tree's hash is checked.
    pub unhashed: Vec<String>,
    /// The file that binds it, and the line in which it does, where that is known.
    pub bound_in: Option<(String, Option<usize>)>,
    /// What is invalid among the places that the file names.
    pub invalid: Vec<Diagnostic>,
}

impl Wanted {
    /// What `name` stands for in a file.
    pub fn of_entry(name: &str, entry: &Entry, file: &str) -> Self {
        Self {
            name: name.to_owned(),
            hash: entry.hash,
            downloads: entry.downloads.clone().unwrap_or_default(),
            unhashed: Vec::new(),
            bound_in: Some((file.to_owned(), Some(entry.line))),
            invalid: entry.invalid_downloads.clone(),
        }
    }

    /// The file that binds it, with the line if that is known.
    fn binding(&self) -> Option<String> {
        let (file, line) = self.bound_in.as_ref()?;
        let line = line.map(|line| format!(":{line}")).unwrap_or_default();
        Some(format!("{file}{line}"))
    }

    /// What is invalid in the file, a line each.
    fn diagnostics(&self) -> impl Iterator<Item = String> {
        let file = self.bound_in.as_ref().map(|(file, _)| file.as_str()).unwrap_or_default();
        self.invalid.iter().map(move |diagnostic| {
            let separator = if diagnostic.line.is_some() { ":" } else { ": " };
            format!("{file}{separator}{diagnostic}")
        })
    }
}

/// What a file binds for a host and can be downloaded, lazy or not as asked for. Names of which that is
/// not known are in the second value.
pub fn wanted(
    stack: &Stack,
    file: &str,
    bindings: &Bindings,
    host: &Host,
    include_lazy: bool,
) -> (Vec<Wanted>, Vec<LeftOut>) {
    let (entries, left_out) = downloadable(stack, file, bindings, host, include_lazy);
    let wanted = entries.iter().map(|(name, entry)| Wanted::of_entry(name, entry, file));
    (wanted.collect(), left_out)
}

/// How to install.
#[derive(Clone, Copy, Debug)]
pub struct InstallOptions<'a> {
    /// How to download.
    pub settings: &'a Settings,
    /// What becomes of symbolic links.
    pub links: Links,
    /// The time to log uses with.
    pub now: DepotTime,
}

impl InstallOptions<'_> {
    /// Whether a tree with another hash is taken. On Windows, a user who may make no links never
    /// sees the right one.
    fn ignores_hashes(&self) -> bool {
        let cannot_be_right = cfg!(windows) && self.links == Links::Copied;
        self.settings.ignores_hashes.unwrap_or(cannot_be_right)
    }
}

/// What the caller of [`begin_install`] has to do.
#[derive(Debug)]
pub enum InstallBegun {
    /// Nothing: the artifact is at this path.
    Ready(String),
    /// To get a tarball, and to finish the installation with it.
    Install(Box<Installation>),
    /// To wait for the process that is installing it, and to ask again.
    Busy(Holder),
}

/// An installation that only this process may finish. Dropping it gives it up, and leaves what was
/// downloaded to the next one.
#[derive(Debug)]
pub struct Installation {
    hash: TreeHash,
    /// Where the artifact is to lie.
    path: String,
    /// Whether what lies there is to be replaced.
    replaces: bool,
    _lock: PidLock,
}

/// Installs an artifact, unless it is there: from the Pkg server, if there is one, or from the first
/// of the given places that has it. Waits for another process that is installing it.
///
/// Afterwards, the file that binds the artifact is logged to be in use in the first depot: a collection
/// keeps the artifact while the file is there. That the use cannot be logged is a warning.
///
/// # Errors
///
/// There is then no artifact, and nothing of it but perhaps a part of a download, which the next one
/// goes on with. [`Error::Download`]: no place has it; the message has a line for each. A place that
/// has something else is an [`Error::Integrity`], if no other place failed in another way. The file
/// system refuses, or it is cancelled.
pub fn install(
    stack: &Stack,
    wanted: &Wanted,
    options: InstallOptions<'_>,
    progress: &Progress,
) -> Result<Installed> {
    let client = Client::new(options.settings, progress);
    let job = Job { stack, options, client: &client, progress, tells_stages: true };
    let mut results = [job.install(wanted)];
    job.log_uses(std::slice::from_ref(wanted), &mut results);
    let [result] = results;
    result
}

/// Installs artifacts as [`install`] does, several at a time, and tells for each what came of it.
pub fn install_all(
    stack: &Stack,
    wanted: &[Wanted],
    options: InstallOptions<'_>,
    progress: &Progress,
) -> Vec<Result<Installed>> {
    progress.begin("Installing artifacts");
    let client = Client::new(options.settings, progress);
    let job = Job { stack, options, client: &client, progress, tells_stages: false };
    let threads = options.settings.concurrent_downloads;
    let mut results = fs::parallel_map_on(wanted, threads, |wanted| job.install(wanted));
    job.log_uses(wanted, &mut results);
    results
}

/// Begins to install an artifact whose tarball the caller gets himself. Waits for at most `lock_timeout`
/// for another process that is installing it. One that is there stays for ten minutes at least.
///
/// # Errors
///
/// If the stack has no depot, an override leads to nothing, or the file system refuses.
pub fn begin_install(
    stack: &Stack,
    hash: TreeHash,
    lock_timeout: Duration,
) -> Result<InstallBegun> {
    if let Some(path) = stack.find(hash)? {
        tidy(&path);
        match confirm(stack, hash, lock_timeout)? {
            Presence::Present(path) => return Ok(InstallBegun::Ready(path)),
            Presence::Busy(holder) => return Ok(InstallBegun::Busy(holder)),
            Presence::Missing => {}
        }
    }
    if let Some(path) = stack.overridden(hash)? {
        let message = format!("artifact {hash} is overridden, and is not at `{path}`");
        return Err(Error::NotFound(message));
    }
    let installation = match Installation::begin(stack, hash, lock_timeout)? {
        Ok(installation) => installation,
        Err(holder) => return Ok(InstallBegun::Busy(holder)),
    };
    // Under the lock, as no collection gets at it.
    if fs::is_dir(Path::new(&installation.path)) {
        installation.remove_downloads();
        record::touch(&installation.path)?;
        return Ok(InstallBegun::Ready(installation.path.clone()));
    }
    match confirm(stack, hash, lock_timeout)? {
        Presence::Present(path) => Ok(InstallBegun::Ready(path)),
        Presence::Busy(holder) => Ok(InstallBegun::Busy(holder)),
        Presence::Missing => Ok(InstallBegun::Install(Box::new(installation))),
    }
}

/// Begins to install an artifact in the place of a corrupt one.
pub(super) fn begin_repair(
    stack: &Stack,
    hash: TreeHash,
    progress: &Progress,
) -> Result<Installation> {
    loop {
        progress.check()?;
        if let Ok(installation) = Installation::begin(stack, hash, MOMENT)? {
            return Ok(Installation { replaces: true, ..installation });
        }
    }
}

/// Clears away what an installation left that was killed when the artifact was there.
pub(super) fn tidy(path: &str) {
    let lock = lock_beside(path);
    // Its lock is deleted last. Where one exists, a process may be at work, too.
    if matches!(fs::symlink_metadata(&lock), Ok(Some(_)))
        && let Ok(Attempt::Acquired(_lock)) = PidLock::try_acquire(&lock, locks::ARTIFACT)
    {
        // The artifact is there: that there is more beside it is no reason to refuse it.
        let _ = remove_beside(path, BUILDING);
        let _ = remove_beside(path, DOWNLOAD);
    }
}

/// Removes all that lies beside an artifact and is named after it with `mark` behind.
fn remove_beside(artifact: &str, mark: &str) -> fs::Result<()> {
    let artifact = Path::new(artifact);
    let (Some(directory), Some(name)) = (artifact.parent(), artifact.file_name()) else {
        return Ok(());
    };
    let prefix = format!("{}{mark}", name.to_string_lossy());
    let is_beside = |name: &&String| {
        name.strip_prefix(fs::TEMP_PREFIX).unwrap_or(name.as_str()).starts_with(&prefix)
    };
    for name in fs::names(directory)?.iter().filter(is_beside) {
        fs::remove(&directory.join(name))?;
    }
    Ok(())
}

impl Installation {
    /// Takes the lock, and deletes what a killed process left; or returns the holder.
    fn begin(
        stack: &Stack,
        hash: TreeHash,
        lock_timeout: Duration,
    ) -> Result<std::result::Result<Self, Holder>> {
        let path = join(&stack.first_directory()?, &[&hash.to_string()]);
        let lock = lock_beside(&path);
        let acquire = || PidLock::acquire(&lock, locks::ARTIFACT, lock_timeout);
        let lock = match fs::with_parent_dir(&lock, acquire)? {
            Attempt::Acquired(lock) => lock,
            Attempt::Held(holder) => return Ok(Err(holder)),
        };
        remove_beside(&path, BUILDING)?;
        Ok(Ok(Self { hash, path, replaces: false, _lock: lock }))
    }

    /// A file for the tarball, beside the artifact. It goes when the installation is finished.
    pub fn file(&self) -> PathBuf {
        PathBuf::from(format!("{}{DOWNLOAD}own", self.path))
    }

    /// Installs the artifact from the tarball in [`Installation::file`], whose hash is to be
    /// `sha256`, if that is known.
    ///
    /// # Errors
    ///
    /// There is then no artifact, and the tarball is gone: it is not the right one, is malformed or
    /// hostile, or has another tree; the file system refuses; or it is cancelled.
    pub fn finish(
        self,
        name: &str,
        sha256: Option<Sha256>,
        options: InstallOptions<'_>,
        progress: &Progress,
    ) -> Result<Installed> {
        let tarball = self.file();
        let failed = |failure: Failure| {
            let wanted = Wanted {
                name: name.to_owned(),
                hash: self.hash,
                downloads: vec![],
                unhashed: vec![],
                bound_in: None,
                invalid: vec![],
            };
            failure.into_error(&wanted, &tarball.to_string_lossy())
        };
        progress.begin(format!("Unpacking `{name}`"));
        let result = check_sha256(&tarball, sha256, progress)
            .and_then(|()| self.install_from(&tarball, options, progress).map_err(failed));
        self.remove_downloads();
        result
    }

    /// Gives it up, and removes the tarball.
    pub fn abandon(self) {
        self.remove_downloads();
    }

    fn remove_downloads(&self) {
        // What cannot be removed is cleared away with the next installation.
        let _ = remove_beside(&self.path, DOWNLOAD);
    }

    /// The file that a URL is downloaded into. A part of it is of no use for another URL.
    fn download(&self, url: &str) -> PathBuf {
        let checksum = crc32c::crc32c(url.as_bytes());
        PathBuf::from(format!("{}{DOWNLOAD}{checksum:08x}", self.path))
    }

    /// Unpacks a tarball aside, and puts it in its place.
    fn install_from(
        &self,
        tarball: &Path,
        options: InstallOptions<'_>,
        progress: &Progress,
    ) -> std::result::Result<Installed, Failure> {
        let built = PathBuf::from(format!("{}{BUILDING}{}", self.path, std::process::id()));
        let installed = self.unpack(tarball, &built, options, progress).and_then(|unpacked| {
            let mut warnings = Vec::new();
            if !unpacked.hashes.contains(&self.hash) {
                let actual = unpacked.hashes.pkg;
                if !options.ignores_hashes() {
                    return Err(Failure::OtherTree(actual));
                }
                let hash = self.hash;
                warnings.push(format!(
                    "Tree Hash Mismatch! Artifact {hash} has the tree {actual}, and is installed: \
                     JULIA_PKG_IGNORE_HASHES is set"
                ));
            }
            progress.check().map_err(Error::from)?;
            let is_new = self.put_in_place(&built, &unpacked.record)?;
            Ok(Installed { warnings, ..Installed::at(self.path.clone(), is_new) })
        });
        let removed = fs::remove(&built);
        let installed = installed?;
        // The next installation would do it; but there may be none.
        removed.map_err(Error::from)?;
        Ok(installed)
    }

    fn unpack(
        &self,
        tarball: &Path,
        built: &Path,
        options: InstallOptions<'_>,
        progress: &Progress,
    ) -> std::result::Result<Unpacked, Failure> {
        fs::create_dir(built).map_err(Error::from)?;
        let file = fs::open(tarball).map_err(Error::from)?;
        progress.expect(file.metadata().map_or(0, |metadata| metadata.len()));
        let options =
            UnpackOptions { links: options.links, read_only: true, ..UnpackOptions::default() };
        archive::unpack(file, built, &options, progress).map_err(|error| match error {
            archive::Error::Archive(_) => Failure::Archive(error),
            error => Failure::Here(error.into()),
        })
    }

    /// The record goes first: killed between the two, the next one finds no artifact, and installs it.
    fn put_in_place(&self, built: &Path, tree: &TreeRecord) -> Result<bool> {
        let path = Path::new(&self.path);
        if self.replaces {
            // That one may be corrupt too.
            record::remove(&self.path)?;
            record::keep(&self.path, self.hash, tree);
            fs::copy_permissions(built, path.parent().unwrap_or(path))?;
            fs::place(built, path, IfExists::Swap)?;
            return Ok(true);
        }
        record::renew(&self.path, self.hash, tree);
        put_in_place(built, &self.path).inspect_err(|_| {
            let _ = record::remove(&self.path);
        })
    }
}

/// Checks the hash of a file, if one is known.
fn check_sha256(path: &Path, expected: Option<Sha256>, progress: &Progress) -> Result<()> {
    let Some(expected) = expected else { return Ok(()) };
    let actual = sha256(path, progress)?;
    if actual == expected {
        return Ok(());
    }
    Err(Error::Integrity {
        message: "the tarball is not what it should be; nothing was installed".to_owned(),
        path: path.to_owned(),
        expected: format!("sha256 {expected}"),
        actual: format!("sha256 {actual}"),
        hint: None,
    })
}

/// Whether there is a download, of a process that was ended before it had unpacked it, which is what
/// it should be.
fn is_whole(path: &Path, expected: Option<Sha256>, progress: &Progress) -> Result<bool> {
    if expected.is_none() || !path.is_file() {
        return Ok(false);
    }
    match check_sha256(path, expected, progress) {
        Ok(()) => Ok(true),
        Err(Error::Integrity { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Why there is no artifact from one place.
#[derive(Debug)]
enum Failure {
    /// It did not come, or is another tarball.
    Fetch(fetch::Error),
    /// The tarball is malformed or hostile.
    Archive(archive::Error),
    /// The tarball has another tree.
    OtherTree(TreeHash),
    /// It would be no better from another place.
    Here(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Here(error)
    }
}

impl Failure {
    /// The hashes that should be and are, if what came was something else.
    fn mismatch(&self, wanted: &Wanted) -> Option<(String, String)> {
        match self {
            Self::OtherTree(actual) => {
                Some((format!("git-tree-sha1 {}", wanted.hash), format!("git-tree-sha1 {actual}")))
            }
            Self::Fetch(fetch::Error::Mismatch { expected, actual, .. }) => {
                Some((format!("sha256 {expected}"), format!("sha256 {actual}")))
            }
            _ => None,
        }
    }

    /// What went wrong with the tarball from `place`, in one line or several.
    fn describe(&self, wanted: &Wanted, place: &str) -> String {
        match self {
            Self::Fetch(error) => match wanted.binding() {
                Some(binding) if is_about_size(error) => format!("{error} in {binding}"),
                _ => error.to_string(),
            },
            Self::Archive(error) => format!("what came from {place} can't be unpacked: {error}"),
            Self::OtherTree(actual) => format!(
                "what came from {place} has another tree\n  expected git-tree-sha1 {}\n  got      \
                 git-tree-sha1 {actual}",
                wanted.hash
            ),
            Self::Here(error) => error.to_string(),
        }
    }

    /// The error where there is one place only.
    fn into_error(self, wanted: &Wanted, place: &str) -> Error {
        if let Some((expected, actual)) = self.mismatch(wanted) {
            return integrity(wanted, place, expected, actual);
        }
        match self {
            Self::Here(error) => error,
            Self::Archive(error) => Error::Content(error),
            failure => Error::Download(failure.describe(wanted, place)),
        }
    }
}

/// Whether a download is longer than its binding says.
fn is_about_size(error: &fetch::Error) -> bool {
    let fetch::Error::Failed(failure) = error else { return false };
    matches!(failure.reason, Reason::TooLarge { set_by: LimitSource::ExpectedSize, .. })
}

fn integrity(wanted: &Wanted, place: &str, expected: String, actual: String) -> Error {
    let hint = wanted.binding().map(|binding| {
        format!("the binding in {binding} may be older than what is at the URL now")
    });
    let name = &wanted.name;
    let message = format!("artifact `{name}` is not what it should be; nothing was installed");
    Error::Integrity { message, path: place.into(), expected, actual, hint }
}

/// A place to download from.
struct Source {
    url: String,
    sha256: Option<Sha256>,
    size: Option<u64>,
    /// How many bytes its tarball may have, where the size is not known.
    limit: Option<u64>,
    is_server: bool,
}

/// How many bytes the tarball of a Pkg server may have at most, where those of the other places have
/// `size`: it has the same tree and perhaps another compression.
fn server_limit(size: u64) -> u64 {
    size.saturating_mul(16).saturating_add(1024 * 1024)
}

/// What installations of one piece of work have in common.
struct Job<'a> {
    stack: &'a Stack,
    options: InstallOptions<'a>,
    client: &'a Client,
    progress: &'a Progress,
    /// Whether stages are reported; not if several installations run at once.
    tells_stages: bool,
}

impl Job<'_> {
    fn install(&self, wanted: &Wanted) -> Result<Installed> {
        let mut is_waiting = false;
        loop {
            self.progress.check()?;
            match begin_install(self.stack, wanted.hash, MOMENT)? {
                InstallBegun::Ready(path) => return Ok(Installed::at(path, false)),
                InstallBegun::Install(installation) => return self.obtain(&installation, wanted),
                InstallBegun::Busy(holder) if !is_waiting => {
                    is_waiting = true;
                    self.stage(|| waiting(&wanted.name, &holder));
                }
                InstallBegun::Busy(_) => {}
            }
        }
    }

    /// Logs that the files are in use which bind what is installed now.
    fn log_uses(&self, wanted: &[Wanted], results: &mut [Result<Installed>]) {
        let mut files: Vec<&str> = Vec::new();
        for (wanted, _) in wanted.iter().zip(&*results).filter(|(_, result)| result.is_ok()) {
            let file = wanted.bound_in.as_ref().map(|(file, _)| file.as_str());
            files.extend(file.filter(|file| !files.contains(file)));
        }
        let Some(Ok(installed)) = results.iter_mut().find(|result| result.is_ok()) else { return };
        match log_use_while_wanted(self.stack, &files, self.options.now, self.progress) {
            Ok(tracked) => installed.healed = tracked.healed,
            Err(error) => installed.warnings.push(format!("the use is not recorded: {error}")),
        }
    }

    fn stage(&self, text: impl FnOnce() -> String) {
        if self.tells_stages {
            self.progress.begin(text());
        }
    }

    fn sources(&self, wanted: &Wanted) -> Vec<Source> {
        let largest = wanted.downloads.iter().filter_map(|download| download.size).max();
        let server = self.options.settings.server.as_ref().map(|server| Source {
            url: server.artifact_url(wanted.hash),
            sha256: None,
            size: None,
            limit: largest.map(server_limit),
            is_server: true,
        });
        let downloads = wanted.downloads.iter().map(|download| Source {
            url: download.url.clone(),
            sha256: Some(download.sha256),
            size: download.size,
            limit: None,
            is_server: false,
        });
        let unhashed = wanted.unhashed.iter().map(|url| Source {
            url: url.clone(),
            sha256: None,
            size: None,
            limit: None,
            is_server: false,
        });
        server.into_iter().chain(downloads).chain(unhashed).collect()
    }

    /// Tries one place after the other.
    fn obtain(&self, installation: &Installation, wanted: &Wanted) -> Result<Installed> {
        let mut failures: Vec<(Source, Failure)> = Vec::new();
        for source in self.sources(wanted) {
            match self.obtain_from(installation, wanted, &source) {
                Ok(mut installed) => {
                    installed.warnings.extend(wanted.diagnostics());
                    installed.warnings.extend(self.client.notes());
                    installation.remove_downloads();
                    return Ok(installed);
                }
                Err(Failure::Here(error)) => return Err(error),
                Err(failure) => failures.push((source, failure)),
            }
        }
        Err(unobtainable(wanted, &failures))
    }

    fn obtain_from(
        &self,
        installation: &Installation,
        wanted: &Wanted,
        source: &Source,
    ) -> std::result::Result<Installed, Failure> {
        self.stage(|| format!("Downloading `{}`", wanted.name));
        let file = installation.download(&source.url);
        let Source { url, sha256, size, limit, .. } = source;
        if !is_whole(&file, *sha256, self.progress)? {
            let request = Request { url, sha256: *sha256, size: *size, limit: *limit };
            self.client.download(&request, &file).map_err(|error| match error {
                fetch::Error::Cancelled => Failure::Here(Error::Cancelled),
                fetch::Error::Disk(error) => Failure::Here(error.into()),
                error => Failure::Fetch(error),
            })?;
        }
        self.stage(|| format!("Unpacking `{}`", wanted.name));
        let installed = installation.install_from(&file, self.options, self.progress);
        if matches!(installed, Err(Failure::Archive(_) | Failure::OtherTree(_))) {
            // It would come in the same way again.
            fs::remove(&file).map_err(Error::from)?;
        }
        installed
    }
}

fn waiting(name: &str, holder: &Holder) -> String {
    match holder.pid {
        Some(pid) => format!("Waiting for `{name}`: process {pid} on {} installs it", holder.host),
        None => format!("Waiting for `{name}`: another process installs it"),
    }
}

/// That no place has an artifact.
fn unobtainable(wanted: &Wanted, failures: &[(Source, Failure)]) -> Error {
    let Wanted { name, bound_in, invalid, .. } = wanted;
    if failures.is_empty()
        && let (Some((file, _)), Some(diagnostic)) = (bound_in, invalid.first())
    {
        let mut diagnostic = diagnostic.clone();
        wanted
            .diagnostics()
            .skip(1)
            .for_each(|it| diagnostic.message.push_str(&format!("\n  {it}")));
        return Error::of_diagnostic(file, diagnostic);
    }
    let declared = || failures.iter().filter(|(source, _)| !source.is_server);
    let mismatches: Vec<_> = declared()
        .filter_map(|(source, failure)| Some((source, failure.mismatch(wanted)?)))
        .collect();
    if let Some((source, (expected, actual))) = mismatches.last()
        && mismatches.len() == declared().count()
    {
        return integrity(wanted, &source.url, expected.clone(), actual.clone());
    }
    let mut message = format!("can't install artifact `{name}`");
    for (source, failure) in failures {
        let lines = failure.describe(wanted, &source.url);
        message.push_str(&format!("\n  {}", lines.replace('\n', "\n  ")));
    }
    for diagnostic in wanted.diagnostics() {
        message.push_str(&format!("\n  {diagnostic}"));
    }
    if declared().next().is_none() && invalid.is_empty() {
        let file = bound_in.as_ref().map_or("its binding", |(file, _)| file);
        message.push_str(&format!("\n  {file} names no place to download it from"));
    }
    Error::Download(message)
}

/// Installs an artifact in the place of a corrupt one, from the first source that has it.
pub(super) fn reinstall(
    stack: &Stack,
    wanted: &Wanted,
    options: InstallOptions<'_>,
    progress: &Progress,
) -> Result<Installed> {
    let client = Client::new(options.settings, progress);
    let job = Job { stack, options, client: &client, progress, tells_stages: true };
    job.obtain(&begin_repair(stack, wanted.hash, progress)?, wanted)
}
