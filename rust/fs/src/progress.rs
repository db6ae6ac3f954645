//! Progress and cancellation of long work.

use std::error;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use schemars::JsonSchema;
use serde::Serialize;

/// The progress of long work, and its cancellation token. The working threads report to it and call
/// [`Progress::check`]; another thread displays it or cancels the work. Clones share one state.
///
/// Pass `&Progress::default()` for work that is neither displayed nor cancelled.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    is_cancelled: AtomicBool,
    stage: Mutex<(String, Unit)>,
    done: AtomicU64,
    total: AtomicU64,
}

/// The unit that a stage counts in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Bytes; transfer speed is worth showing.
    #[default]
    Bytes,
    /// Files, packages or other items.
    Items,
}

/// The progress of work at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ProgressState {
    /// Description for display, such as "Downloading `iris`". Empty before the first stage.
    pub stage: String,
    /// The unit of `done` and `total`.
    pub unit: Unit,
    /// The completed part of this stage.
    pub done: u64,
    /// The size of this stage; zero while unknown.
    pub total: u64,
}

/// The work was cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cancelled;

impl Progress {
    /// Begins a stage that counts bytes, with zero done and an unknown total. `stage` describes it,
    /// verb first.
    pub fn begin(&self, stage: impl Into<String>) {
        self.begin_stage(stage.into(), Unit::Bytes);
    }

    /// Begins a stage that counts items.
    pub fn begin_counting(&self, stage: impl Into<String>) {
        self.begin_stage(stage.into(), Unit::Items);
    }

    fn begin_stage(&self, stage: String, unit: Unit) {
        let mut current = self.0.stage.lock().unwrap_or_else(PoisonError::into_inner);
        *current = (stage, unit);
        self.0.done.store(0, Ordering::Relaxed);
        self.0.total.store(0, Ordering::Relaxed);
    }

    /// Adds to the total of this stage.
    pub fn expect(&self, more: u64) {
        self.0.total.fetch_add(more, Ordering::Relaxed);
    }

    /// Adds to the completed part of this stage.
    pub fn advance(&self, more: u64) {
        self.0.done.fetch_add(more, Ordering::Relaxed);
    }

    /// Subtracts work that has to be repeated, or turned out unnecessary: `done` from the completed
    /// part, `total` from the total.
    pub fn take_back(&self, done: u64, total: u64) {
        self.0.done.fetch_sub(done, Ordering::Relaxed);
        self.0.total.fetch_sub(total, Ordering::Relaxed);
    }

    /// The progress at this moment.
    pub fn state(&self) -> ProgressState {
        let (stage, unit) = self.0.stage.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let done = self.0.done.load(Ordering::Relaxed);
        ProgressState { stage, unit, done, total: self.0.total.load(Ordering::Relaxed) }
    }

    /// Cancels the work.
    pub fn cancel(&self) {
        self.0.is_cancelled.store(true, Ordering::Relaxed);
    }

    /// Checks for cancellation. Long work calls it between steps that leave a consistent state, and at
    /// least a few times each second.
    ///
    /// # Errors
    ///
    /// The work was cancelled.
    pub fn check(&self) -> Result<(), Cancelled> {
        if self.0.is_cancelled.load(Ordering::Relaxed) { Err(Cancelled) } else { Ok(()) }
    }
}

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cancelled")
    }
}

impl error::Error for Cancelled {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_begins_with_nothing_done() {
        let progress = Progress::default();
        progress.begin("one");
        progress.expect(10);
        progress.advance(3);
        progress.advance(4);
        let state = progress.state();
        assert_eq!((state.done, state.total), (7, 10));
        progress.take_back(4, 2);
        let state = progress.state();
        assert_eq!((state.done, state.total), (3, 8));
        progress.begin_counting("two");
        let expected =
            ProgressState { stage: "two".to_owned(), unit: Unit::Items, done: 0, total: 0 };
        assert_eq!(progress.state(), expected);
    }

    #[test]
    fn work_goes_on_until_it_is_cancelled() {
        let progress = Progress::default();
        assert_eq!(progress.check(), Ok(()));
        progress.clone().cancel();
        assert_eq!(progress.check(), Err(Cancelled));
    }
}
