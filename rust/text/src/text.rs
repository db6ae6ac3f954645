//! A result as text.

use std::fmt::{self, Display, Formatter};

use crate::style;

/// A result as text. Lines have colours, which [`plain`] removes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    /// The result, for standard output.
    pub lines: Vec<String>,
    /// What the user should know beside the result, for standard error.
    pub notes: Vec<Note>,
    /// What was done, or a total, for standard error.
    pub summary: Vec<String>,
}

/// What the user should know beside a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The fact.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Text {
    /// One line of result.
    pub fn line(line: impl Into<String>) -> Self {
        Self { lines: vec![line.into()], ..Self::default() }
    }

    /// The same with a note.
    pub fn note(mut self, note: Note) -> Self {
        self.notes.push(note);
        self
    }

    /// The same with a sentence in the summary.
    pub fn sentence(mut self, sentence: impl Into<String>) -> Self {
        self.summary.push(sentence.into());
        self
    }

    /// The same with what was done in the summary: a verb, which is marked, and a fact.
    pub fn done(self, verb: &str, fact: impl Display) -> Self {
        self.sentence(format!("{} {fact}", style::done(verb)))
    }
}

impl Display for Text {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let notes = self.notes.iter().map(ToString::to_string);
        let all = self.lines.iter().cloned().chain(notes).chain(self.summary.iter().cloned());
        f.write_str(&all.collect::<Vec<_>>().join("\n"))
    }
}

impl Note {
    /// A fact without a hint.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    /// The same with a hint.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl<T: Into<String>> From<T> for Note {
    fn from(message: T) -> Self {
        Self::new(message)
    }
}

impl Display for Note {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&style::note(&self.message))?;
        match &self.hint {
            Some(hint) => write!(f, "\n{}", style::hint(hint)),
            None => Ok(()),
        }
    }
}

/// A text without its colours.
pub fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}
