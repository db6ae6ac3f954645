//! The one place of this crate that reads a clock: for ages of lock files.

use std::time::SystemTime;

#[expect(clippy::disallowed_methods, reason = "the age of a lock file decides whether it is stale")]
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}
