//! The name of a scratch space within its package.

use std::fmt;

use crate::windows_name;

/// File systems allow 255 bytes for a name.
pub const MAX_KEY_BYTES: usize = 255;

/// A valid key: ASCII letters, digits, `-`, `_` and `.`, at most [`MAX_KEY_BYTES`] long.
///
/// Stricter than Scratch.jl in three cases: `.` and `..`, which would lead out of the directory of
/// the package, and a trailing line feed. On Windows, also names that no file can have there: those
/// of devices (`aux`), and with a dot at the end.
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
        if cfg!(windows)
            && let Some(problem) = windows_name::problem(key.as_bytes())
        {
            return Err(InvalidKey(Reason::Windows(key.to_owned(), problem)));
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
    #[error("invalid key {0:?}: it {1}")]
    Windows(String, &'static str),
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keys_of_scratch_jl_are_keys() {
        for key in ["abcABC123._-", "1.2.3", "a", ".hidden", &"k".repeat(255)] {
            assert!(ScratchKey::new(key).is_ok(), "{key:?}");
        }
    }

    #[test]
    fn windows_has_fewer_names() {
        for key in ["...", "a.", "aux", "NUL.txt", "com1"] {
            assert_eq!(ScratchKey::new(key).is_err(), cfg!(windows), "{key:?}");
        }
        #[cfg(windows)]
        assert_eq!(
            ScratchKey::new("NUL.txt").unwrap_err().to_string(),
            "invalid key \"NUL.txt\": it is the name of a device on Windows"
        );
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
