//! What Julia has begun and not ended yet, by number.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use scratchrs_core::{Error, Result};

/// No ticket is given twice, whatever it is for.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// The values of one kind, by ticket.
pub(super) struct Tickets<T> {
    /// The word for a value in a message.
    noun: &'static str,
    values: Mutex<Option<HashMap<u64, T>>>,
}

impl<T> Tickets<T> {
    pub(super) const fn new(noun: &'static str) -> Self {
        Self { noun, values: Mutex::new(None) }
    }

    /// Adds a value, and returns its ticket.
    pub(super) fn insert(&self, value: T) -> u64 {
        let ticket = NEXT.fetch_add(1, Ordering::Relaxed);
        self.put_back(ticket, value);
        ticket
    }

    /// Adds a value that was taken for `ticket`.
    pub(super) fn put_back(&self, ticket: u64, value: T) {
        self.values().get_or_insert_default().insert(ticket, value);
    }

    /// Removes and returns the value of a ticket.
    ///
    /// # Errors
    ///
    /// If there is no such ticket.
    pub(super) fn take(&self, ticket: u64) -> Result<T> {
        let value = self.values().as_mut().and_then(|values| values.remove(&ticket));
        value.ok_or_else(|| {
            let noun = self.noun;
            Error::InvalidInput(format!("the {noun} with the ticket {ticket} has ended"))
        })
    }

    fn values(&self) -> MutexGuard<'_, Option<HashMap<u64, T>>> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_serves_once() {
        let tickets = Tickets::new("thing");
        let (one, other) = (tickets.insert("one"), tickets.insert("other"));
        assert_eq!(tickets.take(other).ok(), Some("other"));
        assert_eq!(tickets.take(one).ok(), Some("one"));
        let error = tickets.take(one).unwrap_err().to_string();
        assert_eq!(error, format!("the thing with the ticket {one} has ended"));
    }
}
