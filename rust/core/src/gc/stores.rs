//! The stores in the depots, in collections and reports.

mod explain;
mod status;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use scratchrs_fs::{self as fs, FileId, Progress, Size};
use scratchrs_model::collection::{Kind, Reason};
use scratchrs_model::depot_path::DepotPath;
use scratchrs_model::diagnostic::Diagnostic;
use scratchrs_model::store::layout::{KEY, OWNER};

use super::options::{Moment, Options};
use super::report::{Category, Consequence, Deleted, Note, Report, Waiting};
use crate::error::Result;
use crate::failure::Failure;
use crate::store::{self, ArtifactKind, CollectOptions, Store, StoredItem, Survey};

pub(super) use explain::{binding_files, explain};
pub(super) use status::add_to_status;

/// The store of a depot, if it exists.
fn store_in(depot: &DepotPath) -> Option<Store> {
    let root = depot.join(&[Kind::Space.directory(), &OWNER.to_string(), KEY]);
    fs::is_dir(Path::new(&root)).then(|| Store::at(&root))
}

/// The stores of depots, each once: depots may have their spaces in one directory, through a link or a
/// mount.
fn stores_in(depots: impl Iterator<Item = DepotPath>) -> Vec<(usize, Store)> {
    let mut seen = HashSet::new();
    let stores = depots.enumerate().filter_map(|(index, depot)| Some((index, store_in(&depot)?)));
    stores
        .filter(|(_, store)| FileId::of(Path::new(store.root())).is_none_or(|id| seen.insert(id)))
        .collect()
}

fn rules(options: &Options) -> CollectOptions {
    let delay = options.policy.collect_delay;
    CollectOptions { delay, is_dry_run: options.dry_run, ..CollectOptions::default() }
}

/// Collects the stores of the depots that are swept. One that cannot be collected stays as it is.
pub(super) fn collect(
    options: &Options,
    moment: Moment,
    report: &mut Report,
    progress: &Progress,
) -> Result<()> {
    let packages = report.gone.iter().filter(|gone| gone.kind == Category::Package);
    let deleted: Vec<PathBuf> = packages.map(|gone| PathBuf::from(&gone.path)).collect();
    for (_, store) in stores_in(report.depots.iter().map(DepotPath::new)) {
        if report.gone.iter().any(|gone| gone.path == store.root()) {
            continue;
        }
        progress.check()?;
        match store::collect_beside(&store, rules(options), &deleted, moment.now, progress) {
            Ok(collected) => add(report, collected, options),
            Err(error) => {
                progress.check()?;
                report.failures.push(Failure::of(store.root(), error));
            }
        }
    }
    report.notes.sort_by_key(|note| note.consequence);
    Ok(())
}

fn add(report: &mut Report, collected: store::Collected, options: &Options) {
    report.abandoned += collected.abandoned.len();
    report.gone.extend(collected.removed.into_iter().map(|orphan| Deleted {
        kind: Category::Store,
        size: size_of(&orphan),
        path: orphan.path,
        reason: Reason::Unreachable,
    }));
    report.waiting.extend(collected.waiting.into_iter().map(|orphan| Waiting {
        kind: Category::Store,
        size: size_of(&orphan),
        path: orphan.path,
        since: orphan.since,
        until: orphan.since.after(options.policy.collect_delay),
    }));
    report.failures.extend(collected.failed);
    report.notes.extend(collected.unreadable.into_iter().map(unreadable));
}

fn size_of(orphan: &store::Orphan) -> Size {
    let files = u64::from(orphan.kind == ArtifactKind::File);
    Size { bytes: orphan.bytes, shared: 0, files }
}

fn unreadable(Failure { path, message }: Failure) -> Note {
    Note::at(&path, Consequence::Unreadable, Diagnostic::of_file(message))
}

/// The items of a store. One that cannot be read is left alone, with a note.
fn survey(store: &Store, options: &Options, moment: Moment) -> std::result::Result<Survey, Note> {
    Survey::take(store, rules(options), moment.now).map_err(|error| {
        Note::about(Path::new(store.root()), Consequence::Passed, error.to_string())
    })
}

/// The label of an item: its first name by the alphabet, or its hash.
fn label(item: &StoredItem) -> String {
    let names = item.names.iter().map(|name| name.name.as_str());
    names.min().map_or_else(|| item.hash.to_string(), str::to_owned)
}
