//! A line of a log of the store: words and their checksum.
//!
//! A line begins with a line end, so that it is separate from a torn line before.

use toml::{Table, Value};

use crate::time::DepotTime;

/// The text to append for a line of these words.
pub(super) fn sealed(words: &str) -> String {
    format!("\n{words} {:016x}", check(words))
}

/// Reads a log in any state. The second value is the number of lines that cannot be read.
pub(super) fn read<T>(bytes: &[u8], parse: impl Fn(&str) -> Option<T>) -> (Vec<T>, usize) {
    let mut entries = Vec::new();
    let mut torn = 0;
    for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        match std::str::from_utf8(line).ok().and_then(opened).and_then(&parse) {
            Some(entry) => entries.push(entry),
            None => torn += 1,
        }
    }
    (entries, torn)
}

/// The words of a line, if its checksum matches.
fn opened(line: &str) -> Option<&str> {
    let (words, sum) = line.rsplit_once(' ')?;
    (u64::from_str_radix(sum, 16).ok()? == check(words)).then_some(words)
}

/// The time at the beginning of a text, and the text after it.
pub(super) fn take_time(text: &str) -> Option<(DepotTime, &str)> {
    let (time, rest) = text.split_once(' ')?;
    Some((DepotTime::from_toml(&time.parse().ok()?)?, rest))
}

/// FNV-1a: it only has to detect torn and damaged lines.
fn check(text: &str) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    text.bytes().fold(0xcbf2_9ce4_8422_2325, step)
}

/// The basic string at the beginning of a text, and the text after it.
pub(super) fn take_string(text: &str) -> Option<(String, &str)> {
    let mut is_escaped = false;
    let inner = text.strip_prefix('"')?;
    let end = inner.bytes().position(|byte| {
        let is_end = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        is_end
    })?;
    let (string, rest) = (&inner[..end], &inner[end + 1..]);
    if !string.contains('\\') {
        return Some((string.to_owned(), rest));
    }
    let mut table = format!("x = \"{string}\"").parse::<Table>().ok()?;
    match table.remove("x") {
        Some(Value::String(string)) => Some((string, rest)),
        _ => None,
    }
}
