//! The deletions of a collection; nothing else deletes.

mod condense;
mod leftovers;
mod log_locks;
mod staging;

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use scratchrs_fs::{self as fs, Progress, StagedRemoval};
use scratchrs_model::collection::{DepotPlan, Position, State};
use scratchrs_model::layout;

use super::decision_log::{log_decisions, reason_of};
use super::options::{Moment, Options};
use super::report::{Deleted, Report};
use super::state::{CollectionState, PlannedItem};
use crate::error::Result;
use crate::failure::Failure;
use condense::condense;
use log_locks::LogLocks;
use staging::{DeleteCandidate, Outcome, Staging};

/// How many items are renamed before the locks are released for a while.
const BATCH: usize = 1024;

/// How often a sweep reads the logs again after another process has broken the lock of one.
const ATTEMPTS: usize = 3;

/// Deletes the deletable items, and records the orphans.
///
/// # Errors
///
/// As [`super::collect`].
pub(super) fn sweep(
    state: &mut CollectionState,
    options: &Options,
    moment: Moment,
    report: &mut Report,
    progress: &Progress,
) -> Result<()> {
    // The items that were deletable in each round so far. One that becomes deletable because another was deleted is
    // left to the next collection, as in Pkg.
    let mut pending: Option<HashSet<Position>> = None;
    let mut times_lost = 0;
    progress.begin_counting("Removing");
    loop {
        let locks = LogLocks::acquire(state, options, report)?;
        state.reread(moment);
        let is_first = pending.is_none();
        if is_first {
            state.inventory.read_orphan_records();
        }
        let plans = state.decide(options, moment);
        if is_first {
            log_decisions(state, &plans);
            write_orphan_records(state, &plans, report);
            match condense(state, moment.now, &locks, report) {
                Ok(false) => {}
                // They have changed by our own hand.
                Ok(true) => state.reread(moment),
                // Other processes may have changed the logs since. Nothing was deleted yet.
                Err(error) if error.is_lock_lost() && times_lost < ATTEMPTS => {
                    times_lost += 1;
                    continue;
                }
                Err(error) => return Err(error.into()),
            }
        }
        let candidates = delete_candidates(state, &plans, pending.as_ref());
        if is_first {
            progress.expect(candidates.len() as u64);
        }
        if candidates.is_empty() {
            report.failures.extend(locks.release());
            break;
        }
        let batch = &candidates[..candidates.len().min(BATCH)];
        let staging = Staging::new(&locks, &state.logged, moment, batch);
        let outcomes = fs::parallel_map(batch, |candidate| staging.stage(candidate));
        report.failures.extend(locks.release());
        let rest = pending.insert(candidates.iter().map(|candidate| candidate.position).collect());
        let mut staged = Vec::new();
        let mut deleted = Vec::new();
        for (candidate, (outcome, unreleased)) in batch.iter().zip(outcomes) {
            report.failures.extend(unreleased);
            log_outcome(candidate, &outcome);
            let path = candidate.path.to_string_lossy();
            if !matches!(outcome, Outcome::Outdated) {
                rest.remove(&candidate.position);
            }
            match outcome {
                Outcome::Outdated => {}
                Outcome::Missing => deleted.push(candidate.position),
                Outcome::InUse(reason) => report.spared.push(Failure::of(path, reason)),
                Outcome::Failed(reason) => report.failures.push(Failure::of(path, reason)),
                Outcome::Staged(removal) => {
                    deleted.push(candidate.position);
                    staged.push((candidate, removal));
                }
            }
        }
        remove(staged, report, progress);
        for position in deleted {
            state.forget_size(position);
        }
        progress.check()?;
    }
    leftovers::remove_leftovers(state, moment.clock, report);
    leftovers::remove_empty_groups(state, report);
    Ok(())
}

/// The deletable items; of `pending`, if that is known.
fn delete_candidates<'a>(
    state: &'a CollectionState,
    plans: &'a [DepotPlan],
    pending: Option<&HashSet<Position>>,
) -> Vec<DeleteCandidate<'a>> {
    let candidate = |planned: PlannedItem<'a>| {
        let State::Deletable(reason) = planned.decision.state else { return None };
        let position = (planned.depot, planned.index);
        if pending.is_some_and(|pending| !pending.contains(&position)) {
            return None;
        }
        let path = planned.item.path(&state.inventory.depots[planned.depot].path);
        Some(DeleteCandidate { position, item: planned.item, path, reason })
    };
    state.items(plans).filter_map(candidate).collect()
}

fn log_outcome(candidate: &DeleteCandidate<'_>, outcome: &Outcome) {
    let path = candidate.path.display();
    match outcome {
        Outcome::Staged(_) => log::debug!("deleting `{path}`: {}", reason_of(candidate.reason)),
        Outcome::Outdated => log::debug!("keeping `{path}` for now: a usage log changed"),
        Outcome::Missing => log::debug!("`{path}` does not exist any more"),
        Outcome::InUse(reason) | Outcome::Failed(reason) => {
            log::debug!("keeping `{path}`: {reason}")
        }
    }
}

/// Deletes the files of renamed items.
fn remove(
    staged: Vec<(&DeleteCandidate<'_>, StagedRemoval)>,
    report: &mut Report,
    progress: &Progress,
) {
    let staged: Vec<_> = staged
        .into_iter()
        .map(|(candidate, removal)| (candidate, Mutex::new(Some(removal))))
        .collect();
    let removed = fs::parallel_map(&staged, |(_, removal)| {
        let removal = removal.lock().unwrap_or_else(PoisonError::into_inner).take();
        let removed = removal.map(StagedRemoval::remove).transpose();
        progress.advance(1);
        removed
    });
    for ((candidate, _), removed) in staged.into_iter().zip(removed) {
        let path = candidate.path.to_string_lossy().into_owned();
        let (kind, reason) = (candidate.item.kind.into(), candidate.reason);
        match removed {
            Ok(size) => {
                report.gone.push(Deleted { kind, path, size: size.unwrap_or_default(), reason });
            }
            Err(error) => report.failures.push(Failure::of(path, error)),
        }
    }
}

/// Records the orphans. The time of that file is the clock of Pkg's automatic collection, so it is written even if
/// nothing changes.
fn write_orphan_records(state: &CollectionState, plans: &[DepotPlan], report: &mut Report) {
    for (depot, plan) in state.inventory.depots.iter().zip(plans) {
        if !depot.is_swept || !fs::is_dir(depot.path.as_path()) {
            continue;
        }
        let path = depot.path.join(&layout::ORPHANED);
        if let Err(error) = fs::replace(Path::new(&path), plan.orphans.to_text()) {
            report.failures.push(Failure::of(path, error));
        }
    }
}
