//! An installation in progress: its lock, its files, and the directory that becomes the artifact.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use scratchrs_archive::{self as archive, TreeRecord, UnpackOptions, Unpacked};
use scratchrs_fs::{self as fs, Attempt, Holder, IfExists, PidLock, Progress};
use scratchrs_model::hash::{Sha256, TreeHash};
use scratchrs_model::layout::{BUILDING, DOWNLOAD};

use super::failure::Failure;
use super::options::InstallOptions;
use super::wanted::Wanted;
use crate::artifact::create::put_in_place;
use crate::artifact::presence::{Presence, confirm};
use crate::artifact::record;
use crate::artifact::report::Installed;
use crate::artifact::site::{Site, remove_with_prefix};
use crate::artifact::stack::Stack;
use crate::artifact::waiting::{OrHolder, wait};
use crate::error::{Error, Result};
use crate::locks;
use crate::tarball::sha256;

/// The result of [`begin_install`].
#[derive(Debug)]
pub enum InstallBegun {
    /// The artifact is at this path.
    Ready(String),
    /// The caller has to get the tarball, and to finish the installation with it.
    Install(Box<Installation>),
    /// This process is installing the artifact; try again later.
    Busy(Holder),
}

/// An installation that only this process can finish. Dropping it abandons it, and leaves its
/// downloads to the next installation.
#[derive(Debug)]
pub struct Installation {
    hash: TreeHash,
    site: Site,
    /// The future path of the artifact.
    path: String,
    /// Whether an existing artifact is replaced.
    replaces: bool,
    _lock: PidLock,
}

