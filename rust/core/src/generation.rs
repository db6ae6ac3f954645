//! Scratch spaces that are filled once, by a generator.
//!
//! The generator fills a directory aside, which then takes the place of the space. However many
//! processes ask at once, the one with the lock generates, the others learn which process it is.
//!
//! # Locking
//!
//! `<key>@generating.pid` from [`begin`] until the [`Generation`] is published, abandoned or
//! dropped. Looking at a space takes no lock: what is seen is complete, or not there.
//!
//! # Crash
//!
//! A process that is killed leaves the old space or the new one, a directory aside and a record
//! that says so, and a lock that the next caller of [`begin`] takes over at once, to clean up and
//! to begin again. See [`scratchrs_model::generation`].

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

/// What the caller of [`begin`] has to do.
#[derive(Debug)]
pub enum Begun {
    /// Nothing: the space at this path is what was asked for.
    Ready(String),
    /// To fill [`Generation::directory`], and to publish it.
    Generate(Box<Generation>),
    /// To wait, and to ask again.
    Busy {
        /// The process that is generating the space.
        holder: Holder,
        /// Since when, if that is known.
        started: Option<DepotTime>,
    },
}

/// A generation that only this process may finish. Dropping it abandons it.
#[derive(Debug)]
pub struct Generation {
    files: Files,
    directory: PathBuf,
    /// The record of the space as it is; None if there was none.
    before: Option<Generated>,
    pending: Pending,
    lock: PidLock,
    is_done: bool,
}

/// Asks for the space `key` of `owner`, in the given version if there is one.
///
/// # Errors
///
/// If `key` is no key, or the file system refuses.
pub fn begin(
    place: Place<'_>,
    owner: Uuid,
    key: &str,
    version: Option<&str>,
    now: DepotTime,
) -> Result<Begun> {
    let files = Files::of(place, owner, ScratchKey::new(key)?)?;
    if files.is_current(version)? {
        files.tidy();
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
    /// The directory to fill. It may be removed and made again.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Puts the directory into the place of the space, and returns the path of the space.
    ///
    /// # Errors
    ///
    /// If the directory is gone, another process took this generation for dead, or the file
    /// system refuses. The space is then as it was before.
    pub fn publish(mut self) -> Result<String> {
        let lost =
            |what: &str| Error::NotFound(format!("can't publish the generated space: {what}"));
        let directory = self.directory.display();
        let Some(is_empty) = fs::is_empty_dir(&self.directory)? else {
            return Err(lost(&format!("`{directory}` is no directory any more")));
        };
        // The record vouches for the content, after a power failure too.
        fs::sync_tree(&self.directory)?;
        if !self.lock.is_held() {
            return Err(lost(&format!("the lock `{}` was removed", self.files.lock().display())));
        }
        self.pending.empty = is_empty;
        self.pending.identity = Some(identity(&self.directory).unwrap_or_default());
        self.write_pending()?;
        fs::place(&self.directory, Path::new(&self.files.space), IfExists::Swap)?;
        // The space is what was asked for. What cannot be finished now, on a full disk say, is
        // finished by the next request for the space.
        self.is_done = true;
        let settled = self.record().settled(true);
        // Until the space is on the disk under its name, the record with its identity has to stay.
        let settle = || {
            let directory = Path::new(&self.files.space).parent();
            directory.is_none_or(|directory| fs::sync_dir(directory).is_ok())
                && self.files.write_record(&settled).is_ok()
        };
        let is_settled = settle();
        let is_removed = fs::remove(&self.directory).is_ok();
        // The directory was in the way of the record, perhaps.
        if !is_settled && is_removed {
            settle();
        }
        Ok(self.files.space.clone())
    }

    /// Removes the directory. The space is then as it was before.
    ///
    /// # Errors
    ///
    /// If the directory cannot be removed; the next request for the space tries again.
    pub fn abandon(mut self) -> Result<()> {
        self.undo()
    }

    fn undo(&mut self) -> Result<()> {
        self.is_done = true;
        // A process that took this generation for dead has a record of its own there.
        if !self.lock.is_held() {
            return Ok(fs::remove(&self.directory)?);
        }
        let restored = self.restore_record();
        fs::remove(&self.directory)?;
        // On a full disk, there is space for the record only now.
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
            // What cannot be undone now is undone by the next request for the space.
            let _ = self.undo();
        }
    }
}

/// A space and what lies beside it.
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

    /// Clears away what a generator left that was killed when the space was ready.
    fn tidy(&self) {
        // Its lock is deleted last. Where one exists, a process may be at work, too.
        if matches!(fs::symlink_metadata(&self.lock()), Ok(Some(_)))
            && let Ok(Attempt::Acquired(_lock)) =
                PidLock::try_acquire(&self.lock(), locks::GENERATION)
        {
            // The space is there: that there is more beside it is no reason to refuse it.
            let _ = self.recover();
        }
    }

    /// Clears away what a killed generator left, and returns the record that holds. The caller
    /// has the lock.
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

    /// Finds out what became of the generation that was killed, and leaves its record so.
    fn settle(&self, record: Generated) -> Result<Option<Generated>> {
        let space = Path::new(&self.space);
        let identity = record.pending.as_ref().and_then(|pending| pending.identity.clone());
        let settled = record.settled(identity.is_some() && identity == self::identity(space));
        // There was no record before, or one that says as much.
        if settled == Generated::default() && fs::is_empty_dir(space)? != Some(false) {
            fs::remove(&self.record())?;
            return Ok(None);
        }
        self.write_record(&settled)?;
        Ok(Some(settled))
    }
}

/// The identity of the directory at `path`, if the system numbers files.
fn identity(path: &Path) -> Option<String> {
    let found = fs::metadata(path).ok().flatten()?;
    found.identity.map(|identity| identity.to_string())
}
