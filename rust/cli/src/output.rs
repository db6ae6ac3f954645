//! Results on standard output, everything else on standard error.

use std::fmt::Display;
use std::io::{self, Write};

use anstream::AutoStream;
use clap::ColorChoice;
use scratchrs_text::human::visible;
use scratchrs_text::{Note, Text, error, hint};
use serde::Serialize;

use crate::environment::Environment;
use crate::failure::{Code, Failure, Result};

/// The format of results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Text,
    Json,
}

/// Standard output and standard error. Each removes colours where they are not wanted.
pub(crate) struct Output {
    format: Format,
    stdout: AutoStream<io::StdoutLock<'static>>,
    stderr: AutoStream<io::Stderr>,
    has_colour: bool,
    /// Whether only results and errors are printed.
    is_quiet: bool,
    /// The notes for the JSON value.
    notes: Vec<String>,
}

impl Output {
    pub(crate) fn new(
        format: Format,
        color: ColorChoice,
        is_quiet: bool,
        environment: &Environment,
    ) -> Self {
        let choice = |is_terminal: bool| match color {
            ColorChoice::Always => anstream::ColorChoice::Always,
            ColorChoice::Auto if is_terminal && !environment.is_plain => {
                anstream::ColorChoice::Always
            }
            ColorChoice::Auto | ColorChoice::Never => anstream::ColorChoice::Never,
        };
        let stderr = choice(environment.stderr_is_terminal);
        Self {
            format,
            stdout: AutoStream::new(io::stdout().lock(), choice(environment.stdout_is_terminal)),
            stderr: AutoStream::new(io::stderr(), stderr),
            has_colour: stderr == anstream::ColorChoice::Always,
            is_quiet,
            notes: Vec::new(),
        }
    }

    pub(crate) fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// Whether standard error gets progress: not beside JSON.
    pub(crate) fn has_progress(&self) -> bool {
        !self.is_json() && !self.is_quiet
    }

    /// Whether the result of a command that changes something is printed.
    pub(crate) fn has_reports(&self) -> bool {
        self.is_json() || !self.is_quiet
    }

    /// Whether standard error has colours.
    pub(crate) fn has_colour(&self) -> bool {
        self.has_colour
    }

    /// Prints a result as text.
    pub(crate) fn text(&mut self, text: Text) -> Result<()> {
        let lines: String = text.lines.iter().map(|line| format!("{line}\n")).collect();
        self.result(&lines)?;
        for note in text.notes {
            self.note(note);
        }
        if !self.is_quiet {
            for line in text.summary {
                self.write_stderr(&format!("{line}\n"));
            }
        }
        Ok(())
    }

    /// Prints a result as JSON, with the notes so far as its field `notes`.
    pub(crate) fn json(&mut self, value: &impl Serialize) -> Result<()> {
        #[derive(Serialize)]
        struct Answer<'a, T> {
            #[serde(flatten)]
            value: &'a T,
            notes: &'a [String],
        }
        let text = serde_json::to_string_pretty(&Answer { value, notes: &self.notes });
        let text = text.map_err(|error| Failure::new(Code::Internal, error.to_string()))?;
        self.result(&(text + "\n"))
    }

    /// Prints to standard output. A closed pipe is not an error.
    pub(crate) fn result(&mut self, text: &str) -> Result<()> {
        match self.stdout.write_all(text.as_bytes()).and_then(|()| self.stdout.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                let message = format!("can't write to standard output: {error}");
                Err(Failure::new(Code::Io, message))
            }
            _ => Ok(()),
        }
    }

    /// Prints a note, or keeps it for the JSON value.
    pub(crate) fn note(&mut self, note: impl Into<Note>) {
        let note = note.into();
        if self.is_json() {
            self.notes.push(note.message);
        } else if !self.is_quiet {
            self.write_stderr(&format!("{note}\n"));
        }
    }

    /// Prints notes with text of unknown origin.
    pub(crate) fn notes(&mut self, notes: impl IntoIterator<Item = impl Display>) {
        for note in notes {
            self.note(visible(&note.to_string()));
        }
    }

    /// Asks a question; the answer is typed in the same line.
    pub(crate) fn ask(&mut self, question: &str) {
        self.write_stderr(&format!("{question} "));
    }

    pub(crate) fn failure(&mut self, failure: &Failure) {
        #[derive(Serialize)]
        struct Answer<'a> {
            error: &'a Failure,
        }
        let json = serde_json::to_string(&Answer { error: failure });
        let text = match json {
            Ok(json) if self.is_json() => json,
            // These are decisions of the user.
            _ if matches!(failure.code, Code::Declined | Code::Interrupted) => {
                failure.message.clone()
            }
            _ => error(&failure.message),
        };
        self.write_stderr(&format!("{text}\n"));
        if let (Some(text), false) = (&failure.hint, self.is_json()) {
            self.write_stderr(&format!("{}\n", hint(text)));
        }
    }

    /// A closed stream is not an error.
    fn write_stderr(&mut self, text: &str) {
        let _ = self.stderr.write_all(text.as_bytes()).and_then(|()| self.stderr.flush());
    }
}
