//! Condensing the usage logs: one record for each path that exists.

use std::collections::HashSet;
use std::path::Path;

use chrono::TimeDelta;
use scratchrs_fs::{self as fs, FileId};
use scratchrs_model::layout::UsageLogFile;
use scratchrs_model::time::DepotTime;
use scratchrs_model::usage_log::UsageLog;

use super::log_locks::LogLocks;
use crate::error::Error;
use crate::failure::Failure;
use crate::gc::report::Report;
use crate::gc::state::CollectionState;
use crate::gc::usage_logs::LogFile;
use crate::usage;

/// How long the record of a missing file is kept: the use of a file that binds artifacts is logged before the file
/// is written.
const MISSING_RECORD_KEPT: TimeDelta = TimeDelta::hours(1);

/// Condenses the logs of the depots that are swept. Returns whether that changed any.
///
/// # Errors
///
/// If the lock of a log was lost to another process. The log is as that process left it.
pub(super) fn condense(
    state: &CollectionState,
    now: DepotTime,
    locks: &LogLocks,
    report: &mut Report,
) -> fs::Result<bool> {
    let mut has_changed = false;
    let mut missing = state.logged.missing_spaces();
    missing.extend(state.logged.missing.iter().cloned());
    let mut seen = HashSet::new();
    for log in &state.logged.logs {
        let depot = &state.inventory.depots[log.depot];
        if !depot.is_swept || !log.is_readable() || log.bytes.is_empty() {
            continue;
        }
        // Depots may have a log in common.
        if FileId::of(Path::new(&log.path)).is_some_and(|id| !seen.insert(id)) {
            continue;
        }
        let condensed = condensed(log, &missing, now);
        if condensed.to_text().as_bytes() == log.bytes {
            continue;
        }
        has_changed = true;
        let Some(lock) = locks.of(log) else { continue };
        match usage::put(Path::new(&log.path), &log.bytes, &condensed, lock) {
            Ok(()) => {}
            Err(Error::Io(error)) if error.is_lock_lost() => return Err(error),
            Err(error) => report.failures.push(Failure::of(&log.path, error)),
        }
    }
    Ok(has_changed)
}

fn condensed(log: &LogFile, missing: &HashSet<String>, now: DepotTime) -> UsageLog {
    let mut condensed = UsageLog::default();
    for (path, records) in log.log.clone().condensed(now).iter() {
        for record in records {
            let mut record = record.clone();
            let last_used = log.log.records(path).iter().filter_map(|record| record.time).max();
            // It may have been logged since this collection began, and waited for the locks.
            let is_recent =
                last_used.is_some_and(|time| now.since(time).abs() < MISSING_RECORD_KEPT);
            record.parent_projects.retain(|project| !missing.contains(project));
            let is_used = log.kind != UsageLogFile::Scratch || !record.parent_projects.is_empty();
            if is_used && (is_recent || !missing.contains(path)) {
                condensed.insert(path.to_owned(), record);
            } else {
                log::debug!("dropping `{path}` from `{}`: it is missing or unused", log.path);
            }
        }
    }
    condensed
}
