//! Colours.

use anstyle::{AnsiColor, Style};

const DONE: Style = AnsiColor::Green.on_default().bold();
const TITLE: Style = Style::new().bold();
const ASIDE: Style = Style::new().dimmed();
const ERROR: Style = AnsiColor::Red.on_default().bold();
const NOTE: Style = AnsiColor::Yellow.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default().bold();

/// The verb for what was done.
pub fn done(verb: &str) -> String {
    styled(verb, DONE)
}

/// The titles of a table, or the word at the head of a paragraph.
pub(crate) fn title(text: &str) -> String {
    styled(text, TITLE)
}

/// Less important text.
pub(crate) fn aside(text: &str) -> String {
    styled(text, ASIDE)
}

/// An error.
pub fn error(message: &str) -> String {
    format!("{}: {message}", styled("error", ERROR))
}

/// What the user should know.
pub(crate) fn note(message: &str) -> String {
    format!("{}: {message}", styled("note", NOTE))
}

/// What the user can do.
pub fn hint(message: &str) -> String {
    format!("{}: {message}", styled("hint", HINT))
}

fn styled(text: &str, style: Style) -> String {
    format!("{style}{text}{style:#}")
}
