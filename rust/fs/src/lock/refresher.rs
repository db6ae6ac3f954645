//! Touching the file of a lock that is held for long.

use std::fs::File;
use std::sync::mpsc;
use std::thread::JoinHandle;

use super::policy::Policy;
use crate::clock;

/// A thread that touches a lock file.
#[derive(Debug)]
pub(super) struct Refresher {
    stop: mpsc::Sender<()>,
    thread: JoinHandle<()>,
}

impl Refresher {
    /// `None` if the handle cannot be duplicated: the lock then ends when its validity does.
    pub(super) fn start(file: &File, policy: Policy) -> Option<Self> {
        let file = file.try_clone().ok()?;
        let (stop, stopped) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("scratchrs-lock".to_owned())
            .spawn(move || {
                let pause = policy.stale_after / 2;
                while stopped.recv_timeout(pause) == Err(mpsc::RecvTimeoutError::Timeout) {
                    let _ = file.set_modified(clock::now());
                }
            })
            .ok()?;
        Some(Self { stop, thread })
    }

    pub(super) fn stop(self) {
        let Self { stop, thread } = self;
        drop(stop);
        let _ = thread.join();
    }
}
