//! How long a lock is valid.

use std::time::Duration;

/// How long a lock is valid after its file was last touched, and which processes touch it.
///
/// Julia breaks the lock of a process that may be alive after five times `stale_after`, or after 25 times if the
/// file is never touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Julia's `stale_age`.
    pub(super) stale_after: Duration,
    pub(super) refresh: Refresh,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refresh {
    /// Every process touches the file after each half of `stale_after`; this one by a thread.
    Holder,
    /// Other processes do. This one holds the lock for less than `stale_after`, and does not.
    Others,
    /// No process does.
    Never,
}

impl Policy {
    /// A lock that is held for long. A thread touches its file; it is valid for five times `stale_after`.
    pub const fn refreshed(stale_after: Duration) -> Self {
        Self { stale_after, refresh: Refresh::Holder }
    }

    /// A lock that this process holds for less than `stale_after`. It is valid for five times as long, because
    /// processes that hold it for longer touch its file.
    pub const fn brief(stale_after: Duration) -> Self {
        Self { stale_after, refresh: Refresh::Others }
    }

    /// A lock whose file is never touched. It is valid for 25 times `stale_after`.
    pub const fn unrefreshed(stale_after: Duration) -> Self {
        Self { stale_after, refresh: Refresh::Never }
    }

    /// The same lock, held by this process for less than `stale_after`.
    pub const fn briefly(self) -> Self {
        Self::brief(self.stale_after)
    }

    /// How long a lock is valid after its file was last touched, unless its process is known to be dead.
    pub const fn valid_for(self) -> Duration {
        let factor = match self.refresh {
            Refresh::Holder | Refresh::Others => 5,
            Refresh::Never => 25,
        };
        self.stale_after.saturating_mul(factor)
    }
}
