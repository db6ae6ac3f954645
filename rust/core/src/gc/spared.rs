//! Why something that nothing references stays for now. A sweep, a dry run, a status and an explanation
//! ask the same functions, so that they say the same.

use std::path::{Path, PathBuf};
use std::time::Duration;

use scratchrs_fs::{self as fs, FileStamp, Holder, Mounts, PidLock, Policy};
use scratchrs_model::collection::{Item, Kind};
use scratchrs_model::layout::{GENERATING, LOCK, TREE_RECORD};

use super::Moment;
use crate::locks;

/// For how long an artifact that was made or installed here is spared, since the process that has made
/// it may not have bound it yet.
const UNBOUND: Duration = Duration::from_secs(10 * 60);

/// The path of what lies beside an item, by the end of its name.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// The lock that processes take which install, create or generate an item, and how it is taken. Pkg has
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

/// Why a collection would leave the item at `path` alone, if anything. Nothing is touched.
///
/// # Errors
///
/// If its lock is there and cannot be read: a collection would fail to delete it.
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

/// Why the item at `path` stays, beside that its lock is held. The caller holds the lock, or only wants
/// to know.
pub(super) fn why_spared(
    path: &Path,
    item: &Item,
    mounts: &Mounts,
    moment: Moment,
) -> Option<String> {
    // Its deletion would reach files that are not part of the depot.
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

/// That a process holds the lock of an item.
pub(super) fn held_by(holder: &Holder) -> String {
    match holder.pid {
        Some(pid) => format!("process {pid} on `{}` is at work on it", holder.host),
        None => "another process is at work on it".to_owned(),
    }
}
