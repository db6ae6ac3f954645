//! Replies, and how a call becomes one.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use scratchrs_core::Result;
use scratchrs_fs::{Progress, Unit};

use crate::record::ErrorRecord;

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
impl Reply for Option<Progress> {
    fn encode(self) -> Vec<u8> {
        let texts = self.map(|Progress { stage, unit, done, total }| {
            let unit = match unit {
                Unit::Bytes => "bytes",
                Unit::Things => "things",
            };
            vec![stage, unit.to_owned(), done.to_string(), total.to_string()]
        });
        texts.unwrap_or_default().encode()
    }
}

/// Runs `operation`, so that whatever becomes of it is an [`Outcome`]. A panic is an error of
/// ours, with the place where it happened.
pub fn call<R: Reply>(operation: impl FnOnce() -> Result<R>) -> Outcome {
    keep_panics_quiet();
    let record = match catch_unwind(AssertUnwindSafe(operation)) {
        Ok(Ok(reply)) => return Outcome { status: 0, bytes: reply.encode() },
        Ok(Err(error)) => ErrorRecord::of(&error),
        Err(_) => ErrorRecord::of_panic(&LAST_PANIC.take()),
    };
    Outcome { status: record.code as u32, bytes: record.encode() }
}

thread_local! {
    static LAST_PANIC: Cell<String> = const { Cell::new(String::new()) };
}

/// Keeps the message of a panic for the error that it becomes, instead of printing it into
/// somebody else's process. The hook is that of this library alone.
fn keep_panics_quiet() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        std::panic::set_hook(Box::new(|panic| LAST_PANIC.set(panic.to_string())));
    });
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
}
