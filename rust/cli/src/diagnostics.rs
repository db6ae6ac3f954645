//! Diagnostics of a usage log.

use scratchrs_model::diagnostic::Diagnostic;
use serde::Serialize;

use crate::human::{count, visible};
use crate::session::Session;

/// A diagnostic of a usage log, as JSON has it.
#[derive(Serialize)]
pub(crate) struct LogDiagnostic {
    line: Option<usize>,
    reason: String,
}

/// The diagnostics of a usage log, for JSON. In text mode they are printed here, with `consequence`:
/// what happens to the lines.
pub(crate) fn report(
    session: &mut Session,
    log: &str,
    diagnostics: Vec<Diagnostic>,
    consequence: &str,
) -> Vec<LogDiagnostic> {
    if !diagnostics.is_empty() && !session.output.is_json() {
        let faults = count(diagnostics.len() as u64, "fault");
        let mut note = format!("the log of uses `{log}` has {faults}, {consequence}:");
        for Diagnostic { line, message, .. } in &diagnostics {
            note.push_str("\n  ");
            if let Some(line) = line {
                note.push_str(&format!("line {line}: "));
            }
            note.push_str(&visible(message));
        }
        session.output.note(&note, None);
    }
    let of = |Diagnostic { line, message, .. }| LogDiagnostic { line, reason: message };
    diagnostics.into_iter().map(of).collect()
}
