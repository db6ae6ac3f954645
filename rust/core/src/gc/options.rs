//! The input of a collection, a status and an explanation.

use std::time::{Duration, SystemTime};

use scratchrs_model::collection::Policy;
use scratchrs_model::depot_path::DepotPath;
use scratchrs_model::time::DepotTime;

/// What a collection does.
#[derive(Clone, Debug)]
pub struct Options {
    /// The depot stack. Items of the first depot are deleted; the roots are those in the logs of all depots.
    pub depots: Vec<DepotPath>,
    /// When items become deletable.
    pub policy: Policy,
    /// Whether items of all depots are deleted. A read-only depot behind the first is left out.
    pub all_depots: bool,
    /// The maximum size of the packages, clones, artifacts and spaces of a depot together, in bytes. The
    /// store counts, but is not evicted while it is in use.
    pub max_size: Option<u64>,
    /// Whether items that are referenced are evicted too, after all others.
    pub evict_in_use: bool,
    /// Whether nothing is changed.
    pub dry_run: bool,
    /// How long to wait for the lock of a log.
    pub lock_timeout: Duration,
    /// Manifests, artifact files, projects and logs that count as missing: what only they reference
    /// is unreachable, and an unreadable one keeps nothing.
    pub ignore_roots: Vec<String>,
}

/// The current time.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// As the logs have it.
    pub now: DepotTime,
    /// As the file system has it.
    pub clock: SystemTime,
}
