//! The clocks of this crate: for ages of lock files, and for timeouts.

use std::time::{Instant, SystemTime};

#[expect(clippy::disallowed_methods, reason = "the age of a lock file decides whether it is stale")]
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}

/// A monotonic clock, for timeouts.
pub(crate) fn stopwatch() -> Instant {
    Instant::now()
}
