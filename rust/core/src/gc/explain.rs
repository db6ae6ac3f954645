//! Why an item is kept, or when it becomes deletable.

use std::path::{Path, PathBuf};

use scratchrs_fs::{self as fs, Progress, Size};
use scratchrs_model::collection::State;

use super::options::{Moment, Options};
use super::report::{Cause, CauseKind, Explained, Explanation, Standing};
use super::state::{CollectionState, PlannedItem};
use super::{aliases, in_use, store_space, stores};
use crate::error::Result;
use crate::place::in_current_directory;

/// Explains all items that `query` names: by the path of an item, or of a file in it; by the name of a package, of
/// an artifact or of a space; by a hash, a slug or a UUID; or by a name that is bound in the store.
///
/// # Errors
///
/// As a dry run of [`super::collect`].
pub fn why(
    query: &str,
    options: &Options,
    moment: Moment,
    progress: &Progress,
) -> Result<Explained> {
    let state = CollectionState::read(options, moment, progress)?;
    let plans = state.decide(options, moment);
    let path = in_current_directory(query)?.into_owned();
    let real = fs::canonicalize(Path::new(&path)).ok();
    let own = aliases::in_depot(&state.inventory, Path::new(&path)).map(PathBuf::from);
    let paths: Vec<&Path> =
        real.iter().chain(&own).map(PathBuf::as_path).chain([Path::new(&path)]).collect();
    let Explained { mut found, notes } = stores::explain(&state, query, &paths, options, moment);
    let is_in_store = !found.is_empty();
    for (depot, (place, plan)) in state.inventory.depots.iter().zip(&plans).enumerate() {
        for (index, (item, decision)) in place.items.iter().zip(&plan.decisions).enumerate() {
            let path = item.path(&place.path);
            let is_named = paths.iter().any(|named| named.starts_with(&path))
                || item.name == query
                || item.kind.is_grouped() && item.group == query
                || state.other_names(item, decision).contains(query);
            let is_store = store_space::is_store(item);
            // A query for a content of the store is not one for the store.
            if is_named && !(is_in_store && is_store) {
                let planned = PlannedItem { depot, index, item, decision };
                let mut explanation = explain(&state, &planned, moment);
                if is_store {
                    // A store that cannot be read is noted already.
                    let names = stores::binding_files(&state, &path, options, moment);
                    explanation.causes.extend(names.unwrap_or_default());
                }
                found.push(explanation);
            }
        }
    }
    found.sort_by(|a, b| (a.kind, &a.label, &a.path).cmp(&(b.kind, &b.label, &b.path)));
    Ok(Explained { found, notes })
}

fn explain(state: &CollectionState, planned: &PlannedItem<'_>, moment: Moment) -> Explanation {
    let PlannedItem { item, decision, .. } = *planned;
    let depot = &state.inventory.depots[planned.depot];
    let path = item.path(&depot.path);
    let why_in_use = match decision.state {
        State::Deletable(_) => in_use::why_in_use(&path, item, &state.mounts, moment)
            .unwrap_or_else(|error| Some(error.to_string())),
        State::Retained | State::Orphaned { .. } => None,
    };
    let standing = match decision.state {
        State::Deletable(_) if why_in_use.is_some() => Standing::Kept,
        State::Retained if decision.referenced_by.is_empty() && !depot.is_swept => {
            Standing::Elsewhere
        }
        State::Retained => Standing::Kept,
        State::Orphaned { .. } => Standing::Waiting,
        State::Deletable(_) => Standing::Deletable,
    };
    let (since, until) = match decision.state {
        State::Orphaned { since, until } => (Some(since), Some(until)),
        State::Retained | State::Deletable(_) => (None, None),
    };
    let text = path.to_string_lossy().into_owned();
    let references = decision.referenced_by.iter();
    let mut causes: Vec<Cause> =
        references.flat_map(|reference| state.causes(item, reference)).collect();
    causes.extend(why_in_use.map(|reason| {
        let cause = Cause::new(CauseKind::InUse, &text, None);
        Cause { name: Some(reason), ..cause }
    }));
    Explanation {
        kind: item.kind.into(),
        label: state.label(item, decision),
        size: Size::of(&path),
        path: text,
        last_used: state.last_used(decision),
        standing,
        since,
        until,
        causes,
    }
}
