//! Long work: how far it is, and whether it is still wanted.

use std::error;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What long work reports to, and asks whether it shall go on. The thread that works and whoever
/// watches share it, each with a clone where a reference does not live long enough; several
/// threads may work on the same thing.
///
/// What nobody watches has a watch of its own: `&Watch::default()`.
#[derive(Clone, Debug, Default)]
pub struct Watch(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    is_cancelled: AtomicBool,
    stage: Mutex<(String, Unit)>,
    done: AtomicU64,
    total: AtomicU64,
}

/// What a stage counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unit {
    /// Bytes: how fast they go is worth to be known.
    #[default]
    Bytes,
    /// Files, packages or whatever the stage is about.
    Things,
}

/// How far the work is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// What is being done, for people: "Downloading `iris`". Empty before anything is.
    pub stage: String,
    /// What the two numbers count.
    pub unit: Unit,
    /// How much of this stage is done.
    pub done: u64,
    /// How much there is to do; zero while that is not known.
    pub total: u64,
}

/// The work was stopped because nobody wants it any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cancelled;

impl Watch {
    /// Begins a stage that counts bytes, of which nothing is done and nothing known yet. `stage`
    /// says what is being done, the verb first.
    pub fn begin(&self, stage: impl Into<String>) {
        self.begin_stage(stage.into(), Unit::Bytes);
    }

    /// Begins a stage that counts things other than bytes.
    pub fn begin_counting(&self, stage: impl Into<String>) {
        self.begin_stage(stage.into(), Unit::Things);
    }

    fn begin_stage(&self, stage: String, unit: Unit) {
        let mut current = self.0.stage.lock().unwrap_or_else(PoisonError::into_inner);
        *current = (stage, unit);
        self.0.done.store(0, Ordering::Relaxed);
        self.0.total.store(0, Ordering::Relaxed);
    }

    /// Adds to what is to be done in this stage.
    pub fn expect(&self, more: u64) {
        self.0.total.fetch_add(more, Ordering::Relaxed);
    }

    /// Adds to what is done in this stage.
    pub fn advance(&self, more: u64) {
        self.0.done.fetch_add(more, Ordering::Relaxed);
    }

    /// Takes back what was reported of work that has to be done again, or is not needed after all:
    /// `done` of what was done, `total` of what was expected.
    pub fn take_back(&self, done: u64, total: u64) {
        self.0.done.fetch_sub(done, Ordering::Relaxed);
        self.0.total.fetch_sub(total, Ordering::Relaxed);
    }

    /// How far the work is now.
    pub fn progress(&self) -> Progress {
        let (stage, unit) = self.0.stage.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let done = self.0.done.load(Ordering::Relaxed);
        Progress { stage, unit, done, total: self.0.total.load(Ordering::Relaxed) }
    }

    /// Says that the work is not wanted any more.
    pub fn cancel(&self) {
        self.0.is_cancelled.store(true, Ordering::Relaxed);
    }

    /// Asks whether to go on. Work that takes long asks between any two steps that leave nothing
    /// half done, and at least a few times each second.
    ///
    /// # Errors
    ///
    /// If it is not wanted any more.
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
        let watch = Watch::default();
        watch.begin("one");
        watch.expect(10);
        watch.advance(3);
        watch.advance(4);
        let progress = watch.progress();
        assert_eq!((progress.done, progress.total), (7, 10));
        watch.take_back(4, 2);
        let progress = watch.progress();
        assert_eq!((progress.done, progress.total), (3, 8));
        watch.begin_counting("two");
        let expected = Progress { stage: "two".to_owned(), unit: Unit::Things, done: 0, total: 0 };
        assert_eq!(watch.progress(), expected);
    }

    #[test]
    fn work_goes_on_until_it_is_cancelled() {
        let watch = Watch::default();
        assert_eq!(watch.check(), Ok(()));
        watch.clone().cancel();
        assert_eq!(watch.check(), Err(Cancelled));
    }
}
