//! Work spread over the machine's processors, whose results are used in their order.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::error::Error;

/// Makes `count` things by as many threads as there are processors, and passes them to `consume` in
/// their order. Each thread has one of what `tools` gives.
///
/// A thread runs ahead of what is consumed by a few things and no more, so that memory is bounded.
///
/// # Errors
///
/// The first error in that order, of making a thing or of consuming it. Nothing after it is
/// consumed.
pub(crate) fn in_order<T: Send, S>(
    count: u64,
    threads: usize,
    tools: impl Fn() -> S + Sync,
    make: impl Fn(&mut S, u64) -> Result<T, Error> + Sync,
    mut consume: impl FnMut(T) -> Result<(), Error>,
) -> Result<(), Error> {
    let ahead = 2 * threads as u64 + 2;
    let belt = Belt { state: Mutex::new(BeltState::default()), changed: Condvar::new() };
    let run = || {
        // If this thread panics, nobody waits for what it was to make.
        let _stop = StopAtPanic(&belt);
        let mut tools = tools();
        while let Some(index) = belt.next(count, ahead) {
            let made = make(&mut tools, index);
            belt.put(index, made);
        }
    };
    thread::scope(|scope| {
        let helpers = (0..threads)
            .map_while(|_| thread::Builder::new().spawn_scoped(scope, run).ok())
            .count();
        if helpers == 0 {
            let mut tools = tools();
            return (0..count).try_for_each(|index| consume(make(&mut tools, index)?));
        }
        let result = (0..count).try_for_each(|index| match belt.take(index) {
            Some(made) => consume(made?),
            None => Ok(()),
        });
        belt.stop();
        result
    })
}

/// Where things lie that are made already, until it is their turn.
struct Belt<T> {
    state: Mutex<BeltState<T>>,
    changed: Condvar,
}

struct BeltState<T> {
    made: BTreeMap<u64, Result<T, Error>>,
    /// The number of the next thing that nobody makes yet.
    next: u64,
    /// How many were consumed.
    consumed: u64,
    is_stopped: bool,
}

impl<T> Default for BeltState<T> {
    fn default() -> Self {
        Self { made: BTreeMap::new(), next: 0, consumed: 0, is_stopped: false }
    }
}

impl<T> Belt<T> {
    fn lock(&self) -> MutexGuard<'_, BeltState<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, BeltState<T>>) -> MutexGuard<'a, BeltState<T>> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of a thing to be made, when there is room for it; `None` if there is none.
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

    fn put(&self, index: u64, made: Result<T, Error>) {
        self.lock().made.insert(index, made);
        self.changed.notify_all();
    }

    /// Waits for a thing; `None` if it will never be made.
    fn take(&self, index: u64) -> Option<Result<T, Error>> {
        let mut state = self.lock();
        loop {
            if let Some(made) = state.made.remove(&index) {
                state.consumed = index + 1;
                self.changed.notify_all();
                return Some(made);
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

/// Stops everything if the thread panics; the panic goes on when the threads are joined.
struct StopAtPanic<'a, T>(&'a Belt<T>);

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
    fn things_are_consumed_in_their_order_by_any_number_of_threads() {
        for threads in [1, 2, 7] {
            let mut consumed = Vec::new();
            let make = |(): &mut (), index| Ok(index * 3);
            in_order(
                1000,
                threads,
                || (),
                make,
                |thing| {
                    consumed.push(thing);
                    Ok(())
                },
            )
            .unwrap();
            assert_eq!(consumed, (0..1000).map(|index| index * 3).collect::<Vec<_>>());
        }
    }

    #[test]
    fn nothing_is_consumed_after_an_error() {
        for fails_to_make in [true, false] {
            let mut consumed = 0;
            let make = |(): &mut (), index| match index {
                500 if fails_to_make => Err(failure(500)),
                _ => Ok(index),
            };
            let result = in_order(
                1000,
                3,
                || (),
                make,
                |thing| {
                    if thing == 500 {
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
    fn a_panic_is_no_reason_to_wait() {
        let make = |(): &mut (), index| if index == 5 { panic!("five") } else { Ok(index) };
        let _ = in_order(1000, 2, || (), make, |_| Ok(()));
    }
}
