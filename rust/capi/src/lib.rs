//! The portable binding: a plain C ABI, which does not link to Julia, for every version of Julia and any
//! other language. `docs/scratchrs.h` is its header.
//!
//! Each operation of the list in [`scratchrs_ops`] is a function `scratchrs_<name>`, which takes
//! the operation's arguments and the place for a reply, and returns a status: zero, or the number
//! of an error whose record is then in the reply. An operation of the kind `job` or `deletion` is
//! started with `scratchrs_start_<name>` and ended with [`scratchrs_finish`] or
//! [`scratchrs_detach`].

use std::ffi::{CStr, c_char, c_int, c_void};

use scratchrs_core::Result;
use scratchrs_ops::{
    Argument, Binary, Flag, Job, Notify, Number, OptionalText, Outcome, Text, Texts, Ticket, Uuid,
    attempt, call, encode, replies,
};

/// Bytes that belong to the caller, to be freed by [`scratchrs_free`].
#[repr(C)]
#[derive(Debug)]
pub struct Bytes {
    start: *mut u8,
    length: usize,
}

impl Bytes {
    /// Writes the outcome of a call to `reply`, and returns its status.
    ///
    /// # Safety
    ///
    /// `reply` must be valid for a write.
    unsafe fn give(outcome: Outcome, reply: *mut Self) -> u32 {
        let bytes = Box::leak(outcome.bytes.into_boxed_slice());
        // SAFETY: the caller's promise.
        unsafe { reply.write(Self { start: bytes.as_mut_ptr(), length: bytes.len() }) };
        outcome.status
    }
}

