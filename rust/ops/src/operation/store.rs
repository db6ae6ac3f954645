//! The store: what is made at run time, kept by content.

use chrono::TimeDelta;
use scratchrs_core::store::{
    self, Adopted, ArtifactKind, BindOptions, Bound, CollectOptions, Collected, CreateOptions,
    Created, Creation, OpenOptions, Settings, Status, Store, Verified,
};
use scratchrs_core::{Error, Result};
use scratchrs_fs::{LinkMode, Progress};
use scratchrs_model::hash::Sha256;
use uuid::Uuid;

use super::document;
use super::tickets::Tickets;
use super::{LOCK_TIMEOUT, now, place};

/// The store of a depot, or the one in the directory `root` if that is given.
fn store(depot: &str, directory: &str, root: &str) -> Result<Store> {
    if root.is_empty() { Store::of(place(depot, directory)) } else { Ok(Store::at(root)) }
}

fn hash(text: &str) -> Result<Sha256> {
    text.parse().map_err(|error| Error::InvalidInput(format!("{error}")))
}

fn link(text: &str) -> Result<Option<LinkMode>> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|error| Error::InvalidInput(format!("{error}")))
}

/// See [`Store::root`].
///
/// # Errors
///
/// As for [`Store::of`].
pub fn store_root(depot: &str, directory: &str) -> Result<String> {
    Ok(Store::of(place(depot, directory))?.root().to_owned())
}

/// See [`Store::of_peer`].
///
/// # Errors
///
/// As there.
pub fn peer_store_root(depot: &str, directory: &str) -> Result<String> {
    Ok(Store::of_peer(place(depot, directory))?.root().to_owned())
}

/// See [`store::open_bindings`].
///
/// # Errors
///
/// As there.
pub fn open_store(
    depot: &str,
    directory: &str,
    package: Uuid,
    version: &str,
    versioned: bool,
    project: &str,
) -> Result<Vec<String>> {
    let store = Store::of(place(depot, directory))?;
    let version = versioned.then_some(version);
    let options = OpenOptions { version, project: Some(project).filter(|path| !path.is_empty()) };
    let opened = store::open_bindings(&store, package, options, now(), LOCK_TIMEOUT)?;
    let due = if opened.is_collection_due { "due" } else { "" };
    Ok(vec![opened.path, due.to_owned()])
}

/// Things that Julia is making and has not ended yet.
static CREATIONS: Tickets<Creation> = Tickets::new("creation");

/// See [`Creation::begin`].
///
/// # Errors
///
/// As there.
pub fn begin_creation(depot: &str, directory: &str) -> Result<Vec<String>> {
    let creation = Creation::begin(&Store::of(place(depot, directory))?, LOCK_TIMEOUT)?;
    let directory = creation.directory().display().to_string();
    Ok(vec![directory, CREATIONS.keep(creation).to_string()])
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
    link_mode: &str,
    progress: &Progress,
) -> Result<Vec<String>> {
    let options = CreateOptions { link: link(link_mode)? };
    let returned = (!is_whole).then_some(returned);
    let created = CREATIONS.take(ticket)?.finish(returned, options, progress)?;
    Ok(created_texts(&created))
}

/// See [`Creation::finish_quickly`]; nothing if it would take long, and the ticket is still good.
///
/// # Errors
///
/// As there.
pub fn finish_small_creation(ticket: u64, returned: &str) -> Result<Vec<String>> {
    match CREATIONS.take(ticket)?.finish_quickly(returned, LOCK_TIMEOUT) {
        Ok(created) => Ok(created_texts(&created?)),
        Err(creation) => {
            CREATIONS.put_back(ticket, creation);
            Ok(Vec::new())
        }
    }
}

