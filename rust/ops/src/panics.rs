//! The messages of panics, on whichever thread they happen.
//!
//! The thread that waits for a worker thread gets its panic as a value without a place. So the hook, which
//! runs where the panic happens, stores the last messages with their places, and [`message`] finds the one
//! that belongs to a value.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::PanicHookInfo;
use std::sync::{Mutex, Once, PoisonError};

/// More than threads panic at about the same time.
const KEPT: usize = 64;

/// What `std::thread::scope` panics with, in the place of the panic of one of its threads.
const OF_A_SCOPE: &str = "a scoped thread panicked";

struct Record {
    /// The text of the panic alone.
    text: String,
    /// With the place.
    message: String,
}

static LAST: Mutex<VecDeque<Record>> = Mutex::new(VecDeque::new());

/// Keeps messages of panics, instead of printing them into a process that is not ours. The hook is that
/// of this library alone.
pub(crate) fn observe() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| std::panic::set_hook(Box::new(keep)));
}

fn keep(panic: &PanicHookInfo<'_>) {
    let record = Record { text: text_of(panic.payload()).to_owned(), message: panic.to_string() };
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    last.truncate(KEPT - 1);
    last.push_front(record);
}

/// The message of a panic that was caught, with the place where it happened.
pub(crate) fn message(payload: &(dyn Any + Send)) -> String {
    let text = text_of(payload);
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    let mut take = |is_it: &dyn Fn(&Record) -> bool| {
        last.iter().position(is_it).and_then(|index| last.remove(index))
    };
    let of_scope = (text == OF_A_SCOPE).then(|| take(&|record| record.text == text));
    let found = match of_scope {
        // The panic of the thread came before that of its scope.
        Some(scope) => take(&|record| record.text != OF_A_SCOPE).or(scope),
        None => take(&|record| record.text == text),
    };
    found.map_or_else(|| text.to_owned(), |record| record.message)
}

fn text_of(payload: &(dyn Any + Send)) -> &str {
    if let Some(text) = payload.downcast_ref::<&str>() {
        return text;
    }
    payload.downcast_ref::<String>().map_or("a panic without a text", String::as_str)
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;
    use std::thread;

    use super::*;

    #[test]
    fn a_panic_of_another_thread_keeps_its_message_and_place() {
        observe();
        let joined = thread::spawn(|| panic!("on a thread of {}", 1)).join().unwrap_err();
        let found = message(&*joined);
        assert!(found.contains("on a thread of 1") && found.contains("panics.rs"), "{found}");

        let handed_on = catch_unwind(|| {
            let joined = thread::spawn(|| panic!("handed on")).join().unwrap_err();
            std::panic::resume_unwind(joined)
        });
        let found = message(&*handed_on.unwrap_err());
        assert!(found.contains("handed on") && found.contains("panics.rs"), "{found}");
    }

    #[test]
    fn the_panic_of_a_scope_is_that_of_its_thread() {
        observe();
        let of_scope = catch_unwind(|| {
            thread::scope(|scope| {
                scope.spawn(|| panic!("in a scope"));
            });
        });
        let found = message(&*of_scope.unwrap_err());
        assert!(found.contains("in a scope") && found.contains("panics.rs"), "{found}");
    }

    #[test]
    fn a_panic_without_a_text_has_a_message() {
        observe();
        let caught = catch_unwind(|| std::panic::panic_any(1));
        let found = message(&*caught.unwrap_err());
        assert!(found.contains("panics.rs"), "{found}");
        assert_eq!(message(&2), "a panic without a text");
    }
}
