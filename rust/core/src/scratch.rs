//! Scratch spaces: mutable directories of packages.

mod report;

use std::collections::HashMap;
use std::path::Path;

use scratchrs_fs::{self as fs, FileId, Mounts, Size};
use scratchrs_model::collection::Kind;
use scratchrs_model::diagnostic::Diagnostic;
use scratchrs_model::key::ScratchKey;
use scratchrs_model::layout::{self, GENERATED};
use scratchrs_model::project;
use scratchrs_model::spelling::items_named;
use scratchrs_model::usage_log::{Record, UsageLog};
use uuid::Uuid;

pub use report::{Listing, Space};

use crate::error::Result;
use crate::place::Place;
use crate::usage;

/// Makes the space `key` of `owner`, unless it is there, and returns its path.
///
/// # Errors
///
/// If `key` is no key, or the directory is missing and cannot be made.
pub fn get(place: Place<'_>, owner: Uuid, key: &str) -> Result<String> {
    let path = path(place, owner, key)?;
    fs::create_dir_all(Path::new(&path))?;
    Ok(path)
}

/// The path of the space `key` of `owner`, whether it is there or not.
///
/// # Errors
///
/// If `key` is no key.
pub fn path(place: Place<'_>, owner: Uuid, key: &str) -> Result<String> {
    place.space(owner, ScratchKey::new(key)?)
}

/// Removes the space `key` of `owner`; that there is none is no error.
///
/// # Errors
///
/// If `key` is no key, or something cannot be removed.
pub fn delete(place: Place<'_>, owner: Uuid, key: &str) -> Result<()> {
    let space = path(place, owner, key)?;
    Mounts::read().refuse(Path::new(&space))?;
    log::debug!("deleting the scratch space `{space}`: requested");
    // The record first: without it a space that is still there is one that was filled by hand.
    fs::remove(Path::new(&format!("{space}{GENERATED}")))?;
    remove(&space)
}

/// Removes all spaces of `owner`, or all spaces of all packages and the directory that held them.
///
/// # Errors
///
/// If something cannot be removed.
pub fn clear(place: Place<'_>, owner: Option<Uuid>) -> Result<()> {
    let root = place.root()?;
    if let Some(owner) = owner {
        return remove(&layout::package_spaces(&root, owner));
    }
    // All of them stay if something is mounted in one. The directory that holds them may be a mount
    // point itself.
    let mounts = Mounts::read();
    let entries = fs::read_dir(Path::new(&root))?;
    let paths: Vec<_> = entries.iter().map(|entry| Path::new(&root).join(&entry.name)).collect();
    paths.iter().try_for_each(|path| mounts.refuse(path))?;
    // Each on its own: were this process killed, `Pkg.gc` would find what is left.
    paths.iter().try_for_each(|path| fs::remove(path))?;
    match mounts.within(Path::new(&root)) {
        Some(_) => Ok(()),
        None => remove(&root),
    }
}

/// Deletes the space at `path`, and what a process left that was killed while deleting it.
fn remove(path: &str) -> Result<()> {
    fs::remove(Path::new(path))?;
    Ok(fs::remove_leftovers(Path::new(path))?)
}

/// The spaces of all packages, or of one.
///
/// # Errors
///
/// If a directory is there and cannot be read. What cannot be read inside a space counts as
/// nothing, and without a log nothing is known of uses.
pub fn list(place: Place<'_>, owner: Option<Uuid>) -> Result<Listing> {
    let root = place.root()?;
    let (log, skipped) = usage::read(place).unwrap_or_else(|error| {
        (UsageLog::default(), vec![Diagnostic::of_file(error.to_string())])
    });
    let others = OtherPaths::of(&log, &root);
    let mut spaces = Vec::new();
    for package in fs::subdirectories(Path::new(&root))? {
        let is_asked_for = owner.is_none_or(|owner| package.parse() == Ok(owner));
        if !is_asked_for || layout::is_companion(&package) {
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
            spaces.push(Space {
                package: parent_projects.iter().find_map(|file| package_name(file, &package)),
                owner: package.clone(),
                key,
                bytes: Size::of_entries(Path::new(&path)).bytes,
                last_used: records.iter().filter_map(|record| record.time).max(),
                path,
                parent_projects,
            });
        }
    }
    let bytes = spaces.iter().map(|space: &Space| space.bytes).sum();
    Ok(Listing { directory: root, spaces, bytes, skipped })
}

/// The records of a log whose paths do not begin with that of the directory of spaces, by what their
/// paths lead to; and of those that lead to nothing, by the names of the spaces.
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

/// The name that a project file gives itself, if it is the project of package `owner`.
fn package_name(project_file: &str, owner: &str) -> Option<String> {
    let bytes = fs::read(Path::new(project_file)).ok()?;
    let identity = project::identity(std::str::from_utf8(&bytes).ok()?);
    (identity.uuid == owner.parse().ok()).then_some(identity.name)?
}
