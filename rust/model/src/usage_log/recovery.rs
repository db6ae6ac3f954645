//! Logs that are no TOML: each record that can be read is, whatever stands before and behind it.
//!
//! A position goes through the text and never back. Where neither a header nor a field can be read,
//! the text is passed over up to the next place at which one may begin: the next line, or the next
//! `[[`, since a writer may have been stopped anywhere and another one have gone on there.
//!
//! Time is linear in the bytes: a header that cannot be read costs no more than the way to the next
//! place where one may begin. Lists may cost more; what all of them that cannot be read may cost
//! together is limited.

use std::borrow::Cow;

use memchr::{memchr2, memmem};

use super::{Damage, PARENT_PROJECTS, Record, Room, TIME, UsageLog, basic_string, beginning};
use crate::diagnostic::Diagnostic;
use crate::time::DepotTime;

/// How many diagnostics are told one by one.
pub(super) const MOST_SKIPPED: usize = 100;

/// Reads a log in any state.
pub(super) fn read(bytes: &[u8]) -> (UsageLog, Damage) {
    let mut recovery = Recovery::new(bytes);
    for chunk in bytes.utf8_chunks() {
        recovery.text(chunk.valid());
        if !chunk.invalid().is_empty() {
            recovery.not_unicode(chunk.invalid().len());
        }
    }
    recovery.finish()
}

struct Recovery<'t> {
    bytes: &'t [u8],
    log: UsageLog,
    skipped: Vec<Diagnostic>,
    /// How many diagnostics are not among those.
    untold: usize,
    /// The record that the next fields belong to. None after a header that could not be read.
    current: Option<(String, Record)>,
    /// Where the text that is being read begins in the log.
    begin: usize,
    /// The line of a byte of the log: both go on together.
    line: usize,
    counted: usize,
    /// The line of the last diagnostic: a line is told once.
    last_fault: usize,
    /// How many bytes of headers and fields were read, and how many bytes could not be read because
    /// they are no text.
    readable: usize,
    no_text: usize,
    unreadable: usize,
    /// How many bytes may yet be read in vain. With none, the rest is passed over.
    budget: usize,
    room: Room,
}

impl<'t> Recovery<'t> {
    fn new(bytes: &'t [u8]) -> Self {
        Self {
            bytes,
            log: UsageLog::default(),
            skipped: Vec::new(),
            untold: 0,
            current: None,
            begin: 0,
            line: 1,
            counted: 0,
            last_fault: 0,
            readable: 0,
            no_text: 0,
            unreadable: 0,
            budget: 8 * bytes.len(),
            room: Room::of(bytes.len()),
        }
    }

    /// Reads a part of the log that is Unicode.
    fn text(&mut self, text: &'t str) {
        let mut rest = text;
        while let Some(first) = rest.bytes().next() {
            let at = self.begin + text.len() - rest.len();
            let after = match first {
                b' ' | b'\t' | b'\n' | b'\r' => Some(&rest[1..]),
                b'#' => Some(&rest[line_end(rest)..]),
                b'[' => {
                    self.finish_record();
                    self.header(rest)
                }
                _ => self.field(rest, at),
            };
            let is_read = after.is_some();
            let next = after.unwrap_or_else(|| self.torn(rest, at));
            if is_read && !first.is_ascii_whitespace() {
                self.readable += rest.len() - next.len();
            }
            rest = next;
        }
        self.begin += text.len();
    }

