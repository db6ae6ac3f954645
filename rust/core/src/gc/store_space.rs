//! The scratch space in which the store of a depot lies.

use std::path::Path;

use scratchrs_fs::PidLock;
use scratchrs_model::collection::{Item, Kind};
use scratchrs_model::store::layout::{KEY, OWNER};
use scratchrs_model::time::DepotTime;

use super::options::Moment;
use crate::error::Result;
use crate::store::{self, Store};

/// Whether an item is the scratch space of a store.
pub(super) fn is_store(item: &Item) -> bool {
    item.kind == Kind::Space && item.group == *OWNER.to_string() && item.name == KEY
}

/// Whether the store at `path` is in use. If that is unknown, it counts as in use.
pub(super) fn is_in_use(path: &Path, moment: Moment) -> bool {
    let store = path.to_str().map(Store::at);
    store.is_none_or(|store| store::is_in_use(&store, moment.now).unwrap_or(true))
}

/// Takes the lock of the store at `path`, so that no process begins to use it. `None` if it is in use.
///
/// # Errors
///
/// If the store cannot be read.
pub(super) fn lock_if_unused(path: &Path, now: DepotTime) -> Result<Option<PidLock>> {
    path.to_str().map_or(Ok(None), |path| store::hold_if_unused(&Store::at(path), now))
}
