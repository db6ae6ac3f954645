//! Scratch spaces that a generator fills once.
//!
//! The generator fills a directory beside the space, which then replaces the space. Of several
//! processes that request a space, the one that gets the lock generates it; the others get its
//! process id, and wait.
//!
//! # Locking
//!
//! `<key>@generating.pid` is held from [`begin`] until the [`Generation`] is published, abandoned
//! or dropped. Reading a space takes no lock: a space is complete or does not exist.
//!
//! # Crash
//!
//! A killed process leaves the old space or the new one, a directory beside it with its record, and
//! a lock. The next caller of [`begin`] breaks the lock at once, deletes the leftovers and begins
//! again. See [`scratchrs_model::generation`].

use std::path::{Path, PathBuf};

use scratchrs_fs::{self as fs, Attempt, Holder, IfExists, PidLock};
use scratchrs_model::generation::{Generated, Pending, Space, is_current};
use scratchrs_model::key::ScratchKey;
use scratchrs_model::layout::{BUILDING, GENERATED, GENERATING};
use scratchrs_model::time::DepotTime;
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::locks;
use crate::place::Place;

/// The result of [`begin`].
#[derive(Debug)]
pub enum Begun {
    /// The requested space is at this path.
    Ready(String),
    /// The caller has to fill [`Generation::directory`], and to publish it.
    Generate(Box<Generation>),
    /// Another process is generating the space; try again later.
    Busy {
        /// The other process.
        holder: Holder,
        /// The start time of the generation, if it is known.
        started: Option<DepotTime>,
    },
}

/// A generation that only this process can finish. Dropping it abandons it.
#[derive(Debug)]
pub struct Generation {
    files: Files,
    directory: PathBuf,
    /// The existing record of the space.
    before: Option<Generated>,
    pending: Pending,
    lock: PidLock,
    is_done: bool,
}

/// Requests the space `key` of `owner`, in any version if `version` is `None`.
///
/// # Errors
///
/// If `key` is invalid, or the file system refuses.
pub fn begin(
    place: Place<'_>,
    owner: Uuid,
    key: &str,
    version: Option<&str>,
    now: DepotTime,
) -> Result<Begun> {
    let files = Files::of(place, owner, ScratchKey::new(key)?)?;
    if files.is_current(version)? {
        files.remove_leftovers();
        return Ok(Begun::Ready(files.space));
    }
    let lock = files.lock();
    let lock = match fs::with_parent_dir(&lock, || PidLock::try_acquire(&lock, locks::GENERATION))?
    {
        Attempt::Acquired(lock) => lock,
        Attempt::Held(holder) => {
            let record = files.read_record()?;
            let pending = record.and_then(|record| record.pending);
            let started = pending.and_then(|pending| DepotTime::from_toml(&pending.started));
            return Ok(Begun::Busy { holder, started });
        }
    };
    let before = files.recover()?;
    if files.is_current(version)? {
        return Ok(Begun::Ready(files.space));
    }
    let pending = Pending {
        started: now.to_toml(),
        identity: None,
        version: version.map(str::to_owned),
        empty: false,
    };
    let directory = files.beside(&format!("{BUILDING}{}", std::process::id()));
    let generation = Generation { files, directory, before, pending, lock, is_done: false };
    generation.write_pending()?;
    fs::create_dir_all(&generation.directory)?;
    Ok(Begun::Generate(Box::new(generation)))
}

impl Generation {
    /// The directory to fill. The caller may remove and create it again.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Replaces the space with the directory, and returns the path of the space.
    ///
    /// # Errors
    ///
    /// If the directory was deleted, another process has broken the lock, or the file system
    /// refuses. The space is then unchanged.
    pub fn publish(mut self) -> Result<String> {
        let lost =
            |cause: &str| Error::NotFound(format!("can't publish the generated space: {cause}"));
        let directory = self.directory.display();
        let Some(is_empty) = fs::is_empty_dir(&self.directory)? else {
            return Err(lost(&format!("`{directory}` was deleted")));
        };
        // After a power failure, a record must not exist without the content.
        fs::sync_tree(&self.directory)?;
        if !self.lock.is_held() {
            return Err(lost(&format!("the lock `{}` was removed", self.files.lock().display())));
        }
        self.pending.empty = is_empty;
        self.pending.identity = Some(identity(&self.directory).unwrap_or_default());
        self.write_pending()?;
        fs::place(&self.directory, Path::new(&self.files.space), IfExists::Swap)?;
        // The space is complete. If the rest fails, on a full disk for example, the next request
        // does it.
        self.is_done = true;
        let settled = self.record().settled(true);
        // The record with the identity has to stay until the rename of the space is synced.
        let settle = || {
            let directory = Path::new(&self.files.space).parent();
            directory.is_none_or(|directory| fs::sync_dir(directory).is_ok())
                && self.files.write_record(&settled).is_ok()
        };
        let is_settled = settle();
        let is_removed = fs::remove(&self.directory).is_ok();
        // Deleting the directory may have made room for the record.
        if !is_settled && is_removed {
            settle();
        }
        Ok(self.files.space.clone())
    }

