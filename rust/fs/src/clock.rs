//! The one place of this crate that reads clocks: for ages of lock files, and for patience.

use std::time::{Instant, SystemTime};

#[expect(clippy::disallowed_methods, reason = "the age of a lock file decides whether it is stale")]
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}

/// A clock that nobody sets, to wait by.
pub(crate) fn stopwatch() -> Instant {
    Instant::now()
}
