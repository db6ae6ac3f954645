//! Renaming an item to be deleted, unless it is in use.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use scratchrs_fs::{self as fs, Attempt, Mounts, PidLock, StagedRemoval, TrustedDir};
use scratchrs_model::collection::{Item, Kind, Position, Reason};
use scratchrs_model::layout::{GENERATED, TREE_RECORD};

use super::log_locks::{LogLocks, release};
use crate::failure::Failure;
use crate::gc::in_use::{beside, held_by, lock_of, why_spared};
use crate::gc::logged_roots::LoggedRoots;
use crate::gc::options::Moment;
use crate::gc::store_space;

/// An item that is deletable.
pub(super) struct DeleteCandidate<'a> {
    pub(super) position: Position,
    pub(super) item: &'a Item,
    pub(super) path: PathBuf,
    pub(super) reason: Reason,
}

/// The result of renaming an item to be deleted.
pub(super) enum Outcome {
    Staged(StagedRemoval),
    /// It does not exist any more.
    Missing,
    /// A log has changed since it was read.
    Outdated,
    InUse(String),
    Failed(String),
}

/// What the renames of one batch share.
pub(super) struct Staging<'a> {
    pub(super) locks: &'a LogLocks,
    pub(super) logged: &'a LoggedRoots,
    pub(super) mounts: Mounts,
    pub(super) moment: Moment,
    /// The directories of all items of a kind in the depots, each opened once.
    dirs: HashMap<PathBuf, TrustedDir>,
}

impl<'a> Staging<'a> {
    pub(super) fn new(
        locks: &'a LogLocks,
        logged: &'a LoggedRoots,
        moment: Moment,
        batch: &[DeleteCandidate<'_>],
    ) -> Self {
        let mut dirs = HashMap::new();
        for candidate in batch {
            let dir = trusted(&candidate.path, candidate.item);
            if !dirs.contains_key(dir) {
                dirs.insert(dir.to_owned(), TrustedDir::open(dir));
            }
        }
        Self { locks, logged, mounts: Mounts::read(), moment, dirs }
    }

    /// Renames an item, unless it is in use. Also returns its lock, if the file of that cannot be removed.
    pub(super) fn stage(&self, candidate: &DeleteCandidate<'_>) -> (Outcome, Option<Failure>) {
        match self.lock(candidate) {
            Ok(lock) => (self.stage_locked(candidate), lock.and_then(release)),
            Err(outcome) => (outcome, None),
        }
    }

    /// Takes the lock under which processes install, create or generate the item: they either hold it, or check
    /// after the rename whether the item exists.
    fn lock(&self, candidate: &DeleteCandidate<'_>) -> Result<Option<PidLock>, Outcome> {
        let Some((lock, policy)) = lock_of(&candidate.path, candidate.item) else {
            return Ok(None);
        };
        let lasting = self.locks.lasting(candidate.position.0);
        match PidLock::acquire_by(lasting, &lock, policy.briefly(), Duration::ZERO) {
            Ok(Attempt::Acquired(lock)) => Ok(Some(lock)),
            Ok(Attempt::Held(holder)) => Err(Outcome::InUse(held_by(&holder))),
            // The directory of the package does not exist any more.
            Err(error) if error.is_missing() => Err(Outcome::Missing),
            Err(error) => Err(Outcome::Failed(error.to_string())),
        }
    }

    fn stage_locked(&self, candidate: &DeleteCandidate<'_>) -> Outcome {
        let DeleteCandidate { item, path, .. } = candidate;
        if let Some(reason) = why_spared(path, item, &self.mounts, self.moment) {
            return Outcome::InUse(reason);
        }
        let mut _store_lock = None;
        if store_space::is_store(item) {
            match store_space::lock_if_unused(path, self.moment.now) {
                Ok(Some(lock)) => _store_lock = Some(lock),
                Ok(None) => return Outcome::InUse("the store is in use".to_owned()),
                Err(error) => return Outcome::Failed(error.to_string()),
            }
        }
        if self.logged.is_outdated() {
            return Outcome::Outdated;
        }
        if item.kind == Kind::Space && !item.is_file {
            // The record first: a space without a record is one that was filled by hand.
            if let Err(error) = fs::remove(&beside(path, GENERATED)) {
                return Outcome::Failed(error.to_string());
            }
        }
        let dir = trusted(path, item);
        let dir = self.dirs.get(dir).cloned().unwrap_or_else(|| TrustedDir::open(dir));
        match StagedRemoval::begin(path, &dir, &self.mounts) {
            Ok(Some(staged)) => {
                if item.kind == Kind::Artifact {
                    // Useless without its artifact, and harmless.
                    let _ = fs::remove(&beside(path, TREE_RECORD));
                }
                Outcome::Staged(staged)
            }
            Ok(None) => Outcome::Missing,
            Err(error) => Outcome::Failed(error.to_string()),
        }
    }
}

/// The directory of all items of a kind. The inventory has not followed links below it, either.
fn trusted<'a>(path: &'a Path, item: &Item) -> &'a Path {
    path.ancestors().nth(if item.kind.is_grouped() { 2 } else { 1 }).unwrap_or(path)
}
