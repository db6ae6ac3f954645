//! The verification of artifacts.

use scratchrs_archive::Change;
use scratchrs_core::artifact::{CorruptArtifact, FileChange, UnreadableArtifact, Verification};
use scratchrs_model::hash::TreeHash;

use crate::Text;
use crate::human::{count, plural, visible};
use crate::style::title;

/// A paragraph for each artifact that is not intact.
pub fn verification(verification: &Verification) -> Text {
    let mut lines = Vec::new();
    for CorruptArtifact { hash, path, actual, differences } in &verification.corrupt {
        lines.push(head("corrupt", hash, path));
        match differences {
            Some(differences) => lines.extend(differences.iter().map(difference)),
            None => lines.push(format!(
                "  its hash is {actual}; no file list was recorded, so the changed files are unknown"
            )),
        }
    }
    for UnreadableArtifact { hash, path, reason } in &verification.unreadable {
        lines.push(head("unreadable", hash, path));
        lines.push(format!("  {}", visible(reason)));
    }
    lines.extend(verification.missing.iter().map(|hash| format!("{} {hash}", title("missing"))));
    Text { lines, ..Text::default() }
}

/// A line about an artifact.
pub(super) fn head(state: &str, hash: &TreeHash, fact: &str) -> String {
    format!("{} {hash}  {}", title(state), visible(fact))
}

fn difference(FileChange { path, change }: &FileChange) -> String {
    let change = match change {
        Change::Missing => "missing",
        Change::Changed => "changed",
        Change::ModeChanged => "mode",
        Change::Extra => "extra",
    };
    format!("  {change:<8} {}", visible(path))
}

/// How many artifacts are not intact or missing, or that all match their hashes.
pub fn verification_total(verification: &Verification) -> String {
    let Verification { sound, corrupt, unreadable, missing } = verification;
    let bad = (corrupt.len() + unreadable.len()) as u64;
    let missing = missing.len() as u64;
    let sound = *sound as u64;
    if bad > 0 {
        let verb = plural(bad, "does not match its hash", "do not match their hashes");
        format!("{bad} of {} {verb}", count(sound + bad, "artifact"))
    } else if missing > 0 {
        format!("{} {} not installed", count(missing, "artifact"), plural(missing, "is", "are"))
    } else {
        let verb = plural(sound, "matches its hash", "match their hashes");
        format!("{} {verb}", count(sound, "artifact"))
    }
}
