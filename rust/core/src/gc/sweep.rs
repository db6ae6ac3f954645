//! The only deleter of a collection.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use scratchrs_fs::{
    self as fs, Attempt, FileId, FileStamp, Mounts, PidLock, Progress, StagedRemoval,
};
use scratchrs_model::collection::{DepotPlan, Item, KINDS, Kind, Reason, State};
use scratchrs_model::hash::TreeHash;
use scratchrs_model::layout::{
    self, ARTIFACTS, GENERATED, GENERATING, LOCK, Leftover, REPLACED, TREE_RECORD, UsageLogFile,
};
use scratchrs_model::time::DepotTime;
use scratchrs_model::usage_log::{Record, UsageLog};

use super::inventory::locked_artifact;
use super::mark::{LOGS, Log, Marks};
use super::spared::{beside, held_by, lock_of, why_spared};
use super::{Category, Failure, Gone, Moment, Note, Options, Problem, Report, World, store};
use crate::artifact;
use crate::error::{Error, Result};
use crate::locks;
use crate::usage;

/// How many things are set aside before the locks are given back for a while.
const BATCH: usize = 1024;

/// For how long a record of something that is not there is kept, since it may be about to be: who
/// binds an artifact logs the file before it is written.
const ANNOUNCED: chrono::TimeDelta = chrono::TimeDelta::hours(1);

/// How often a sweep looks again after another process has broken the lock of a log.
const ATTEMPTS: usize = 3;

/// Removes what is to go, and writes down what is an orphan.
///
/// # Errors
///
/// As [`super::collect`].
pub(crate) fn sweep(
    world: &mut World,
    options: &Options,
    moment: Moment,
    report: &mut Report,
    progress: &Progress,
) -> Result<()> {
    // What the first look lets go and no later one keeps. What only goes since something else has gone
    // is for the next collection, as in Pkg.
    let mut pending: Option<HashSet<(usize, usize)>> = None;
    let mut times_lost = 0;
    progress.begin_counting("Removing");
    loop {
        let locks = lock_logs(world, options, report)?;
        world.look_again(moment);
        if pending.is_none() {
            world.inventory.read_orphanages();
        }
        let plans = world.decide(options, moment);
        if pending.is_none() {
            write_orphanages(world, &plans, report);
            match condense(world, moment.now, &locks, report) {
                Ok(false) => {}
                // That they have changed is our own doing.
                Ok(true) => world.look_again(moment),
                // Others may have changed the logs since. Nothing was deleted yet.
                Err(error) if error.is_lock_lost() && times_lost < ATTEMPTS => {
                    times_lost += 1;
                    continue;
                }
                Err(error) => return Err(error.into()),
            }
        }
        let is_pending = |position: &(usize, usize)| {
            pending.as_ref().is_none_or(|pending| pending.contains(position))
        };
        let doomed: Vec<_> = world
            .items(&plans)
            .filter_map(|(depot, item, found, decision)| match decision.state {
                State::Deletable(reason) if is_pending(&(depot, item)) => {
                    Some(Doomed { position: (depot, item), item: found, reason })
                }
                _ => None,
            })
            .collect();
        if doomed.is_empty() {
            report.failures.extend(locks.release());
            break;
        }
        if pending.is_none() {
            progress.expect(doomed.len() as u64);
        }
        let rest = pending.insert(doomed.iter().map(|doomed| doomed.position).collect());
        let batch = &doomed[..doomed.len().min(BATCH)];
        let mounts = Mounts::read();
        let outcomes = fs::parallel_map(batch, |doomed| {
            let (depot, _) = doomed.position;
            let path = doomed.item.path(&world.inventory.depots[depot].path);
            let lasting = locks.lasting(depot);
            set_aside(&path, doomed.item, lasting, &world.marks, &mounts, moment)
        });
        report.failures.extend(locks.release());
        let (outcomes, unreleased): (Vec<_>, Vec<_>) = outcomes.into_iter().unzip();
        report.failures.extend(unreleased.into_iter().flatten());
        let is_gone = |outcome: &Outcome| matches!(outcome, Outcome::Staged(_) | Outcome::Absent);
        let went = batch.iter().zip(&outcomes).filter(|(_, outcome)| is_gone(outcome));
        let went: Vec<_> = went.map(|(doomed, _)| doomed.position).collect();
        let mut removals = Vec::new();
        for (doomed, outcome) in batch.iter().zip(outcomes) {
            if !matches!(outcome, Outcome::LookAgain) {
                rest.remove(&doomed.position);
            }
            let path = world.path(doomed.position.0, doomed.item);
            match &outcome {
                Outcome::Staged(_) => {
                    log::debug!("deleting `{path}`: {}", reason_of(doomed.reason))
                }
                Outcome::LookAgain => log::debug!("keeping `{path}` for now: the roots changed"),
                Outcome::Absent => log::debug!("`{path}` does not exist any more"),
                Outcome::InUse(message) => log::debug!("keeping `{path}`: {message}"),
                Outcome::Failed(message) => log::debug!("keeping `{path}`: {message}"),
            }
            match outcome {
                Outcome::LookAgain | Outcome::Absent => {}
                Outcome::InUse(message) => report.spared.push(Failure { path, message }),
                Outcome::Failed(message) => report.failures.push(Failure { path, message }),
                Outcome::Staged(aside) => removals.push((doomed, path, aside)),
            }
        }
        remove(removals, report, progress);
        for position in went {
            world.forget_size(position);
        }
        progress.check()?;
    }
    remove_leftovers(world, moment.clock, report);
    prune(world, report);
    Ok(())
}