fn created_texts(created: &Created) -> Vec<String> {
    let Created { hash, path, kind, is_new, link } = created;
    let link = link.map(|link| link.to_string()).unwrap_or_default();
    let new = if *is_new { "new" } else { "" };
    vec![hash.to_string(), path.clone(), kind.name().to_owned(), new.to_owned(), link]
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
    directory: &str,
    file: &str,
    name: &str,
    hash_text: &str,
    metadata: &str,
    force: bool,
) -> Result<String> {
    let store = Store::of(place(depot, directory))?;
    let options = BindOptions { force, metadata: (!metadata.is_empty()).then_some(metadata) };
    let bound = store::bind(&store, file, name, hash(hash_text)?, options, now(), LOCK_TIMEOUT)?;
    Ok(match bound {
        Bound::New => "new",
        Bound::Replaced => "replaced",
        Bound::Taken => "taken",
    }
    .to_owned())
}

/// See [`store::unbind`].
///
/// # Errors
///
/// As there.
pub fn unbind_my_artifact(
    depot: &str,
    directory: &str,
    file: &str,
    names: Vec<&str>,
) -> Result<()> {
    store::unbind(&Store::of(place(depot, directory))?, file, &names, LOCK_TIMEOUT).map(drop)
}

/// See [`store::bound_hash`]; nothing for none.
///
/// # Errors
///
/// As there.
pub fn my_artifact_hash(file: &str, name: &str) -> Result<String> {
    Ok(store::bound_hash(file, name)?.map(|hash| hash.to_string()).unwrap_or_default())
}

/// See [`Store::path`] and [`Store::kind`].
///
/// # Errors
///
/// As for the latter.
pub fn my_artifact_path(depot: &str, directory: &str, hash_text: &str) -> Result<Vec<String>> {
    let store = Store::of(place(depot, directory))?;
    let hash = hash(hash_text)?;
    let kind = store.kind(hash)?.map(ArtifactKind::name).unwrap_or_default();
    Ok(vec![store.path(hash), kind.to_owned()])
}

/// See [`store::usage`].
///
/// # Errors
///
/// As there.
pub fn store_usage(depot: &str, directory: &str) -> Result<document::Table> {
    let usage = store::usage(&Store::of(place(depot, directory))?, LOCK_TIMEOUT)?;
    let table = usage.to_text().parse();
    table.map(document::Table).map_err(|error| Error::InvalidInput(format!("{error}")))
}

/// See [`store::collect`].
///
/// # Errors
///
/// As there.
pub fn collect_store(
    depot: &str,
    directory: &str,
    delay_ms: u64,
    is_dry_run: bool,
    spares_own: bool,
    progress: &Progress,
) -> Result<Collected> {
    let store = Store::of(place(depot, directory))?;
    let delay = i64::try_from(delay_ms).ok().and_then(TimeDelta::try_milliseconds);
    let delay = delay.unwrap_or(TimeDelta::MAX);
    let options = CollectOptions { delay, is_dry_run, spares_own };
    store::collect(&store, options, now(), progress)
}

/// See [`store::status`].
///
/// # Errors
///
/// As there.
pub fn store_status(depot: &str, directory: &str, root: &str, _: &Progress) -> Result<Status> {
    store::status(&store(depot, directory, root)?)
}

/// See [`store::verify`].
///
/// # Errors
///
/// As there.
pub fn verify_store(
    depot: &str,
    directory: &str,
    root: &str,
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
    directory: &str,
    other: &str,
    progress: &Progress,
) -> Result<Adopted> {
    let store = Store::of(place(depot, directory))?;
    store::adopt(&store, &Store::at(other), now(), LOCK_TIMEOUT, progress)
}

/// See [`store::settings`]; nothing for no choice.
///
/// # Errors
///
/// As there.
pub fn store_link(depot: &str, directory: &str) -> Result<String> {
    let settings = store::settings(&Store::of(place(depot, directory))?)?;
    Ok(settings.link.map(|link| link.to_string()).unwrap_or_default())
}

/// See [`store::write_settings`].
///
/// # Errors
///
/// As there.
pub fn set_store_link(depot: &str, directory: &str, link_mode: &str) -> Result<()> {
    let store = Store::of(place(depot, directory))?;
    store::write_settings(&store, Settings { link: link(link_mode)? })
}
