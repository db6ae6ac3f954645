//! Installing artifacts from the Pkg server or the sources that `Artifacts.toml` files give.
//!
//! # Locking
//!
//! `<hash>.pid`, Pkg's lock since Julia 1.13, is held from [`begin_install`] until the installation has
//! succeeded or failed. So one process downloads an artifact, and the others wait for it.
//!
//! # Crash
//!
//! A killed process leaves its lock, the directory that it has built and a download. The next installation
//! of the same artifact deletes the first two and resumes the download.
//!
//! # File systems
//!
//! The hash is computed from the archive, so it is independent of how the file system keeps modes and links.

mod failure;
mod installation;
mod options;
mod wanted;

use scratchrs_fetch::{Client, Request};
use scratchrs_fs::{self as fs, Progress};

use failure::Failure;
pub use installation::{InstallBegun, Installation, begin_install};
pub(super) use installation::{remove_abandoned, remove_leftovers};
pub use options::InstallOptions;
use wanted::Source;
pub use wanted::{Wanted, wanted};

use super::presence::log_use_while_wanted;
use super::report::Installed;
use super::stack::Stack;
use super::waiting::{self, wait};
use crate::error::{Error, Result};

/// Installs an artifact, unless it is installed: from the Pkg server, or from the first source that has it.
/// Waits for another process that is installing it.
///
/// Then logs the use of the file that binds the artifact, in the first depot: collections keep the artifact
/// while the file exists. If the use cannot be logged, the result has a warning.
///
/// # Errors
///
/// Nothing is installed then; a partial download may stay, which the next installation resumes.
///
/// - [`Error::Download`]: no source has the artifact. The message has a line for each source.
/// - [`Error::Integrity`]: the content of each source but the Pkg server has another hash.
/// - The file system refuses, or the work is cancelled.
pub fn install(
    stack: &Stack,
    wanted: &Wanted,
    options: InstallOptions<'_>,
    progress: &Progress,
) -> Result<Installed> {
    let client = Client::new(options.settings, progress);
    let job = Job { stack, options, client: &client, progress, shows_stages: true };
    let mut results = [job.install(wanted)];
    job.log_uses(std::slice::from_ref(wanted), &mut results);
    let [result] = results;
    result
}

/// Installs artifacts as [`install`] does, several at a time. Returns the result of each.
pub fn install_all(
    stack: &Stack,
    wanted: &[Wanted],
    options: InstallOptions<'_>,
    progress: &Progress,
) -> Vec<Result<Installed>> {
    progress.begin("Installing artifacts");
    let client = Client::new(options.settings, progress);
    let job = Job { stack, options, client: &client, progress, shows_stages: false };
    let threads = options.settings.concurrent_downloads;
    let mut results =
        fs::parallel_map_with(wanted, Some(threads), || (), |(), wanted| job.install(wanted));
    job.log_uses(wanted, &mut results);
    results
}

/// Replaces a corrupt artifact, from the Pkg server or the first source that has it.
pub(super) fn reinstall(
    stack: &Stack,
    wanted: &Wanted,
    options: InstallOptions<'_>,
    progress: &Progress,
) -> Result<Installed> {
    let client = Client::new(options.settings, progress);
    let job = Job { stack, options, client: &client, progress, shows_stages: true };
    job.install_by(&installation::begin_repair(stack, wanted.hash, progress)?, wanted)
}

/// The common parts of several installations.
struct Job<'a> {
    stack: &'a Stack,
    options: InstallOptions<'a>,
    client: &'a Client,
    progress: &'a Progress,
    /// Whether the progress shows the stages; not if several artifacts are installed at once.
    shows_stages: bool,
}

impl Job<'_> {
    fn install(&self, wanted: &Wanted) -> Result<Installed> {
        let Wanted { name, hash, .. } = wanted;
        let on_wait =
            |holder: &_| self.begin_stage(|| waiting::title(&format!("`{name}`"), holder));
        let begun = wait(self.progress, on_wait, |interval| {
            Ok(match begin_install(self.stack, *hash, interval)? {
                InstallBegun::Ready(path) => Ok(Err(path)),
                InstallBegun::Install(installation) => Ok(Ok(installation)),
                InstallBegun::Busy(holder) => Err(holder),
            })
        })?;
        match begun {
            Ok(installation) => self.install_by(&installation, wanted),
            Err(path) => Ok(Installed::at(path, false)),
        }
    }

    /// Tries one source after the other.
    fn install_by(&self, installation: &Installation, wanted: &Wanted) -> Result<Installed> {
        let mut failures: Vec<(Source, Failure)> = Vec::new();
        for source in wanted.sources(self.options.settings) {
            match self.install_from(&source, installation, wanted) {
                Ok(mut installed) => {
                    installed.warnings.extend(wanted.diagnostics());
                    installed.warnings.extend(self.client.notes());
                    installation.remove_downloads();
                    return Ok(installed);
                }
                Err(Failure::Local(error)) => return Err(error),
                Err(failure) => failures.push((source, failure)),
            }
        }
        Err(failure::all_failed(wanted, &failures))
    }

    fn install_from(
        &self,
        source: &Source,
        installation: &Installation,
        wanted: &Wanted,
    ) -> std::result::Result<Installed, Failure> {
        self.begin_stage(|| format!("Downloading `{}`", wanted.name));
        let file = installation.download(&source.url);
        let Source { url, sha256, size, limit, .. } = source;
        if !installation::is_complete(&file, *sha256, self.progress)? {
            let request = Request { url, sha256: *sha256, size: *size, limit: *limit };
            self.client.download(&request, &file)?;
        }
        self.begin_stage(|| format!("Unpacking `{}`", wanted.name));
        let installed = installation.install_from(&file, self.options, self.progress);
        if installed.as_ref().is_err_and(Failure::spoils_tarball) {
            fs::remove(&file).map_err(Error::from)?;
        }
        installed
    }

    fn begin_stage(&self, title: impl FnOnce() -> String) {
        if self.shows_stages {
            self.progress.begin(title());
        }
    }

    /// Logs the uses of the files that bind the installed artifacts.
    fn log_uses(&self, wanted: &[Wanted], results: &mut [Result<Installed>]) {
        let mut files: Vec<&str> = Vec::new();
        for (wanted, _) in wanted.iter().zip(&*results).filter(|(_, result)| result.is_ok()) {
            let file = wanted.bound_in.as_ref().map(|(file, _)| file.as_str());
            files.extend(file.filter(|file| !files.contains(file)));
        }
        let Some(Ok(installed)) = results.iter_mut().find(|result| result.is_ok()) else { return };
        match log_use_while_wanted(self.stack, &files, self.options.now, self.progress) {
            Ok(tracked) => installed.removed_records = tracked.removed_records,
            Err(error) => installed.warnings.push(format!("the use is not recorded: {error}")),
        }
    }
}
