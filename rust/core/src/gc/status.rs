//! The items of a depot, with their sizes and references.

use scratchrs_fs::{self as fs, Progress, Size};
use scratchrs_model::collection::{KINDS, Reference, State};

use super::in_use::why_in_use;
use super::options::{Moment, Options};
use super::report::{Category, Entry, Share, Status};
use super::state::{CollectionState, PlannedItem};
use super::store_space::is_store;
use super::stores;
use crate::error::Result;

/// Measures the items of the depots.
///
/// # Errors
///
/// As a dry run of [`super::collect`].
pub fn status(options: &Options, moment: Moment, progress: &Progress) -> Result<Status> {
    let state = CollectionState::read(options, moment, progress)?;
    let plans = state.decide(options, moment);
    // The store has a row of its own.
    let items: Vec<_> = state.items(&plans).filter(|planned| !is_store(planned.item)).collect();
    progress.begin_counting("Measuring");
    progress.expect(items.len() as u64);
    let measured = fs::parallel_map(&items, |planned| {
        if progress.check().is_err() {
            return (Size::default(), false);
        }
        let path = planned.item.path(&state.inventory.depots[planned.depot].path);
        let size = Size::of(&path);
        // If that cannot be checked, a collection does not delete it.
        let is_orphan = planned.decision.referenced_by.is_empty()
            && matches!(why_in_use(&path, planned.item, &state.mounts, moment), Ok(None));
        progress.advance(1);
        (size, is_orphan)
    });
    progress.check()?;
    let entries: Vec<Entry> = items
        .into_iter()
        .zip(measured)
        .map(|(planned, (size, is_orphan))| entry(&state, &planned, size, is_orphan, moment))
        .collect();
    let share = |kind: Category| {
        let of_kind = || entries.iter().filter(move |entry| entry.kind == kind);
        let orphans = of_kind().filter(|entry| entry.is_orphan);
        Share {
            kind,
            count: of_kind().count(),
            size: of_kind().map(|entry| entry.size).sum(),
            reclaimable: orphans.map(|entry| entry.size).sum(),
        }
    };
    let shares = KINDS.into_iter().map(|kind| share(kind.into())).collect();
    let depots = state.swept().map(|depot| depot.path.to_string()).collect();
    let mut status =
        Status { depots, shares, entries, saved: 0, notes: state.notes(), size: Size::default() };
    stores::add_to_status(&state, options, moment, &mut status);
    status.size = status.sum();
    let by_size = |a: &Entry, b: &Entry| b.size.bytes.cmp(&a.size.bytes);
    status.entries.sort_by(|a, b| by_size(a, b).then_with(|| a.path.cmp(&b.path)));
    Ok(status)
}

fn entry(
    state: &CollectionState,
    planned: &PlannedItem<'_>,
    size: Size,
    is_orphan: bool,
    moment: Moment,
) -> Entry {
    let PlannedItem { depot, item, decision, .. } = *planned;
    let references = decision.referenced_by.iter();
    let count = |is_counted: fn(&Reference) -> bool| {
        references.clone().filter(|reference| is_counted(reference)).count()
    };
    let projects = |reference: &Reference| match reference {
        Reference::Use(index) => state.logged.roots.uses[*index].projects.len(),
        _ => 0,
    };
    let until = match decision.state {
        State::Orphaned { until, .. } if is_orphan => Some(until),
        State::Deletable(_) if is_orphan || !decision.referenced_by.is_empty() => Some(moment.now),
        State::Orphaned { .. } | State::Deletable(_) | State::Retained => None,
    };
    Entry {
        kind: item.kind.into(),
        label: state.label(item, decision),
        package: state.package(item, decision),
        path: state.path(depot, item),
        size,
        last_used: state.last_used(decision),
        manifests: count(|reference| matches!(reference, Reference::Manifest(_))),
        artifact_files: count(|reference| matches!(reference, Reference::ArtifactFile(_))),
        projects: references.clone().map(projects).sum(),
        names: 0,
        is_held: count(|reference| matches!(reference, Reference::Unreadable(_))) > 0,
        is_orphan,
        until,
    }
}
