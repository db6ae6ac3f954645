//! TOML as Julia prints it, read line by line.
//!
//! A collection reads thousands of manifests and artifact files, nearly all of them as Julia's
//! `TOML.print` wrote them: each header, and each key with its value, on a line of its own. Such text
//! is read here many times faster than TOML in general is. Whatever looks different is for a
//! reader of all of TOML: here it is none.

use memchr::memchr;

/// A line that says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line<'a> {
    /// `[[a.b]]`: its bare keys, with the dots between them.
    Element(&'a str),
    /// `[a.b]`, likewise.
    Table(&'a str),
    /// `key = value`: the bare key, and the text of the value.
    Field(&'a str, &'a str),
}

/// The lines of a text that say something, without what stands before and behind it.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = &str> {
    all_lines(text).filter_map(|line| {
        let indent = line.bytes().take_while(|byte| *byte == b' ').count();
        let line = &line[indent..];
        let is_comment = || line.starts_with('#') && !line.contains(char::is_control);
        (!line.is_empty() && !is_comment()).then_some(line)
    })
}

/// The lines of a text of TOML, without their ends.
fn all_lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || match memchr(b'\n', rest.as_bytes()) {
        Some(end) => {
            let line = &rest[..end];
            rest = &rest[end + 1..];
            Some(line.strip_suffix('\r').unwrap_or(line))
        }
        // The end of the text does not end a line: there, a `\r` is none of TOML.
        None => (!rest.is_empty()).then(|| std::mem::take(&mut rest)),
    })
}

impl<'a> Line<'a> {
    /// Reads a line; none if it is not as Julia prints it.
    ///
    /// In the place where it is called: what it returns would go through memory, and that takes
    /// longer than the reading.
    #[inline(always)]
    pub(crate) fn read(line: &'a str) -> Option<Self> {
        let Some(header) = line.strip_prefix('[') else {
            let end = line.bytes().position(|byte| !is_bare(byte))?;
            let (key, rest) = line.split_at(end);
            let value = rest.strip_prefix(" = ")?;
            return (!key.is_empty()).then_some(Self::Field(key, value));
        };
        match header.strip_prefix('[') {
            Some(header) => keys(header.strip_suffix("]]")?).map(Self::Element),
            None => keys(header.strip_suffix(']')?).map(Self::Table),
        }
    }
}

/// The text, if it is bare keys with dots between them.
fn keys(text: &str) -> Option<&str> {
    let mut is_key_empty = true;
    for byte in text.bytes() {
        if is_bare(byte) {
            is_key_empty = false;
        } else if byte == b'.' && !is_key_empty {
            is_key_empty = true;
        } else {
            return None;
        }
    }
    (!is_key_empty).then_some(text)
}

/// Whether a key may have a byte without quotation marks.
fn is_bare(byte: u8) -> bool {
    BARE[byte as usize]
}

/// A table, since this is asked for every third byte of what a collection reads.
const BARE: [bool; 256] = {
    let mut bare = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        bare[byte] = (byte as u8).is_ascii_alphanumeric() || matches!(byte as u8, b'-' | b'_');
        byte += 1;
    }
    bare
};

/// Whether a value is an array of strings without escapes, on one line, all of which are as they
/// should be.
pub(crate) fn strings<'a>(value: &'a str, mut is_good: impl FnMut(&'a str) -> bool) -> bool {
    let inner = value.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let Some(mut rest) = inner else { return false };
    loop {
        // A text that is over with the next quotation mark has none in it.
        let end = rest.strip_prefix('"').and_then(|text| memchr(b'"', text.as_bytes()));
        let Some(end) = end.map(|end| end + 1) else { return false };
        if !string(&rest[..=end]).is_some_and(&mut is_good) {
            return false;
        }
        rest = &rest[end + 1..];
        if rest.is_empty() {
            return true;
        }
        let Some(next) = rest.strip_prefix(", ") else { return false };
        rest = next;
    }
}

/// The text of a string without escapes.
pub(crate) fn string(value: &str) -> Option<&str> {
    let text = value.strip_prefix('"')?.strip_suffix('"')?;
    let is_special = |byte: u8| byte < b' ' || matches!(byte, b'"' | b'\\' | 0x7f);
    // Without an early end, so that the compiler takes many bytes at once.
    let has_special = text.bytes().fold(false, |found, byte| found | is_special(byte));
    (!has_special).then_some(text)
}
