//! Why an item that is not referenced stays for now: it is new, or a process works on it. A sweep, a dry run, a
//! status and an explanation share these functions, so that they agree.

use std::path::{Path, PathBuf};
use std::time::Duration;

use scratchrs_fs::{self as fs, FileStamp, Holder, Mounts, PidLock, Policy};
use scratchrs_model::collection::{Item, Kind};
use scratchrs_model::layout::{GENERATING, LOCK, TREE_RECORD};

use super::options::Moment;
use crate::locks;

/// How long an artifact that was created or installed stays: the process that did so may not have bound it yet.
const UNBOUND: Duration = Duration::from_secs(10 * 60);

/// The path of a file beside an item, by the suffix of its name.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// The lock under which processes install, create or generate an item, and its policy. Pkg has
/// none for a clone.
pub(super) fn lock_of(path: &Path, item: &Item) -> Option<(PathBuf, Policy)> {
    let (suffix, policy) = match item.kind {
        Kind::Artifact => (LOCK, locks::ARTIFACT),
        Kind::Package => (LOCK, locks::PACKAGE),
        Kind::Space if !item.is_file => (GENERATING, locks::GENERATION),
        Kind::Space | Kind::Clone => return None,
    };
    Some((beside(path, suffix), policy))
}

/// Why a collection would not delete the item at `path`, if there is a reason. Changes nothing.
///
/// # Errors
///
/// If its lock exists and cannot be read: a collection would fail to delete it.
pub(super) fn why_in_use(
    path: &Path,
    item: &Item,
    mounts: &Mounts,
    moment: Moment,
) -> fs::Result<Option<String>> {
    let lock = lock_of(path, item);
    let holder = lock.map(|(lock, policy)| PidLock::holder(&lock, policy)).transpose()?.flatten();
    Ok(holder.map(|holder| held_by(&holder)).or_else(|| why_spared(path, item, mounts, moment)))
}

/// Why the item at `path` stays, besides that its lock is held.
pub(super) fn why_spared(
    path: &Path,
    item: &Item,
    mounts: &Mounts,
    moment: Moment,
) -> Option<String> {
    // Its deletion would delete files outside of the depot.
    if let Some(point) = mounts.within(path) {
        return Some(format!("`{}` is a mount point; unmount it first", point.display()));
    }
    let record = match item.kind {
        Kind::Artifact => FileStamp::of(&beside(path, TREE_RECORD)),
        _ => None,
    };
    let is_new = record.is_some_and(|record| !record.is_older_than(UNBOUND, moment.clock));
    is_new.then(|| "it was made just now, and may not be bound yet".to_owned())
}

/// The reason that a process holds the lock of an item.
pub(super) fn held_by(holder: &Holder) -> String {
    match holder.pid {
        Some(pid) => format!("process {pid} on `{}` is at work on it", holder.host),
        None => "another process is at work on it".to_owned(),
    }
}
