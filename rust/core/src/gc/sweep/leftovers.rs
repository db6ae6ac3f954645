//! Deleting what killed processes of ours have left, and empty directories of packages.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use scratchrs_fs::{self as fs, Attempt, FileStamp, PidLock};
use scratchrs_model::collection::KINDS;
use scratchrs_model::hash::TreeHash;
use scratchrs_model::layout::{ARTIFACTS, GENERATING, LOCK, Leftover, REPLACED};

use crate::artifact;
use crate::error::Result;
use crate::failure::Failure;
use crate::gc::inventory::locked_artifact;
use crate::gc::report::{Category, Report};
use crate::gc::state::CollectionState;
use crate::locks;

/// The age from which a partial download is deleted that was not resumed.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Deletes the leftovers in the depots that are swept.
pub(super) fn remove_leftovers(state: &CollectionState, clock: SystemTime, report: &mut Report) {
    let depots = state.inventory.depots.iter().zip(&state.inventory.besides);
    for (depot, besides) in depots.filter(|(depot, _)| depot.is_swept) {
        for path in &besides.leftovers {
            match remove_leftover(path, clock) {
                Ok(is_deleted) => report.leftovers += usize::from(is_deleted),
                Err(error) => {
                    report.failures.push(Failure::of(path.to_string_lossy(), error));
                }
            }
        }
        match artifact::remove_leftovers(&depot.path) {
            Ok(removed) => report.leftovers += removed,
            Err(error) => {
                report.failures.push(Failure::of(depot.path.join(&[ARTIFACTS]), error));
            }
        }
    }
}

/// Deletes a leftover of ours unless a process uses it. Returns whether it did.
fn remove_leftover(path: &Path, clock: SystemTime) -> Result<bool> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    match Leftover::of(name) {
        None if name.ends_with(LOCK) => break_lock(path, name),
        None => remove_download(path, clock),
        Some(Leftover::Removing) => {
            fs::remove(path)?;
            Ok(true)
        }
        Some(
            leftover @ (Leftover::Building(key) | Leftover::Record(key) | Leftover::Lock(key)),
        ) => remove_beside(path, leftover, key),
    }
}

/// Breaks the lock of a package or of an artifact, unless it is held.
fn break_lock(path: &Path, name: &str) -> Result<bool> {
    let policy = match locked_artifact(name) {
        Some(_) => locks::ARTIFACT,
        None => locks::PACKAGE,
    };
    Ok(matches!(fs::symlink_metadata(path), Ok(Some(_)))
        && matches!(PidLock::try_acquire(path, policy.briefly())?, Attempt::Acquired(_)))
}

fn remove_download(path: &Path, clock: SystemTime) -> Result<bool> {
    let is_old = FileStamp::of(path).is_some_and(|stamp| stamp.is_older_than(DAY, clock));
    if is_old {
        fs::remove(path)?;
    }
    Ok(is_old)
}

/// Deletes a leftover beside the space or artifact `key`, under the lock of that.
fn remove_beside(path: &Path, leftover: Leftover<'_>, key: &str) -> Result<bool> {
    let space = path.with_file_name(key);
    let is_record = matches!(leftover, Leftover::Record(_));
    if is_record && fs::is_dir(&space) {
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
    let is_replaced = path.to_string_lossy().ends_with(REPLACED);
    match leftover {
        // It may be the space, renamed by a process that was killed before it put the new one in place.
        Leftover::Building(_) if is_replaced => fs::restore_replaced(&space)?,
        Leftover::Record(_) if fs::is_dir(&space) => return Ok(false),
        Leftover::Building(_) | Leftover::Record(_) => fs::remove(path)?,
        // Its lock is broken by now.
        Leftover::Removing | Leftover::Lock(_) => {}
    }
    Ok(true)
}

/// Removes the empty directories of packages.
pub(super) fn remove_empty_groups(state: &CollectionState, report: &mut Report) {
    let depots = state.inventory.depots.iter().zip(&state.inventory.besides);
    let swept = depots.filter(|(depot, _)| depot.is_swept);
    let mut groups: BTreeSet<PathBuf> =
        swept.clone().flat_map(|(_, besides)| besides.empty.iter().cloned()).collect();
    let grouped: Vec<Category> =
        KINDS.into_iter().filter(|kind| kind.is_grouped()).map(Category::from).collect();
    let deleted = report.gone.iter().filter(|gone| grouped.contains(&gone.kind));
    groups.extend(deleted.filter_map(|gone| Some(Path::new(&gone.path).parent()?.to_owned())));
    groups.extend(swept.flat_map(|(depot, besides)| {
        let directories = KINDS.map(|kind| depot.path.as_path().join(kind.directory()));
        let parents = besides.leftovers.iter().filter_map(|path| path.parent());
        let is_group =
            move |parent: &&Path| !directories.iter().any(|directory| directory == parent);
        parents.filter(is_group).map(Path::to_owned)
    }));
    for group in groups {
        if let Err(error) = fs::remove_dir_if_empty(&group) {
            report.failures.push(Failure::of(group.to_string_lossy(), error));
        }
    }
}
