//! Outcomes of calls, and their encoding.

use std::panic::{AssertUnwindSafe, catch_unwind};

use scratchrs_core::Error;
use serde::Serialize;

use crate::record::ErrorRecord;
use crate::{debug, fork, panics};

type Result<T, E = Error> = std::result::Result<T, E>;

/// The outcome of a call: a status, and the encoded reply (status zero) or error.
#[derive(Debug)]
pub struct Outcome {
    /// Zero, or the number of the [`ErrorCode`](scratchrs_core::ErrorCode).
    pub status: u32,
    /// The encoded reply or [`ErrorRecord`].
    pub bytes: Vec<u8>,
}

/// The encoding of every reply, error and progress: MessagePack, a struct being a map of the names and values
/// of its fields.
///
/// # Panics
///
/// If the value cannot be serialised: that would be a bug, and [`attempt`] reports it.
pub fn encode(value: &impl Serialize) -> Vec<u8> {
    match rmp_serde::to_vec_named(value) {
        Ok(bytes) => bytes,
        Err(error) => panic!("a reply cannot be encoded: {error}"),
    }
}

/// Runs `operation` and encodes its reply. A panic of either, on any thread, is an internal error with its
/// place.
pub fn call<R: Serialize>(operation: impl FnOnce() -> Result<R>) -> Outcome {
    match attempt(|| operation().map(|reply| encode(&reply))) {
        Ok(bytes) => Outcome { status: 0, bytes },
        Err(outcome) => outcome,
    }
}

/// Runs `work` as [`call`] does, and returns its value.
///
/// # Errors
///
/// The outcome of a failed call: the error or the panic of `work`. In a process that was forked from one that
/// uses the library, `work` is not run.
pub fn attempt<T>(work: impl FnOnce() -> Result<T>) -> Result<T, Outcome> {
    panics::observe();
    fork::observe();
    debug::observe();
    let record = match catch_unwind(AssertUnwindSafe(|| fork::check().and_then(|()| work()))) {
        Ok(Ok(made)) => return Ok(made),
        Ok(Err(error)) => ErrorRecord::of(&error),
        Err(panic) => ErrorRecord::of_panic(&panics::message(&*panic)),
    };
    Err(Outcome { status: record.code as u32, bytes: encode(&record) })
}

#[cfg(test)]
mod tests {
    use scratchrs_fs::ProgressState;

    use super::*;

    #[test]
    fn replies_are_messagepack_with_names() {
        assert_eq!(encode(&()), [0xc0]);
        assert_eq!(encode(&vec!["ab", ""]), [0x92, 0xa2, b'a', b'b', 0xa0]);
        let state = ProgressState { stage: "x".to_owned(), done: 3, ..ProgressState::default() };
        let bytes = encode(&Some(state));
        let expected: [&[u8]; 8] = [
            b"\x84\xa5stage",
            b"\xa1x",
            b"\xa4unit",
            b"\xa5bytes",
            b"\xa4done",
            b"\x03",
            b"\xa5total",
            b"\0",
        ];
        assert_eq!(bytes, expected.concat());
    }

    #[test]
    fn a_panic_becomes_an_error() {
        let outcome = call(|| -> Result<()> { panic!("the message") });
        assert_eq!(outcome.status, scratchrs_core::ErrorCode::Internal as u32);
        let text = String::from_utf8_lossy(&outcome.bytes).into_owned();
        assert!(text.contains("the message") && text.contains("reply.rs"), "{text}");
    }

    #[test]
    fn a_reply_that_panics_is_an_error() {
        struct Bad;
        impl Serialize for Bad {
            fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
                panic!("not to be encoded")
            }
        }
        let outcome = call(|| Ok(Bad));
        assert_eq!(outcome.status, scratchrs_core::ErrorCode::Internal as u32);
        assert!(String::from_utf8_lossy(&outcome.bytes).contains("not to be encoded"));
    }

    #[test]
    fn what_is_attempted_is_given_as_it_is() {
        assert_eq!(attempt(|| Ok(1)).ok(), Some(1));
        assert_eq!(attempt(|| -> Result<()> { Err(Error::Cancelled) }).unwrap_err().status, 8);
        let outcome = attempt(|| -> Result<()> { panic!("at its start") }).unwrap_err();
        assert!(String::from_utf8_lossy(&outcome.bytes).contains("at its start"));
    }
}