macro_rules! export {
    ($($(#[doc = $line:literal])* $kind:ident $name:ident($($argument:ident: $type:ident),*) -> $reply:ident;)*) => {
        $(export_one! { $kind $name($($argument: $type),*) -> $reply [$($line),*] })*
    };
}

macro_rules! export_one {
    (job $name:ident($($argument:ident: $type:ident),*) -> $reply:ident [$($line:literal),*]) => {
        export_job! { $name($($argument: $type),*) -> $reply [$($line),*] progress progress }
    };
    (deletion $name:ident($($argument:ident: $type:ident),*) -> $reply:ident [$($line:literal),*]) => {
        export_job! { $name($($argument: $type),*) -> $reply [$($line),*] _progress }
    };
    ($kind:ident $name:ident($($argument:ident: $type:ident),*) -> $reply:ident [$($line:literal),*]) => {
        $(#[doc = $line])*
        ///
        /// # Safety
        ///
        /// The arguments must be as [`scratchrs_ops`] documents their types, and `reply` valid for a
        /// write.
        #[unsafe(export_name = concat!("scratchrs_", stringify!($name)))]
        pub unsafe extern "C" fn $name(
            $($argument: <$type as Argument>::C,)*
            reply: *mut Bytes,
        ) -> u32 {
            let outcome = call(|| -> Result<replies::$reply> {
                // SAFETY: the caller's promises.
                scratchrs_ops::$name($(unsafe { $type::read($argument) }?),*)
            });
            // SAFETY: the caller's promise.
            unsafe { Bytes::give(outcome, reply) }
        }
    };
}

/// Exports a job. `$progress` names the closure's argument, `$passed` the same name if the operation
/// takes it.
macro_rules! export_job {
    (
        $name:ident($($argument:ident: $type:ident),*) -> $reply:ident [$($line:literal),*]
        $progress:ident $($passed:ident)?
    ) => {
        $(#[doc = $line])*
        ///
        /// Returns null, with the error in `reply` and its number in `status`, if an argument is
        /// invalid.
        ///
        /// # Safety
        ///
        /// The arguments must be as [`scratchrs_ops`] documents their types, `status` and `reply`
        /// valid for a write, and any thread may call `function` with `handle` until the job has
        /// ended.
        #[unsafe(export_name = concat!("scratchrs_start_", stringify!($name)))]
        pub unsafe extern "C" fn $name(
            $($argument: <$type as Argument>::C,)*
            function: unsafe extern "C" fn(*mut c_void) -> c_int,
            handle: *mut c_void,
            status: *mut u32,
            reply: *mut Bytes,
        ) -> *mut Job {
            let start = || {
                // SAFETY: the caller's promises.
                let ($($argument,)*) = unsafe { ($($type::own($type::read($argument)?),)*) };
                let notify = Notify { function, handle };
                // SAFETY: the caller's promise.
                let job = unsafe {
                    Job::start(
                        move |$progress| -> Result<replies::$reply> {
                            scratchrs_ops::$name($($type::lend(&$argument),)* $($passed)?)
                        },
                        notify,
                    )
                };
                job.map(|job| Box::into_raw(Box::new(job)))
            };
            match attempt(start) {
                Ok(job) => job,
                Err(outcome) => {
                    // SAFETY: the caller's promises.
                    unsafe { status.write(Bytes::give(outcome, reply)) };
                    std::ptr::null_mut()
                }
            }
        }
    };
}

scratchrs_ops::operations!(export);

/// The progress of a job, with a line of at most `columns` for a terminal; nil when it is done.
///
/// # Safety
///
/// `job` must come from a `scratchrs_start_…` and not have ended; `reply` must be valid for a
/// write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scratchrs_progress(
    job: *const Job,
    columns: usize,
    has_colour: u8,
    reply: *mut Bytes,
) {
    // SAFETY: the caller's promise.
    let job = unsafe { &*job };
    // An error here means no progress: the caller then finishes the job, and gets the reason.
    let bytes = attempt(|| Ok(encode(&job.progress(columns, has_colour != 0))));
    let bytes = bytes.unwrap_or_else(|_| encode(&()));
    // SAFETY: the caller's promise.
    unsafe { Bytes::give(Outcome { status: 0, bytes }, reply) };
}

/// Cancels a job: it ends as soon as it leaves nothing half done. It must still be finished or detached.
///
/// # Safety
///
/// `job` must come from a `scratchrs_start_…` and not have ended.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scratchrs_cancel(job: *const Job) {
    // SAFETY: the caller's promise.
    unsafe { &*job }.cancel();
}

/// Waits for a job, writes its outcome, and frees the job.
///
/// # Safety
///
/// `job` must come from a `scratchrs_start_…` and not have ended; `reply` must be valid for a
/// write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scratchrs_finish(job: *mut Job, reply: *mut Bytes) -> u32 {
    // SAFETY: the caller's promise.
    let job = unsafe { Box::from_raw(job) };
    let outcome = attempt(|| Ok(job.finish())).unwrap_or_else(|outcome| outcome);
    // SAFETY: the caller's promise.
    unsafe { Bytes::give(outcome, reply) }
}

/// Lets a job continue without a waiting caller. The job must not be used afterwards.
///
/// # Safety
///
/// `job` must come from a `scratchrs_start_…` and not have ended.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scratchrs_detach(job: *mut Job) {
    // SAFETY: the caller's promise.
    unsafe { Box::from_raw(job) }.detach();
}

/// Cancels all jobs, and sends no more notifications: handles may be freed after this. A job can still be
/// finished or detached.
#[unsafe(no_mangle)]
pub extern "C" fn scratchrs_end_jobs() {
    scratchrs_ops::end_jobs();
}

/// Frees bytes.
///
/// # Safety
///
/// `bytes` must come from a reply, and not have been freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scratchrs_free(bytes: Bytes) {
    // SAFETY: `Bytes::give` leaked a box of exactly these bytes.
    drop(unsafe { Box::from_raw(std::ptr::slice_from_raw_parts_mut(bytes.start, bytes.length)) });
}

/// The number of the list of operations that this library was built with.
#[unsafe(no_mangle)]
pub extern "C" fn scratchrs_abi() -> u64 {
    scratchrs_ops::ABI
}

/// The version of this library, for messages: libraries of different versions may have the same list.
#[unsafe(no_mangle)]
pub extern "C" fn scratchrs_version() -> *const c_char {
    const VERSION: &CStr =
        match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
            Ok(version) => version,
            Err(_) => panic!("BUG: a version has no NUL"),
        };
    VERSION.as_ptr()
}
