//! The items of a depot, with their sizes and references.

use scratchrs_fs::{self as fs, Progress, Size};
use scratchrs_model::collection::{KINDS, Reference, State};

use super::report::{Category, Entry, Share, Status};
use super::spared::why_in_use;
use super::store::{add_to_status, is_store};
use super::{Moment, Options, World};
use crate::error::Result;

/// Measures what is in the depots.
///
/// # Errors
///
/// As a dry run of [`super::collect`].
pub fn status(options: &Options, moment: Moment, progress: &Progress) -> Result<Status> {
    let world = World::read(options, moment, progress)?;
    let plans = world.decide(options, moment);
    // The store has a row of its own.
    let items: Vec<_> = world.items(&plans).filter(|(_, _, item, _)| !is_store(item)).collect();
    progress.begin_counting("Measuring");
    progress.expect(items.len() as u64);
    let sizes = fs::parallel_map(&items, |(depot, _, item, decision)| {
        if progress.check().is_err() {
            return (Size::default(), false);
        }
        let path = item.path(&world.inventory.depots[*depot].path);
        let size = Size::of(&path);
        // What a collection fails to look at, it does not delete.
        let is_orphan = decision.referenced_by.is_empty()
            && matches!(why_in_use(&path, item, &world.mounts, moment), Ok(None));
        progress.advance(1);
        (size, is_orphan)
    });
    progress.check()?;
    let entries: Vec<Entry> = items
        .into_iter()
        .zip(sizes)
        .map(|((depot, _, item, decision), (size, is_orphan))| {
            let count = |is_meant: fn(&Reference) -> bool| {
                decision.referenced_by.iter().filter(|reference| is_meant(reference)).count()
            };
            let projects = |reference: &Reference| match reference {
                Reference::Use(index) => world.marks.roots.uses[*index].projects.len(),
                _ => 0,
            };
            let until = match decision.state {
                State::Orphaned { until, .. } if is_orphan => Some(until),
                State::Deletable(_) if is_orphan || !decision.referenced_by.is_empty() => {
                    Some(moment.now)
                }
                State::Orphaned { .. } | State::Deletable(_) | State::Retained => None,
            };
            Entry {
                kind: item.kind.into(),
                label: world.label(item, decision),
                package: world.package(item, decision),
                path: world.path(depot, item),
                size,
                last_used: world.last_used(decision),
                manifests: count(|reference| matches!(reference, Reference::Manifest(_))),
                artifact_files: count(|reference| matches!(reference, Reference::ArtifactFile(_))),
                projects: decision.referenced_by.iter().map(projects).sum(),
                names: 0,
                is_held: count(|reference| matches!(reference, Reference::Unreadable(_))) > 0,
                is_orphan,
                until,
            }
        })
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
    let swept = world.inventory.depots.iter().filter(|depot| depot.is_swept);
    let depots = swept.map(|depot| depot.path.clone()).collect();
    let mut status =
        Status { depots, shares, entries, saved: 0, notes: world.notes(), size: Size::default() };
    add_to_status(&world, options, moment, &mut status);
    status.size = status.sum();
    let by_size = |a: &Entry, b: &Entry| b.size.bytes.cmp(&a.size.bytes);
    status.entries.sort_by(|a, b| by_size(a, b).then_with(|| a.path.cmp(&b.path)));
    Ok(status)
}
