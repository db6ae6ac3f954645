//! Diagnostics of a usage log.

use scratchrs_model::diagnostic::Diagnostic;

use crate::human::{count, visible};
use crate::session::Session;

/// Prints the diagnostics of a usage log in text mode, with `consequence`: what happens to the lines.
pub(crate) fn report(
    session: &mut Session,
    log: &str,
    diagnostics: &[Diagnostic],
    consequence: &str,
) {
    if !diagnostics.is_empty() && !session.output.is_json() {
        let faults = count(diagnostics.len() as u64, "fault");
        let mut note = format!("the log of uses `{log}` has {faults}, {consequence}:");
        for Diagnostic { line, message, .. } in diagnostics {
            note.push_str("\n  ");
            if let Some(line) = line {
                note.push_str(&format!("line {line}: "));
            }
            note.push_str(&visible(message));
        }
        session.output.note(&note, None);
    }
}
