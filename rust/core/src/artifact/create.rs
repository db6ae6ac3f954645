//! Creating an artifact from a directory that the caller fills.
//!
//! # Locking
//!
//! `@building-<process>-<number>.pid` is held from [`begin`] until the [`Creation`] is published,
//! abandoned or dropped, and its directory is deleted before. So a directory whose lock is free was
//! left by a killed process.
//!
//! # Crash
//!
//! A killed process leaves its directory and lock, which the next [`begin`] deletes; or the
//! artifact, with or without its record.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use scratchrs_archive as archive;
use scratchrs_fs::{self as fs, Attempt, IfExists, PidLock, Progress};
use scratchrs_model::hash::TreeHash;
use scratchrs_model::layout::BUILDING;

use super::presence::{Presence, confirm};
use super::record;
use super::report::Created;
use super::site::Site;
use super::stack::Stack;
use super::waiting::{OrHolder, title, wait};
use crate::error::{Error, Result};
use crate::locks;

/// A directory that becomes an artifact. Dropping it abandons it.
#[derive(Debug)]
pub struct Creation {
    site: Site,
    directory: PathBuf,
    /// Held while the directory exists.
    _lock: PidLock,
}

/// Creates an empty directory in the first depot, for the caller to fill.
///
/// # Errors
///
/// If the stack has no depot, or the file system refuses.
pub fn begin(stack: &Stack) -> Result<Creation> {
    let site = Site::of(stack)?;
    fs::create_dir_all(site.artifacts())?;
    remove_abandoned(&site, &site.names()?)?;
    let process = std::process::id();
    let mut number = 0;
    loop {
        let name = format!("{BUILDING}{process}-{number}");
        // Another thread may hold it, or a process with the same id on another machine.
        if let Attempt::Acquired(lock) = try_acquire(&site, &name)? {
            site.remove(&name)?;
            let directory = site.create(&name)?;
            return Ok(Creation { site, directory, _lock: lock });
        }
        number += 1;
    }
}

/// Removes those of the named directories and locks that killed processes left.
pub(super) fn remove_abandoned(site: &Site, names: &[String]) -> Result<()> {
    let creations: BTreeSet<&str> = names.iter().filter_map(|name| creation_of(name)).collect();
    for creation in creations {
        if let Attempt::Acquired(_lock) = try_acquire(site, creation)? {
            site.remove(creation)?;
        }
    }
    Ok(())
}

fn try_acquire(site: &Site, creation: &str) -> fs::Result<Attempt> {
    let lock = site.lock(creation);
    fs::with_parent_dir(&lock, || PidLock::try_acquire(&lock, locks::CREATION))
}

/// The name of a creation's directory, if `name` is that name, or that of its lock, or that of a
/// partly removed directory.
pub(crate) fn creation_of(name: &str) -> Option<&str> {
    let rest = name.strip_prefix(BUILDING)?;
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '-').unwrap_or(rest.len());
    matches!(rest[end..].chars().next(), None | Some('.' | '@'))
        .then(|| &name[..BUILDING.len() + end])
}

impl Creation {
    /// The directory to fill. The caller may remove and create it again.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Copies the content of the directory `source` into the directory, which must be empty.
    ///
    /// # Errors
    ///
    /// If a file cannot be read, written, or be in an artifact, or the work is cancelled.
    pub fn copy(&self, source: &Path, progress: &Progress) -> Result<()> {
        progress.begin(format!("Copying `{}`", source.display()));
        Ok(fs::copy_tree(source, &self.directory, progress)??)
    }

    /// Unpacks the file `tarball` into the directory, which must be empty.
    ///
    /// # Errors
    ///
    /// The errors of [`archive::unpack`].
    pub fn unpack(&self, tarball: &Path, progress: &Progress) -> Result<()> {
        let file = fs::open(tarball)?;
        progress.begin(format!("Unpacking `{}`", tarball.display()));
        progress.expect(file.metadata().map_or(0, |metadata| metadata.len()));
        archive::unpack(file, &self.directory, &archive::UnpackOptions::default(), progress)?;
        Ok(())
    }

