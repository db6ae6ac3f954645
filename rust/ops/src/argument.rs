//! The types of arguments, as they cross.

use std::ffi::{CStr, c_char};

use scratchrs_core::{Error, Result};

/// A type of argument: what crosses the boundary, and what an operation takes.
pub trait Argument {
    /// What a C function takes.
    type C;
    /// What is kept of it, for as long as the operation runs.
    type Owned: Send + 'static;
    /// What the operation takes.
    type Lent<'a>;

    /// Reads and checks what came across.
    ///
    /// # Errors
    ///
    /// If it is not what the type promises.
    ///
    /// # Safety
    ///
    /// A pointer must point to what the type's documentation says, for as long as `'a`.
    unsafe fn read<'a>(raw: Self::C) -> Result<Self::Lent<'a>>;

    /// Makes a copy that outlives the call.
    fn own(lent: Self::Lent<'_>) -> Self::Owned;

    /// Lends the copy to the operation.
    fn lend(owned: &Self::Owned) -> Self::Lent<'_>;
}

/// A text in UTF-8, without NUL. In C: `const char *`, with a NUL behind it.
#[derive(Debug)]
pub enum Text {}

/// Several texts. In C: `const uint8_t *`, to how many they are, and then each with its length
/// before it, both in 4 bytes, the lowest first.
#[derive(Debug)]
pub enum Texts {}

/// Bytes, such as an encoded reply. In C: `const uint8_t *`, to their number in 4 bytes, the lowest first,
/// and then the bytes.
#[derive(Debug)]
pub enum Binary {}

/// A UUID. In C: `const uint8_t *`, to 16 bytes in the order in which they are written (RFC 9562).
#[derive(Debug)]
pub enum Uuid {}

/// Yes or no. In C: `uint8_t`, no being zero.
#[derive(Debug)]
pub enum Flag {}

/// A generation that was begun and not ended yet. In C: `uint64_t`.
#[derive(Debug)]
pub enum Ticket {}

/// Checks a text that came from another language.
///
/// # Errors
///
/// If it is not UTF-8, or has a NUL in it: Julia's strings can hold any bytes.
pub fn text(bytes: &[u8]) -> Result<&str> {
    let invalid = |fault: &str| {
        let shown = String::from_utf8_lossy(bytes);
        Error::InvalidInput(format!("{shown:?} {fault}, which no depot and no key can have"))
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
        // SAFETY: the caller promises a text with a NUL behind it.
        text(unsafe { CStr::from_ptr(raw) }.to_bytes())
    }

    fn own(lent: &str) -> String {
        lent.to_owned()
    }

    fn lend(owned: &String) -> &str {
        owned
    }
}

impl Argument for Texts {
    type C = *const u8;
    type Owned = Vec<String>;
    type Lent<'a> = Vec<&'a str>;

    unsafe fn read<'a>(raw: Self::C) -> Result<Self::Lent<'a>> {
        let mut rest = raw;
        // SAFETY: the caller promises a number of texts, each with its length before it.
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
        // SAFETY: the caller promises bytes with their number before them.
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

/// Reads a number of 4 bytes, and moves on behind it.
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

impl Argument for Uuid {
    type C = *const u8;
    type Owned = uuid::Uuid;
    type Lent<'a> = uuid::Uuid;

    unsafe fn read<'a>(raw: Self::C) -> Result<Self::Lent<'a>> {
        // SAFETY: the caller promises 16 bytes.
        Ok(uuid::Uuid::from_bytes(unsafe { raw.cast::<[u8; 16]>().read_unaligned() }))
    }

    fn own(lent: uuid::Uuid) -> uuid::Uuid {
        lent
    }

    fn lend(owned: &uuid::Uuid) -> uuid::Uuid {
        *owned
    }
}

impl Argument for Flag {
    type C = u8;
    type Owned = bool;
    type Lent<'a> = bool;

    unsafe fn read<'a>(raw: u8) -> Result<Self::Lent<'a>> {
        Ok(raw != 0)
    }

    fn own(lent: bool) -> bool {
        lent
    }

    fn lend(owned: &bool) -> bool {
        *owned
    }
}

impl Argument for Ticket {
    type C = u64;
    type Owned = u64;
    type Lent<'a> = u64;

    unsafe fn read<'a>(raw: u64) -> Result<Self::Lent<'a>> {
        Ok(raw)
    }

    fn own(lent: u64) -> u64 {
        lent
    }

    fn lend(owned: &u64) -> u64 {
        *owned
    }
}

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
