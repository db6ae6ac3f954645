//! Waiting for a lock.

use std::time::Duration;

use scratchrs_core::Error;

use crate::session::Session;

/// How long a user waits without being told.
const SILENCE: Duration = Duration::from_secs(2);
/// How long after that.
const LOCK_TIMEOUT: Duration = Duration::from_secs(28);

/// Does `work`, which waits for a lock for as long as it is told, and tells the user if that takes
/// long.
///
/// # Errors
///
/// Those of `work`; that it is busy if even the second time was not long enough.
pub(crate) fn with_lock_timeout<T>(
    session: &mut Session,
    mut work: impl FnMut(Duration) -> Result<T, Error>,
) -> Result<T, Error> {
    match work(SILENCE) {
        Err(busy @ Error::Busy { .. }) => {
            session.output.note(&format!("waiting, as {busy}"), None);
            work(LOCK_TIMEOUT)
        }
        result => result,
    }
}
