//! Creating an artifact from a directory that the caller fills.
//!
//! # Locking
//!
//! `@building-<process>-<number>.pid` from [`begin`] until the [`Creation`] is published, abandoned
//! or dropped, and longer than its directory: a directory whose lock is free is a dead
//! process's.
//!
//! # Crash
//!
//! A killed process leaves its directory and its lock, which the next [`begin`] clears away; or the
//! artifact, with or without the record of what it consists of.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use scratchrs_archive as archive;
use scratchrs_fs::{self as fs, Attempt, Holder, IfExists, PidLock, Progress};
use scratchrs_model::hash::TreeHash;
use scratchrs_model::layout::{BUILDING, join};

use super::presence::{Presence, confirm, lock_beside};
use super::record;
use super::report::Created;
use super::stack::Stack;
use crate::error::{Error, Result};
use crate::locks;

/// The interval between checks for cancellation while waiting for another process.
const MOMENT: Duration = Duration::from_millis(50);

/// A directory that becomes an artifact. Dropping it abandons it.
#[derive(Debug)]
pub struct Creation {
    /// That of all artifacts.
    artifacts: String,
    directory: PathBuf,
    /// Held as long as the directory is there.
    _lock: PidLock,
}

/// Makes an empty directory, beside the artifacts of the first depot, for the caller to fill.
///
/// # Errors
///
/// If the stack has no depot, or the file system refuses.
pub fn begin(stack: &Stack) -> Result<Creation> {
    let artifacts = stack.first_directory()?;
    fs::create_dir_all(Path::new(&artifacts))?;
    clear_away_the_dead(&artifacts)?;
    let process = std::process::id();
    let mut number = 0;
    loop {
        let directory = join(&artifacts, &[&format!("{BUILDING}{process}-{number}")]);
        let lock = PathBuf::from(format!("{directory}.pid"));
        // Another thread has this one, or a process of the same number on another machine.
        if let Attempt::Acquired(lock) = PidLock::try_acquire(&lock, locks::CREATION)? {
            fs::remove(Path::new(&directory))?;
            fs::create_dir(Path::new(&directory))?;
            return Ok(Creation { artifacts, directory: directory.into(), _lock: lock });
        }
        number += 1;
    }
}

/// Removes what creations left whose process is gone.
///
/// # Errors
///
/// If the file system refuses.
pub(crate) fn clear_away_the_dead(artifacts: &str) -> Result<()> {
    let directory = Path::new(artifacts);
    let names = fs::names(directory)?;
    let creations: BTreeSet<&str> = names.iter().filter_map(|name| creation_of(name)).collect();
    for creation in creations {
        let lock = directory.join(format!("{creation}.pid"));
        if let Attempt::Acquired(_lock) = PidLock::try_acquire(&lock, locks::CREATION)? {
            fs::remove(&directory.join(creation))?;
            fs::remove_leftovers(&directory.join(creation))?;
        }
    }
    Ok(())
}

/// The name of the directory of a creation that something of this name belongs to: the directory
/// itself, its lock, or what is left of a directory that was being removed.
pub(crate) fn creation_of(name: &str) -> Option<&str> {
    let rest = name.strip_prefix(BUILDING)?;
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '-').unwrap_or(rest.len());
    matches!(rest[end..].chars().next(), None | Some('.' | '@'))
        .then(|| &name[..BUILDING.len() + end])
}

impl Creation {
    /// The directory to fill. It may be removed and made again.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Fills the directory, in which nothing is yet, with a copy of what is in the directory `source`.
    ///
    /// # Errors
    ///
    /// Something cannot be read or written, or cannot be in an artifact; or it is cancelled.
    pub fn copy(&self, source: &Path, progress: &Progress) -> Result<()> {
        progress.begin(format!("Copying `{}`", source.display()));
        Ok(fs::copy_tree(source, &self.directory, progress)??)
    }