    /// Reads a header, and returns what follows on it.
    fn header(&mut self, text: &'t str) -> Option<&'t str> {
        let (path, rest) = key(blanks(text.strip_prefix("[[")?))?;
        let rest = blanks(rest).strip_prefix("]]")?;
        if self.room.take(Room::RECORD).is_none() {
            self.budget = 0;
            return None;
        }
        self.current = Some((path.into_owned(), Record::default()));
        Some(rest)
    }

    /// Reads a field, and returns what follows on it.
    fn field(&mut self, text: &'t str, at: usize) -> Option<&'t str> {
        let (key, rest) = key(text)?;
        let value = blanks(blanks(rest).strip_prefix('=')?);
        let rest = match &*key {
            TIME => {
                let (time, rest) = time(value)?;
                self.set(at, |record| record.time = record.time.max(Some(time)));
                rest
            }
            PARENT_PROJECTS => {
                let mut parents = Vec::new();
                match strings(value, &mut parents, self.room.left) {
                    Ok(rest) => {
                        self.room.take(parents.len())?;
                        self.set(at, |record| record.parent_projects.extend(parents));
                        rest
                    }
                    Err(rest) => {
                        let read_in_vain = value.len() - rest.len() + line_end(rest);
                        self.budget = self.budget.saturating_sub(read_in_vain);
                        return None;
                    }
                }
            }
            key => {
                // So that a line with many of them is not read again and again.
                if self.line_at(at) == self.last_fault {
                    return None;
                }
                let (value, rest) = value.split_at(line_end(value));
                let value = self.room.other(value)?;
                let key = key.to_owned();
                self.set(at, |record| drop(record.others.insert(key, value)));
                rest
            }
        };
        Some(rest)
    }

    fn set(&mut self, at: usize, set: impl FnOnce(&mut Record)) {
        match &mut self.current {
            Some((_, record)) => set(record),
            None => self.skip(at, || "the line belongs to no record".to_owned()),
        }
    }

    /// Passes over what cannot be read, and returns what follows on it.
    fn torn(&mut self, text: &'t str, at: usize) -> &'t str {
        let end = match self.budget {
            0 => text.len(),
            _ => next_begin(text),
        };
        let passed = &text[..end];
        self.unreadable += passed.len();
        self.no_text += passed.bytes().filter(|byte| is_no_text(*byte)).count();
        self.skip(at, || format!("the line is torn: `{}`", beginning(passed).escape_debug()));
        &text[end..]
    }

    /// Passes over bytes that are no Unicode.
    fn not_unicode(&mut self, length: usize) {
        let line_start = memchr::memrchr(b'\n', &self.bytes[self.counted..self.begin]);
        let line_start = line_start.map_or(self.counted, |at| self.counted + at + 1);
        if self.bytes[line_start..self.begin].trim_ascii_start().starts_with(b"[") {
            self.finish_record();
        }
        let at = self.begin;
        let line = self.line_at(at);
        if self.last_fault == line
            && let Some(last) = self.skipped.last_mut().filter(|last| last.line == Some(line))
        {
            last.message = NOT_UNICODE.to_owned();
        }
        self.skip(at, || NOT_UNICODE.to_owned());
        self.unreadable += length;
        self.no_text += length;
        self.begin += length;
    }

    fn finish_record(&mut self) {
        if let Some((path, record)) = self.current.take() {
            self.log.insert(path, record);
        }
    }

    /// The line of a byte, which is not before those of which the line was asked for.
    fn line_at(&mut self, at: usize) -> usize {
        if at > self.counted {
            self.line += memchr::memchr_iter(b'\n', &self.bytes[self.counted..at]).count();
            self.counted = at;
        }
        self.line
    }

    fn skip(&mut self, at: usize, reason: impl FnOnce() -> String) {
        let line = self.line_at(at);
        if line == self.last_fault {
            return;
        }
        self.last_fault = line;
        match self.skipped.len() < MOST_SKIPPED {
            true => self.skipped.push(Diagnostic::of_line(line, reason())),
            false => self.untold += 1,
        }
    }

    fn finish(mut self) -> (UsageLog, Damage) {
        self.finish_record();
        if self.untold > 0 {
            let reason = format!("{} more lines cannot be read", self.untold);
            self.skipped.push(Diagnostic::of_file(reason));
        }
        let is_empty = self.log.entries.is_empty();
        let is_nothing = is_empty && self.unreadable > 0 && !is_half_a_record(self.bytes);
        let is_lost = is_nothing || self.no_text > self.readable || self.budget == 0;
        (self.log, Damage { skipped: self.skipped, is_lost })
    }
}

const NOT_UNICODE: &str = "the line is not UTF-8";

/// Whether a log is the beginning of one record, as a writer leaves it that is stopped at its first
/// record.
fn is_half_a_record(bytes: &[u8]) -> bool {
    let text = bytes.trim_ascii_start();
    let is_begun = text.starts_with(b"[[") || b"[[".starts_with(text);
    let has_another = text.get(2..).is_some_and(|rest| memmem::find(rest, b"[[").is_some());
    is_begun && !has_another && !text.iter().any(|byte| is_no_text(*byte) || !byte.is_ascii())
}

/// Whether a byte stands in no text.
fn is_no_text(byte: u8) -> bool {
    byte == 0x7f || byte < b' ' && !byte.is_ascii_whitespace()
}

/// Where the line ends.
fn line_end(text: &str) -> usize {
    memchr2(b'\n', b'\r', text.as_bytes()).unwrap_or(text.len())
}

/// The next place, not the first byte, where a header or a field may begin.
fn next_begin(text: &str) -> usize {
    let bytes = text.as_bytes();
    if let Some(rest) = text.strip_prefix('\u{feff}') {
        return text.len() - rest.len();
    }
    if is_no_text(bytes[0]) {
        return bytes.iter().position(|byte| !is_no_text(*byte)).unwrap_or(bytes.len());
    }
    let begins = |at: usize| match bytes[at] {
        b'\n' | b'\r' => true,
        b'[' => at > 0 && bytes.get(at + 1) == Some(&b'['),
        byte => is_no_text(byte),
    };
    // A byte that is not the first of its character is none of these.
    (0..bytes.len()).find(|at| begins(*at)).unwrap_or(bytes.len())
}

/// What follows on blanks.
fn blanks(text: &str) -> &str {
    text.trim_start_matches([' ', '\t'])
}

/// What follows on blanks and ends of lines.
fn lines(text: &str) -> &str {
    text.trim_start_matches([' ', '\t', '\n', '\r'])
}

/// The key that a text begins with, and what follows.
fn key(text: &str) -> Option<(Cow<'_, str>, &str)> {
    if text.starts_with(['"', '\'']) {
        return string(text);
    }
    let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let end = text.bytes().position(|byte| !is_bare(byte)).unwrap_or(text.len());
    (end > 0).then(|| (Cow::Borrowed(&text[..end]), &text[end..]))
}

/// The string that a text begins with, and what follows.
fn string(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let Some(text) = text.strip_prefix('\'') else { return basic_string(text) };
    let end = text.bytes().position(|byte| byte == b'\'' || byte.is_ascii_control())?;
    let rest = text[end..].strip_prefix('\'')?;
    Some((Cow::Borrowed(&text[..end]), rest))
}

/// Reads a string, or an array of them, and returns what follows.
///
/// # Errors
///
/// Where it is neither, or there are more than `most`.
fn strings<'t>(text: &'t str, strings: &mut Vec<String>, most: usize) -> Result<&'t str, &'t str> {
    let Some(mut rest) = text.strip_prefix('[') else {
        let (only, rest) = string(text).ok_or(text)?;
        strings.push(only.into_owned());
        return Ok(rest);
    };
    loop {
        rest = lines(rest);
        if let Some(after) = rest.strip_prefix(']') {
            return Ok(after);
        }
        let (next, after) = string(rest).filter(|_| strings.len() < most).ok_or(rest)?;
        strings.push(next.into_owned());
        rest = lines(after);
        match rest.strip_prefix(',') {
            Some(after) => rest = after,
            None => return rest.strip_prefix(']').ok_or(rest),
        }
    }
}

/// The time that a text begins with, and what follows.
fn time(text: &str) -> Option<(DepotTime, &str)> {
    const LONGEST: usize = 48;
    let bytes = &text.as_bytes()[..text.len().min(LONGEST)];
    let is_of_time = |(index, byte): (usize, &u8)| {
        byte.is_ascii_digit()
            || matches!(byte, b'-' | b':' | b'.' | b'+' | b'T' | b't' | b'Z' | b'z')
            || *byte == b' ' && index == 10 && bytes.get(11).is_some_and(u8::is_ascii_digit)
    };
    let end = bytes.iter().enumerate().position(|place| !is_of_time(place)).unwrap_or(bytes.len());
    let time = DepotTime::from_toml(&text.get(..end)?.parse().ok()?)?;
    Some((time, &text[end..]))
}
