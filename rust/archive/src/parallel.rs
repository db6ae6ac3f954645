//! Work spread over the machine's processors.

use std::panic;
use std::sync::atomic::{AtomicUsize, Ordering};
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

/// How many threads serve `items`: no more than there are processors.
fn thread_count(items: usize) -> usize {
    match items {
        0 | 1 => 1,
        _ => thread::available_parallelism().map_or(1, |processors| processors.get().min(items)),
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
