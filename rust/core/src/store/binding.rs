//! Names of contents, in files of bindings.
//!
//! # Crash
//!
//! A line is appended to the usage log before the name is bound; otherwise, a file outside of the
//! store would be unknown. A line for a name that is not bound is ignored. A new name is appended
//! to its file in one write; any other change replaces the file.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use schemars::JsonSchema;
use scratchrs_fs::{self as fs, Snapshot};
use scratchrs_model::hash::Sha256;
use scratchrs_model::store::bindings::{Binding, Bindings};
use scratchrs_model::store::layout::is_version;
use scratchrs_model::store::uses::{Usage, Use};
use scratchrs_model::time::DepotTime;
use serde::Serialize;
use uuid::Uuid;

use super::{ArtifactKind, COLLECTION_INTERVAL, Store, mark, session, users};
use crate::error::{Error, Result};
use crate::place::in_current_directory;
use crate::time::local_time;

/// The result of [`open_bindings`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Opened {
    /// The file.
    pub path: String,
    /// Whether a collection is due.
    pub is_collection_due: bool,
}

/// The version and project for which a file of bindings is opened.
#[derive(Clone, Copy, Debug, Default)]
pub struct OpenOptions<'a> {
    /// The version of the package, if each version has its own names.
    pub version: Option<&'a str>,
    /// The project file that uses the package, if it is known.
    pub project: Option<&'a str>,
}

/// Creates the file of bindings of a package, or of one version of it, unless it exists. Logs the
/// use once a day for each file, project and process: collections keep the bindings while one of
/// these projects exists, or if none is known. Errors of the log are ignored, for example in a
/// read-only depot.
///
/// # Errors
///
/// If the version is invalid, a file cannot be created, or another process holds the lock of the
/// store for longer than `lock_timeout`.
pub fn open_bindings(
    store: &Store,
    package: Uuid,
    options: OpenOptions<'_>,
    now: DepotTime,
    lock_timeout: Duration,
) -> Result<Opened> {
    let OpenOptions { version, project } = options;
    if let Some(version) = version.filter(|version| !is_version(version)) {
        return Err(Error::InvalidInput(format!(
            "invalid version of a package \"{version}\": expected one such as 1.2.3"
        )));
    }
    let project = project.map(in_current_directory).transpose()?;
    let project = project.as_deref();
    let layout = store.layout();
    let path = layout.bindings(package, version);
    let is_known =
        fs::symlink_metadata(Path::new(&path))?.is_some() && users::is_logged(&path, project, now);
    make_files(store, &path)?;
    if !is_known {
        let logged = store.locked(lock_timeout, || {
            users::log(store, &path, project, now)?;
            // A collection may have deleted the unused file before.
            make_files(store, &path)
        });
        match logged {
            Ok(()) | Err(Error::Io(_)) => {}
            Err(error) => return Err(error),
        }
    }
    let last = fs::symlink_metadata(Path::new(&layout.orphanages()))?.and_then(|seen| seen.changed);
    let is_collection_due =
        last.is_some_and(|last| now.local() - local_time(last).local() >= COLLECTION_INTERVAL);
    Ok(Opened { path, is_collection_due })
}

/// Creates the files of a store, and a file of bindings.
fn make_files(store: &Store, bindings: &str) -> Result<()> {
    let layout = store.layout();
    // The modification time of the file of orphans is the time of the last collection.
    for file in [layout.usage(), layout.orphanages(), bindings.to_owned()] {
        let file = Path::new(&file);
        if fs::symlink_metadata(file)?.is_none() {
            fs::with_parent_dir(file, || fs::append(file, ""))?;
        }
    }
    Ok(fs::create_dir_all(Path::new(&layout.artifacts()))?)
}

/// How a name is bound.
#[derive(Clone, Copy, Debug, Default)]
pub struct BindOptions<'a> {
    /// Whether to replace an existing binding.
    pub force: bool,
    /// Data of the package for the name: TOML with the key `meta`.
    pub metadata: Option<&'a str>,
}

/// The result of binding a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// The name was not bound before.
    New,
    /// The previous binding was replaced.
    Replaced,
    /// The name is bound, and the binding was kept.
    Taken,
}

/// Binds `name` in the file `file`, an absolute path, to the content or tree `hash`.
///
/// # Errors
///
/// [`Error::NotFound`] if the store does not have the hash; [`Error::Format`] if the file is
/// invalid; [`Error::InvalidInput`] if the metadata are invalid.
pub fn bind(
    store: &Store,
    file: &str,
    name: &str,
    hash: Sha256,
    options: BindOptions<'_>,
    now: DepotTime,
    lock_timeout: Duration,
) -> Result<Bound> {
    let metadata = options.metadata.map(metadata).transpose()?;
    let path = Path::new(file);
    store.locked(lock_timeout, || {
        let Some(kind) = store.kind(hash)? else {
            return Err(Error::NotFound(format!(
                "artifact with hash {hash} is not in the store `{}`: it must be created first",
                store.root()
            )));
        };
        let mut opened = Cached::take(path)?.unwrap_or_default();
        let is_bound = opened.bindings.has(name);
        if is_bound && !options.force {
            opened.put_back(path);
            return Ok(Bound::Taken);
        }
        let binding = Binding { hash, is_directory: kind == ArtifactKind::Tree };
        let used = Use { time: now, hash, file: file.to_owned(), name: name.to_owned() };
        fs::append(Path::new(&store.layout().uses()), &used.to_line())?;
        let bindings = Arc::make_mut(&mut opened.bindings);
        if is_bound {
            bindings.remove([name]);
            bindings.add(name, binding, metadata.as_ref());
            fs::replace(path, bindings.text())?;
        } else {
            let added = bindings.add(name, binding, metadata.as_ref());
            fs::with_parent_dir(path, || fs::append(path, added))?;
            opened.remember(path)?;
        }
        session::bound(store, hash);
        Ok(if is_bound { Bound::Replaced } else { Bound::New })
    })
}

