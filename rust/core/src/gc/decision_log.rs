//! The decisions of a collection in the debug log. Nothing is formatted unless it is enabled.

use std::fmt;

use scratchrs_model::collection::{DepotPlan, Reason, Reference, Roots, State};

use super::state::CollectionState;

/// Logs the roots that are missing or cannot be read, and the decision on each item with its reason.
pub(super) fn log_decisions(state: &CollectionState, plans: &[DepotPlan]) {
    if !log::log_enabled!(log::Level::Debug) {
        return;
    }
    let roots = &state.logged.roots;
    let mut missing: Vec<&String> = state.logged.missing.iter().collect();
    missing.sort();
    for path in missing {
        log::debug!("`{path}` does not exist: it references nothing");
    }
    for unreadable in &roots.unreadable {
        let kinds: Vec<_> = unreadable.kinds.iter().map(|kind| kind.directory()).collect();
        let kinds = kinds.join(" and ");
        log::debug!(
            "`{}` is unreadable, everything in {kinds} is kept: {}",
            unreadable.path,
            unreadable.diagnostic
        );
    }
    for planned in state.items(plans) {
        let path = state.path(planned.depot, planned.item);
        let referenced_by = &planned.decision.referenced_by;
        match (planned.decision.state, referenced_by.first()) {
            (State::Retained, Some(first)) => {
                let more = referenced_by.len() - 1;
                let others = if more == 0 { String::new() } else { format!(" and {more} more") };
                log::debug!("keeping `{path}`: referenced by {}{others}", Root(roots, first));
            }
            (State::Retained, None) => log::debug!("keeping `{path}`: its store is in use"),
            (State::Orphaned { since, until }, _) => {
                log::debug!("keeping `{path}` until {until}: unreachable since {since}");
            }
            (State::Deletable(reason), _) => {
                log::debug!("`{path}` is deletable: {}", reason_of(reason));
            }
        }
    }
}

/// The reason of a deletion.
pub(super) fn reason_of(reason: Reason) -> &'static str {
    match reason {
        Reason::Unreachable => "unreachable for longer than the collection delay",
        Reason::Unused => "a scratch space that was not used for longer than the period",
        Reason::Evicted => "the depot exceeds its maximum size",
    }
}

/// A reference, as text.
struct Root<'a>(&'a Roots, &'a Reference);

impl fmt::Display for Root<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(roots, reference) = self;
        match reference {
            Reference::Manifest(index) => {
                write!(f, "the manifest `{}`", roots.manifests[*index].path)
            }
            Reference::ArtifactFile(index) => {
                write!(f, "the artifact file `{}`", roots.artifact_files[*index].path)
            }
            Reference::Use(index) => match roots.uses[*index].projects.first() {
                Some(project) => write!(f, "the project `{project}`"),
                None => write!(f, "its usage record"),
            },
            Reference::Unreadable(index) => {
                write!(f, "the unreadable file `{}`", roots.unreadable[*index].path)
            }
        }
    }
}
