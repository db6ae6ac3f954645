//! What concerns the process as a whole: a fork, and the end of a session.

use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The tests share the list of jobs of one process.
fn alone() -> MutexGuard<'static, ()> {
    static LOCK: Mutex<()> = Mutex::new(());
    LOCK.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A reply in C.
#[derive(Debug)]
#[repr(C)]
struct Bytes {
    start: *mut u8,
    length: usize,
}

const NO_BYTES: Bytes = Bytes { start: ptr::null_mut(), length: 0 };

impl Bytes {
    fn as_reply(&mut self) -> *mut scratchrs::Bytes {
        ptr::from_mut(self).cast()
    }

    /// What it says, with the lengths of its texts.
    fn text(&self) -> String {
        // SAFETY: the library gave as many bytes.
        let bytes = unsafe { std::slice::from_raw_parts(self.start, self.length) };
        String::from_utf8_lossy(bytes).into_owned()
    }
}

static CALLS: AtomicUsize = AtomicUsize::new(0);

unsafe extern "C" fn count(_: *mut c_void) -> c_int {
    CALLS.fetch_add(1, Ordering::SeqCst);
    0
}

/// Starts a job of so many steps of 10 ms.
fn start(steps: u64) -> *mut scratchrs_ops::Job {
    let (mut status, mut reply) = (0, NO_BYTES);
    // One text of one byte.
    let stages = [1_u8, 0, 0, 0, 1, 0, 0, 0, b'a'];
    // SAFETY: the arguments are what the operation takes, and any thread may count.
    let job = unsafe {
        scratchrs::rehearse(
            stages.as_ptr(),
            steps,
            count,
            ptr::null_mut(),
            &raw mut status,
            reply.as_reply(),
        )
    };
    assert!(!job.is_null(), "{status}: {}", reply.text());
    job
}

fn finish(job: *mut scratchrs_ops::Job) -> (u32, Bytes) {
    let mut reply = NO_BYTES;
    // SAFETY: each test finishes its job once.
    (unsafe { scratchrs::scratchrs_finish(job, reply.as_reply()) }, reply)
}

#[cfg(unix)]
fn project_uuid(path: &std::ffi::CStr) -> (u32, Bytes) {
    let mut reply = NO_BYTES;
    // SAFETY: a text, and a place for the reply.
    let status = unsafe { scratchrs::project_uuid(path.as_ptr(), reply.as_reply()) };
    (status, reply)
}

#[test]
fn jobs_that_are_ended_with_the_session_are_cancelled_and_ring_no_more() {
    let _alone = alone();
    let job = start(100_000);
    scratchrs::scratchrs_end_jobs();
    let calls = CALLS.load(Ordering::SeqCst);
    let (status, _) = finish(job);
    assert_eq!(status, scratchrs_core::ErrorCode::Cancelled as u32);
    assert_eq!(CALLS.load(Ordering::SeqCst), calls);
    // One that is started later is a job as any other.
    assert_eq!(finish(start(1)).0, 0);
    assert!(CALLS.load(Ordering::SeqCst) > calls);
}

#[cfg(unix)]
#[test]
fn a_forked_process_is_refused_and_takes_nothing_from_its_parent() {
    let _alone = alone();
    assert_eq!(project_uuid(c"/nowhere").0, 0);
    let job = start(100_000);
    // SAFETY: the child calls the library and ends, without a destructor.
    let child = unsafe { libc::fork() };
    assert!(child >= 0);
    if child == 0 {
        // Neither waits, both say why not.
        let (status, reply) = project_uuid(c"/nowhere");
        let is_refused = status == scratchrs_core::ErrorCode::Conflict as u32;
        let says_why = reply.text().contains("it was forked from process ");
        scratchrs::scratchrs_end_jobs();
        let (of_job, _) = finish(job);
        let ok = is_refused && says_why && of_job == status;
        // SAFETY: as above.
        unsafe { libc::_exit(if ok { 0 } else { 1 }) };
    }
    let mut status = 0;
    // SAFETY: the child is ours.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    assert!(libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0, "{status}");
    // The parent's job is not touched.
    // SAFETY: it has not ended.
    unsafe { scratchrs::scratchrs_cancel(job) };
    assert_eq!(finish(job).0, scratchrs_core::ErrorCode::Cancelled as u32);
}
