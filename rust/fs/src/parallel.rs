//! Work spread over the machine's processors.

use std::num::NonZeroUsize;
use std::panic;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// How many items a thread takes at once: few enough that all threads end at about the same time.
const SHARE: usize = 8;

/// Applies `work` to every item and returns the results in the order of the items.
///
/// The calling thread works too, and alone if the system gives no more threads.
pub fn parallel_map<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let processors = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let threads = items.len().div_ceil(SHARE).clamp(1, processors);
    spread(items, threads, SHARE, work)
}

/// As [`parallel_map`], for work that waits for the network, or that takes long for each item: on so
/// many threads, however many processors there are, and one item at a time.
pub fn parallel_map_on<T: Sync, R: Send>(
    items: &[T],
    threads: NonZeroUsize,
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    spread(items, threads.get().min(items.len()), 1, work)
}

fn spread<T: Sync, R: Send>(
    items: &[T],
    threads: usize,
    share: usize,
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let run = || {
        let mut results = Vec::new();
        loop {
            let begin = next.fetch_add(share, Ordering::Relaxed);
            let Some(rest) = items.get(begin..).filter(|rest| !rest.is_empty()) else {
                return results;
            };
            let taken = &rest[..rest.len().min(share)];
            results.push((begin, taken.iter().map(&work).collect::<Vec<_>>()));
        }
    };
    let mut results = thread::scope(|scope| {
        let helpers: Vec<_> = (1..threads)
            .map_while(|_| thread::Builder::new().spawn_scoped(scope, run).ok())
            .collect();
        let mut results = run();
        for helper in helpers {
            results.extend(helper.join().unwrap_or_else(|panic| panic::resume_unwind(panic)));
        }
        results
    });
    results.sort_unstable_by_key(|(begin, _)| *begin);
    results.into_iter().flat_map(|(_, taken)| taken).collect()
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
            assert_eq!(parallel_map_on(&items, threads, |item| item * 2), doubled);
        }
    }
}
