//! Names for contents: the files of bindings.
//!
//! # Crash
//!
//! The log of uses has its line before the name is bound: of a file elsewhere than in the store,
//! it would be unknown otherwise. A name that is not bound after all is found not to be. A new name is
//! appended to its file in one write; any other change replaces the file.

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

/// A file of bindings that is ready to be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Opened {
    /// The file.
    pub path: String,
    /// Whether the last collection is so long ago that one is due.
    pub is_collection_due: bool,
}

/// For whom a file of bindings is opened.
#[derive(Clone, Copy, Debug, Default)]
pub struct OpenOptions<'a> {
    /// The version of the package, if each is to have names of its own.
    pub version: Option<&'a str>,
    /// The project file on whose behalf; none if it is unknown.
    pub project: Option<&'a str>,
}

/// Makes the file of bindings of a package, unless it is there; that of one version of it, if a
/// version is given. The use is logged, once a day for each file, project and process: what the file
/// binds stays for as long as one of the projects does, or if none is known.
///
/// That the use cannot be logged, say because the depot is read-only, is no error.
///
/// # Errors
///
/// If the version can stand in no name of a file, or something cannot be made; or somebody holds the
/// lock of the store for longer than `lock_timeout`.
pub fn open_bindings(
    store: &Store,
    package: Uuid,
    options: OpenOptions<'_>,
    now: DepotTime,
    lock_timeout: Duration,
) -> Result<Opened> {
    let OpenOptions { version, project } = options;
    if let Some(version) = version.filter(|version| !is_version(version)) {
        return Err(Error::InvalidInput(format!("\"{version}\" is no version of a package")));
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
            // A collection that was faster has deleted what no known user had.
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

/// Makes what a store consists of, and a file of bindings.
fn make_files(store: &Store, bindings: &str) -> Result<()> {
    let layout = store.layout();
    // The time of the last change of the file of orphans is that of the last collection.
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
    /// Whether to bind a name that is bound already.
    pub force: bool,
    /// What the package wants to keep with the name: TOML whose key `meta` has it.
    pub metadata: Option<&'a str>,
}

/// What binding a name came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// The name is bound now.
    New,
    /// The name stood for something else before.
    Replaced,
    /// The name is bound, and stays as it is.
    Taken,
}

/// Binds `name` in the file `file`, an absolute path, to the content or tree `hash`.
///
/// # Errors
///
/// [`Error::NotFound`] if nothing of that hash is in the store; [`Error::Format`] if the file does
/// not read; [`Error::InvalidInput`] if the metadata do not.
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
    let invalid = |what: String| Error::InvalidInput(format!("the metadata are no TOML: {what}"));
    let mut table: toml::Table =
        text.parse().map_err(|error: toml::de::Error| invalid(error.message().to_owned()))?;
    table.remove("meta").ok_or_else(|| invalid("there is no `meta`".to_owned()))
}

/// Removes names from the file `file`, an absolute path; those that are not there do not matter.
/// Whether any was there.
///
/// # Errors
///
/// If there is no such file, or it does not read or cannot be written.
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
/// If there is no such file, or it does not read.
pub fn bindings(file: &str) -> Result<Arc<Bindings>> {
    let path = Path::new(file);
    let opened = match Cached::take(path) {
        // Another process may be appending to it: half a line can be seen for a moment.
        Err(Error::Format { .. }) => Cached::take(path),
        result => result,
    }?;
    let opened = opened.ok_or_else(|| missing(path))?;
    let bindings = Arc::clone(&opened.bindings);
    opened.put_back(path);
    Ok(bindings)
}

fn missing(path: &Path) -> Error {
    Error::NotFound(format!("there is no file `{}`", path.display()))
}

/// What `name` stands for in the file `file`; none if nothing.
///
/// # Errors
///
/// As [`bindings`], and if the entry of the name has no valid hash.
pub fn bound_hash(file: &str, name: &str) -> Result<Option<Sha256>> {
    let binding = bindings(file)?.get(name).map_err(|error| Error::Format {
        path: file.into(),
        line: None,
        column: None,
        message: error.to_string(),
    })?;
    Ok(binding.map(|binding| binding.hash))
}

/// The usage of each path, down to the files of trees, as OhMyArtifacts.jl keeps it in
/// `logs/my_artifact_usage.toml`; that file is brought up to date.
///
/// # Errors
///
/// If the store cannot be read. That the file cannot be written is no reason not to answer.
pub fn usage(store: &Store, lock_timeout: Duration) -> Result<Usage> {
    store.locked(lock_timeout, || {
        let usage = mark::mark(store)?.logged;
        let _ = fs::replace(Path::new(&store.layout().usage()), usage.to_text());
        Ok(usage)
    })
}

/// A file of bindings that was read, and is held open: while it is, no other file has its identity,
/// and every change of ours makes it longer or another file. So one look tells whether it is still
/// as it was.
#[derive(Debug, Default)]
struct Cached {
    held: Option<Snapshot>,
    bindings: Arc<Bindings>,
}

/// The files that were used last, the latest at the end.
static CACHE: Mutex<Vec<(PathBuf, Cached)>> = Mutex::new(Vec::new());
/// How many files are held open.
const CACHED_FILES: usize = 8;

impl Cached {
    /// The file at `path` as it is now, which leaves the cache; none if there is none.
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

    /// Keeps the file after its text was appended to, under the lock.
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