    /// Removes the directory. The space is unchanged.
    ///
    /// # Errors
    ///
    /// If the directory cannot be removed. The next request for the space tries again.
    pub fn abandon(mut self) -> Result<()> {
        self.undo()
    }

    fn undo(&mut self) -> Result<()> {
        self.is_done = true;
        // A process that has broken the lock has written its own record.
        if !self.lock.is_held() {
            return Ok(fs::remove(&self.directory)?);
        }
        let restored = self.restore_record();
        fs::remove(&self.directory)?;
        // On a full disk, the record may fit only now.
        restored.or_else(|_| self.restore_record())
    }

    fn restore_record(&self) -> Result<()> {
        match &self.before {
            Some(before) => self.files.write_record(before),
            None => Ok(fs::remove(&self.files.record())?),
        }
    }

    fn record(&self) -> Generated {
        let before = self.before.clone().unwrap_or_default();
        Generated { pending: Some(self.pending.clone()), ..before }
    }

    fn write_pending(&self) -> Result<()> {
        self.files.write_record(&self.record())
    }
}

impl Drop for Generation {
    fn drop(&mut self) {
        if !self.is_done {
            // Otherwise the next request for the space does it.
            let _ = self.undo();
        }
    }
}

/// A space and the files beside it.
#[derive(Debug)]
struct Files {
    space: String,
    key: String,
}

impl Files {
    fn of(place: Place<'_>, owner: Uuid, key: ScratchKey<'_>) -> Result<Self> {
        let space = place.space(owner, key)?;
        Ok(Self { space, key: key.as_str().to_owned() })
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        PathBuf::from(format!("{}{suffix}", self.space))
    }

    fn record(&self) -> PathBuf {
        self.beside(GENERATED)
    }

    fn lock(&self) -> PathBuf {
        self.beside(GENERATING)
    }

    fn is_current(&self, version: Option<&str>) -> Result<bool> {
        let space = match fs::is_empty_dir(Path::new(&self.space))? {
            None => return Ok(false),
            Some(true) => Space::Empty,
            Some(false) => Space::Filled,
        };
        Ok(is_current(space, self.read_record()?.as_ref(), version))
    }

    fn read_record(&self) -> Result<Option<Generated>> {
        let text = fs::read(&self.record())?;
        Ok(std::str::from_utf8(&text)
            .ok()
            .filter(|text| !text.is_empty())
            .and_then(Generated::parse))
    }

    fn write_record(&self, record: &Generated) -> Result<()> {
        let path = self.record();
        fs::replace(&path, record.to_text())?;
        Ok(())
    }

    /// Deletes the leftovers of a process that was killed after it had published the space.
    fn remove_leftovers(&self) {
        // The lock is deleted last, so leftovers have one. A running process has one, too.
        if matches!(fs::symlink_metadata(&self.lock()), Ok(Some(_)))
            && let Ok(Attempt::Acquired(_lock)) =
                PidLock::try_acquire(&self.lock(), locks::GENERATION)
        {
            // The space is valid with leftovers beside it.
            let _ = self.recover();
        }
    }

    /// Deletes the leftovers of a killed process, and returns the valid record. The caller holds
    /// the lock.
    fn recover(&self) -> Result<Option<Generated>> {
        let space = Path::new(&self.space);
        fs::restore_replaced(space)?;
        let record = match self.read_record()? {
            Some(record @ Generated { pending: Some(_), .. }) => self.settle(record)?,
            record => record,
        };
        fs::remove_temp_files(&self.record());
        let building = format!("{}{BUILDING}", self.key);
        if let Some(directory) = space.parent() {
            for name in fs::subdirectories(directory)? {
                if name.starts_with(&building) {
                    fs::remove(&directory.join(name))?;
                }
            }
        }
        Ok(record)
    }

    /// Corrects the record of a killed generation, by whether it has replaced the space.
    fn settle(&self, record: Generated) -> Result<Option<Generated>> {
        let space = Path::new(&self.space);
        let identity = record.pending.as_ref().and_then(|pending| pending.identity.clone());
        let settled = record.settled(identity.is_some() && identity == self::identity(space));
        // There was no record before, or an equivalent one.
        if settled == Generated::default() && fs::is_empty_dir(space)? != Some(false) {
            fs::remove(&self.record())?;
            return Ok(None);
        }
        self.write_record(&settled)?;
        Ok(Some(settled))
    }
}

/// The identity of the directory at `path`, if the system has file numbers.
fn identity(path: &Path) -> Option<String> {
    let found = fs::metadata(path).ok().flatten()?;
    found.identity.map(|identity| identity.to_string())
}