/// Begins to install an artifact with a tarball that the caller provides. Waits for at most
/// `lock_timeout` for another process that is installing it. No collection deletes an existing
/// artifact for at least ten minutes.
///
/// # Errors
///
/// If the stack has no depot, the artifact is overridden by a missing directory, or the file system
/// refuses.
pub fn begin_install(
    stack: &Stack,
    hash: TreeHash,
    lock_timeout: Duration,
) -> Result<InstallBegun> {
    if let Some(path) = stack.find(hash)? {
        remove_leftovers(stack, &path, hash);
        match confirm(stack, hash, lock_timeout)? {
            Presence::Present(path) => return Ok(InstallBegun::Ready(path)),
            Presence::Busy(holder) => return Ok(InstallBegun::Busy(holder)),
            Presence::Missing => {}
        }
    }
    if let Some(path) = stack.overridden(hash)? {
        let message = format!("artifact {hash} is overridden by `{path}`, which does not exist");
        return Err(Error::NotFound(message));
    }
    let installation = match Installation::begin(stack, hash, lock_timeout)? {
        Ok(installation) => installation,
        Err(holder) => return Ok(InstallBegun::Busy(holder)),
    };
    // No collection deletes it while this process has the lock.
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

/// Begins to replace a corrupt artifact.
pub(super) fn begin_repair(
    stack: &Stack,
    hash: TreeHash,
    progress: &Progress,
) -> Result<Installation> {
    let attempt = |interval| Installation::begin(stack, hash, interval);
    Ok(Installation { replaces: true, ..wait(progress, |_| {}, attempt)? })
}

/// Deletes the leftovers of an installation that was killed after it had placed the artifact at
/// `path`.
pub(in crate::artifact) fn remove_leftovers(stack: &Stack, path: &str, hash: TreeHash) {
    let Some(site) = Site::around(stack, path, hash) else { return };
    let lock = site.lock(&hash.to_string());
    // The lock is deleted last, so leftovers have one. A running process has one, too.
    if matches!(fs::symlink_metadata(&lock), Ok(Some(_)))
        && let Ok(Attempt::Acquired(_lock)) = PidLock::try_acquire(&lock, locks::ARTIFACT)
    {
        // The artifact is valid with leftovers.
        let _ = site.remove_built(hash);
        let _ = remove_downloads(&site, hash);
    }
}

fn remove_downloads(site: &Site, hash: TreeHash) -> fs::Result<()> {
    remove_with_prefix(site.artifacts(), &format!("{hash}{DOWNLOAD}"))
}

/// Removes those of the named directories in which killed processes have built artifacts to install. Returns the
/// number of the artifacts.
pub(in crate::artifact) fn remove_abandoned(site: &Site, names: &[String]) -> Result<usize> {
    let hash = |name: &String| name.split_once(BUILDING)?.0.parse::<TreeHash>().ok();
    let mut removed = 0;
    for hash in names.iter().filter_map(hash).collect::<BTreeSet<_>>() {
        let lock = site.lock(&hash.to_string());
        let acquire = || PidLock::try_acquire(&lock, locks::ARTIFACT);
        if let Attempt::Acquired(_lock) = fs::with_parent_dir(&lock, acquire)? {
            site.remove_built(hash)?;
            removed += 1;
        }
    }
    Ok(removed)
}

impl Installation {
    /// Takes the lock, and deletes a directory that a killed process left.
    fn begin(stack: &Stack, hash: TreeHash, lock_timeout: Duration) -> Result<OrHolder<Self>> {
        let site = Site::of(stack)?;
        let lock = site.lock(&hash.to_string());
        let acquire = || PidLock::acquire(&lock, locks::ARTIFACT, lock_timeout);
        let lock = match fs::with_parent_dir(&lock, acquire)? {
            Attempt::Acquired(lock) => lock,
            Attempt::Held(holder) => return Ok(Err(holder)),
        };
        site.remove_built(hash)?;
        let path = site.artifact(hash);
        Ok(Ok(Self { hash, site, path, replaces: false, _lock: lock }))
    }

    /// The path for a tarball that the caller provides. The file is deleted when the installation
    /// ends.
    pub fn file(&self) -> PathBuf {
        PathBuf::from(format!("{}{DOWNLOAD}own", self.path))
    }

    /// The path for the tarball from `url`. Partial downloads from other URLs have other paths.
    pub(super) fn download(&self, url: &str) -> PathBuf {
        let checksum = crc32c::crc32c(url.as_bytes());
        PathBuf::from(format!("{}{DOWNLOAD}{checksum:08x}", self.path))
    }

    /// Installs the artifact from the tarball at [`Installation::file`], whose hash must be
    /// `sha256` if given.
    ///
    /// # Errors
    ///
    /// If the tarball or its tree does not match its hash, the tarball is malformed or hostile, the
    /// file system refuses, or the work is cancelled. Nothing is installed then, and the tarball is
    /// deleted.
    pub fn finish(
        self,
        name: &str,
        sha256: Option<Sha256>,
        options: InstallOptions<'_>,
        progress: &Progress,
    ) -> Result<Installed> {
        let tarball = self.file();
        let failed = |failure: Failure| {
            let wanted = Wanted::without_sources(name, self.hash);
            failure.into_error(&wanted, &tarball.to_string_lossy())
        };
        progress.begin(format!("Unpacking `{name}`"));
        let result = check_sha256(&tarball, sha256, progress)
            .and_then(|()| self.install_from(&tarball, options, progress).map_err(failed));
        self.remove_downloads();
        result
    }

    /// Abandons the installation, and deletes the tarball.
    pub fn abandon(self) {
        self.remove_downloads();
    }

    pub(super) fn remove_downloads(&self) {
        // Otherwise the next installation removes them.
        let _ = remove_downloads(&self.site, self.hash);
    }

    /// Unpacks a tarball, and renames the result into place.
    pub(super) fn install_from(
        &self,
        tarball: &Path,
        options: InstallOptions<'_>,
        progress: &Progress,
    ) -> std::result::Result<Installed, Failure> {
        let name = format!("{}{BUILDING}{}", self.hash, std::process::id());
        let built = self.site.create(&name)?;
        let installed = self.unpack(tarball, &built, options, progress).and_then(|unpacked| {
            let mut warnings = Vec::new();
            if !unpacked.hashes.contains(&self.hash) {
                let actual = unpacked.hashes.pkg;
                if !options.ignores_hashes() {
                    return Err(Failure::TreeMismatch(actual));
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
        // There may be no next installation that would remove it.
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
        let file = fs::open(tarball).map_err(Error::from)?;
        progress.expect(file.metadata().map_or(0, |metadata| metadata.len()));
        let options =
            UnpackOptions { links: options.links, read_only: true, ..UnpackOptions::default() };
        Ok(archive::unpack(file, built, &options, progress)?)
    }

    /// Writes the record first: after a kill in between, the next request finds no artifact, and
    /// installs it.
    fn put_in_place(&self, built: &Path, tree: &TreeRecord) -> Result<bool> {
        let path = Path::new(&self.path);
        if self.replaces {
            // The existing record may be corrupt, too.
            record::remove(&self.path)?;
            record::write_missing(&self.path, self.hash, tree);
            fs::copy_permissions(built, path.parent().unwrap_or(path))?;
            fs::place(built, path, IfExists::Swap)?;
            return Ok(true);
        }
        record::write(&self.path, self.hash, tree);
        put_in_place(built, &self.path).inspect_err(|_| {
            let _ = record::remove(&self.path);
        })
    }
}

/// Checks the hash of a tarball if it is known.
fn check_sha256(path: &Path, expected: Option<Sha256>, progress: &Progress) -> Result<()> {
    let Some(expected) = expected else { return Ok(()) };
    let actual = sha256(path, progress)?;
    if actual == expected {
        return Ok(());
    }
    Err(Error::Integrity {
        message: "the tarball does not match its hash; nothing was installed".to_owned(),
        path: path.to_owned(),
        expected: format!("sha256 {expected}"),
        actual: format!("sha256 {actual}"),
        hint: None,
    })
}

/// Whether a killed process has left the complete tarball at `path`.
pub(super) fn is_complete(
    path: &Path,
    expected: Option<Sha256>,
    progress: &Progress,
) -> Result<bool> {
    if expected.is_none() || !fs::is_file(path) {
        return Ok(false);
    }
    match check_sha256(path, expected, progress) {
        Ok(()) => Ok(true),
        Err(Error::Integrity { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}