/// The reason of a deletion, for the debug log.
fn reason_of(reason: Reason) -> &'static str {
    match reason {
        Reason::Unreachable => "unreachable for longer than the collection delay",
        Reason::Unused => "a scratch space that was not used for longer than the period",
        Reason::Evicted => "unreachable, and the depot exceeds the maximum size",
    }
}

/// Something that is to go.
struct Doomed<'a> {
    position: (usize, usize),
    item: &'a Item,
    reason: Reason,
}

/// The locks of logs, each with the number of the depot that the log is in.
struct LogLocks(Vec<(usize, PidLock)>);

impl LogLocks {
    /// The lock of a log.
    fn of(&self, log: &Log) -> Option<&PidLock> {
        let path = usage::lock_path(Path::new(&log.path));
        self.0.iter().map(|(_, lock)| lock).find(|lock| lock.path() == path)
    }

    /// A lock in a depot that is held for as long as all of them.
    fn lasting(&self, depot: usize) -> Option<&PidLock> {
        self.0.iter().find(|(of, _)| *of == depot).map(|(_, lock)| lock)
    }

    /// Releases the locks. Those whose file cannot be removed are in the answer.
    fn release(self) -> Vec<Failure> {
        self.0.into_iter().filter_map(|(_, lock)| release(lock)).collect()
    }
}

/// Releases a lock, or says why its file stays.
fn release(lock: PidLock) -> Option<Failure> {
    let path = lock.path().to_string_lossy().into_owned();
    lock.release().err().map(|error| Failure { path, message: error.to_string() })
}

/// Takes the locks of the logs of all depots that are swept. A depot that may not be written to is
/// left out if there are others.
fn lock_logs(world: &mut World, options: &Options, report: &mut Report) -> Result<LogLocks> {
    let swept: Vec<_> = world.inventory.depots.iter().filter(|depot| depot.is_swept).collect();
    let is_alone = swept.len() == 1;
    // Two collections that name the same depots in another order do not wait for each other.
    let mut order: Vec<usize> = (0..world.inventory.depots.len()).collect();
    order.sort_by_cached_key(|index| FileId::of(Path::new(&world.inventory.depots[*index].path)));
    // Depots may have their logs in one directory, through a link or a mount.
    let mut locked = HashSet::new();
    let mut locks = Vec::new();
    for index in order {
        let depot = &mut world.inventory.depots[index];
        // A depot that is not there needs no collection, and is not to be made by one.
        if !depot.is_swept || !fs::is_dir(Path::new(&depot.path)) {
            continue;
        }
        let logs = layout::join(&depot.path, &[layout::LOGS]);
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
            // The system did not say so before.
            Err(Error::Io(error)) if index > 0 && error.is_read_only() => {
                depot.is_swept = false;
                let (path, message) = (Path::new(&depot.path), error.to_string());
                report.notes.push(Note::about(path, Problem::Passed, message));
            }
            Err(error) => {
                depot.is_swept = false;
                report
                    .failures
                    .push(Failure { path: depot.path.clone(), message: error.to_string() });
            }
        }
    }
    Ok(LogLocks(locks))
}

