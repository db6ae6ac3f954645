//! Usage logs.

use scratchrs_core::{Result, usage};
use scratchrs_model::diagnostic::Diagnostic;

use super::{LOCK_TIMEOUT, now, place};

/// See [`usage::track`].
///
/// # Errors
///
/// As there.
pub fn track_access(depot: &str, space: &str, project: &str) -> Result<Vec<String>> {
    let tracked = usage::track(place(depot, ""), space, project, now(), LOCK_TIMEOUT)?;
    let mut reply = vec![if tracked.recorded { "recorded" } else { "read-only" }.to_owned()];
    reply.extend(tracked.removed_records.iter().map(in_words));
    Ok(reply)
}

/// See [`usage::condense`].
///
/// # Errors
///
/// As there.
pub fn condense_usage(depot: &str) -> Result<Vec<String>> {
    let healed = usage::condense(place(depot, ""), now(), LOCK_TIMEOUT)?;
    Ok(healed.iter().map(in_words).collect())
}

pub(super) fn in_words(diagnostic: &Diagnostic) -> String {
    match diagnostic.line {
        Some(line) => format!("line {line}: {}", diagnostic.message),
        None => diagnostic.message.clone(),
    }
}
