//! Output: messages on stderr in cargo's style, results on stdout.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the only module that prints")]

use std::fmt::Display;

/// Prints a status line: a verb and its object.
pub(crate) fn status(verb: &str, what: impl Display) {
    eprintln!("{verb:>12} {what}");
}

/// Adds a line to the status above it.
pub(crate) fn detail(text: impl Display) {
    status("", text);
}

/// Prints a note that does not stop the work.
pub(crate) fn note(text: impl Display) {
    eprintln!("note: {text}");
}

/// Prints a command before it runs, so that the reader can repeat it.
pub(crate) fn echo(command: impl Display) {
    eprintln!("\n$ {command}");
}

/// Prints an error with its causes.
pub(crate) fn error(error: &anyhow::Error) {
    eprintln!("error: {error:#}");
}

/// Prints the output of a program on stderr.
pub(crate) fn raw(output: &[u8]) {
    eprint!("{}", String::from_utf8_lossy(output));
}

/// Prints a result.
pub(crate) fn result(text: impl Display) {
    println!("{text}");
}
