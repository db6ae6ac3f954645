//! What people see: talk on stderr in cargo's manner, results on stdout.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is where a program prints")]

use std::fmt::Display;

/// Says what was done or is being done: a verb, and to what.
pub(crate) fn status(verb: &str, what: impl Display) {
    eprintln!("{verb:>12} {what}");
}

/// Adds a line to the status above it.
pub(crate) fn detail(text: impl Display) {
    status("", text);
}

/// Says what was left out, and why: nothing that stops the work.
pub(crate) fn note(text: impl Display) {
    eprintln!("note: {text}");
}

/// Shows a command that is about to run, so that the reader can repeat it.
pub(crate) fn echo(command: impl Display) {
    eprintln!("\n$ {command}");
}

/// Says what went wrong, and because of what.
pub(crate) fn error(error: &anyhow::Error) {
    eprintln!("error: {error:#}");
}

/// Prints a result.
pub(crate) fn result(text: impl Display) {
    println!("{text}");
}
