//! Operations that run on a thread of their own.

use std::ffi::{c_int, c_void};
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use schemars::JsonSchema;
use scratchrs_core::{Error, Result};
use scratchrs_fs::{self as fs, Progress, ProgressState};
use scratchrs_text::Meter;
use serde::Serialize;

use crate::fork;
use crate::reply::{Outcome, call};

/// The notification of a waiting caller: a function that any thread may call, and its argument. From Julia: `uv_async_send` and the handle of an `AsyncCondition`.
#[derive(Clone, Copy, Debug)]
pub struct Notify {
    /// The function.
    pub function: unsafe extern "C" fn(*mut c_void) -> c_int,
    /// Its argument.
    pub handle: *mut c_void,
}

// SAFETY: the creator of a `Notify` promises that any thread may call it.
unsafe impl Send for Notify {}

impl Notify {
    /// Calls.
    ///
    /// # Safety
    ///
    /// Its creator must still wait.
    unsafe fn call(self) {
        // SAFETY: the caller's promise.
        unsafe { (self.function)(self.handle) };
    }
}

/// The time before a job first sends a notification to show its progress.
const FIRST_TICK: Duration = Duration::from_millis(500);
/// The time between two such notifications.
const TICK: Duration = Duration::from_millis(100);

/// A running operation.
///
/// It has two threads: one works, the other sends notifications ten times a second. A Rust
/// thread ticks, deliberately, instead of a Julia `Timer`: an interrupt would be delivered to the
/// timer's task.
#[derive(Debug)]
pub struct Job {
    worker: JoinHandle<Outcome>,
    began: Instant,
    meter: Mutex<Meter>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    progress: Progress,
    state: Mutex<State>,
    has_ended: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// `None` when no caller waits.
    notify: Option<Notify>,
    is_done: bool,
}

/// The progress of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct JobProgress {
    /// The stage, such as ``Downloading `iris` ``.
    pub stage: String,
    /// How much of it is done.
    pub done: u64,
    /// How much there is to do; 0 if that is unknown.
    pub total: u64,
    /// A line for a terminal, with a bar.
    pub line: String,
}

/// The running jobs, and perhaps some that have ended.
static RUNNING: Mutex<Vec<Weak<Shared>>> = Mutex::new(Vec::new());

/// Cancels all jobs, and sends no more notifications for them. At the end of a session, this must be called
/// before the handles of a [`Notify`] are freed. Jobs that are started later are not affected.
pub fn end_jobs() {
    // The threads of a parent's jobs do not exist here, and a lock may be held by one of them.
    if fork::parent().is_some() {
        return;
    }
    for shared in running().drain(..).filter_map(|job| job.upgrade()) {
        shared.progress.cancel();
        shared.silence();
    }
}

