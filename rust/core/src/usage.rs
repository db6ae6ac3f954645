//! Usage logs: of scratch spaces, files that bind artifacts, and manifests.
//!
//! # Locking
//!
//! Every writer of ours holds `<log>.pid`, the lock that Pkg takes for all but the log of scratch
//! spaces. Scratch.jl and `Pkg.gc` write without it, and so does Pkg before Julia 1.9: records that
//! they append while we replace a log are found behind what we read, and appended again.
//!
//! # Crash
//!
//! A record is appended in one write, and a log is replaced in one rename: a process killed at
//! any moment leaves the log with or without its record, and a lock that the next one takes over.
//!
//! # Compatibility
//!
//! Scratch.jl appends to its log; Pkg (1.9 and later) leaves one record for each path in the others,
//! sorted, at each use. So do we, in the same letters.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use scratchrs_fs::{self as fs, Attempt, FileStamp, PidLock, Policy};
use scratchrs_model::diagnostic::Diagnostic;
use scratchrs_model::layout::{BUILDING, UsageLogFile};
use scratchrs_model::spelling::stand_ins;
use scratchrs_model::time::DepotTime;
use scratchrs_model::usage_log::{Record, UsageLog, census};
use serde::Serialize;

use crate::error::{Error, Result};
use crate::locks;
use crate::place::{Place, in_current_directory};

/// How often a log is read and changed anew after another process has broken the lock of it.
const ATTEMPTS: u32 = 3;

/// What became of a use that was to be logged.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Tracked {
    /// Whether it stands in the log. It cannot where the depot is read-only.
    pub recorded: bool,
    /// The unreadable parts of the log, which were removed from it.
    pub removed_records: Vec<Diagnostic>,
}

/// Reads the log. A missing log is an empty one.
///
/// # Errors
///
/// If the log is there and cannot be read.
pub fn read(place: Place<'_>) -> Result<(UsageLog, Vec<Diagnostic>)> {
    read_log(place.depot, UsageLogFile::Scratch)
}

/// Reads one of the logs of a depot. A missing log is an empty one.
///
/// # Errors
///
/// If the log is there and cannot be read.
pub fn read_log(depot: &str, log: UsageLogFile) -> Result<(UsageLog, Vec<Diagnostic>)> {
    let path = log.path(&in_current_directory(depot)?);
    Ok(UsageLog::read(&fs::read(Path::new(&path))?))
}

/// Logs that the project file `project` uses the space at `space`, both absolute paths, waiting
/// for at most `lock_timeout` for the lock of the log.
///
/// # Errors
///
/// [`Error::Busy`] if that was not long enough; or if the log cannot be written although the
/// depot is not read-only.
pub fn track(
    place: Place<'_>,
    space: &str,
    project: &str,
    now: DepotTime,
    lock_timeout: Duration,
) -> Result<Tracked> {
    let record = Record::of_project(now, project);
    let added = write(place.depot, UsageLogFile::Scratch, locks::LOG, lock_timeout, |log| {
        log.add(space, record.clone(), now)
    });
    tracked(added)
}

