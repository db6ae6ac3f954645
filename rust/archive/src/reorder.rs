//! A reorder buffer: several threads produce items, and one consumes them in order.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::error::Error;

/// Produces `count` items on `threads` threads, and passes them to `consume` in order. Each thread
/// has its own scratch value from `scratch`.
///
/// Production runs ahead of consumption by a few items only, so memory is bounded.
///
/// # Errors
///
/// The first error in the order of the items, of producing or consuming one. No item after it is
/// consumed.
pub(crate) fn in_order<T: Send, S>(
    count: u64,
    threads: usize,
    scratch: impl Fn() -> S + Sync,
    produce: impl Fn(&mut S, u64) -> Result<T, Error> + Sync,
    mut consume: impl FnMut(T) -> Result<(), Error>,
) -> Result<(), Error> {
    let ahead = 2 * threads as u64 + 2;
    let buffer =
        ReorderBuffer { state: Mutex::new(BufferState::default()), changed: Condvar::new() };
    let run = || {
        // If this thread panics, the consumer must not wait for its item.
        let _stop = StopAtPanic(&buffer);
        let mut scratch = scratch();
        while let Some(index) = buffer.next(count, ahead) {
            let item = produce(&mut scratch, index);
            buffer.put(index, item);
        }
    };
    thread::scope(|scope| {
        let started = (0..threads)
            .map_while(|_| thread::Builder::new().spawn_scoped(scope, run).ok())
            .count();
        if started == 0 {
            let mut scratch = scratch();
            return (0..count).try_for_each(|index| consume(produce(&mut scratch, index)?));
        }
        let result = (0..count).try_for_each(|index| match buffer.take(index) {
            Some(item) => consume(item?),
            None => Ok(()),
        });
        buffer.stop();
        result
    })
}

/// Holds finished items until it is their turn.
struct ReorderBuffer<T> {
    state: Mutex<BufferState<T>>,
    changed: Condvar,
}

struct BufferState<T> {
    finished: BTreeMap<u64, Result<T, Error>>,
    /// The index of the next item to produce.
    next: u64,
    /// The number of consumed items.
    consumed: u64,
    is_stopped: bool,
}

impl<T> Default for BufferState<T> {
    fn default() -> Self {
        Self { finished: BTreeMap::new(), next: 0, consumed: 0, is_stopped: false }
    }
}

impl<T> ReorderBuffer<T> {
    fn lock(&self) -> MutexGuard<'_, BufferState<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, BufferState<T>>) -> MutexGuard<'a, BufferState<T>> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for space in the buffer, and returns the index of an item to produce; `None` at the
    /// end.
    fn next(&self, count: u64, ahead: u64) -> Option<u64> {
        let mut state = self.lock();
        while !state.is_stopped && state.next < count && state.next >= state.consumed + ahead {
            state = self.wait(state);
        }
        if state.is_stopped || state.next >= count {
            return None;
        }
        state.next += 1;
        Some(state.next - 1)
    }

    fn put(&self, index: u64, item: Result<T, Error>) {
        self.lock().finished.insert(index, item);
        self.changed.notify_all();
    }

    /// Waits for an item; `None` if production was stopped.
    fn take(&self, index: u64) -> Option<Result<T, Error>> {
        let mut state = self.lock();
        loop {
            if let Some(item) = state.finished.remove(&index) {
                state.consumed = index + 1;
                self.changed.notify_all();
                return Some(item);
            }
            if state.is_stopped {
                return None;
            }
            state = self.wait(state);
        }
    }

    fn stop(&self) {
        self.lock().is_stopped = true;
        self.changed.notify_all();
    }
}

/// Stops production if the thread panics; joining the threads propagates the panic.
struct StopAtPanic<'a, T>(&'a ReorderBuffer<T>);

impl<T> Drop for StopAtPanic<'_, T> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.stop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(item: usize) -> Error {
        Error::ChangedWhileReading { path: "somewhere".into(), expected: item as u64 }
    }

    #[test]
    fn items_are_consumed_in_order_with_any_number_of_threads() {
        for threads in [1, 2, 7] {
            let mut consumed = Vec::new();
            let produce = |(): &mut (), index| Ok(index * 3);
            in_order(
                1000,
                threads,
                || (),
                produce,
                |item| {
                    consumed.push(item);
                    Ok(())
                },
            )
            .unwrap();
            assert_eq!(consumed, (0..1000).map(|index| index * 3).collect::<Vec<_>>());
        }
    }

    #[test]
    fn nothing_is_consumed_after_an_error() {
        for production_fails in [true, false] {
            let mut consumed = 0;
            let produce = |(): &mut (), index| match index {
                500 if production_fails => Err(failure(500)),
                _ => Ok(index),
            };
            let result = in_order(
                1000,
                3,
                || (),
                produce,
                |item| {
                    if item == 500 {
                        return Err(failure(500));
                    }
                    consumed += 1;
                    Ok(())
                },
            );
            assert!(matches!(result, Err(Error::ChangedWhileReading { expected: 500, .. })));
            assert_eq!(consumed, 500);
        }
    }

    #[test]
    #[should_panic(expected = "a scoped thread panicked")]
    fn a_panic_does_not_block_the_consumer() {
        let produce = |(): &mut (), index| if index == 5 { panic!("five") } else { Ok(index) };
        let _ = in_order(1000, 2, || (), produce, |_| Ok(()));
    }
}
