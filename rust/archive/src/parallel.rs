//! Work spread over the machine's processors.

use std::collections::BTreeMap;
use std::panic;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::error::Error;
use crate::source::BUFFER_SIZE;

/// Applies `work` to every item and returns the results in the order of the items.
///
/// The calling thread works too, and alone if the system gives no more threads. Each thread has
/// one read buffer, which `work` gets with each item.
///
/// # Errors
///
/// The error of the first item, in their order, for which `work` fails. Items after one that
/// failed may not be worked on at all.
pub(crate) fn try_map<T: Sync, R: Send>(
    items: &[T],
    work: impl Fn(&T, &mut [u8]) -> Result<R, Error> + Sync,
) -> Result<Vec<R>, Error> {
    let next = AtomicUsize::new(0);
    let run = || {
        let mut buffer = vec![0; BUFFER_SIZE];
        let mut results = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(index) else { return (results, None) };
            match work(item, &mut buffer) {
                Ok(result) => results.push((index, result)),
                Err(error) => {
                    // Whatever comes before this item is taken already, and will be finished.
                    next.store(items.len(), Ordering::Relaxed);
                    return (results, Some((index, error)));
                }
            }
        }
    };
    let (mut results, error) = thread::scope(|scope| {
        let helpers: Vec<_> = (1..thread_count(items.len()))
            .map_while(|_| thread::Builder::new().spawn_scoped(scope, run).ok())
            .collect();
        let (mut results, mut first) = run();
        for helper in helpers {
            let (more, error) = helper.join().unwrap_or_else(|panic| panic::resume_unwind(panic));
            results.extend(more);
            first = first.into_iter().chain(error).min_by_key(|(index, _)| *index);
        }
        (results, first)
    });
    if let Some((_, error)) = error {
        return Err(error);
    }
    results.sort_unstable_by_key(|(index, _)| *index);
    Ok(results.into_iter().map(|(_, result)| result).collect())
}

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

/// How many threads there are for work that never ends.
pub(crate) fn processors() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
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

/// How many threads serve `items`: no more than there are processors.
fn thread_count(items: usize) -> usize {
    match items {
        0 | 1 => 1,
        _ => processors().min(items),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(item: usize) -> Error {
        Error::ChangedWhileReading { path: "somewhere".into(), expected: item as u64 }
    }

    #[test]
    fn results_stand_in_the_order_of_the_items() {
        let items: Vec<usize> = (0..10_000).collect();
        assert_eq!(
            try_map(&items, |item, _| Ok(item * 2)).unwrap(),
            items.iter().map(|i| i * 2).collect::<Vec<_>>()
        );
        assert!(try_map(&[], |(), _| Ok(())).unwrap().is_empty());
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

    #[test]
    fn the_error_is_that_of_the_first_item_which_fails() {
        let items: Vec<usize> = (0..10_000).collect();
        for first in [0, 1, 77, 9_999] {
            let result =
                try_map(&items, |&item, _| if item < first { Ok(()) } else { Err(failure(item)) });
            assert!(
                matches!(result, Err(Error::ChangedWhileReading { expected, .. }) if expected == first as u64)
            );
        }
    }
}
