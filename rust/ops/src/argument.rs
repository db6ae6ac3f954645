//! The types of arguments, as they cross.

use std::ffi::{CStr, c_char};

use scratchrs_core::{Error, Result};

/// A type of argument.
pub trait Argument {
    /// The type in C.
    type C;
    /// The copy that lives as long as the operation runs.
    type Owned: Send + 'static;
    /// The type that the operation takes.
    type Lent<'a>;

    /// Reads and checks a value.
    ///
    /// # Errors
    ///
    /// If the value is invalid for the type.
    ///
    /// # Safety
    ///
    /// A pointer must point to memory as the type's documentation describes it, for as long as `'a`.
    unsafe fn read<'a>(raw: Self::C) -> Result<Self::Lent<'a>>;

    /// Makes a copy that outlives the call.
    fn own(lent: Self::Lent<'_>) -> Self::Owned;

    /// Lends the copy to the operation.
    fn lend(owned: &Self::Owned) -> Self::Lent<'_>;
}

/// A text in UTF-8, without NUL. In C: `const char *`, terminated by NUL.
#[derive(Debug)]
pub enum Text {}

/// A text, or none, which is an empty one. In C: as [`Text`].
#[derive(Debug)]
pub enum OptionalText {}

/// Several texts. In C: `const uint8_t *`, to their number, and each text after its length. Numbers have 4
/// bytes, little-endian.
#[derive(Debug)]
pub enum Texts {}

/// Bytes, such as an encoded reply. In C: `const uint8_t *`, to their number in 4 bytes, little-endian, and
/// then the bytes.
#[derive(Debug)]
pub enum Binary {}

/// A UUID. In C: `const uint8_t *`, to 16 bytes in the order in which they are written (RFC 9562).
#[derive(Debug)]
pub enum Uuid {}

/// True or false. In C: `uint8_t`, which is 0 for false.
#[derive(Debug)]
pub enum Flag {}

/// A number, not negative. In C: `uint64_t`.
#[derive(Debug)]
pub enum Number {}

/// The ticket of something that was begun and has not ended. In C: `uint64_t`.
#[derive(Debug)]
pub enum Ticket {}

/// Checks a text that came from another language.
///
/// # Errors
///
/// If it is not UTF-8, or has a NUL in it: Julia's strings can hold any bytes.
pub fn text(bytes: &[u8]) -> Result<&str> {
    let invalid = |problem: &str| {
        let shown = String::from_utf8_lossy(bytes);
        Error::InvalidInput(format!("{shown:?} {problem}, which no depot and no key can have"))
    };
    let text = std::str::from_utf8(bytes).map_err(|_| invalid("has bytes that are not UTF-8"))?;
    if text.contains('\0') {
        return Err(invalid("has a NUL in it"));
    }
    Ok(text)
}

impl Argument for Text {
    type C = *const c_char;
    type Owned = String;
    type Lent<'a> = &'a str;

    unsafe fn read<'a>(raw: Self::C) -> Result<&'a str> {
        // SAFETY: the caller promises a text that is terminated by NUL.
        text(unsafe { CStr::from_ptr(raw) }.to_bytes())
    }

    fn own(lent: &str) -> String {
        lent.to_owned()
    }

    fn lend(owned: &String) -> &str {
        owned
    }
}

impl Argument for OptionalText {
    type C = *const c_char;
    type Owned = String;
    type Lent<'a> = Option<&'a str>;

    unsafe fn read<'a>(raw: Self::C) -> Result<Self::Lent<'a>> {
        // SAFETY: the caller's promise.
        unsafe { Text::read(raw) }.map(optional)
    }

    fn own(lent: Option<&str>) -> String {
        lent.unwrap_or_default().to_owned()
    }

    fn lend(owned: &String) -> Option<&str> {
        optional(owned)
    }
}

/// A text, or `None` for an empty one.
pub fn optional(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

impl Argument for Texts {
    type C = *const u8;
    type Owned = Vec<String>;
    type Lent<'a> = Vec<&'a str>;

    unsafe fn read<'a>(raw: Self::C) -> Result<Self::Lent<'a>> {
        let mut rest = raw;
        // SAFETY: the caller promises a number of texts, each after its length.
        unsafe {
            let count = number(&mut rest);
            (0..count)
                .map(|_| {
                    let length = number(&mut rest);
                    let bytes = std::slice::from_raw_parts(rest, length);
                    rest = rest.add(length);
                    text(bytes)
                })
                .collect()
        }
    }

    fn own(lent: Self::Lent<'_>) -> Vec<String> {
        lent.into_iter().map(str::to_owned).collect()
    }

    fn lend(owned: &Vec<String>) -> Self::Lent<'_> {
        owned.iter().map(String::as_str).collect()
    }
}

impl Argument for Binary {
    type C = *const u8;
    type Owned = Vec<u8>;
    type Lent<'a> = &'a [u8];

    unsafe fn read<'a>(raw: Self::C) -> Result<&'a [u8]> {
        let mut rest = raw;
        // SAFETY: the caller promises bytes after their number.
        Ok(unsafe {
            let length = number(&mut rest);
            std::slice::from_raw_parts(rest, length)
        })
    }

    fn own(lent: &[u8]) -> Vec<u8> {
        lent.to_owned()
    }

    fn lend(owned: &Vec<u8>) -> &[u8] {
        owned
    }
}

/// Reads a number of 4 bytes, and moves past it.
///
/// # Safety
///
/// There must be 4 bytes.
unsafe fn number(at: &mut *const u8) -> usize {
    // SAFETY: the caller's promise.
    unsafe {
        let bytes = at.cast::<[u8; 4]>().read_unaligned();
        *at = at.add(4);
        u32::from_le_bytes(bytes) as usize
    }
}

/// Implements [`Argument`] for a type that is copied.
macro_rules! copied {
    ($argument:ident, $c:ty, $value:ty, $read:expr) => {
        impl Argument for $argument {
            type C = $c;
            type Owned = $value;
            type Lent<'a> = $value;

            unsafe fn read<'a>(raw: $c) -> Result<Self::Lent<'a>> {
                Ok($read(raw))
            }

            fn own(lent: $value) -> $value {
                lent
            }

            fn lend(owned: &$value) -> $value {
                *owned
            }
        }
    };
}
copied!(Flag, u8, bool, |raw| raw != 0);
copied!(Number, u64, u64, |raw| raw);
copied!(Ticket, u64, u64, |raw| raw);
copied!(Uuid, *const u8, uuid::Uuid, |raw: *const u8| {
    // SAFETY: the caller promises 16 bytes.
    uuid::Uuid::from_bytes(unsafe { raw.cast::<[u8; 16]>().read_unaligned() })
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_text_is_text() {
        assert_eq!(text("é".as_bytes()).ok(), Some("é"));
        assert_eq!(text(b"").ok(), Some(""));
        for bytes in [&b"a\0b"[..], b"\xff"] {
            assert!(text(bytes).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn texts_come_with_their_number_and_lengths() {
        let read = |bytes: &[u8]| {
            // SAFETY: the bytes below are what the type promises.
            let texts = unsafe { Texts::read(bytes.as_ptr()) };
            texts.map(|texts| texts.join("|")).ok()
        };
        assert_eq!(read(&[0, 0, 0, 0]), Some(String::new()));
        let bytes = [2, 0, 0, 0, 2, 0, 0, 0, b'a', b'b', 0, 0, 0, 0];
        assert_eq!(read(&bytes), Some("ab|".to_owned()));
        assert_eq!(read(&[1, 0, 0, 0, 1, 0, 0, 0, 0xff]), None);
    }
}
