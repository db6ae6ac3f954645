//! Times of files as the depot's logs have them.

use std::time::SystemTime;

use scratchrs_model::time::DepotTime;

/// A time that a file system gives, as a local clock shows it.
pub(crate) fn local_time(time: SystemTime) -> DepotTime {
    DepotTime::from_local(chrono::DateTime::<chrono::Local>::from(time).naive_local())
}
