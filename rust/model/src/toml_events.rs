//! TOML as a sequence of events: the only reader of texts that decide about deletion.
//!
//! A collection reads files of any size and in any state. A tree of values would take many times
//! the memory of its text; here each header and each value is passed to a [`Receiver`] as soon as
//! it is read, and nothing else is stored. Tokens and strings are those of the `toml_parser` crate.
//!
//! [`read`] stops at the first error. [`salvage`] continues after it, for files with independent
//! lines.
//!
//! Time is linear in the bytes of the text, and memory is constant: keys after the fourth of a path
//! are only counted, and very deeply nested values are invalid.
//!
//! # Compatibility
//!
//! A text that is not TOML is an error, except for forbidden repetitions: a key or a table that is
//! defined twice, and a value that is also a table. All definitions are passed on, so that a
//! collection keeps the references of each. A receiver that allows no repetition uses
//! [`Definitions`].

mod definitions;
mod grammar;
mod plain;
mod salvage;

use std::borrow::Cow;

use toml::value::Datetime;

use crate::diagnostic::Diagnostic;

pub(crate) use definitions::Definitions;
pub(crate) use salvage::{Damage, salvage};

/// The number of stored keys of a path.
const STORED_KEYS: usize = 4;

/// The keys from the top of a text to a value.
#[derive(Clone, Debug, Default)]
pub(crate) struct Path<'t> {
    keys: [Cow<'t, str>; STORED_KEYS],
    length: usize,
}

impl<'t> Path<'t> {
    /// The number of keys.
    pub(crate) fn len(&self) -> usize {
        self.length
    }

    /// A key, counted from the top; empty after the fourth.
    pub(crate) fn key(&self, index: usize) -> &str {
        self.keys[..self.length.min(STORED_KEYS)].get(index).map_or("", |key| key)
    }

    /// A key that can be stored longer than the path.
    pub(crate) fn take(&self, index: usize) -> Cow<'t, str> {
        self.keys.get(index).cloned().unwrap_or_default()
    }

    fn push(&mut self, key: Cow<'t, str>) {
        if let Some(place) = self.keys.get_mut(self.length) {
            *place = key;
        }
        self.length += 1;
    }
}

/// A value without values in it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Scalar<'t> {
    Text(Cow<'t, str>),
    Boolean(bool),
    Time(Datetime),
    Integer(i64),
    Float,
}

/// A header or a value of a text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Event<'t> {
    /// `[a.b]`
    Table,
    /// `[[a.b]]`
    Element,
    /// `{`: an inline table begins.
    OpenTable,
    /// `[`: an array begins.
    OpenArray,
    /// The inline table, or the array, at the path ends.
    Close,
    Scalar(Scalar<'t>),
}

impl Event<'_> {
    /// The type of the value, for error messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Table | Self::OpenTable => "table",
            Self::Element | Self::OpenArray | Self::Close => "array",
            Self::Scalar(Scalar::Text(_)) => "string",
            Self::Scalar(Scalar::Boolean(_)) => "boolean",
            Self::Scalar(Scalar::Time(_)) => "datetime",
            Self::Scalar(Scalar::Integer(_)) => "integer",
            Self::Scalar(Scalar::Float) => "float",
        }
    }
}

/// The position of an event.
#[derive(Debug)]
pub(crate) struct Place<'a, 't> {
    pub(crate) path: &'a Path<'t>,
    /// The number of arrays around the value, counted from the last key of its path.
    pub(crate) arrays: usize,
    /// Its first byte in the text.
    pub(crate) at: usize,
    /// The first byte of the key before it.
    pub(crate) key_at: usize,
    /// The byte after it, for a scalar and the end of an array or an inline table.
    pub(crate) end: usize,
}

/// A receiver of events.
pub(crate) trait Receiver<'t> {
    /// Receives an event.
    ///
    /// # Errors
    ///
    /// The reason and position if the text is invalid. [`read`] stops there; [`salvage`] continues
    /// after the header, or the key and value.
    fn receive(&mut self, place: Place<'_, 't>, event: Event<'t>) -> Step;

    /// Receives damage. Events of the damaged key and value may have been received before.
    fn damaged(&mut self, _: Damage<'t>) {}
}

/// Reads a text to its end.
///
/// # Errors
///
/// The first position at which the text is not TOML, or at which the receiver refuses it.
pub(crate) fn read<'t>(text: &'t str, receiver: &mut impl Receiver<'t>) -> Result<(), Diagnostic> {
    let read = grammar::Reader::strict(text).document(receiver);
    read.map_err(|Stop { at, message }| Diagnostic::at(text, at, message))
}

/// A receiver that accepts all events.
struct Anything;

impl<'t> Receiver<'t> for Anything {
    fn receive(&mut self, _: Place<'_, 't>, _: Event<'t>) -> Step {
        Ok(())
    }
}

/// Why `text` is not TOML: the error of `toml`, but with the message that `read` has for the same text.
pub fn syntax_error(text: &str, error: &toml::de::Error) -> Diagnostic {
    let message = error.message().trim_end().replace('\n', ", ");
    let diagnostic = || match error.span() {
        Some(span) => Diagnostic::at(text, span.start, message),
        None => Diagnostic::of_file(message),
    };
    read(text, &mut Anything).err().unwrap_or_else(diagnostic)
}

/// The byte after the line of a byte.
pub(crate) fn line_end(text: &str, at: usize) -> usize {
    let rest = &text.as_bytes()[at..];
    at + memchr::memchr(b'\n', rest).map_or(rest.len(), |newline| newline + 1)
}

/// The reason and position of the early end of reading.
#[derive(Debug)]
pub(crate) struct Stop {
    pub(crate) at: usize,
    pub(crate) message: String,
}

pub(crate) type Step<T = ()> = Result<T, Stop>;

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::pieces;
