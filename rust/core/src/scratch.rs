//! Scratch spaces: mutable directories of packages.

mod report;

use std::collections::HashMap;
use std::path::Path;

use scratchrs_fs::{self as fs, FileId, Mounts, Size};
use scratchrs_model::aliases::items_named;
use scratchrs_model::collection::Kind;
use scratchrs_model::diagnostic::Diagnostic;
use scratchrs_model::key::ScratchKey;
use scratchrs_model::layout::{self, GENERATED};
use scratchrs_model::project;
use scratchrs_model::usage_log::{Record, UsageLog};
use uuid::Uuid;

pub use report::{Listing, Space};

use crate::error::Result;
use crate::place::Place;
use crate::usage;

/// Returns the path of the space `key` of `owner`, and creates the space if it does not exist.
///
/// # Errors
///
/// If `key` is invalid, or the directory cannot be created.
pub fn get(place: Place<'_>, owner: Uuid, key: &str) -> Result<String> {
    let path = path(place, owner, key)?;
    fs::create_dir_all(Path::new(&path))?;
    Ok(path)
}

/// The path of the space `key` of `owner`, which may not exist.
///
/// # Errors
///
/// If `key` is invalid.
pub fn path(place: Place<'_>, owner: Uuid, key: &str) -> Result<String> {
    place.space(owner, ScratchKey::new(key)?)
}

/// Deletes the space `key` of `owner`. Deleting a missing space is not an error.
///
/// # Errors
///
/// If `key` is invalid, or a file cannot be deleted.
pub fn delete(place: Place<'_>, owner: Uuid, key: &str) -> Result<()> {
    let space = path(place, owner, key)?;
    Mounts::read().refuse(Path::new(&space))?;
    log::debug!("deleting the scratch space `{space}`: requested");
    // The record is deleted first: a space without a record counts as filled by hand.
    fs::remove(Path::new(&format!("{space}{GENERATED}")))?;
    remove(&space)
}

/// Deletes all spaces of `owner`; or, if it is `None`, the spaces of all packages with their
/// directory.
///
/// # Errors
///
/// If a file cannot be deleted.
pub fn clear(place: Place<'_>, owner: Option<Uuid>) -> Result<()> {
    let root = place.root()?;
    if let Some(owner) = owner {
        return remove(&layout::package_spaces(&root, owner));
    }
    // All spaces are kept if one has a mount point inside. Their directory may be a mount point
    // itself.
    let mounts = Mounts::read();
    let entries = fs::read_dir(Path::new(&root))?;
    let paths: Vec<_> = entries.iter().map(|entry| Path::new(&root).join(&entry.name)).collect();
    paths.iter().try_for_each(|path| mounts.refuse(path))?;
    // One by one, so that `Pkg.gc` finds the remaining spaces if this process is killed.
    paths.iter().try_for_each(|path| fs::remove(path))?;
    match mounts.within(Path::new(&root)) {
        Some(_) => Ok(()),
        None => remove(&root),
    }
}

/// Deletes the space at `path`, and leftovers of killed deletions.
fn remove(path: &str) -> Result<()> {
    fs::remove(Path::new(path))?;
    Ok(fs::remove_leftovers(Path::new(path))?)
}

/// Lists the spaces of all packages, or of `owner`. Unreadable files in a space do not count in its
/// size. If the usage log cannot be read, the uses are unknown.
///
/// # Errors
///
/// If a directory exists and cannot be read.
pub fn list(place: Place<'_>, owner: Option<Uuid>) -> Result<Listing> {
    let root = place.root()?;
    let (log, skipped) = usage::read(place).unwrap_or_else(|error| {
        (UsageLog::default(), vec![Diagnostic::of_file(error.to_string())])
    });
    let others = OtherPaths::of(&log, &root);
    let mut spaces = Vec::new();
    for package in fs::subdirectories(Path::new(&root))? {
        let is_requested = owner.is_none_or(|owner| package.parse() == Ok(owner));
        if !is_requested || layout::is_companion(&package) {
            continue;
        }
        let directory = layout::join(&root, &[&package]);
        for key in fs::subdirectories(Path::new(&directory))? {
            if layout::is_companion(&key) {
                continue;
            }
            let path = layout::join(&directory, &[&key]);
            let mut records = others.records(&path, &package, &key);
            records.extend(log.records(&path));
            let mut parent_projects: Vec<String> =
                records.iter().flat_map(|record| record.parent_projects.iter().cloned()).collect();
            parent_projects.sort();
            parent_projects.dedup();
            let mut missing_projects = parent_projects.clone();
            missing_projects.retain(|project| !fs::is_file(Path::new(project)));
            spaces.push(Space {
                package: parent_projects.iter().find_map(|file| package_name(file, &package)),
                owner: package.clone(),
                key,
                bytes: Size::of_entries(Path::new(&path)).bytes,
                last_used: records.iter().filter_map(|record| record.time).max(),
                path,
                parent_projects,
                missing_projects,
            });
        }
    }
    let bytes = spaces.iter().map(|space: &Space| space.bytes).sum();
    Ok(Listing { directory: root, spaces, bytes, skipped })
}

/// The records of a log whose paths are not in the directory of spaces: by the identity of the
/// directory at the path, or by package and key if the path does not exist.
#[derive(Default)]
struct OtherPaths<'a> {
    by_id: HashMap<FileId, Vec<&'a Record>>,
    by_name: HashMap<(&'a str, &'a str), Vec<&'a Record>>,
}

impl<'a> OtherPaths<'a> {
    fn of(log: &'a UsageLog, root: &str) -> Self {
        let mut others = Self::default();
        for (path, records) in log.iter().filter(|(path, _)| !Path::new(path).starts_with(root)) {
            if let Some(id) = FileId::of(Path::new(path)) {
                others.by_id.entry(id).or_default().extend(records);
                continue;
            }
            let named = items_named(path).filter(|(kind, _, _)| *kind == Kind::Space);
            for (_, package, key) in named {
                others.by_name.entry((package, key)).or_default().extend(records);
            }
        }
        others
    }

    /// The records of the space `key` of a package, which is at `path`.
    fn records(&self, path: &str, package: &str, key: &str) -> Vec<&'a Record> {
        let id = (!self.by_id.is_empty()).then(|| FileId::of(Path::new(path))).flatten();
        let by_id = id.and_then(|id| self.by_id.get(&id)).into_iter().flatten();
        let by_name = self.by_name.get(&(package, key)).into_iter().flatten();
        by_id.chain(by_name).copied().collect()
    }
}

/// The name in a project file, if its UUID is `owner`.
fn package_name(project_file: &str, owner: &str) -> Option<String> {
    let bytes = fs::read(Path::new(project_file)).ok()?;
    let identity = project::identity(std::str::from_utf8(&bytes).ok()?);
    (identity.uuid == owner.parse().ok()).then_some(identity.name)?
}
