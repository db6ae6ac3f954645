//! Processes that were forked from one that uses the library, and run on in the same program.
//!
//! Such a process has a copy of its parent's state (locks, tickets, jobs), and none of its threads. If it
//! ended what its parent has begun, it would release the parent's locks and delete the parent's files. So
//! every call fails there. A process that starts another program after the fork is not affected, nor is one
//! that was forked before the library's first call.

use scratchrs_core::{Error, Result};

/// Begins to detect forks of this process.
#[cfg(unix)]
pub(crate) fn observe() {
    use std::sync::Once;

    static WATCHING: Once = Once::new();
    WATCHING.call_once(|| {
        state::PARENT.store(std::process::id(), state::ORDERING);
        // SAFETY: the function that runs in the child sets a number, which is allowed there. A failure, for
        // lack of memory, leaves forks undetected.
        unsafe { libc::pthread_atfork(None, None, Some(state::note)) };
    });
}

/// Other systems have no forks.
#[cfg(not(unix))]
pub(crate) fn observe() {}

/// Fails in a process that was forked.
///
/// # Errors
///
/// In such a process. The message says what to do instead.
pub(crate) fn check() -> Result<()> {
    let Some(parent) = parent() else { return Ok(()) };
    Err(Error::Conflict(format!(
        "ScratchRS can't be used in process {}: it was forked from process {parent}, which uses \
         ScratchRS, without starting another program. Start a Julia of its own instead, with `run` \
         or with `addprocs` of Distributed",
        std::process::id()
    )))
}

/// The process that this one was forked from, if it was.
#[cfg(unix)]
pub(crate) fn parent() -> Option<u32> {
    let is_forked = state::IS_FORKED.load(state::ORDERING);
    is_forked.then(|| state::PARENT.load(state::ORDERING))
}

#[cfg(not(unix))]
pub(crate) fn parent() -> Option<u32> {
    None
}

#[cfg(unix)]
mod state {
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

    /// In the child there is one thread, so that no order among threads matters.
    pub(super) const ORDERING: Ordering = Ordering::Relaxed;

    pub(super) static PARENT: AtomicU32 = AtomicU32::new(0);
    pub(super) static IS_FORKED: AtomicBool = AtomicBool::new(false);

    /// Runs in the child of a fork.
    pub(super) extern "C" fn note() {
        IS_FORKED.store(true, ORDERING);
    }
}
