//! Problems in files.

use scratchrs_model::diagnostic::Diagnostic;

use crate::Note;
use crate::human::visible;

/// Problems of a usage log, if there are any, and when it is repaired.
pub fn usage_log(log: &str, diagnostics: &[Diagnostic], repaired: &str) -> Option<Note> {
    let line = |diagnostic: &Diagnostic| format!("\n  {}", visible(&diagnostic.with_line()));
    let lines: String = diagnostics.iter().map(line).collect();
    let note = || Note::new(format!("the usage log `{log}` is damaged ({repaired}):{lines}"));
    (!diagnostics.is_empty()).then(note)
}
