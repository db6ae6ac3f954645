//! The operations: each converts its arguments, calls one function of `core`, and converts the result.

mod arguments;
pub(crate) mod artifact;
pub(crate) mod content;
pub(crate) mod document;
pub(crate) mod gc;
pub(crate) mod health;
pub(crate) mod install;
pub(crate) mod render;
pub(crate) mod scratch;
pub(crate) mod store;
mod tickets;
pub(crate) mod usage;

use std::thread;
use std::time::{Duration, SystemTime};

use scratchrs_core::Result;
use scratchrs_fs::{self as fs, Progress};
use scratchrs_model::time::DepotTime;

/// For how long an operation of the kind `waits` waits for other processes.
pub const LOCK_TIMEOUT: Duration = Duration::from_millis(50);

#[expect(clippy::disallowed_methods, reason = "this is the edge where the clock is read")]
fn now() -> DepotTime {
    DepotTime::from_local(chrono::Local::now().naive_local())
}

#[expect(clippy::disallowed_methods, reason = "this is the edge where the clock is read")]
fn system_time() -> SystemTime {
    SystemTime::now()
}

/// Panics.
///
/// # Errors
///
/// None: it panics.
pub fn panic() -> Result<()> {
    panic!("asked to panic")
}

/// Passes through stages of `steps` steps of 10 ms each, without doing anything. The stage `panic` panics
/// on a worker thread.
///
/// # Errors
///
/// If it is cancelled.
pub fn rehearse(stages: Vec<&str>, steps: u64, progress: &Progress) -> Result<Vec<String>> {
    for stage in &stages {
        progress.begin_counting(*stage);
        progress.expect(steps);
        if *stage == "panic" {
            fs::parallel_map(&[(); 64], |()| panic().map(drop));
        }
        for _ in 0..steps {
            progress.check()?;
            thread::sleep(Duration::from_millis(10));
            progress.advance(1);
        }
    }
    Ok(stages.into_iter().map(str::to_owned).collect())
}
