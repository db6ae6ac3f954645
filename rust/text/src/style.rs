//! What is marked, and how.

use anstyle::{AnsiColor, Style};

/// What marks something that was done.
const DONE: Style = AnsiColor::Green.on_default().bold();
/// The titles of a table.
const TITLE: Style = Style::new().bold();
/// What is said beside the matter.
const ASIDE: Style = Style::new().dimmed();

/// A word that says that something was done.
pub fn done(word: &str) -> String {
    format!("{DONE}{word}{DONE:#}")
}

/// The titles of a table.
pub fn title(text: &str) -> String {
    format!("{TITLE}{text}{TITLE:#}")
}

/// What is said beside the matter.
pub fn aside(text: &str) -> String {
    format!("{ASIDE}{text}{ASIDE:#}")
}
