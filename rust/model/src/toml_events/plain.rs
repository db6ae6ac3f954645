//! A fast path of the grammar: reads lines of the forms that Julia prints, without tokens.
//!
//! Nearly all lines that a collection reads have one of these forms. The events are the same as
//! from the tokens of the line; a line of another form is read by tokens.

use std::borrow::Cow;

use memchr::memchr;
use toml::value::Datetime;

use super::grammar::Reader;
use super::{Event, Receiver, Scalar, Step};

/// A value of a line.
enum Value<'t> {
    Text(&'t str),
    Boolean(bool),
    Time(Datetime),
    /// The strings of an array, with the text between them.
    Texts(&'t str),
}

impl<'t> Reader<'t> {
    /// Reads lines up to one of another form.
    pub(super) fn plain_lines(&mut self, receiver: &mut impl Receiver<'t>) -> Step {
        self.next = None;
        while self.plain_line(receiver)? {}
        Ok(())
    }

    /// Reads a line. Returns `false` if it has another form.
    fn plain_line(&mut self, receiver: &mut impl Receiver<'t>) -> Step<bool> {
        let line = &self.text[self.position..];
        let indent = line.bytes().position(|byte| byte != b' ').unwrap_or(line.len());
        let line = &line[indent..];
        self.item_at = self.begin + self.position + indent;
        match line.as_bytes().first() {
            None => Ok(false),
            Some(b'\n') => {
                self.position += indent + 1;
                Ok(true)
            }
            Some(b'[') => self.plain_header(line, receiver),
            Some(_) => self.plain_field(line, receiver),
        }
    }

    /// Reads `[a.b]`, `[[a.b]]` or `[["a"]]`.
    fn plain_header(&mut self, line: &'t str, receiver: &mut impl Receiver<'t>) -> Step<bool> {
        let (event, end, open) = match line.as_bytes().get(1) {
            Some(b'[') => (Event::Element, "]]", 2),
            _ => (Event::Table, "]", 1),
        };
        self.path.length = 0;
        self.key_at = self.item_at + open;
        let mut rest = &line[open..];
        loop {
            let key = match rest.strip_prefix('"') {
                Some(text) => plain_text(text),
                None => Some(bare(rest)).filter(|(key, _)| !key.is_empty()),
            };
            let Some((key, after)) = key else { return Ok(false) };
            self.path.push(Cow::Borrowed(key));
            match after.strip_prefix('.') {
                Some(after) => rest = after,
                None => {
                    let Some(after) = after.strip_prefix(end) else { return Ok(false) };
                    let Some(next) = next_line(after) else { return Ok(false) };
                    self.passed = self.item_at + line.len() - after.len();
                    self.tell(receiver, 0, self.item_at, event)?;
                    self.header = self.path.len();
                    self.advance(next);
                    return Ok(true);
                }
            }
        }
    }

    /// Reads `key = value`.
    fn plain_field(&mut self, line: &'t str, receiver: &mut impl Receiver<'t>) -> Step<bool> {
        let (key, rest) = bare(line);
        let Some(value) = rest.strip_prefix(" = ").filter(|_| !key.is_empty()) else {
            return Ok(false);
        };
        let Some((found, after)) = plain_value(value) else { return Ok(false) };
        let Some(next) = next_line(after) else { return Ok(false) };
        self.path.length = self.header;
        self.path.push(Cow::Borrowed(key));
        self.key_at = self.item_at;
        let at = self.item_at + line.len() - value.len();
        let end = self.item_at + line.len() - after.len();
        self.passed = end;
        match found {
            Value::Text(text) => {
                self.tell(receiver, 0, at, Event::Scalar(Scalar::Text(Cow::Borrowed(text))))?;
            }
            Value::Boolean(value) => {
                self.tell(receiver, 0, at, Event::Scalar(Scalar::Boolean(value)))?;
            }
            Value::Time(time) => self.tell(receiver, 0, at, Event::Scalar(Scalar::Time(time)))?,
            Value::Texts(texts) => {
                self.tell(receiver, 0, at, Event::OpenArray)?;
                let mut rest = texts;
                while let Some((text, after)) = rest.strip_prefix('"').and_then(plain_text) {
                    let at = end - 1 - rest.len();
                    self.passed = end - 1 - after.len();
                    self.tell(receiver, 1, at, Event::Scalar(Scalar::Text(Cow::Borrowed(text))))?;
                    rest = after.strip_prefix(", ").unwrap_or_default();
                }
                self.passed = end;
                self.tell(receiver, 0, at, Event::Close)?;
            }
        }
        self.advance(next);
        Ok(true)
    }

    /// Continues after a header or a field.
    fn advance(&mut self, next: &str) {
        self.read += self.passed - self.item_at;
        self.position = self.text.len() - next.len();
    }
}

/// The text after the end of a line that ends here.
fn next_line(text: &str) -> Option<&str> {
    match text.as_bytes() {
        [b'\n', ..] => Some(&text[1..]),
        [b'\r', b'\n', ..] => Some(&text[2..]),
        [] => Some(text),
        _ => None,
    }
}

fn plain_value(value: &str) -> Option<(Value<'_>, &str)> {
    match value.as_bytes().first()? {
        b'"' => plain_text(&value[1..]).map(|(text, after)| (Value::Text(text), after)),
        b't' => Some((Value::Boolean(true), value.strip_prefix("true")?)),
        b'f' => Some((Value::Boolean(false), value.strip_prefix("false")?)),
        b'0'..=b'9' if value.as_bytes().get(4) == Some(&b'-') => {
            const LONGEST: usize = 40;
            let bytes = value.as_bytes().iter().take(LONGEST);
            let is_of_time = |byte: &u8| byte.is_ascii_digit() || b"-:.TZ".contains(byte);
            let (time, after) = value.split_at(bytes.take_while(|byte| is_of_time(byte)).count());
            Some((Value::Time(time.parse().ok()?), after))
        }
        b'[' => {
            let texts = &value[1..];
            let mut rest = texts;
            loop {
                let (_, after) = plain_text(rest.strip_prefix('"')?)?;
                if let Some(end) = after.strip_prefix(']') {
                    let length = texts.len() - after.len();
                    return Some((Value::Texts(&texts[..length]), end));
                }
                rest = after.strip_prefix(", ")?;
            }
        }
        _ => None,
    }
}

/// The string without escapes whose opening quotation mark is before `text`, and the text after it.
fn plain_text(text: &str) -> Option<(&str, &str)> {
    let end = memchr(b'"', text.as_bytes())?;
    let is_special = |byte: u8| byte < b' ' || matches!(byte, b'\\' | 0x7f);
    let (text, rest) = (&text[..end], &text[end + 1..]);
    // Without an early end, so that the compiler takes many bytes at once.
    let has_special = text.bytes().fold(false, |found, byte| found | is_special(byte));
    (!has_special).then_some((text, rest))
}

/// The bare key at the beginning of a text, and the text after it.
fn bare(text: &str) -> (&str, &str) {
    let end = text.bytes().position(|byte| !BARE[byte as usize]).unwrap_or(text.len());
    text.split_at(end)
}

/// Whether a bare key may have a byte.
const BARE: [bool; 256] = {
    let mut bare = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        bare[byte] = (byte as u8).is_ascii_alphanumeric() || matches!(byte as u8, b'-' | b'_');
        byte += 1;
    }
    bare
};
