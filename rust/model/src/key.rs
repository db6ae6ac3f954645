//! The name of a scratch space within its package.

use std::fmt;

/// File systems allow 255 bytes for a name.
pub const MAX_KEY_BYTES: usize = 255;

/// A valid key: ASCII letters, digits, `-`, `_` and `.`, at most [`MAX_KEY_BYTES`] long.
///
/// Stricter than Scratch.jl in three cases: `.` and `..`, which would lead out of the directory of
/// the package, and a trailing line feed.
///
/// ```
/// # use scratchrs_model::key::ScratchKey;
/// assert_eq!(ScratchKey::new("download_cache-1.2")?.as_str(), "download_cache-1.2");
/// assert!(ScratchKey::new("../other").is_err());
/// # Ok::<(), scratchrs_model::key::InvalidKey>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScratchKey<'a>(&'a str);

impl<'a> ScratchKey<'a> {
    /// Checks `key`.
    ///
    /// # Errors
    ///
    /// [`InvalidKey`], with the broken rule.
    pub fn new(key: &'a str) -> Result<Self, InvalidKey> {
        let invalid = |reason: fn(String) -> Reason| InvalidKey(reason(key.to_owned()));
        if key.is_empty() {
            return Err(InvalidKey(Reason::Empty));
        }
        if !key.bytes().all(is_key_byte) {
            return Err(invalid(Reason::Character));
        }
        if key == "." || key == ".." {
            return Err(invalid(Reason::Dots));
        }
        if key.len() > MAX_KEY_BYTES {
            return Err(invalid(Reason::Length));
        }
        Ok(Self(key))
    }

    /// The key as text.
    pub fn as_str(self) -> &'a str {
        self.0
    }
}

impl fmt::Display for ScratchKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

fn is_key_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

/// A text that is not a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidKey(Reason);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum Reason {
    #[error(
        "invalid key \"\": a key has at least one character, of letters, digits, `-`, `_` and `.`"
    )]
    Empty,
    #[error("invalid key {0:?}: a key has letters, digits, `-`, `_` and `.` only")]
    Character(String),
    #[error("invalid key {0:?}: it would name another directory")]
    Dots(String),
    #[error(
        "invalid key \"{}…\": it has {} bytes, and file systems allow {MAX_KEY_BYTES}",
        &.0[..20],
        .0.len()
    )]
    Length(String),
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keys_of_scratch_jl_are_keys() {
        for key in ["abcABC123._-", "1.2.3", "a", "...", ".hidden", &"k".repeat(255)] {
            assert!(ScratchKey::new(key).is_ok(), "{key:?}");
        }
    }

    #[test]
    fn what_leaves_the_directory_is_no_key() {
        for key in ["", ".", "..", "a/b", "a\\b", "a\0b", "a\n", "é", "a b", "C:", &"k".repeat(300)]
        {
            assert!(ScratchKey::new(key).is_err(), "{key:?}");
        }
    }

    #[test]
    fn the_message_says_what_is_wrong() {
        let message = |key: &str| ScratchKey::new(key).unwrap_err().to_string();
        assert_eq!(
            message("a/b"),
            "invalid key \"a/b\": a key has letters, digits, `-`, `_` and `.` only"
        );
        assert_eq!(message(".."), "invalid key \"..\": it would name another directory");
        assert!(message(&"k".repeat(300)).contains("300 bytes"));
    }

    proptest! {
        #[test]
        fn a_key_is_one_path_component(key in any::<String>()) {
            if ScratchKey::new(&key).is_ok() {
                let components: Vec<_> = std::path::Path::new(&key).components().collect();
                prop_assert_eq!(components, vec![std::path::Component::Normal(key.as_ref())]);
            }
        }
    }
}
