//! Waiting for a lock.

use std::time::Duration;

use scratchrs_core::Error;

use crate::session::Session;

/// How long a command waits without a note.
const SILENCE: Duration = Duration::from_secs(2);
/// How long it waits after that.
const LOCK_TIMEOUT: Duration = Duration::from_secs(28);

/// Runs `work`, which waits for a lock for at most the given time, and prints a note if that is not enough.
///
/// # Errors
///
/// As `work`.
pub(crate) fn with_lock_timeout<T>(
    session: &mut Session,
    mut work: impl FnMut(Duration) -> Result<T, Error>,
) -> Result<T, Error> {
    match work(SILENCE) {
        Err(busy @ Error::Busy { .. }) => {
            session.output.note(format!("waiting: {busy}"));
            work(LOCK_TIMEOUT)
        }
        result => result,
    }
}