/// Logs that the files at `paths`, manifests or such that bind artifacts, are in use, as Pkg does: in
/// one record for each. A missing file is left out: it cannot be used.
///
/// # Errors
///
/// As [`track`].
pub fn track_files(
    depot: &str,
    log: UsageLogFile,
    paths: &[&str],
    now: DepotTime,
    lock_timeout: Duration,
) -> Result<Tracked> {
    let mut files = Vec::new();
    for path in paths {
        let path = in_current_directory(path)?.into_owned();
        if Path::new(&path).is_file() {
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

/// When this process has last logged the use of a file, by depot and path.
static TRACKED: Mutex<BTreeMap<(String, String), DepotTime>> = Mutex::new(BTreeMap::new());

/// Whether this process has logged within a day that the file at `path` is in use.
pub(crate) fn is_tracked(depot: &str, path: &str, now: DepotTime) -> bool {
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

/// The use of a file that is about to be there. No collection goes on while this value lives.
#[derive(Debug, Default)]
pub(crate) struct Announced {
    /// The unreadable parts of the log, which were removed from it.
    pub(crate) removed_records: Vec<Diagnostic>,
    _log: Option<LockedLog>,
}

/// Logs that the file at `path`, an absolute path, is in use: there, or about to be. A collection looks
/// at the file and removes what it does not name under the lock of the log: whoever changes the file
/// does so before he drops the answer.
///
/// # Errors
///
/// As [`track`].
pub(crate) fn announce(
    depot: &str,
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

/// Nothing is logged in a read-only depot.
fn unless_read_only<T>(written: Result<T>) -> Result<Option<T>> {
    match written {
        Ok(written) => Ok(Some(written)),
        Err(Error::Io(error)) if error.is_read_only() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Leaves one record for each space: the latest time, all parent projects. Unreadable parts
/// are in the answer and removed from the log; so are spaces under construction that no longer exist.
///
/// # Errors
///
/// As [`track`], and if the depot is read-only.
pub fn condense(
    place: Place<'_>,
    now: DepotTime,
    lock_timeout: Duration,
) -> Result<Vec<Diagnostic>> {
    write(place.depot, UsageLogFile::Scratch, locks::LOG, lock_timeout, |log| {
        log.rewrite(Vec::new(), now)
    })
}

/// Runs `change` on a log while holding its lock; again, if another process has broken the lock before
/// the log was replaced.
fn write<T>(
    depot: &str,
    log: UsageLogFile,
    policy: Policy,
    lock_timeout: Duration,
    change: impl Fn(LockedLog) -> Result<T>,
) -> Result<T> {
    let path = PathBuf::from(log.path(&in_current_directory(depot)?));
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

/// Where the lock of a log is.
pub(crate) fn lock_path(log: &Path) -> PathBuf {
    let mut lock = log.as_os_str().to_owned();
    lock.push(".pid");
    lock.into()
}

/// Takes the lock of a log, waiting for at most `lock_timeout`.
///
/// # Errors
///
/// [`Error::Busy`] if that was not long enough, or if the file system refuses.
pub(crate) fn lock(log: &Path, policy: Policy, lock_timeout: Duration) -> Result<PidLock> {
    let lock = lock_path(log);
    let attempt = fs::with_parent_dir(&lock, || PidLock::acquire(&lock, policy, lock_timeout))?;
    unless_held(lock, attempt)
}

/// Takes the lock of a log as [`lock`] does, to collect the depot. One that vanishes is not made again.
///
/// # Errors
///
/// As [`lock`], and if the depot vanishes.
pub(crate) fn lock_to_collect(log: &Path, lock_timeout: Duration) -> Result<PidLock> {
    make_logs(log)?;
    let lock = lock_path(log);
    let attempt = PidLock::acquire(&lock, locks::LOG_HELD, lock_timeout)?;
    unless_held(lock, attempt)
}

/// Makes the directory of the logs, and not the depot.
fn make_logs(log: &Path) -> Result<()> {
    let Some(logs) = log.parent().filter(|logs| !fs::is_dir(logs)) else { return Ok(()) };
    match fs::create_dir(logs) {
        // It may be there by now; else that names what is in the way.
        Err(error) if error.is_occupied() => Ok(fs::create_dir_all(logs)?),
        made => Ok(made?),
    }
}

fn unless_held(lock: PathBuf, attempt: Attempt) -> Result<PidLock> {
    match attempt {
        Attempt::Acquired(lock) => Ok(lock),
        Attempt::Held(holder) => Err(Error::Busy { lock, holder }),
    }
}

/// Replaces a log by `log`, which takes the bytes `known` of it into account, under its `lock`.
///
/// # Errors
///
/// If it cannot be written, or the lock was lost to another process. The log is then as it was.
pub(crate) fn put(path: &Path, known: &[u8], log: &UsageLog, lock: &PidLock) -> Result<()> {
    let overtaken = fs::replace_locked(lock, path, log.to_text(), known.len() as u64)?;
    if !overtaken.is_empty() {
        fs::append(path, &behind(known, &overtaken).to_text())?;
    }
    Ok(())
}

/// Why a log counts as unreadable that is something else than a log.
pub(crate) const LOST: &str = "this is no log, or most of it is damaged: any record may be lost";

/// Where the content of a log is kept that was something else than a log when a use was to be logged.
/// As long as it is there, a collection deletes nothing that the log could have kept.
pub(crate) fn aside(log: &str) -> String {
    format!("{log}.unreadable")
}

/// Keeps the content of a log that is about to be lost, unless one is kept already.
fn put_aside(log: &Path, content: &[u8]) -> Result<()> {
    let Some(path) = log.to_str().map(aside).filter(|aside| !Path::new(aside).exists()) else {
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

/// The log that this process appended to last, as it looked then: sound up to its end. A package
/// that opens many spaces does not have the whole log looked through for each.
static SOUND: Mutex<Option<(PathBuf, FileStamp)>> = Mutex::new(None);

impl LockedLog {
    /// Adds a record: by appending it, if the log is sound and not too repetitive.
    fn add(&self, space: &str, record: Record, now: DepotTime) -> Result<Vec<Diagnostic>> {
        let unknown = fs::read_from(&self.path, self.sound_length())?;
        if census(&unknown).is_some_and(|census| !census.is_crowded()) {
            fs::append(&self.path, &record.to_text(space))?;
            self.remember_as_sound();
            return Ok(Vec::new());
        }
        self.rewrite(vec![(space.to_owned(), record)], now)
    }

    /// The length of the part of the log that is known to be sound.
    fn sound_length(&self) -> u64 {
        let sound = SOUND.lock().unwrap_or_else(PoisonError::into_inner);
        let then = sound.as_ref().filter(|(path, _)| *path == self.path);
        let grown = then.and_then(|(_, then)| FileStamp::of(&self.path)?.grown_from(then));
        grown.unwrap_or(0)
    }

    fn remember_as_sound(&self) {
        let stamp = FileStamp::of(&self.path).map(|stamp| (self.path.clone(), stamp));
        *SOUND.lock().unwrap_or_else(PoisonError::into_inner) = stamp;
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
            // The rest of a torn record references nothing, and `Pkg.gc` fails on it.
            let names_project = !record.parent_projects.is_empty() || !needs_project;
            if !names_project {
                let reason = format!("the record of `{path}` names no project");
                skipped.push(Diagnostic::of_file(reason));
            }
            names_project && !self.is_abandoned(path)
        });
        put(&self.path, &known, &log, &self.lock)?;
        Ok(skipped)
    }

    /// Whether a path in the log is that of a space under construction that has been published or
    /// given up since: nothing is there, by this path or by another one of the depot.
    fn is_abandoned(&self, path: &str) -> bool {
        if !path.contains(BUILDING) || Path::new(path).exists() {
            return false;
        }
        let depot = self.path.parent().and_then(Path::parent).and_then(Path::to_str);
        let mut others = depot.into_iter().flat_map(|depot| stand_ins(path, depot));
        !others.any(|path| Path::new(&path).exists())
    }
}

/// The records that end behind what was known of a log. What was known may stop in the middle of
/// one that a peer was writing: a read can see a part of a write.
fn behind(known: &[u8], overtaken: &[u8]) -> UsageLog {
    let header = b"\n[[";
    let last = known.windows(header.len()).rposition(|window| window == header);
    let begun = &known[last.unwrap_or(0)..];
    UsageLog::read(&[begun, overtaken].concat()).0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pkg takes the lock of a process that was suspended for stale, removes it, and writes the log.
    #[test]
    fn a_log_whose_lock_was_lost_is_read_and_changed_anew() {
        let depot = tempfile::tempdir().unwrap();
        let depot = depot.path().to_str().unwrap();
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
        // It does not go on for ever, and says what was lost.
        let error = rewrite(9).unwrap_err();
        assert_eq!((rounds.get(), paths()), (ATTEMPTS, vec!["/other".to_owned()]));
        assert!(error.to_string().contains("another process has broken its lock"), "{error}");
    }

    /// Wherever a read cuts a peer's record in two, it is put together again.
    #[test]
    fn a_record_that_was_seen_half_way_is_whole_in_the_end() {
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
