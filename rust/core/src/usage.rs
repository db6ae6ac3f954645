//! Usage logs: of scratch spaces, files that bind artifacts, and manifests.
//!
//! # Locking
//!
//! ScratchRS writes a log while it holds `<log>.pid`, the lock that Pkg takes for all logs but that
//! of scratch spaces. Scratch.jl, `Pkg.gc` and Pkg before Julia 1.9 write without it. Records that
//! they append while a log is replaced are found behind the bytes that were read, and appended to
//! the new log.
//!
//! # Crash
//!
//! A record is appended in one write, and a log is replaced in one rename. A killed process leaves
//! the log with or without its record, and a lock that the next writer breaks.
//!
//! # Compatibility
//!
//! Scratch.jl appends each use to its log. Pkg of Julia 1.9 and later rewrites the other logs for
//! each use, with one record for each path, sorted. ScratchRS does the same, and writes the same
//! text.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use scratchrs_fs::{self as fs, Attempt, FileStamp, PidLock, Policy};
use scratchrs_model::aliases::relocated;
use scratchrs_model::depot_path::DepotPath;
use scratchrs_model::diagnostic::Diagnostic;
use scratchrs_model::layout::{BUILDING, UsageLogFile};
use scratchrs_model::time::DepotTime;
use scratchrs_model::usage_log::{Record, UsageLog, census};
use serde::Serialize;

use crate::error::{Error, Result};
use crate::locks;
use crate::place::{Place, absolute_depot, in_current_directory};

/// The number of attempts to change a log if another process breaks its lock meanwhile.
const ATTEMPTS: u32 = 3;

/// The result of logging a use.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Tracked {
    /// Whether the log has the use; `false` if the depot is read-only.
    pub recorded: bool,
    /// Invalid records that were removed from the log.
    pub removed_records: Vec<Diagnostic>,
}

/// Reads the usage log of scratch spaces. A missing log counts as empty.
///
/// # Errors
///
/// If the log exists and cannot be read.
pub fn read(place: Place<'_>) -> Result<(UsageLog, Vec<Diagnostic>)> {
    read_log(place.depot, UsageLogFile::Scratch)
}

/// Reads a usage log of a depot. A missing log counts as empty.
///
/// # Errors
///
/// If the log exists and cannot be read.
pub fn read_log(depot: &DepotPath, log: UsageLogFile) -> Result<(UsageLog, Vec<Diagnostic>)> {
    let path = log.path(absolute_depot(depot)?.as_ref());
    Ok(UsageLog::read(&fs::read(Path::new(&path))?))
}

/// The usage of a space by a project. Both paths are absolute.
#[derive(Clone, Copy, Debug)]
pub struct SpaceUsage<'a> {
    /// The path of the space.
    pub space: &'a str,
    /// The path of the project file.
    pub project: &'a str,
}

/// Logs the usage of a space. Waits for at most `lock_timeout` for the lock of the log.
///
/// # Errors
///
/// [`Error::Busy`] if another process holds the lock for longer; or if the log cannot be written
/// although the depot is not read-only.
pub fn track(
    place: Place<'_>,
    usage: SpaceUsage<'_>,
    now: DepotTime,
    lock_timeout: Duration,
) -> Result<Tracked> {
    let record = Record::of_project(now, usage.project);
    let added = write(place.depot, UsageLogFile::Scratch, locks::LOG, lock_timeout, |log| {
        log.add(usage.space, record.clone(), now)
    });
    tracked(added)
}

/// Logs the use of manifests or of files that bind artifacts, with one record for each file, as Pkg
/// does. Missing files are ignored.
///
/// # Errors
///
/// The errors of [`track`].
pub fn track_files(
    depot: &DepotPath,
    log: UsageLogFile,
    paths: &[&str],
    now: DepotTime,
    lock_timeout: Duration,
) -> Result<Tracked> {
    let mut files = Vec::new();
    for path in paths {
        let path = in_current_directory(path)?.into_owned();
        if fs::is_file(Path::new(&path)) {
            files.push(path);
        }
    }
    if files.is_empty() {
        return Ok(Tracked::default());
    }
    let record = Record { time: Some(now), ..Record::default() };
    let records: Vec<_> = files.iter().map(|path| (path.clone(), record.clone())).collect();
    let logged = tracked(write(depot, log, locks::LOG, lock_timeout, |log| {
        log.rewrite(records.clone(), now)
    }))?;
    let mut tracked = TRACKED.lock().unwrap_or_else(PoisonError::into_inner);
    tracked.extend(files.into_iter().map(|path| ((depot.to_owned(), path), now)));
    Ok(logged)
}