/// What became of something that was to be set aside.
pub(super) enum Outcome {
    Staged(StagedRemoval),
    /// It does not exist any more.
    Absent,
    /// A use was logged without a lock.
    LookAgain,
    InUse(String),
    Failed(String),
}

/// Renames something that is to go, unless it turns out to be in use. In the second value is its
/// lock, if the file of that could not be removed.
fn set_aside(
    path: &Path,
    item: &Item,
    lasting: Option<&PidLock>,
    marks: &Marks,
    mounts: &Mounts,
    moment: Moment,
) -> (Outcome, Option<Failure>) {
    match lock_item(path, item, lasting) {
        Ok(lock) => {
            let outcome = set_aside_locked(path, item, marks, mounts, moment);
            (outcome, lock.and_then(release))
        }
        Err(outcome) => (outcome, None),
    }
}

/// Takes the lock that processes take which install, create or generate an item: they either have
/// it, or look for the item after it is gone. It is a second name of `lasting` where that can be.
fn lock_item(
    path: &Path,
    item: &Item,
    lasting: Option<&PidLock>,
) -> std::result::Result<Option<PidLock>, Outcome> {
    let Some((lock, policy)) = lock_of(path, item) else { return Ok(None) };
    match PidLock::acquire_by(lasting, &lock, policy.briefly(), Duration::ZERO) {
        Ok(Attempt::Acquired(lock)) => Ok(Some(lock)),
        Ok(Attempt::Held(holder)) => Err(Outcome::InUse(held_by(&holder))),
        // The directory of the package is gone.
        Err(error) if error.is_missing() => Err(Outcome::Absent),
        Err(error) => Err(Outcome::Failed(error.to_string())),
    }
}

fn set_aside_locked(
    path: &Path,
    item: &Item,
    marks: &Marks,
    mounts: &Mounts,
    moment: Moment,
) -> Outcome {
    if let Some(reason) = why_spared(path, item, mounts, moment) {
        return Outcome::InUse(reason);
    }
    let _store = match store::hold(path, item, moment.now) {
        Ok(held) => held,
        Err(outcome) => return outcome,
    };
    if marks.is_outdated() {
        return Outcome::LookAgain;
    }
    if item.kind == Kind::Space && !item.is_file {
        // The record first: without it a space that is still there is one that was filled by hand.
        if let Err(error) = fs::remove(&beside(path, GENERATED)) {
            return Outcome::Failed(error.to_string());
        }
    }
    // The inventory has not followed links below this, either.
    let shelf = path.ancestors().nth(if item.kind.is_grouped() { 2 } else { 1 });
    match StagedRemoval::begin(path, shelf.unwrap_or(path), mounts) {
        Ok(Some(aside)) => {
            if item.kind == Kind::Artifact {
                // Of no use without its artifact, and harmless.
                let _ = fs::remove(&beside(path, TREE_RECORD));
            }
            Outcome::Staged(aside)
        }
        Ok(None) => Outcome::Absent,
        Err(error) => Outcome::Failed(error.to_string()),
    }
}

fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// Removes what was set aside.
fn remove(
    removals: Vec<(&Doomed<'_>, String, StagedRemoval)>,
    report: &mut Report,
    progress: &Progress,
) {
    let removals: Vec<_> = removals
        .into_iter()
        .map(|(doomed, path, aside)| (doomed, path, std::sync::Mutex::new(Some(aside))))
        .collect();
    let removed = fs::parallel_map(&removals, |(_, _, aside)| {
        let aside = aside.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        let removed = aside.map(StagedRemoval::remove).transpose();
        progress.advance(1);
        removed
    });
    for ((doomed, path, _), removed) in removals.into_iter().zip(removed) {
        let (kind, reason) = (doomed.item.kind.into(), doomed.reason);
        match removed {
            Ok(size) => {
                report.gone.push(Gone { kind, path, size: size.unwrap_or_default(), reason });
            }
            Err(error) => report.failures.push(Failure { path, message: error.to_string() }),
        }
    }
}

/// Leaves in the logs of the depots that are swept what is of use: one record for each path that is
/// there. Returns whether that changed any.
///
/// # Errors
///
/// If the lock of a log was lost to another process. The log is as that process left it.
fn condense(
    world: &World,
    now: DepotTime,
    locks: &LogLocks,
    report: &mut Report,
) -> fs::Result<bool> {
    let mut has_changed = false;
    let mut gone = world.marks.gone_spaces();
    gone.extend(world.marks.gone.iter().cloned());
    let mut seen = HashSet::new();
    for log in &world.marks.logs {
        let depot = &world.inventory.depots[log.depot];
        if !depot.is_swept || !log.is_readable() || log.bytes.is_empty() {
            continue;
        }
        // Depots may have a log in common.
        if FileId::of(Path::new(&log.path)).is_some_and(|id| !seen.insert(id)) {
            continue;
        }
        let condensed = condensed(log, &gone, now);
        if condensed.to_text().as_bytes() == log.bytes {
            continue;
        }
        has_changed = true;
        let Some(lock) = locks.of(log) else { continue };
        match usage::put(Path::new(&log.path), &log.bytes, &condensed, lock) {
            Ok(()) => {}
            Err(Error::Io(error)) if error.is_lock_lost() => return Err(error),
            Err(error) => {
                let (path, message) = (log.path.clone(), error.to_string());
                report.failures.push(Failure { path, message });
            }
        }
    }
    Ok(has_changed)
}

fn condensed(log: &Log, gone: &HashSet<String>, now: DepotTime) -> UsageLog {
    let mut condensed = UsageLog::default();
    for (path, records) in log.log.clone().condensed(now).iter() {
        for record in records {
            let mut record: Record = record.clone();
            let last_used = log.log.records(path).iter().filter_map(|record| record.time).max();
            let is_announced = last_used.is_some_and(|time| {
                // It may have been logged since this collection began, and waited for the locks.
                now.since(time).abs() < ANNOUNCED
            });
            record.parent_projects.retain(|project| !gone.contains(project));
            let is_of_use = log.kind != UsageLogFile::Scratch || !record.parent_projects.is_empty();
            if is_of_use && (is_announced || !gone.contains(path)) {
                condensed.insert(path.to_owned(), record);
            }
        }
    }
    condensed
}

/// Writes down what is an orphan. The time of that file is the clock of Pkg's automatic collection, so
/// it is written whether it changes or not.
fn write_orphanages(world: &World, plans: &[DepotPlan], report: &mut Report) {
    for (depot, plan) in world.inventory.depots.iter().zip(plans) {
        if !depot.is_swept || !fs::is_dir(Path::new(&depot.path)) {
            continue;
        }
        let path = layout::join(&depot.path, &layout::ORPHANED);
        if let Err(error) = fs::replace(Path::new(&path), plan.orphans.to_text()) {
            report.failures.push(Failure { path, message: error.to_string() });
        }
    }
}

/// Removes what processes of ours left that were killed.
fn remove_leftovers(world: &World, clock: SystemTime, report: &mut Report) {
    let depots = world.inventory.depots.iter().zip(&world.inventory.besides);
    for (depot, besides) in depots.filter(|(depot, _)| depot.is_swept) {
        for path in &besides.leftovers {
            match remove_leftover(path, clock) {
                Ok(true) => report.leftovers += 1,
                Ok(false) => {}
                Err(error) => {
                    let path = path.to_string_lossy().into_owned();
                    report.failures.push(Failure { path, message: error.to_string() });
                }
            }
        }
        let artifacts = layout::join(&depot.path, &[ARTIFACTS]);
        if let Err(error) = artifact::remove_leftovers(&artifacts) {
            report.failures.push(Failure { path: artifacts, message: error.to_string() });
        }
    }
}

/// Deletes a leftover of ours unless a process is using it. Returns whether it did.
fn remove_leftover(path: &Path, clock: SystemTime) -> Result<bool> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let own = match Leftover::of(name) {
        None if name.ends_with(LOCK) => {
            let policy = match locked_artifact(name) {
                Some(_) => locks::ARTIFACT,
                None => locks::PACKAGE,
            };
            let is_left = is_there(path)
                && matches!(PidLock::try_acquire(path, policy.briefly())?, Attempt::Acquired(_));
            return Ok(is_left);
        }
        // A partial download that was not resumed.
        None => {
            const DAY: Duration = Duration::from_secs(24 * 60 * 60);
            let is_old = FileStamp::of(path).is_some_and(|stamp| stamp.is_older_than(DAY, clock));
            if is_old {
                fs::remove(path)?;
            }
            return Ok(is_old);
        }
        Some(own) => own,
    };
    let (Leftover::Building(key) | Leftover::Record(key) | Leftover::Lock(key)) = own else {
        fs::remove(path)?;
        return Ok(true);
    };
    let space = path.with_file_name(key);
    if matches!(own, Leftover::Record(_)) && fs::is_dir(&space) {
        return Ok(false);
    }
    let (suffix, policy) = match key.parse::<TreeHash>() {
        Ok(_) => (LOCK, locks::ARTIFACT),
        Err(_) => (GENERATING, locks::GENERATION),
    };
    let lock = path.with_file_name(format!("{key}{suffix}"));
    let Attempt::Acquired(_lock) = PidLock::try_acquire(&lock, policy)? else {
        return Ok(false);
    };
    match own {
        // It may be the space, renamed by a process that was killed before it put the new one in place.
        Leftover::Building(_) if name.ends_with(REPLACED) => fs::restore_replaced(&space)?,
        Leftover::Record(_) if fs::is_dir(&space) => return Ok(false),
        Leftover::Building(_) | Leftover::Record(_) => fs::remove(path)?,
        Leftover::Removing | Leftover::Lock(_) => {}
    }
    Ok(true)
}

