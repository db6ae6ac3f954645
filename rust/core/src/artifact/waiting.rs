//! Waiting for the process that holds the lock of an artifact.

use std::time::Duration;

use scratchrs_fs::{Holder, Progress};

use crate::error::Result;

/// The interval between checks for cancellation.
const INTERVAL: Duration = Duration::from_millis(50);

/// A value, or the process that holds the lock.
pub(super) type OrHolder<T> = std::result::Result<T, Holder>;

/// Repeats `attempt`, with the time for which it may wait, until it returns a value. Calls `on_wait` with
/// the first holder.
///
/// # Errors
///
/// The error of `attempt`, or that the work was cancelled.
pub(super) fn wait<T>(
    progress: &Progress,
    on_wait: impl FnOnce(&Holder),
    mut attempt: impl FnMut(Duration) -> Result<OrHolder<T>>,
) -> Result<T> {
    let mut on_wait = Some(on_wait);
    loop {
        progress.check()?;
        match (attempt(INTERVAL)?, on_wait.take()) {
            (Ok(value), _) => return Ok(value),
            (Err(holder), Some(on_wait)) => on_wait(&holder),
            (Err(_), None) => {}
        }
    }
}

/// The title of the stage in which an artifact is waited for.
pub(super) fn title(artifact: &str, holder: &Holder) -> String {
    match holder.pid {
        Some(pid) => {
            format!("Waiting for {artifact}: process {pid} on {} holds its lock", holder.host)
        }
        None => format!("Waiting for {artifact}: another process holds its lock"),
    }
}