fn running() -> MutexGuard<'static, Vec<Weak<Shared>>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Job {
    /// Starts `operation` on a thread. `notify` is called once when it is done, and now and then
    /// before that, so that [`Job::progress`] is shown.
    ///
    /// # Errors
    ///
    /// If the system has no thread left.
    ///
    /// # Safety
    ///
    /// `notify` must be callable from any thread, until [`Job::finish`] or [`Job::detach`]
    /// returns.
    pub unsafe fn start<R: Serialize>(
        operation: impl FnOnce(&Progress) -> Result<R> + Send + 'static,
        notify: Notify,
    ) -> Result<Self> {
        let state = State { notify: Some(notify), is_done: false };
        let shared = Arc::new(Shared { state: Mutex::new(state), ..Shared::default() });
        {
            let mut jobs = running();
            jobs.retain(|job| job.strong_count() > 0);
            jobs.push(Arc::downgrade(&shared));
        }
        let working = Arc::clone(&shared);
        let worker = spawn(move || {
            let outcome = call(|| operation(&working.progress));
            working.end();
            outcome
        })?;
        let waiting = Arc::clone(&shared);
        if let Err(error) = spawn(move || waiting.tick()) {
            shared.silence();
            shared.progress.cancel();
            return Err(error);
        }
        let meter = Mutex::new(Meter::new(true));
        Ok(Self { worker, began: Instant::now(), meter, shared })
    }

    /// The progress, with a line of at most `columns` without or with colour; `None` once the job is done.
    pub fn progress(&self, columns: usize, has_colour: bool) -> Option<JobProgress> {
        if fork::parent().is_some() {
            return None;
        }
        if self.shared.lock().is_done {
            return None;
        }
        let state = self.shared.progress.state();
        let mut line = String::new();
        if columns > 0 {
            let mut meter = self.meter.lock().unwrap_or_else(PoisonError::into_inner);
            line = meter.line(&state, self.began.elapsed(), columns);
        }
        if !has_colour {
            line = scratchrs_text::plain(&line);
        }
        let ProgressState { stage, done, total, .. } = state;
        Some(JobProgress { stage, done, total, line })
    }

    /// Cancels the job: it ends as soon as it leaves nothing half done.
    pub fn cancel(&self) {
        self.shared.progress.cancel();
    }

    /// Waits until the job is done, and returns its outcome.
    ///
    /// In a process that was forked after the job was started, the outcome is an error.
    pub fn finish(self) -> Outcome {
        if fork::parent().is_some() {
            return call(|| Ok(()));
        }
        match self.worker.join() {
            Ok(outcome) => outcome,
            // `call` lets no panic through.
            Err(panic) => call(|| -> Result<()> { std::panic::resume_unwind(panic) }),
        }
    }

    /// Lets the job continue without a waiting caller.
    pub fn detach(self) {
        if fork::parent().is_none() {
            self.shared.silence();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// No caller is notified once this returns.
    fn silence(&self) {
        self.lock().notify = None;
        self.has_ended.notify_all();
    }

    /// Notifies the waiting caller that the work is done, for the last time.
    fn end(&self) {
        let mut state = self.lock();
        state.is_done = true;
        self.has_ended.notify_all();
        if let Some(notify) = state.notify.take() {
            // SAFETY: the caller of `start` promised it for as long as it waits.
            unsafe { notify.call() };
        }
    }

    /// Notifies the waiting caller repeatedly, until the job is done or the caller gone.
    fn tick(&self) {
        let mut state = self.lock();
        let mut pause = FIRST_TICK;
        loop {
            let waited = self.has_ended.wait_timeout(state, pause);
            let (guard, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            state = guard;
            let Some(notify) = state.notify else { return };
            if timeout.timed_out() {
                // SAFETY: as in `end`.
                unsafe { notify.call() };
                pause = TICK;
            }
        }
    }
}

fn spawn<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<JoinHandle<T>> {
    let spawned: io::Result<_> = thread::Builder::new().name("scratchrs".to_owned()).spawn(work);
    spawned.map_err(|error| Error::Io(fs::Error::on("start a thread of", "scratchrs")(error)))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};

    use super::*;
    use crate::encode;

    unsafe extern "C" fn send(sender: *mut c_void) -> c_int {
        // SAFETY: the tests pass a sender that lives until the job is finished.
        let sender = unsafe { &*sender.cast::<Sender<()>>() };
        c_int::from(sender.send(()).is_err())
    }

    /// Starts a job that calls `sender`.
    fn start<R: Serialize>(
        operation: impl FnOnce(&Progress) -> Result<R> + Send + 'static,
        sender: &Sender<()>,
    ) -> Job {
        let handle = std::ptr::from_ref(sender).cast_mut().cast();
        // SAFETY: each test finishes its job before its sender is gone, and senders may be shared.
        unsafe { Job::start(operation, Notify { function: send, handle }) }.unwrap()
    }

    #[test]
    fn a_job_says_when_it_is_done() {
        let (sender, receiver) = channel();
        let job = start(|_| Ok("done".to_owned()), &sender);
        receiver.recv().unwrap();
        assert_eq!(job.progress(80, false), None);
        let outcome = job.finish();
        assert_eq!((outcome.status, outcome.bytes), (0, encode(&"done")));
    }

    #[test]
    fn a_long_job_reports_its_progress() {
        let (sender, receiver) = channel();
        let (go, wait) = channel::<()>();
        let operation = move |progress: &Progress| {
            progress.begin("Waiting");
            progress.expect(10);
            progress.advance(3);
            let _ = wait.recv();
            Ok(())
        };
        let job = start(operation, &sender);
        for _ in 0..2 {
            receiver.recv().unwrap();
            let progress = job.progress(80, false).unwrap();
            assert_eq!((&*progress.stage, progress.done, progress.total), ("Waiting", 3, 10));
            assert!(
                progress.line.contains("Waiting") && progress.line.contains("30%"),
                "{progress:?}"
            );
            assert_eq!(job.progress(0, false).unwrap().line, "");
        }
        drop(go);
        assert_eq!(job.finish().status, 0);
    }

    #[test]
    fn a_job_that_is_cancelled_ends_early() {
        let (sender, _receiver) = channel();
        let operation = |progress: &Progress| -> Result<()> {
            loop {
                progress.check()?;
                thread::yield_now();
            }
        };
        let job = start(operation, &sender);
        job.cancel();
        assert_eq!(job.finish().status, scratchrs_core::ErrorCode::Cancelled as u32);
    }

    #[test]
    fn a_panic_of_a_job_keeps_its_message_and_place() {
        let (sender, _receiver) = channel();
        let operation = |_: &Progress| -> Result<()> {
            fs::parallel_map(&[0; 64], |_| panic!("on a worker thread"));
            Ok(())
        };
        let outcome = start(operation, &sender).finish();
        assert_eq!(outcome.status, scratchrs_core::ErrorCode::Internal as u32);
        let text = String::from_utf8_lossy(&outcome.bytes).into_owned();
        assert!(text.contains("on a worker thread") && text.contains("job.rs"), "{text}");
    }

    #[test]
    fn a_detached_job_goes_on_in_silence() {
        let (go, wait) = channel::<()>();
        let (done, is_done) = channel::<()>();
        let operation = move |_: &Progress| {
            let _ = wait.recv();
            drop(done);
            Ok(())
        };
        let notify = Notify { function: send, handle: std::ptr::null_mut() };
        // SAFETY: `notify` would crash; a detached job does not call it.
        let job = unsafe { Job::start(operation, notify) }.unwrap();
        job.detach();
        drop(go);
        assert!(is_done.recv().is_err());
    }
}
