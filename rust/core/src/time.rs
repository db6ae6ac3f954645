//! File times as local times, as in the usage logs.

use std::time::SystemTime;

use scratchrs_model::time::DepotTime;

/// The local time of a time of the file system.
pub(crate) fn local_time(time: SystemTime) -> DepotTime {
    DepotTime::from_local(chrono::DateTime::<chrono::Local>::from(time).naive_local())
}
