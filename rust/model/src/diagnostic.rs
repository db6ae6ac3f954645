//! A reported problem in a file.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A reported problem in a file, with its position as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Diagnostic {
    /// The line, from 1, if it is known.
    pub line: Option<usize>,
    /// The column, from 1, in characters, if it is known.
    pub column: Option<usize>,
    /// The problem.
    pub message: String,
}

impl Diagnostic {
    /// A problem of a file as a whole.
    pub fn of_file(message: impl Into<String>) -> Self {
        Self { line: None, column: None, message: message.into() }
    }

    /// A problem of a line, counted from 1.
    pub fn of_line(line: usize, message: impl Into<String>) -> Self {
        Self { line: Some(line), column: None, message: message.into() }
    }

    /// A problem at the byte `offset` of `text`.
    pub fn at(text: &str, offset: usize, message: impl Into<String>) -> Self {
        let mut end = offset.min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let before = &text[..end];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            line: Some(before.matches('\n').count() + 1),
            column: Some(before[line_start..].chars().count() + 1),
            message: message.into(),
        }
    }

    /// The problem with its file, such as `/dir/Artifacts.toml:3:5: expected …`.
    pub fn in_file(&self, file: &str) -> String {
        let separator = if self.line.is_some() { ":" } else { ": " };
        format!("{file}{separator}{self}")
    }

    /// The problem with its line, such as `line 3: expected …`, after the name of the file.
    pub fn with_line(&self) -> String {
        match self.line {
            Some(line) => format!("line {line}: {}", self.message),
            None => self.message.clone(),
        }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for place in [self.line, self.column].into_iter().flatten() {
            write!(f, "{place}:")?;
        }
        let separator = if self.line.is_some() { " " } else { "" };
        write!(f, "{separator}{}", self.message)
    }
}

/// The lines of a text, for places that are close to each other: the way from one to the next is
/// counted.
#[derive(Debug)]
pub(crate) struct Lines<'t> {
    text: &'t [u8],
    at: usize,
    line: usize,
}

impl<'t> Lines<'t> {
    pub(crate) fn of(text: &'t [u8]) -> Self {
        Self { text, at: 0, line: 1 }
    }

    /// The line of a byte, from 1.
    pub(crate) fn line(&mut self, at: usize) -> usize {
        let newlines = |part: &[u8]| memchr::memchr_iter(b'\n', part).count();
        match at < self.at {
            true => self.line -= newlines(&self.text[at..self.at]),
            false => self.line += newlines(&self.text[self.at..at]),
        }
        self.at = at;
        self.line
    }

    /// The line and the column of a byte, from 1; no column in a very long line.
    pub(crate) fn place(&mut self, at: usize) -> (usize, Option<usize>) {
        const LONGEST_LINE: usize = 4096;
        let before = &self.text[at.saturating_sub(LONGEST_LINE)..at];
        let begin = match memchr::memrchr(b'\n', before) {
            Some(newline) => Some(newline + 1),
            None => (before.len() == at).then_some(0),
        };
        let column =
            begin.map(|begin| String::from_utf8_lossy(&before[begin..]).chars().count() + 1);
        (self.line(at), column)
    }
}

/// The part of a text that a message shows: a line may have megabytes.
pub(crate) fn brief(text: &str) -> &str {
    const LONGEST: usize = 100;
    text.char_indices().nth(LONGEST).map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_counted_in_lines_and_characters() {
        let text = "a = 1\né = [\n";
        for (offset, place) in [(0, "1:1"), (5, "1:6"), (6, "2:1"), (8, "2:2"), (99, "3:1")] {
            assert_eq!(Diagnostic::at(text, offset, "x").to_string(), format!("{place}: x"));
        }
    }

    #[test]
    fn a_problem_has_its_file_or_its_line_before_it() {
        let in_line = Diagnostic::of_line(3, "x");
        assert_eq!(
            (in_line.in_file("f"), in_line.with_line()),
            ("f:3: x".into(), "line 3: x".into())
        );
        let of_file = Diagnostic::of_file("x");
        assert_eq!((of_file.in_file("f"), of_file.with_line()), ("f: x".into(), "x".into()));
    }
}
