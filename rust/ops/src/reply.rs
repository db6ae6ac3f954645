//! Replies, and how a call becomes one.

use std::panic::{AssertUnwindSafe, catch_unwind};

use scratchrs_core::Error;
use scratchrs_fs::{ProgressState, Unit};

use crate::record::ErrorRecord;
use crate::{fork, panics};

type Result<T, E = Error> = std::result::Result<T, E>;

/// What crosses back: a status, and bytes that mean the reply (status zero) or the error.
#[derive(Debug)]
pub struct Outcome {
    /// Zero, or the number of the [`ErrorCode`](scratchrs_core::ErrorCode).
    pub status: u32,
    /// The encoded [`Reply`] or [`ErrorRecord`].
    pub bytes: Vec<u8>,
}

/// Something that can be replied.
pub trait Reply {
    /// The bytes that cross.
    fn encode(self) -> Vec<u8>;
}

/// No bytes.
impl Reply for () {
    fn encode(self) -> Vec<u8> {
        Vec::new()
    }
}

/// The text itself.
impl Reply for String {
    fn encode(self) -> Vec<u8> {
        self.into_bytes()
    }
}

/// Each text with its length before it: 4 bytes, the lowest first.
impl Reply for Vec<String> {
    fn encode(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.iter().map(|text| text.len() + 4).sum());
        for text in self {
            bytes.extend((text.len() as u32).to_le_bytes());
            bytes.extend(text.into_bytes());
        }
        bytes
    }
}

/// Four texts: the stage, `bytes` or `things`, what is done, and what there is to do. None of them
/// for what is under way no more.
impl Reply for Option<ProgressState> {
    fn encode(self) -> Vec<u8> {
        let texts = self.map(|ProgressState { stage, unit, done, total }| {
            let unit = match unit {
                Unit::Bytes => "bytes",
                Unit::Items => "things",
            };
            vec![stage, unit.to_owned(), done.to_string(), total.to_string()]
        });
        texts.unwrap_or_default().encode()
    }
}

/// Runs `operation` and encodes its reply, so that whatever becomes of both is an [`Outcome`]. A panic
/// is an error of ours, with the place where it happened, on whichever thread.
pub fn call<R: Reply>(operation: impl FnOnce() -> Result<R>) -> Outcome {
    match attempt(|| operation().map(Reply::encode)) {
        Ok(bytes) => Outcome { status: 0, bytes },
        Err(outcome) => outcome,
    }
}

/// Runs `work` as [`call`] does, and gives what it makes.
///
/// # Errors
///
/// The outcome of a call that failed: with what `work` failed with, or its panic. In a process that
/// was forked from one that uses the library, `work` is not run.
pub fn attempt<T>(work: impl FnOnce() -> Result<T>) -> Result<T, Outcome> {
    panics::progress();
    fork::progress();
    let record = match catch_unwind(AssertUnwindSafe(|| fork::check().and_then(|()| work()))) {
        Ok(Ok(made)) => return Ok(made),
        Ok(Err(error)) => ErrorRecord::of(&error),
        Err(panic) => ErrorRecord::of_panic(&panics::message(&*panic)),
    };
    Err(Outcome { status: record.code as u32, bytes: record.encode() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_have_their_lengths_before_them() {
        let bytes = vec!["ab".to_owned(), String::new()].encode();
        assert_eq!(bytes, [2, 0, 0, 0, b'a', b'b', 0, 0, 0, 0]);
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
        impl Reply for Bad {
            fn encode(self) -> Vec<u8> {
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
