//! What an audit found, as text.

use scratchrs_jll::audit::Finding;
use scratchrs_text::Note;
use scratchrs_text::human::{count, visible};

/// A line for each finding, and one for its hint.
pub(super) fn as_text(findings: &[Finding]) -> Vec<String> {
    let mut lines = Vec::new();
    for finding in findings {
        lines.push(sentence(finding));
        lines.extend(finding.hint.as_ref().map(|hint| format!("  {}", visible(hint))));
    }
    lines
}

/// A note for each finding.
pub(super) fn as_notes(findings: &[Finding]) -> Vec<Note> {
    let note = |finding: &Finding| Note {
        message: sentence(finding),
        hint: finding.hint.as_deref().map(visible),
    };
    findings.iter().map(note).collect()
}

/// How many errors there are.
pub(super) fn total(errors: &[Finding]) -> String {
    format!("the audit found {}", count(errors.len() as u64, "error"))
}

fn sentence(finding: &Finding) -> String {
    let Finding { platform, path, message, .. } = finding;
    let place: Vec<&str> = std::iter::once(&**platform).chain(path.as_deref()).collect();
    format!("{}: {}", visible(&place.join(": ")), visible(message))
}
