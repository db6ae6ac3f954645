//! Artifacts that are found to be there, and reported so.
//!
//! An artifact that is there may be unreachable: the file that binds it is not logged, or not written
//! yet. A collection that deletes it in this moment would make a lie of the report. So what is reported
//! as present is young again: its record `<hash>@tree` has the time of the report, and a collection
//! leaves young ones alone (see `gc::sweep`). An artifact without a record, one of Pkg's, gets an empty
//! one, which says nothing about its content.
//!
//! # Locking
//!
//! A collection takes `<hash>.pid` before it looks at the record. Here the record is renewed first, and
//! then no process may hold that lock: a collection which takes it later finds the new time, and one that
//! was faster has renamed the artifact by then. In a depot that may not be written to, nothing is
//! renewed: collections of other users are not known to this one.

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

/// What came of looking for an artifact that is to be reported.
#[derive(Debug)]
pub enum Presence {
    /// It is at this path, and stays for ten minutes at least.
    Present(String),
    /// It is in no depot of the stack.
    Missing,
    /// This process installs, repairs or deletes it. Ask again.
    Busy(Holder),
}

/// The lock of the artifact at `path`.
pub(super) fn lock_beside(path: &str) -> PathBuf {
    PathBuf::from(format!("{path}{LOCK}"))
}

/// Finds an artifact for a caller that relies on it. Waits for at most `lock_timeout` for the process that
/// has its lock.
///
/// # Errors
///
/// If overrides lead in a circle, or the file system refuses.
pub fn confirm(stack: &Stack, hash: TreeHash, lock_timeout: Duration) -> Result<Presence> {
    // A path that is found may be gone with the collection that was waited for.
    while let Some(path) = stack.find(hash)? {
        if stack.overridden(hash)?.is_some() {
            return Ok(Presence::Present(path));
        }
        match stay(&path, lock_timeout)? {
            Stay::Present => return Ok(Presence::Present(path)),
            Stay::Busy(holder) => return Ok(Presence::Busy(holder)),
            Stay::Gone => {}
        }
    }
    Ok(Presence::Missing)
}

/// What came of renewing the record of an artifact.
#[derive(Debug)]
pub(super) enum Stay {
    Present,
    Gone,
    Busy(Holder),
}

/// Renews the record of the artifact at `path`, and sees that the artifact is there afterwards.
pub(super) fn stay(path: &str, lock_timeout: Duration) -> Result<Stay> {
    let artifact = Path::new(path);
    let after = |is_there| if is_there { Stay::Present } else { Stay::Gone };
    match record::touch(path) {
        Err(error) if error.is_read_only() => return Ok(after(fs::is_dir(artifact))),
        touched => touched?,
    }
    let lock = lock_beside(path);
    if fs::is_lock_free(&lock) {
        return Ok(after(fs::is_dir(artifact)));
    }
    match PidLock::acquire(&lock, locks::ARTIFACT.briefly(), lock_timeout) {
        Ok(Attempt::Acquired(_lock)) => {
            // The collection that held it may have removed the record with the artifact.
            let is_there = fs::is_dir(artifact);
            if is_there {
                record::touch(path)?;
            }
            Ok(after(is_there))
        }
        Ok(Attempt::Held(holder)) => Ok(Stay::Busy(holder)),
        // The directory of all artifacts is gone.
        Err(error) if error.is_missing() => Ok(Stay::Gone),
        Err(error) => Err(error.into()),
    }
}

/// Logs that files which bind artifacts are in use, in the log of the first depot.
///
/// # Errors
///
/// As [`usage::track_files`], and if the stack has no depot.
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

/// Logs the use of a file as [`log_use`] does, unless this process did so within a day.
///
/// # Errors
///
/// As [`log_use`].
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

/// Logs the use of files as [`log_use`] does, and waits for the lock of the log for as long as the work is
/// wanted, but not longer than half a minute. What went wrong is no error: the artifacts are there.
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
