//! Reads the valid parts of a damaged text.
//!
//! The position in the text never decreases. After an invalid header, or key and value, reading
//! continues at the next position where another one can begin: the next line, or the next `[[`,
//! because a writer can be stopped anywhere, and another one can append there.
//!
//! A damaged text is read with less strict rules: several headers and fields may be on one line,
//! and a `\r` ends a line. Strings of several lines are invalid: quotation marks of damaged lines
//! must not hide the lines between them.
//!
//! Time is linear in the bytes: the number of bytes that are read again after an error is limited.

use super::Receiver;
use super::grammar::{Headers, Reader};

/// A damaged part of a text.
pub(crate) enum Damage<'t> {
    /// A header, or a key and value, that is not TOML, up to the position where reading continues.
    Torn { at: usize, text: &'t str },
    /// Bytes that are not UTF-8.
    NotUnicode { at: usize },
    /// Control characters, which no valid text has.
    Control { at: usize },
}

/// The readable and damaged parts of a text, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Salvaged {
    /// The bytes of headers, and of keys with their values.
    pub(crate) read: usize,
    pub(crate) damaged: usize,
    /// The damaged bytes that are not text.
    pub(crate) not_text: usize,
    /// Whether the limit was reached: the rest of the text was not read.
    pub(crate) is_cut: bool,
}

/// Reads a text in any state: each header, and each key with its value, that can be read.
pub(crate) fn salvage<'t>(bytes: &'t [u8], receiver: &mut impl Receiver<'t>) -> Salvaged {
    let (at, headers, salvaged) = Default::default();
    let mut salvage = Salvage { at, headers, salvaged, budget: 8 * bytes.len() };
    for chunk in bytes.utf8_chunks() {
        salvage.text(chunk.valid(), receiver);
        let invalid = chunk.invalid().len();
        if invalid > 0 {
            receiver.damaged(Damage::NotUnicode { at: salvage.at });
            salvage.pass_not_text(invalid);
        }
    }
    salvage.salvaged
}

struct Salvage<'t> {
    at: usize,
    /// The header of the next keys.
    headers: Headers<'t>,
    salvaged: Salvaged,
    /// The number of further bytes that may be read in vain.
    budget: usize,
}

impl<'t> Salvage<'t> {
    fn text(&mut self, mut text: &'t str, receiver: &mut impl Receiver<'t>) {
        while !text.is_empty() {
            let end = text.bytes().position(is_control).unwrap_or(text.len());
            let (before, rest) = text.split_at(end);
            self.piece(before, receiver);
            let end = rest.bytes().position(|byte| !is_control(byte)).unwrap_or(rest.len());
            if end > 0 {
                receiver.damaged(Damage::Control { at: self.at });
                self.pass_not_text(end);
            }
            text = &rest[end..];
        }
    }

    fn pass_not_text(&mut self, length: usize) {
        self.at += length;
        self.salvaged.damaged += length;
        self.salvaged.not_text += length;
    }

    /// Reads a piece without control characters.
    fn piece(&mut self, piece: &'t str, receiver: &mut impl Receiver<'t>) {
        let headers = std::mem::take(&mut self.headers);
        let mut reader = Reader::salvaging(piece, self.at, headers);
        while reader.document(receiver).is_err() {
            let at = reader.item_at;
            let torn = &piece[at - self.at..];
            let end = match self.budget {
                0 => torn.len(),
                _ => next_begin(torn),
            };
            receiver.damaged(Damage::Torn { at, text: &torn[..end] });
            self.budget = self.budget.saturating_sub(reader.ahead() - at);
            self.salvaged.is_cut |= self.budget == 0;
            self.salvaged.damaged += end;
            reader.go_on(at + end, torn.starts_with('['));
        }
        self.salvaged.read += reader.read;
        self.headers = reader.into_headers();
        self.at += piece.len();
    }
}

fn is_control(byte: u8) -> bool {
    byte == 0x7f || byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r')
}

/// The next position after the first byte at which a header or a key can begin.
fn next_begin(text: &str) -> usize {
    const BYTE_ORDER_MARK: char = '\u{feff}';
    if text.starts_with(BYTE_ORDER_MARK) {
        return BYTE_ORDER_MARK.len_utf8();
    }
    let bytes = text.as_bytes();
    let begins = |at: &usize| match bytes[*at] {
        b'\n' | b'\r' => true,
        // A third bracket cannot begin a key.
        b'[' => bytes.get(*at + 1) == Some(&b'[') && bytes.get(*at + 2) != Some(&b'['),
        _ => false,
    };
    // Continuation bytes of a character are none of these.
    (1..bytes.len()).find(begins).unwrap_or(bytes.len())
}
