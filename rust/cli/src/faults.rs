//! What nobody can read in the log of uses.

use scratchrs_model::usage_log::Skipped;
use serde::Serialize;

use crate::human::{count, visible};
use crate::session::Session;

/// One fault, as JSON holds it.
#[derive(Serialize)]
pub(crate) struct Fault {
    line: Option<usize>,
    reason: String,
}

/// The faults of a log, for JSON. In text they are told here and now, with `consequence`, what
/// becomes of them.
pub(crate) fn report(
    session: &mut Session,
    log: &str,
    skipped: Vec<Skipped>,
    consequence: &str,
) -> Vec<Fault> {
    if !skipped.is_empty() && !session.output.is_json() {
        let faults = count(skipped.len() as u64, "fault");
        let mut note = format!("the log of uses `{log}` has {faults}, {consequence}:");
        for Skipped { line, reason } in &skipped {
            note.push_str("\n  ");
            if let Some(line) = line {
                note.push_str(&format!("line {line}: "));
            }
            note.push_str(&visible(reason));
        }
        session.output.note(&note, None);
    }
    skipped.into_iter().map(|Skipped { line, reason }| Fault { line, reason }).collect()
}
