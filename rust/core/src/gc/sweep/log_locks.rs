//! The locks of the usage logs, held while items are renamed.

use std::collections::HashSet;
use std::path::Path;

use scratchrs_fs::{self as fs, FileId, PidLock};
use scratchrs_model::layout::{self, UsageLogFile};

use crate::error::{Error, Result};
use crate::failure::Failure;
use crate::gc::options::Options;
use crate::gc::report::{Consequence, Note, Report};
use crate::gc::state::CollectionState;
use crate::gc::usage_logs::{LOGS, LogFile};
use crate::usage;

/// The locks of logs, each with the depot that the log is in.
pub(super) struct LogLocks(Vec<(usize, PidLock)>);

impl LogLocks {
    /// Takes the locks of the logs of all depots that are swept. A depot that cannot be written to is
    /// left out if there are others.
    pub(super) fn acquire(
        state: &mut CollectionState,
        options: &Options,
        report: &mut Report,
    ) -> Result<Self> {
        let is_alone = state.swept().count() == 1;
        let depots = &mut state.inventory.depots;
        // Two collections that name the same depots in another order do not wait for each other.
        let mut order: Vec<usize> = (0..depots.len()).collect();
        order.sort_by_cached_key(|index| FileId::of(depots[*index].path.as_path()));
        // Depots may have their logs in one directory, through a link or a mount.
        let mut locked = HashSet::new();
        let mut locks = Vec::new();
        for index in order {
            let depot = &mut depots[index];
            // A missing depot needs no collection, which must not create it.
            if !depot.is_swept || !fs::is_dir(depot.path.as_path()) {
                continue;
            }
            let logs = depot.path.join(&[layout::LOGS]);
            if FileId::of(Path::new(&logs)).is_some_and(|id| !locked.insert(id)) {
                continue;
            }
            let lock = |kind: UsageLogFile| {
                let log = kind.path(&depot.path);
                Ok((index, usage::lock_to_collect(Path::new(&log), options.lock_timeout)?))
            };
            match LOGS.into_iter().map(lock).collect::<Result<Vec<_>>>() {
                Ok(taken) => locks.extend(taken),
                Err(error) if is_alone => return Err(error),
                // It did not seem to be read-only before.
                Err(Error::Io(error)) if index > 0 && error.is_read_only() => {
                    depot.is_swept = false;
                    let (path, message) = (depot.path.as_path(), error.to_string());
                    report.notes.push(Note::about(path, Consequence::Passed, message));
                }
                Err(error) => {
                    depot.is_swept = false;
                    report.failures.push(Failure::of(depot.path.as_str(), error));
                }
            }
        }
        Ok(Self(locks))
    }

    /// The lock of a log.
    pub(super) fn of(&self, log: &LogFile) -> Option<&PidLock> {
        let path = usage::lock_path(Path::new(&log.path));
        self.0.iter().map(|(_, lock)| lock).find(|lock| lock.path() == path)
    }

    /// A lock in a depot, whose file can have other names as long as all locks are held.
    pub(super) fn lasting(&self, depot: usize) -> Option<&PidLock> {
        self.0.iter().find(|(of, _)| *of == depot).map(|(_, lock)| lock)
    }

    /// Releases the locks. Returns those whose files cannot be removed.
    pub(super) fn release(self) -> Vec<Failure> {
        self.0.into_iter().filter_map(|(_, lock)| release(lock)).collect()
    }
}

/// Releases a lock. Returns the reason if its file cannot be removed.
pub(super) fn release(lock: PidLock) -> Option<Failure> {
    let path = lock.path().to_string_lossy().into_owned();
    lock.release().err().map(|error| Failure::of(path, error))
}