/// The times at which this process has last logged the use of a file, by depot and path.
static TRACKED: Mutex<BTreeMap<(DepotPath, String), DepotTime>> = Mutex::new(BTreeMap::new());

/// Whether this process has logged the use of the file at `path` within a day.
pub(crate) fn is_tracked(depot: &DepotPath, path: &str, now: DepotTime) -> bool {
    let Ok(path) = in_current_directory(path) else { return false };
    let tracked = TRACKED.lock().unwrap_or_else(PoisonError::into_inner);
    tracked.get(&(depot.to_owned(), path.into_owned())).is_some_and(|time| {
        let age = now.since(*time);
        age >= TimeDelta::zero() && age < TimeDelta::days(1)
    })
}

fn tracked(written: Result<Vec<Diagnostic>>) -> Result<Tracked> {
    let removed_records = unless_read_only(written)?;
    Ok(removed_records.map_or_else(Tracked::default, |removed_records| Tracked {
        recorded: true,
        removed_records,
    }))
}

/// The logged use of a file that is about to be changed. This value holds the lock of the log, so
/// no collection deletes an item while it exists.
#[derive(Debug, Default)]
pub(crate) struct Announced {
    /// Invalid records that were removed from the log.
    pub(crate) removed_records: Vec<Diagnostic>,
    _log: Option<LockedLog>,
}

/// Logs the use of the file at the absolute path `path`, which may not exist yet. A collection
/// holds the lock of the log while it reads the file and deletes unreferenced items; so the caller
/// changes the file before it drops the result.
///
/// # Errors
///
/// The errors of [`track`].
pub(crate) fn announce(
    depot: &DepotPath,
    kind: UsageLogFile,
    path: &str,
    now: DepotTime,
    lock_timeout: Duration,
) -> Result<Announced> {
    let record = Record { time: Some(now), ..Record::default() };
    let records = vec![(path.to_owned(), record)];
    let written = write(depot, kind, locks::LOG_HELD, lock_timeout, |log| {
        let removed_records = log.rewrite(records.clone(), now)?;
        Ok(Announced { removed_records, _log: Some(log) })
    });
    Ok(unless_read_only(written)?.unwrap_or_default())
}

