//! The part of the stores in a status.

use std::path::Path;

use scratchrs_fs::Size;
use scratchrs_model::depot_path::DepotPath;
use scratchrs_model::store::layout::package_of;
use scratchrs_model::time::DepotTime;

use super::{label, stores_in, survey, unreadable};
use crate::gc::options::{Moment, Options};
use crate::gc::report::{Category, Entry, Share, Status};
use crate::gc::state::CollectionState;
use crate::store::{Store, StoredItem};

/// Adds the stores of the depots that are swept to a status.
pub(in crate::gc) fn add_to_status(
    state: &CollectionState,
    options: &Options,
    moment: Moment,
    status: &mut Status,
) {
    let (size, reclaimable) = (Size::default(), Size::default());
    let mut share = Share { kind: Category::Store, count: 0, size, reclaimable };
    for (_, store) in stores_in(status.depots.iter().map(DepotPath::new)) {
        let survey = match survey(&store, options, moment) {
            Ok(survey) => survey.measured(&store),
            Err(note) => {
                status.notes.push(note);
                continue;
            }
        };
        share.count += survey.files;
        share.size += survey.size;
        share.reclaimable += survey.reclaimable;
        status.saved += survey.saved;
        let whole = survey.items.iter().filter(|item| item.is_whole());
        status.entries.extend(whole.map(|item| entry(state, &store, item, options, moment)));
        status.notes.extend(survey.unreadable.into_iter().map(unreadable));
    }
    status.shares.push(share);
}

fn entry(
    state: &CollectionState,
    store: &Store,
    item: &StoredItem,
    options: &Options,
    moment: Moment,
) -> Entry {
    let until = |since: DepotTime| since.after(options.policy.collect_delay).max(moment.now);
    let packages = item.names.iter().filter_map(|name| binding_package(state, store, &name.file));
    Entry {
        kind: Category::Store,
        label: label(item),
        package: packages.min(),
        path: item.path.clone(),
        size: item.size,
        last_used: item.since.or_else(|| item.names.iter().map(|name| name.time).max()),
        manifests: 0,
        artifact_files: 0,
        projects: 0,
        names: item.names.len(),
        is_held: false,
        is_orphan: item.since.is_some(),
        until: item.since.map(until),
    }
}

/// The package whose bindings are in a file.
pub(super) fn binding_package(
    state: &CollectionState,
    store: &Store,
    file: &str,
) -> Option<String> {
    let below = Path::new(file).strip_prefix(store.root()).ok()?.to_str()?;
    let package = package_of(&below.replace(std::path::MAIN_SEPARATOR, "/"))?.to_string();
    Some(state.package_name(&package).unwrap_or(package))
}