    /// Fills the directory, in which nothing is yet, with what is in the file `tarball`.
    ///
    /// # Errors
    ///
    /// As [`archive::unpack`].
    pub fn unpack(&self, tarball: &Path, progress: &Progress) -> Result<()> {
        let file = fs::open(tarball)?;
        progress.begin(format!("Unpacking `{}`", tarball.display()));
        progress.expect(file.metadata().map_or(0, |metadata| metadata.len()));
        archive::unpack(file, &self.directory, &archive::UnpackOptions::default(), progress)?;
        Ok(())
    }

    /// Makes an artifact of what is in the directory. If it is there already, in any depot of
    /// `stack`, that one stays, and no collection removes it in the next ten minutes. Waits for a process
    /// that installs or removes the same artifact, for as long as the work is wanted.
    ///
    /// # Errors
    ///
    /// If the directory is gone, something in it cannot be read or cannot be in an artifact, the file
    /// system refuses, or it is cancelled. There is then no new artifact, and the
    /// directory is removed.
    pub fn publish(self, stack: &Stack, progress: &Progress) -> Result<Created> {
        progress.begin("Hashing the artifact");
        if !fs::is_dir(&self.directory) {
            let directory = self.directory.display();
            let message = format!("can't make an artifact: `{directory}` is no directory any more");
            return Err(Error::NotFound(message));
        }
        let tree = archive::tree_record(&self.directory, progress)?;
        let hash = tree.hashes().pkg;
        if let Some(path) = self.found(stack, hash, progress)? {
            record::keep(&path, hash, &tree);
            return Ok(Created { hash, path, is_new: false });
        }
        let path = join(&self.artifacts, &[&hash.to_string()]);
        // A collection takes this lock to remove the artifact. It either has, or sees the new record.
        let _lock = self.lock(hash, progress)?;
        fs::make_tree_read_only(&self.directory)?;
        progress.check()?;
        let is_new = put_in_place(&self.directory, &path)?;
        record::renew(&path, hash, &tree);
        Ok(Created { hash, path, is_new })
    }

    /// Where the artifact is, if it is there: it stays for a while.
    fn found(&self, stack: &Stack, hash: TreeHash, progress: &Progress) -> Result<Option<String>> {
        let stack = stack.without_overrides();
        let mut is_told = false;
        loop {
            match confirm(&stack, hash, MOMENT)? {
                Presence::Present(path) => return Ok(Some(path)),
                Presence::Missing => return Ok(None),
                Presence::Busy(holder) => wait_for(hash, &holder, &mut is_told, progress)?,
            }
        }
    }

    /// Takes the lock of the artifact, for as long as the caller waits.
    fn lock(&self, hash: TreeHash, progress: &Progress) -> Result<PidLock> {
        let lock = lock_beside(&join(&self.artifacts, &[&hash.to_string()]));
        let mut is_told = false;
        loop {
            match fs::with_parent_dir(&lock, || PidLock::acquire(&lock, locks::ARTIFACT, MOMENT))? {
                Attempt::Acquired(lock) => return Ok(lock),
                Attempt::Held(holder) => wait_for(hash, &holder, &mut is_told, progress)?,
            }
        }
    }

    /// Removes the directory.
    ///
    /// # Errors
    ///
    /// If it cannot be removed; the next creation tries again.
    pub fn abandon(self) -> Result<()> {
        Ok(fs::remove(&self.directory)?)
    }
}

/// Tells once which process is waited for, unless the work was cancelled.
fn wait_for(
    hash: TreeHash,
    holder: &Holder,
    is_told: &mut bool,
    progress: &Progress,
) -> Result<()> {
    progress.check()?;
    if !std::mem::replace(is_told, true) {
        progress.begin(match holder.pid {
            Some(pid) => {
                format!("Waiting for artifact {hash}: process {pid} on {} has it", holder.host)
            }
            None => format!("Waiting for artifact {hash}: another process has it"),
        });
    }
    Ok(())
}

impl Drop for Creation {
    fn drop(&mut self) {
        // What cannot be removed now is removed by the next one.
        let _ = fs::remove(&self.directory);
    }
}

/// Puts a tree that is ready into the place of an artifact, unless that is there. Whether it is new.
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
    fn what_belongs_to_a_creation_is_known_by_its_name() {
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
