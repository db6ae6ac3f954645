//! Things that Julia has begun and not ended yet: it knows each by a number.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use scratchrs_core::{Error, Result};

/// No ticket is given twice, whatever it is for.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// What is under way of one kind.
pub(super) struct Tickets<T> {
    /// The word for one of them in a message.
    what: &'static str,
    held: Mutex<Option<HashMap<u64, T>>>,
}

impl<T> Tickets<T> {
    pub(super) const fn new(what: &'static str) -> Self {
        Self { what, held: Mutex::new(None) }
    }

    /// Keeps `thing`, and gives the ticket for it.
    pub(super) fn keep(&self, thing: T) -> u64 {
        let ticket = NEXT.fetch_add(1, Ordering::Relaxed);
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.get_or_insert_default().insert(ticket, thing);
        ticket
    }

    /// Keeps `thing` again, that was taken for this `ticket`.
    pub(super) fn put_back(&self, ticket: u64, thing: T) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.get_or_insert_default().insert(ticket, thing);
    }

    /// What the ticket is for; the ticket is then no more.
    ///
    /// # Errors
    ///
    /// If there is no such ticket.
    pub(super) fn take(&self, ticket: u64) -> Result<T> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let thing = held.as_mut().and_then(|held| held.remove(&ticket));
        thing.ok_or_else(|| {
            let what = self.what;
            Error::InvalidInput(format!("no {what} has the ticket {ticket}, or it has ended"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_serves_once() {
        let tickets = Tickets::new("thing");
        let (one, other) = (tickets.keep("one"), tickets.keep("other"));
        assert_eq!(tickets.take(other).ok(), Some("other"));
        assert_eq!(tickets.take(one).ok(), Some("one"));
        let error = tickets.take(one).unwrap_err().to_string();
        assert_eq!(error, format!("no thing has the ticket {one}, or it has ended"));
    }
}