/// `None` if the depot is read-only.
fn unless_read_only<T>(written: Result<T>) -> Result<Option<T>> {
    match written {
        Ok(written) => Ok(Some(written)),
        Err(Error::Io(error)) if error.is_read_only() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Condenses the usage log of scratch spaces to one record for each space, with the latest time and
/// all parent projects. Removes invalid records, which are returned, and spaces under construction
/// that no longer exist.
///
/// # Errors
///
/// The errors of [`track`], and if the depot is read-only.
pub fn condense(
    place: Place<'_>,
    now: DepotTime,
    lock_timeout: Duration,
) -> Result<Vec<Diagnostic>> {
    write(place.depot, UsageLogFile::Scratch, locks::LOG, lock_timeout, |log| {
        log.rewrite(Vec::new(), now)
    })
}

/// Runs `change` on a log while holding its lock. Repeats it if another process has broken the lock
/// before the log was replaced.
fn write<T>(
    depot: &DepotPath,
    log: UsageLogFile,
    policy: Policy,
    lock_timeout: Duration,
    change: impl Fn(LockedLog) -> Result<T>,
) -> Result<T> {
    let path = PathBuf::from(log.path(absolute_depot(depot)?.as_ref()));
    let attempt = || {
        let lock = lock(&path, policy, lock_timeout)?;
        change(LockedLog { path: path.clone(), kind: log, lock })
    };
    for _ in 1..ATTEMPTS {
        match attempt() {
            Err(Error::Io(error)) if error.is_lock_lost() => {}
            written => return written,
        }
    }
    attempt()
}

/// The path of the lock of a log.
pub(crate) fn lock_path(log: &Path) -> PathBuf {
    let mut lock = log.as_os_str().to_owned();
    lock.push(".pid");
    lock.into()
}

/// Takes the lock of a log. Waits for at most `lock_timeout`.
///
/// # Errors
///
/// [`Error::Busy`] if another process holds it for longer; or if the file system refuses.
pub(crate) fn lock(log: &Path, policy: Policy, lock_timeout: Duration) -> Result<PidLock> {
    let lock = lock_path(log);
    let attempt = fs::with_parent_dir(&lock, || PidLock::acquire(&lock, policy, lock_timeout))?;
    unless_held(lock, attempt)
}

/// Takes the lock of a log as [`lock`] does, for a collection. Does not create a missing depot.
///
/// # Errors
///
/// The errors of [`lock`], and if the depot does not exist.
pub(crate) fn lock_to_collect(log: &Path, lock_timeout: Duration) -> Result<PidLock> {
    create_logs_dir(log)?;
    let lock = lock_path(log);
    let attempt = PidLock::acquire(&lock, locks::LOG_HELD, lock_timeout)?;
    unless_held(lock, attempt)
}

/// Creates the directory of the logs, but not the depot.
fn create_logs_dir(log: &Path) -> Result<()> {
    let Some(logs) = log.parent().filter(|logs| !fs::is_dir(logs)) else { return Ok(()) };
    match fs::create_dir(logs) {
        // If another process has not created it, `create_dir_all` reports what is in the way.
        Err(error) if error.is_occupied() => Ok(fs::create_dir_all(logs)?),
        created => Ok(created?),
    }
}

fn unless_held(lock: PathBuf, attempt: Attempt) -> Result<PidLock> {
    match attempt {
        Attempt::Acquired(lock) => Ok(lock),
        Attempt::Held(holder) => Err(Error::Busy { lock, holder }),
    }
}

/// Replaces the log at `path` with `log`, which includes the records in its first bytes `known`.
/// The caller holds `lock`.
///
/// # Errors
///
/// If the log cannot be written, or another process has broken the lock. The log is then unchanged.
pub(crate) fn put(path: &Path, known: &[u8], log: &UsageLog, lock: &PidLock) -> Result<()> {
    let overtaken = fs::replace_locked(lock, path, log.to_text(), known.len() as u64)?;
    if !overtaken.is_empty() {
        fs::append(path, &behind(known, &overtaken).to_text())?;
    }
    Ok(())
}

/// Why a file in the place of a log counts as unreadable.
pub(crate) const LOST: &str = "not a usage log, or most of it is damaged: any record may be lost";

/// The path of the copy of an unreadable file in the place of a log. As long as the copy exists,
/// collections keep all items that the log could reference.
pub(crate) fn aside(log: &str) -> String {
    format!("{log}.unreadable")
}

/// Copies an unreadable file before it is replaced, unless a copy exists.
fn put_aside(log: &Path, content: &[u8]) -> Result<()> {
    let Some(path) = log.to_str().map(aside).filter(|aside| !fs::exists(Path::new(aside))) else {
        return Ok(());
    };
    fs::replace(Path::new(&path), content)?;
    Ok(())
}

#[derive(Debug)]
struct LockedLog {
    path: PathBuf,
    kind: UsageLogFile,
    lock: PidLock,
}

/// The path and stamp of the log to which this process appended last: it was valid up to its end
/// then. So the whole log is not read again for each space.
static APPENDED: Mutex<Option<(PathBuf, FileStamp)>> = Mutex::new(None);

impl LockedLog {
    /// Adds a record: appends it if the log is valid and has few superseded records, or rewrites
    /// the log.
    fn add(&self, space: &str, record: Record, now: DepotTime) -> Result<Vec<Diagnostic>> {
        let unknown = fs::read_from(&self.path, self.valid_length())?;
        if census(&unknown).is_some_and(|census| !census.is_crowded()) {
            fs::append(&self.path, &record.to_text(space))?;
            self.remember_valid();
            return Ok(Vec::new());
        }
        self.rewrite(vec![(space.to_owned(), record)], now)
    }

    /// The length of the part of the log that is known to be valid.
    fn valid_length(&self) -> u64 {
        let appended = APPENDED.lock().unwrap_or_else(PoisonError::into_inner);
        let then = appended.as_ref().filter(|(path, _)| *path == self.path);
        let grown = then.and_then(|(_, then)| FileStamp::of(&self.path)?.grown_from(then));
        grown.unwrap_or(0)
    }

    fn remember_valid(&self) {
        let stamp = FileStamp::of(&self.path).map(|stamp| (self.path.clone(), stamp));
        *APPENDED.lock().unwrap_or_else(PoisonError::into_inner) = stamp;
    }

    fn rewrite(&self, added: Vec<(String, Record)>, now: DepotTime) -> Result<Vec<Diagnostic>> {
        let known = fs::read(&self.path)?;
        let (mut log, damage) = UsageLog::read_damaged(&known);
        if damage.is_lost {
            put_aside(&self.path, &known)?;
        }
        let mut skipped = damage.diagnostics;
        for (path, record) in added {
            log.insert(path, record);
        }
        let mut log = log.condensed(now);
        let needs_project = self.kind == UsageLogFile::Scratch;
        log.retain(|path, record| {
            // A record without a project references nothing, and `Pkg.gc` fails on it.
            let has_project = !record.parent_projects.is_empty() || !needs_project;
            if !has_project {
                let reason = format!("the record of `{path}` has no project");
                skipped.push(Diagnostic::of_file(reason));
            }
            has_project && !self.is_abandoned(path)
        });
        put(&self.path, &known, &log, &self.lock)?;
        Ok(skipped)
    }

    /// Whether `path` is that of a space under construction that no longer exists, at this path or
    /// under another path of the depot.
    fn is_abandoned(&self, path: &str) -> bool {
        if !path.contains(BUILDING) || fs::exists(Path::new(path)) {
            return false;
        }
        let depot = self.path.parent().and_then(Path::parent).and_then(Path::to_str);
        let depot = depot.map(DepotPath::new);
        let mut others = depot.iter().flat_map(|depot| relocated(path, depot));
        !others.any(|path| fs::exists(Path::new(&path)))
    }
}

/// The records in a log that end behind the bytes `known`. These may end within a record, because a
/// read can return part of a concurrent write.
fn behind(known: &[u8], overtaken: &[u8]) -> UsageLog {
    let header = b"\n[[";
    let last = known.windows(header.len()).rposition(|window| window == header);
    let begun = &known[last.unwrap_or(0)..];
    UsageLog::read(&[begun, overtaken].concat()).0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pkg breaks the lock of a suspended process, which is stale, and writes the log.
    #[test]
    fn a_log_whose_lock_was_broken_is_read_and_changed_again() {
        let depot = tempfile::tempdir().unwrap();
        let depot = &DepotPath::new(depot.path().to_str().unwrap());
        let now = DepotTime::from_toml(&"2024-01-02T03:04:05.006Z".parse().unwrap()).unwrap();
        let record = || Record { time: Some(now), ..Record::default() };
        let rounds = std::cell::Cell::new(0);
        let rewrite = |times_lost: u32| {
            rounds.set(0);
            write(depot, UsageLogFile::Manifests, locks::LOG, Duration::ZERO, |log| {
                rounds.set(rounds.get() + 1);
                if rounds.get() <= times_lost {
                    std::fs::remove_file(log.lock.path()).unwrap();
                    std::fs::write(&log.path, record().to_text("/other")).unwrap();
                }
                log.rewrite(vec![("/ours".to_owned(), record())], now)
            })
        };
        rewrite(2).unwrap();
        let paths = || {
            let (log, _) = read_log(depot, UsageLogFile::Manifests).unwrap();
            log.iter().map(|(path, _)| path.to_owned()).collect::<Vec<_>>()
        };
        assert_eq!((rounds.get(), paths()), (3, vec!["/other".to_owned(), "/ours".to_owned()]));
        // The number of attempts is limited, and the error gives the reason.
        let error = rewrite(9).unwrap_err();
        assert_eq!((rounds.get(), paths()), (ATTEMPTS, vec!["/other".to_owned()]));
        assert!(error.to_string().contains("another process has broken its lock"), "{error}");
    }

    /// A read can end at any byte of a record.
    #[test]
    fn a_record_that_was_read_in_part_is_complete_in_the_end() {
        let time = DepotTime::from_toml(&"2024-01-02T03:04:05.006Z".parse().unwrap()).unwrap();
        let record = |project: &str| Record::of_project(time, project).to_text("/space");
        let (first, second) = (record("/a"), record("/b"));
        let text = first.clone() + &second;
        for cut in 0..=text.len() {
            let (known, overtaken) = text.as_bytes().split_at(cut);
            let (mut log, _) = UsageLog::read(known);
            for (path, records) in behind(known, overtaken).iter() {
                records.iter().for_each(|record| log.insert(path.to_owned(), record.clone()));
            }
            let log = log.condensed(time);
            let projects = &log.records("/space")[0].parent_projects;
            assert_eq!(projects, &["/a", "/b"], "cut at {cut}");
        }
    }
}
