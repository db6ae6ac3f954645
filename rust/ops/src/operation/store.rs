//! The store: contents that are created at run time.

use scratchrs_core::store::{
    self, Adopted, BindOptions, Bound, CollectOptions, Collected, CreateOptions, Created, Creation,
    OpenOptions, Opened, Settings, Status, Store, Verified,
};
use scratchrs_core::{Error, Result};
use scratchrs_fs::{LinkMode, Progress};
use scratchrs_model::depot_path::DepotPath;
use scratchrs_model::hash::Sha256;
use scratchrs_model::quantity;
use uuid::Uuid;

use super::arguments::{parsed, place, store};
use super::tickets::Tickets;
use super::{LOCK_TIMEOUT, now};
use crate::replies::{Address, Begun, Table};

/// See [`Store::root`].
///
/// # Errors
///
/// As for [`Store::of`].
pub fn store_root(depot: &str, directory: Option<&str>) -> Result<String> {
    Ok(store(depot, directory, None)?.root().to_owned())
}

/// See [`Store::of_peer`].
///
/// # Errors
///
/// As there.
pub fn peer_store_root(depot: &str, directory: Option<&str>) -> Result<String> {
    Ok(Store::of_peer(place(&DepotPath::new(depot), directory))?.root().to_owned())
}

/// See [`store::open_bindings`].
///
/// # Errors
///
/// As there.
pub fn open_store(
    depot: &str,
    directory: Option<&str>,
    package: Uuid,
    version: &str,
    versioned: bool,
    project: Option<&str>,
) -> Result<Opened> {
    let store = store(depot, directory, None)?;
    let options = OpenOptions { version: versioned.then_some(version), project };
    store::open_bindings(&store, package, options, now(), LOCK_TIMEOUT)
}

/// The creations that Julia has begun.
static CREATIONS: Tickets<Creation> = Tickets::new("creation");

/// See [`Creation::begin`].
///
/// # Errors
///
/// As there.
pub fn begin_creation(depot: &str, directory: Option<&str>) -> Result<Begun> {
    let creation = Creation::begin(&store(depot, directory, None)?, LOCK_TIMEOUT)?;
    let directory = creation.directory().display().to_string();
    Ok(Begun { directory, ticket: CREATIONS.insert(creation) })
}

/// See [`Creation::finish`].
///
/// # Errors
///
/// As there.
pub fn finish_creation(
    ticket: u64,
    returned: &str,
    is_whole: bool,
    link_mode: Option<&str>,
    progress: &Progress,
) -> Result<Created> {
    let options = CreateOptions { link: link_mode.map(parsed).transpose()? };
    let returned = (!is_whole).then_some(returned);
    CREATIONS.take(ticket)?.finish(returned, options, progress)
}

/// See [`Creation::finish_quickly`]. If that would take long, `None`, and the ticket stays valid.
///
/// # Errors
///
/// As there.
pub fn finish_small_creation(ticket: u64, returned: &str) -> Result<Option<Created>> {
    match CREATIONS.take(ticket)?.finish_quickly(returned, LOCK_TIMEOUT) {
        Ok(created) => created.map(Some),
        Err(creation) => {
            CREATIONS.put_back(ticket, creation);
            Ok(None)
        }
    }
}

/// See [`Creation::abandon`].
///
/// # Errors
///
/// As there.
pub fn abandon_creation(ticket: u64) -> Result<()> {
    CREATIONS.take(ticket)?.abandon()
}

/// See [`store::end_session`].
///
/// # Errors
///
/// As there.
pub fn end_store_session() -> Result<()> {
    store::end_session(None)
}

/// See [`store::bind`].
///
/// # Errors
///
/// As there.
pub fn bind_my_artifact(
    depot: &str,
    directory: Option<&str>,
    file: &str,
    name: &str,
    hash: &str,
    metadata: Option<&str>,
    force: bool,
) -> Result<Bound> {
    let store = store(depot, directory, None)?;
    let options = BindOptions { force, metadata };
    store::bind(&store, file, name, parsed(hash)?, options, now(), LOCK_TIMEOUT)
}

/// See [`store::unbind`].
///
/// # Errors
///
/// As there.
pub fn unbind_my_artifact(
    depot: &str,
    directory: Option<&str>,
    file: &str,
    names: Vec<&str>,
) -> Result<()> {
    store::unbind(&store(depot, directory, None)?, file, &names, LOCK_TIMEOUT).map(drop)
}

/// See [`store::bound_hash`].
///
/// # Errors
///
/// As there.
pub fn my_artifact_hash(file: &str, name: &str) -> Result<Option<Sha256>> {
    store::bound_hash(file, name)
}

/// See [`Store::path`] and [`Store::kind`].
///
/// # Errors
///
/// As for the latter.
pub fn my_artifact_path(depot: &str, directory: Option<&str>, hash: &str) -> Result<Address> {
    let store = store(depot, directory, None)?;
    let hash = parsed(hash)?;
    Ok(Address { path: store.path(hash), kind: store.kind(hash)? })
}

/// See [`store::usage`].
///
/// # Errors
///
/// As there.
pub fn store_usage(depot: &str, directory: Option<&str>) -> Result<Table> {
    let usage = store::usage(&store(depot, directory, None)?, LOCK_TIMEOUT)?;
    let table = usage.to_text().parse();
    table.map(Table).map_err(|error| Error::InvalidInput(format!("{error}")))
}

/// See [`store::collect`].
///
/// # Errors
///
/// As there.
pub fn collect_store(
    depot: &str,
    directory: Option<&str>,
    delay: &str,
    is_dry_run: bool,
    spares_own: bool,
    progress: &Progress,
) -> Result<Collected> {
    let store = store(depot, directory, None)?;
    let options = CollectOptions { delay: quantity::duration(delay)?, is_dry_run, spares_own };
    store::collect(&store, options, now(), progress)
}

/// See [`store::status`].
///
/// # Errors
///
/// As there.
pub fn store_status(
    depot: &str,
    directory: Option<&str>,
    root: Option<&str>,
    _: &Progress,
) -> Result<Status> {
    store::status(&store(depot, directory, root)?)
}

/// See [`store::verify`].
///
/// # Errors
///
/// As there.
pub fn verify_store(
    depot: &str,
    directory: Option<&str>,
    root: Option<&str>,
    progress: &Progress,
) -> Result<Verified> {
    store::verify(&store(depot, directory, root)?, progress)
}

/// See [`store::adopt`].
///
/// # Errors
///
/// As there.
pub fn adopt_store(
    depot: &str,
    directory: Option<&str>,
    other: &str,
    progress: &Progress,
) -> Result<Adopted> {
    let store = store(depot, directory, None)?;
    store::adopt(&store, &Store::at(other), now(), LOCK_TIMEOUT, progress)
}

/// See [`store::settings`].
///
/// # Errors
///
/// As there.
pub fn store_link(depot: &str, directory: Option<&str>) -> Result<Option<LinkMode>> {
    Ok(store::settings(&store(depot, directory, None)?)?.link)
}

/// See [`store::write_settings`].
///
/// # Errors
///
/// As there.
pub fn set_store_link(depot: &str, directory: Option<&str>, link_mode: Option<&str>) -> Result<()> {
    let store = store(depot, directory, None)?;
    store::write_settings(&store, Settings { link: link_mode.map(parsed).transpose()? })
}