fn metadata(text: &str) -> Result<toml::Value> {
    let invalid = |what: String| Error::InvalidInput(format!("invalid metadata: {what}"));
    let mut table: toml::Table =
        text.parse().map_err(|error: toml::de::Error| invalid(error.message().to_owned()))?;
    table.remove("meta").ok_or_else(|| invalid("expected a key `meta`".to_owned()))
}

/// Removes names from the file `file`, an absolute path. Missing names are ignored. Returns whether
/// a name was bound.
///
/// # Errors
///
/// If the file does not exist, is invalid or cannot be written.
pub fn unbind(store: &Store, file: &str, names: &[&str], lock_timeout: Duration) -> Result<bool> {
    let path = Path::new(file);
    store.locked(lock_timeout, || {
        let mut opened = Cached::take(path)?.ok_or_else(|| missing(path))?;
        let is_changed = Arc::make_mut(&mut opened.bindings).remove(names.iter().copied());
        if is_changed {
            fs::replace(path, opened.bindings.text())?;
        } else {
            opened.put_back(path);
        }
        Ok(is_changed)
    })
}

/// The bindings in the file `file`.
///
/// # Errors
///
/// If the file does not exist or is invalid.
pub fn bindings(file: &str) -> Result<Arc<Bindings>> {
    let path = Path::new(file);
    let opened = match Cached::take(path) {
        // Another process may be appending a line, and a read can return a part of it.
        Err(Error::Format { .. }) => Cached::take(path),
        result => result,
    }?;
    let opened = opened.ok_or_else(|| missing(path))?;
    let bindings = Arc::clone(&opened.bindings);
    opened.put_back(path);
    Ok(bindings)
}

fn missing(path: &Path) -> Error {
    Error::NotFound(format!("the file `{}` does not exist", path.display()))
}

/// The hash that `name` is bound to in the file `file`, or `None`.
///
/// # Errors
///
/// The errors of [`bindings`], and if the entry of the name has no valid hash.
pub fn bound_hash(file: &str, name: &str) -> Result<Option<Sha256>> {
    let binding = bindings(file)?.get(name).map_err(|error| Error::Format {
        path: file.into(),
        line: None,
        column: None,
        message: error.to_string(),
    })?;
    Ok(binding.map(|binding| binding.hash))
}

/// The usage of each path, including the files of trees, in the format of OhMyArtifacts.jl. Also
/// writes it to `logs/my_artifact_usage.toml`, if possible.
///
/// # Errors
///
/// If the store cannot be read.
pub fn usage(store: &Store, lock_timeout: Duration) -> Result<Usage> {
    store.locked(lock_timeout, || {
        let usage = mark::mark(store)?.logged;
        let _ = fs::replace(Path::new(&store.layout().usage()), usage.to_text());
        Ok(usage)
    })
}

/// A file of bindings that was read, and is kept open. While it is open, no other file has its
/// identity, and each of our changes makes it longer or another file. So its metadata show whether
/// it has changed.
#[derive(Debug, Default)]
struct Cached {
    held: Option<Snapshot>,
    bindings: Arc<Bindings>,
}

/// The most recently used files, the latest at the end.
static CACHE: Mutex<Vec<(PathBuf, Cached)>> = Mutex::new(Vec::new());
/// The number of files that are kept open.
const CACHED_FILES: usize = 8;

impl Cached {
    /// The current file at `path`, removed from the cache, or `None` if it does not exist.
    fn take(path: &Path) -> Result<Option<Self>> {
        let cached = {
            let mut cache = CACHE.lock().unwrap_or_else(PoisonError::into_inner);
            let index = cache.iter().position(|(cached, _)| cached == path);
            index.map(|index| cache.remove(index).1)
        };
        if let Some(cached) = cached
            && cached.held.as_ref().is_some_and(|held| held.is_current(path))
        {
            return Ok(Some(cached));
        }
        let Some((held, bytes)) = Snapshot::read(path)? else { return Ok(None) };
        let bindings = Bindings::read(&bytes).map_err(|fault| Error::Format {
            path: path.to_owned(),
            line: fault.line,
            column: fault.column,
            message: fault.message,
        })?;
        Ok(Some(Self { held: Some(held), bindings: Arc::new(bindings) }))
    }

    /// Puts the file into the cache after a change under the lock.
    fn remember(mut self, path: &Path) -> Result<()> {
        match &mut self.held {
            Some(held) => held.refresh(path)?,
            None => return Ok(()),
        }
        self.put_back(path);
        Ok(())
    }

    fn put_back(self, path: &Path) {
        let mut cache = CACHE.lock().unwrap_or_else(PoisonError::into_inner);
        if cache.len() >= CACHED_FILES {
            cache.remove(0);
        }
        cache.push((path.to_owned(), self));
    }
}
