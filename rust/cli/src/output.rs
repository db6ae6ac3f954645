//! Results on standard output, talk on standard error.

use std::io::{self, Write};

use anstream::AutoStream;
use clap::ColorChoice;
use clap::builder::styling::{AnsiColor, Style};
use serde::Serialize;

pub(crate) use scratchrs_text::{aside, done, title};

use crate::environment::Environment;
use crate::failure::{Code, Failure, Result};

/// What marks an error.
const ERROR: Style = AnsiColor::Red.on_default().bold();
/// What marks a note or a warning.
const NOTE: Style = AnsiColor::Yellow.on_default().bold();
/// What marks a hint.
const HINT: Style = AnsiColor::Cyan.on_default().bold();
/// Whom the output is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Text,
    Json,
}

/// Both ends of the output. Each takes colours away where they do not belong.
pub(crate) struct Output {
    format: Format,
    stdout: AutoStream<io::StdoutLock<'static>>,
    stderr: AutoStream<io::Stderr>,
    has_colour: bool,
    /// What was to be said, for the JSON value to come.
    notes: Vec<String>,
}

impl Output {
    pub(crate) fn new(format: Format, color: ColorChoice, environment: &Environment) -> Self {
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
            notes: Vec::new(),
        }
    }

    pub(crate) fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// Whether what is said has colours.
    pub(crate) fn has_colour(&self) -> bool {
        self.has_colour
    }

    /// Prints the lines of a result. A reader that went away has seen enough.
    pub(crate) fn result(&mut self, lines: &str) -> Result<()> {
        match self.stdout.write_all(lines.as_bytes()).and_then(|()| self.stdout.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                let message = format!("can't write to standard output: {error}");
                Err(Failure::new(Code::Io, message))
            }
            _ => Ok(()),
        }
    }

    /// Prints the result as JSON, with what was to be said as its field `notes`.
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

    /// Says something that the user should know and may want to act on.
    pub(crate) fn note(&mut self, note: &str, hint: Option<&str>) {
        if self.is_json() {
            self.notes.push(note.to_owned());
            return;
        }
        self.say(&format!("{NOTE}note{NOTE:#}: {note}\n"));
        if let Some(hint) = hint {
            self.say(&format!("{HINT}hint{HINT:#}: {hint}\n"));
        }
    }

    /// Says in text what the JSON value says in its own way.
    pub(crate) fn talk(&mut self, text: &str) {
        if !self.is_json() {
            self.say(&format!("{text}\n"));
        }
    }

    /// Asks for an answer in the same line.
    pub(crate) fn ask(&mut self, question: &str) {
        self.say(&format!("{question} "));
    }

    pub(crate) fn failure(&mut self, failure: &Failure) {
        #[derive(Serialize)]
        struct Answer<'a> {
            error: &'a Failure,
        }
        let json = serde_json::to_string(&Answer { error: failure });
        match json {
            Ok(json) if self.is_json() => self.say(&(json + "\n")),
            // The user's own decision is no error in the user's eyes.
            _ if matches!(failure.code, Code::Declined | Code::Interrupted) => {
                self.say(&format!("{}\n", failure.message))
            }
            _ => {
                self.say(&format!("{ERROR}error{ERROR:#}: {}\n", failure.message));
                if let Some(hint) = &failure.hint {
                    self.say(&format!("{HINT}hint{HINT:#}: {hint}\n"));
                }
            }
        }
    }

    /// A closed stream is no error.
    fn say(&mut self, text: &str) {
        let _ = self.stderr.write_all(text.as_bytes()).and_then(|()| self.stderr.flush());
    }
}