/// Removes the directories of packages that have nothing in them.
fn prune(world: &World, report: &mut Report) {
    let depots = world.inventory.depots.iter().zip(&world.inventory.besides);
    let swept = depots.filter(|(depot, _)| depot.is_swept);
    let mut groups: BTreeSet<PathBuf> =
        swept.clone().flat_map(|(_, besides)| besides.empty.iter().cloned()).collect();
    let grouped = KINDS.into_iter().filter(|kind| kind.is_grouped()).map(Category::from);
    let grouped: Vec<Category> = grouped.collect();
    let is_grouped = |gone: &&Gone| grouped.contains(&gone.kind);
    let grouped = report.gone.iter().filter(is_grouped);
    groups.extend(grouped.filter_map(|gone| Some(Path::new(&gone.path).parent()?.to_owned())));
    groups.extend(swept.flat_map(|(depot, besides)| {
        let shelves = KINDS.map(|kind| Path::new(&depot.path).join(kind.directory()));
        let parents = besides.leftovers.iter().filter_map(|path| path.parent());
        let is_group = move |parent: &&Path| !shelves.iter().any(|shelf| shelf == parent);
        parents.filter(is_group).map(Path::to_owned)
    }));
    for group in groups {
        if let Err(error) = fs::remove_dir_if_empty(&group) {
            let path = group.to_string_lossy().into_owned();
            report.failures.push(Failure { path, message: error.to_string() });
        }
    }
}