    /// Turns the directory into an artifact. An existing artifact with the same hash in any depot
    /// of `stack` is kept, and no collection deletes it for at least ten minutes. Waits for a
    /// process that is installing or deleting the same artifact, until the work is cancelled.
    ///
    /// # Errors
    ///
    /// If the directory was deleted, a file in it cannot be read or cannot be in an artifact, the
    /// file system refuses, or the work is cancelled. No artifact is created then, and the
    /// directory is removed.
    pub fn publish(self, stack: &Stack, progress: &Progress) -> Result<Created> {
        progress.begin("Hashing the artifact");
        if !fs::is_dir(&self.directory) {
            let directory = self.directory.display();
            let message = format!("can't create an artifact: `{directory}` was deleted");
            return Err(Error::NotFound(message));
        }
        let tree = archive::tree_record(&self.directory, progress)?;
        let hash = tree.hashes().pkg;
        if let Some(path) = self.existing(stack, hash, progress)? {
            record::write_missing(&path, hash, &tree);
            return Ok(Created { hash, path, is_new: false });
        }
        let path = self.site.artifact(hash);
        // A collection takes this lock to delete an artifact, and then finds the new record.
        let _lock = self.lock(hash, progress)?;
        fs::make_tree_read_only(&self.directory)?;
        progress.check()?;
        let is_new = put_in_place(&self.directory, &path)?;
        record::write(&path, hash, &tree);
        Ok(Created { hash, path, is_new })
    }

    /// The path of an existing artifact with this hash. No collection deletes it for at least ten
    /// minutes.
    fn existing(
        &self,
        stack: &Stack,
        hash: TreeHash,
        progress: &Progress,
    ) -> Result<Option<String>> {
        let stack = stack.without_overrides();
        wait_for(hash, progress, |interval| {
            Ok(match confirm(&stack, hash, interval)? {
                Presence::Present(path) => Ok(Some(path)),
                Presence::Missing => Ok(None),
                Presence::Busy(holder) => Err(holder),
            })
        })
    }

    /// Takes the lock of the artifact. Waits until the work is cancelled.
    fn lock(&self, hash: TreeHash, progress: &Progress) -> Result<PidLock> {
        let lock = self.site.lock(&hash.to_string());
        wait_for(hash, progress, |interval| {
            let acquire = || PidLock::acquire(&lock, locks::ARTIFACT, interval);
            Ok(match fs::with_parent_dir(&lock, acquire)? {
                Attempt::Acquired(lock) => Ok(lock),
                Attempt::Held(holder) => Err(holder),
            })
        })
    }

    /// Removes the directory.
    ///
    /// # Errors
    ///
    /// If it cannot be removed. The next creation tries again.
    pub fn abandon(self) -> Result<()> {
        Ok(fs::remove(&self.directory)?)
    }
}

fn wait_for<T>(
    hash: TreeHash,
    progress: &Progress,
    attempt: impl FnMut(Duration) -> Result<OrHolder<T>>,
) -> Result<T> {
    let on_wait = |holder: &_| progress.begin(title(&format!("artifact {hash}"), holder));
    wait(progress, on_wait, attempt)
}

impl Drop for Creation {
    fn drop(&mut self) {
        // Otherwise the next creation removes it.
        let _ = fs::remove(&self.directory);
    }
}

/// Renames a complete tree to the path of its artifact, unless the artifact exists. Returns whether
/// it is new.
pub(super) fn put_in_place(built: &Path, artifact: &str) -> Result<bool> {
    let artifact = Path::new(artifact);
    if let Some(directory) = artifact.parent() {
        fs::copy_permissions(built, directory)?;
    }
    Ok(fs::place(built, artifact, IfExists::Keep)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_of_a_creation() {
        for name in [
            "@building-17-0",
            "@building-17-0.pid",
            "@building-17-0@removing-23-0",
            "@building-17-0.pid@removing-23-0",
        ] {
            assert_eq!(creation_of(name), Some("@building-17-0"), "{name}");
        }
        for name in ["1234@building-17", "@build", "@building-17-0x", "Overrides.toml"] {
            assert_eq!(creation_of(name), None, "{name}");
        }
    }
}
