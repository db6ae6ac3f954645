//! Operations that run on a thread of their own.

use std::ffi::{c_int, c_void};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use scratchrs_core::Result;

use crate::reply::{Outcome, Reply, call};

/// How a job says that it is done: a function that any thread may call, and what to call it with.
/// From Julia: `uv_async_send` and the handle of an `AsyncCondition`.
#[derive(Clone, Copy, Debug)]
pub struct Notify {
    /// The function.
    pub function: unsafe extern "C" fn(*mut c_void) -> c_int,
    /// Its argument.
    pub handle: *mut c_void,
}

// SAFETY: whoever makes a `Notify` promises that any thread may call it.
unsafe impl Send for Notify {}

/// An operation under way.
#[derive(Debug)]
pub struct Job {
    thread: JoinHandle<Outcome>,
    /// None once nobody waits any more.
    notify: Arc<Mutex<Option<Notify>>>,
}

impl Job {
    /// Starts `operation` on a thread, which calls `notify` once, when it is done.
    ///
    /// # Safety
    ///
    /// `notify` must be callable from any thread, until [`Job::finish`] or [`Job::detach`]
    /// returns.
    pub unsafe fn start<R: Reply>(
        operation: impl FnOnce() -> Result<R> + Send + 'static,
        notify: Notify,
    ) -> Self {
        let notify = Arc::new(Mutex::new(Some(notify)));
        let waiting = Arc::clone(&notify);
        let thread = thread::spawn(move || {
            let outcome = call(operation);
            let waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(Notify { function, handle }) = *waiting {
                // SAFETY: the caller of `start` promised it for as long as somebody waits.
                unsafe { function(handle) };
            }
            outcome
        });
        Self { thread, notify }
    }

    /// Waits until the job is done, and gives what came of it.
    pub fn finish(self) -> Outcome {
        match self.thread.join() {
            Ok(outcome) => outcome,
            // `call` lets no panic through.
            Err(panic) => call(|| -> Result<()> { std::panic::resume_unwind(panic) }),
        }
    }

    /// Lets the job go on with nobody waiting for it.
    pub fn detach(self) {
        *self.notify.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};

    use super::*;

    unsafe extern "C" fn send(sender: *mut c_void) -> c_int {
        // SAFETY: the tests pass a sender that lives until the job is finished.
        let sender = unsafe { &*sender.cast::<Sender<()>>() };
        c_int::from(sender.send(()).is_err())
    }

    #[test]
    fn a_job_says_when_it_is_done() {
        let (mut sender, receiver) = channel::<()>();
        let handle = (&raw mut sender).cast();
        // SAFETY: `sender` lives until the end of the test, and senders may be shared.
        let job =
            unsafe { Job::start(|| Ok("done".to_owned()), Notify { function: send, handle }) };
        receiver.recv().unwrap();
        let outcome = job.finish();
        assert_eq!((outcome.status, outcome.bytes), (0, b"done".to_vec()));
    }

    #[test]
    fn a_detached_job_goes_on_in_silence() {
        let (go, wait) = channel::<()>();
        let (done, is_done) = channel::<()>();
        let operation = move || {
            let _ = wait.recv();
            drop(done);
            Ok(())
        };
        let notify = Notify { function: send, handle: std::ptr::null_mut() };
        // SAFETY: `notify` would crash; a detached job does not call it.
        let job = unsafe { Job::start(operation, notify) };
        job.detach();
        drop(go);
        assert!(is_done.recv().is_err());
    }
}
