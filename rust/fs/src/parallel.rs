//! Work spread over the machine's processors.

use std::convert::Infallible;
use std::num::NonZeroUsize;
use std::panic;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// The number of items that a thread takes at once: few enough that all threads end at about the
/// same time.
const SHARE: usize = 8;

/// Applies `work` to every item and returns the results in the order of the items.
///
/// The calling thread works too, and alone if the system gives no more threads.
pub fn parallel_map<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    parallel_map_with(items, None, || (), |(), item| work(item))
}

/// As [`parallel_map`]. Each thread calls `state` once, and passes the value to `work` with each of
/// its items.
///
/// `threads` is for work that waits for the network, or takes long for each item: the number of
/// threads, independent of the number of processors. Each thread then takes one item at a time.
pub fn parallel_map_with<T: Sync, R: Send, S>(
    items: &[T],
    threads: Option<NonZeroUsize>,
    state: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, &T) -> R + Sync,
) -> Vec<R> {
    let (threads, share) = match threads {
        Some(threads) => (threads.get(), 1),
        None => (items.len().div_ceil(SHARE).min(processors().get()), SHARE),
    };
    let work = |state: &mut S, item: &T| Ok::<_, Infallible>(work(state, item));
    let Ok(results) = spread(items, threads, share, state, work);
    results
}

/// As [`parallel_map_with`], for work that may fail and takes long for each item.
///
/// # Errors
///
/// The error of the first item, in their order, for which `work` fails. Items after a failed one
/// may be skipped.
pub fn try_parallel_map<T: Sync, R: Send, E: Send, S>(
    items: &[T],
    state: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, &T) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    spread(items, processors().get(), 1, state, work)
}

/// Calls two functions at the same time, or one after the other if the system gives no more
/// threads.
pub fn join<A: Send, B>(first: impl FnOnce() -> A + Send, second: impl FnOnce() -> B) -> (A, B) {
    let first = Mutex::new(Some(first));
    let run = || {
        let first = first.lock().unwrap_or_else(PoisonError::into_inner).take();
        first.expect("BUG: it is called once")()
    };
    thread::scope(|scope| {
        let helper = thread::Builder::new().spawn_scoped(scope, run);
        let second = second();
        let first = match helper {
            Ok(helper) => helper.join().unwrap_or_else(|panic| panic::resume_unwind(panic)),
            Err(_) => run(),
        };
        (first, second)
    })
}

/// The number of threads for work that never waits.
fn processors() -> NonZeroUsize {
    thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

fn spread<T: Sync, R: Send, E: Send, S>(
    items: &[T],
    threads: usize,
    share: usize,
    state: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, &T) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    let next = AtomicUsize::new(0);
    let run = || {
        let mut state = state();
        let mut results = Vec::new();
        loop {
            let begin = next.fetch_add(share, Ordering::Relaxed);
            let Some(rest) = items.get(begin..).filter(|rest| !rest.is_empty()) else {
                return results;
            };
            let taken = &rest[..rest.len().min(share)];
            let done: Result<Vec<R>, E> = taken.iter().map(|item| work(&mut state, item)).collect();
            if done.is_err() {
                // Other threads finish the shares before this one.
                next.store(items.len(), Ordering::Relaxed);
            }
            results.push((begin, done));
        }
    };
    let mut results = thread::scope(|scope| {
        let helpers: Vec<_> = (1..threads.min(items.len()))
            .map_while(|_| thread::Builder::new().spawn_scoped(scope, run).ok())
            .collect();
        let mut results = run();
        for helper in helpers {
            results.extend(helper.join().unwrap_or_else(|panic| panic::resume_unwind(panic)));
        }
        results
    });
    results.sort_unstable_by_key(|(begin, _)| *begin);
    let mut all = Vec::with_capacity(items.len());
    for (_, done) in results {
        all.extend(done?);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_stand_in_the_order_of_the_items() {
        for count in [0, 1, 7, 8, 9, 10_000] {
            let items: Vec<usize> = (0..count).collect();
            let doubled: Vec<usize> = items.iter().map(|item| item * 2).collect();
            assert_eq!(parallel_map(&items, |item| item * 2), doubled);
            let threads = NonZeroUsize::new(3).unwrap();
            let on_threads =
                parallel_map_with(&items, Some(threads), || 2, |two, item| item * *two);
            assert_eq!(on_threads, doubled);
        }
    }

    #[test]
    fn both_are_done() {
        let mut list = vec![1];
        assert_eq!(join(|| 2 + 3, || list.push(7)), (5, ()));
        assert_eq!(list, [1, 7]);
        let panic = panic::catch_unwind(|| join(|| panic!("first"), || 1)).unwrap_err();
        assert_eq!(panic.downcast_ref(), Some(&"first"));
    }

    #[test]
    fn the_error_is_that_of_the_first_item_which_fails() {
        let items: Vec<usize> = (0..10_000).collect();
        for first in [0, 1, 77, 9_999] {
            let work = |_: &mut (), &item: &usize| if item < first { Ok(()) } else { Err(item) };
            assert_eq!(try_parallel_map(&items, || (), work), Err(first));
        }
        assert_eq!(
            try_parallel_map(&items, || 1, |one, item| Ok::<_, ()>(item + *one)).unwrap()[7],
            8
        );
    }
}
