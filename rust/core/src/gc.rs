//! Collection of a depot: deletes unreachable items, as `Pkg.gc` does, and nothing else.
//!
//! [`collect`] reads the depots and the roots in their logs, and lets
//! [`scratchrs_model::collection::plan`] decide. A dry run ends there. Only `sweep` deletes.
//!
//! # Modules
//!
//! Each module uses only modules above it:
//!
//! ```text
//! report, options   the results and the input, as plain data
//! ignored_roots     roots that the user tells a collection to ignore
//! inventory         the items of the depots
//! usage_logs        the usage logs
//! root_files        reading manifests and artifact files
//! logged_roots      the logs, and all roots that they list
//! aliases           other paths of the files in logs and roots
//! in_use            why an unreferenced item stays for now
//! store_space       the scratch space in which a store lies
//! state             the depots and roots together
//! decision          the decision on each item
//! decision_log      these in the debug log
//! names, causes     items and their references as people know them
//! dry_run, sweep    the two ends of a collection
//! stores            the stores in the depots
//! status, explain   the other two results
//! ```
//!
//! # Locking
//!
//! While items are renamed to be deleted, the sweep holds the locks of the three usage logs, in the order of
//! `usage_logs::LOGS`, of one depot after the other. Under the locks, roots and logs are read again: a process that
//! logs a use under them, as Pkg since 1.9 and ScratchRS, does so before that or after the rename. A process that
//! logs without them is noticed by the change of the log, up to the very rename. An artifact, a package or a space is
//! renamed under its own lock, `<name>.pid` or `<key>@generating.pid`; if another process holds it, the item stays.
//! An artifact that was created, installed or found in the last ten minutes stays, too.
//!
//! # Crash
//!
//! Logs and `orphaned.toml` are replaced, each in one step. An item is renamed before its files are deleted: it
//! exists as a whole, or not. A killed process leaves `<name>@removing-<process>-<count>` and its locks; the next
//! collection deletes the one and breaks the others.

mod aliases;
mod causes;
mod decision;
mod decision_log;
mod dry_run;
mod explain;
mod ignored_roots;
mod in_use;
mod inventory;
mod logged_roots;
mod names;
mod options;
mod report;
mod root_files;
mod state;
mod status;
mod store_space;
mod stores;
mod sweep;
mod usage_logs;

use scratchrs_fs::{self as fs, Progress, Size};
use scratchrs_model::collection::{DepotPlan, Reference, State};

use crate::error::{Error, Result};
use state::CollectionState;

pub use explain::why;
pub use options::{Moment, Options};
pub use report::{
    Category, Cause, CauseKind, Consequence, Deleted, Entry, Explained, Explanation, Note, Report,
    Share, Standing, Status, StoreShare, Waiting,
};
pub use status::status;

/// Collects, or reports what a collection would do.
///
/// # Errors
///
/// Unless all depots are collected: if the one that is cannot be written to, or another process holds the lock of a
/// log for too long. Items that cannot be deleted are part of the report.
pub fn collect(options: &Options, moment: Moment, progress: &Progress) -> Result<Report> {
    let mut state = CollectionState::read(options, moment, progress)?;
    state.leave_out_read_only(options, moment);
    let plans = state.decide(options, moment);
    // Before the collection repairs the logs.
    let mut notes = state.notes();
    notes.sort_by_key(|note| note.consequence);
    let mut report = Report { is_dry_run: options.dry_run, notes, ..Report::default() };
    if options.dry_run {
        dry_run::predict(&state, &plans, moment, &mut report, progress)?;
    } else {
        let swept = sweep::sweep(&mut state, options, moment, &mut report, progress);
        swept.map_err(|error| after(&report, error))?;
    }
    describe(&state, &plans, &mut report);
    let collected = stores::collect(options, moment, &mut report, progress);
    collected.map_err(|error| after(&report, error))?;
    report.sum_up();
    // Freeing very many small allocations takes time, too.
    let CollectionState { inventory, logged, .. } = state;
    fs::join(|| drop(inventory), || drop(logged));
    Ok(report)
}

/// The error that ended a collection: if it was cancelled, with what it had deleted.
fn after(report: &Report, error: Error) -> Error {
    match error {
        Error::Io(error) if error.is_read_only() => Error::ReadOnlyDepot(error),
        Error::Cancelled if !report.is_dry_run => {
            let bytes = report.gone.iter().map(|gone| gone.size.freed()).sum();
            Error::CollectionCancelled { items: report.gone.len() as u64, bytes }
        }
        error => error,
    }
}

/// Adds the depots, the numbers of roots, and the items that wait.
fn describe(state: &CollectionState, plans: &[DepotPlan], report: &mut Report) {
    report.depots = state.swept().map(|depot| depot.path.to_string()).collect();
    report.manifests = state.logged.roots.manifests.len();
    report.artifact_files = state.logged.roots.artifact_files.len();
    let is_used = |reference: &Reference| matches!(reference, Reference::Use(_));
    let spaces = state.items(plans).filter(|item| item.decision.referenced_by.iter().any(is_used));
    report.spaces = spaces.count();
    if !report.is_dry_run {
        let waiting = state.items(plans).filter_map(|item| {
            let State::Orphaned { since, until } = item.decision.state else { return None };
            let (kind, path) = (item.item.kind.into(), state.path(item.depot, item.item));
            Some(Waiting { kind, path, size: Size::default(), since, until })
        });
        report.waiting = waiting.collect();
    }
}

#[cfg(test)]
mod tests {
    use scratchrs_model::collection::Reason;

    use super::*;

    #[test]
    fn a_cancelled_collection_says_what_it_has_deleted() {
        let deleted = |bytes, shared| Deleted {
            kind: Category::Artifact,
            path: "/depot/artifacts/1".to_owned(),
            size: Size { bytes, shared, files: 1 },
            reason: Reason::Unreachable,
        };
        let mut report = Report { gone: vec![deleted(10, 4), deleted(5, 0)], ..Report::default() };
        let error = after(&report, Error::Cancelled);
        assert!(matches!(error, Error::CollectionCancelled { items: 2, bytes: 11 }), "{error:?}");
        report.is_dry_run = true;
        assert!(matches!(after(&report, Error::Cancelled), Error::Cancelled));
    }
}
