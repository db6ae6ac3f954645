//! Finding an installed artifact, and protecting it from collections.
//!
//! An installed artifact can be unreachable: the file that binds it is not logged or not written
//! yet. So that no collection deletes an artifact which was just reported as present, the report
//! sets the time of its record `<hash>@tree` to now: collections spare artifacts with a new record
//! (see `gc::sweep`). An artifact without a record, such as one that Pkg installed, gets an empty
//! one.
//!
//! # Locking
//!
//! A collection takes `<hash>.pid` before it reads the time of the record. A report first sets the
//! time, then waits until that lock is free. A collection that takes the lock later finds the new
//! time; one that had the lock before has renamed the artifact by then. In a read-only depot, no
//! time is set: collections of other users can delete the artifact.

use std::path::{Path, PathBuf};
use std::time::Duration;

use scratchrs_fs::{self as fs, Attempt, Holder, PidLock};
use scratchrs_model::hash::TreeHash;
use scratchrs_model::layout::{LOCK, UsageLogFile};
use scratchrs_model::time::DepotTime;

use super::record;
use super::stack::Stack;
use crate::error::{Error, Result};
use crate::locks;
use crate::usage::{self, Tracked};

/// The result of [`confirm`].
#[derive(Debug)]
pub enum Presence {
    /// The artifact is at this path. No collection deletes it for at least ten minutes.
    Present(String),
    /// No depot of the stack has the artifact.
    Missing,
    /// This process is installing, repairing or deleting the artifact; try again later.
    Busy(Holder),
}

/// The path of the lock of the artifact, or of the directory under construction, at `path`.
pub(super) fn lock_beside(path: &str) -> PathBuf {
    PathBuf::from(format!("{path}{LOCK}"))
}

/// Finds an installed artifact, and protects it from collections for at least ten minutes. Waits
/// for at most `lock_timeout` for a process that holds its lock.
///
/// # Errors
///
/// If overrides form a cycle, or the file system refuses.
pub fn confirm(stack: &Stack, hash: TreeHash, lock_timeout: Duration) -> Result<Presence> {
    // The collection that held the lock may have deleted the artifact. Another depot may have it.
    while let Some(path) = stack.find(hash)? {
        if stack.overridden(hash)?.is_some() {
            return Ok(Presence::Present(path));
        }
        match protect(path, lock_timeout)? {
            Presence::Missing => {}
            found => return Ok(found),
        }
    }
    Ok(Presence::Missing)
}

/// Sets the time of the record of the artifact at `path`, then checks that the artifact still
/// exists.
fn protect(path: String, lock_timeout: Duration) -> Result<Presence> {
    let result = |path: String| match fs::is_dir(Path::new(&path)) {
        true => Presence::Present(path),
        false => Presence::Missing,
    };
    match record::touch(&path) {
        Err(error) if error.is_read_only() => return Ok(result(path)),
        touched => touched?,
    }
    let lock = lock_beside(&path);
    if PidLock::is_free(&lock) {
        return Ok(result(path));
    }
    match PidLock::acquire(&lock, locks::ARTIFACT.briefly(), lock_timeout) {
        Ok(Attempt::Acquired(_lock)) => {
            // The collection that held it may have deleted the record with the artifact.
            if fs::is_dir(Path::new(&path)) {
                record::touch(&path)?;
            }
            Ok(result(path))
        }
        Ok(Attempt::Held(holder)) => Ok(Presence::Busy(holder)),
        // The directory of all artifacts was deleted.
        Err(error) if error.is_missing() => Ok(Presence::Missing),
        Err(error) => Err(error.into()),
    }
}

/// Logs the use of files that bind artifacts, in the first depot.
///
/// # Errors
///
/// The errors of [`usage::track_files`], and if the stack has no depot.
pub fn log_use(
    stack: &Stack,
    files: &[&str],
    now: DepotTime,
    lock_timeout: Duration,
) -> Result<Tracked> {
    if files.is_empty() {
        return Ok(Tracked::default());
    }
    usage::track_files(stack.first_depot()?, UsageLogFile::Artifacts, files, now, lock_timeout)
}

/// Logs the use of a file as [`log_use`] does, unless this process has done so within a day.
///
/// # Errors
///
/// The errors of [`log_use`].
pub fn log_use_daily(
    stack: &Stack,
    file: &str,
    now: DepotTime,
    lock_timeout: Duration,
) -> Result<Tracked> {
    let depot = stack.first_depot()?;
    if usage::is_tracked(depot, file, now) {
        return Ok(Tracked { recorded: true, ..Tracked::default() });
    }
    log_use(stack, &[file], now, lock_timeout)
}

/// Logs the use of files as [`log_use`] does. Waits for the lock of the log for at most 30 s, or
/// until the work is cancelled.
pub(super) fn log_use_while_wanted(
    stack: &Stack,
    files: &[&str],
    now: DepotTime,
    progress: &fs::Progress,
) -> std::result::Result<Tracked, Error> {
    const SLICE: Duration = Duration::from_millis(100);
    const SLICES: u32 = 300;
    let mut logged = log_use(stack, files, now, SLICE);
    for _ in 1..SLICES {
        match &logged {
            Err(Error::Busy { .. }) => {}
            _ => break,
        }
        progress.check()?;
        logged = log_use(stack, files, now, SLICE);
    }
    logged
}
