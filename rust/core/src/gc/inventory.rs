//! What lies in the depots of a stack.
//!
//! Directories are read in parallel, each once. Links are not followed, but for the depots
//! themselves and the directories `packages`, `clones`, `artifacts` and `scratchspaces`, which
//! people put on other disks: a link in the place of a package's directory may lead anywhere.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use scratchrs_fs::{self as fs, Entry, EntryKind, Stamp};
use scratchrs_model::clone_name;
use scratchrs_model::collection::{Depot, Item, KINDS, Kind};
use scratchrs_model::fault::Fault;
use scratchrs_model::hash::TreeHash;
use scratchrs_model::layout::{self, DOWNLOAD, Leftover};
use scratchrs_model::orphanage::Orphanage;

use super::{Note, Problem};
use crate::artifact::creation_of;
use crate::error::Result;
use crate::place::in_current_directory;

/// The UUID of Pkg: among its spaces lie files that it has no use for after a day.
const PKG: &str = "44cfe95a-1eb2-52ea-b672-e2afdf69b78f";
const SUSPENDED: [&str; 2] = ["suspend_cache_", "pending_cache_"];
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Files that are longer are not what they are taken for.
const LONGEST_SMALL_FILE: u64 = 64 << 20;

/// What there is in a stack of depots.
#[derive(Debug, Default)]
pub(crate) struct Inventory {
    /// The depots, each once, whatever paths lead to it.
    pub(crate) depots: Vec<Depot>,
    /// Of each depot, what beside its items a collection looks at.
    pub(crate) besides: Vec<Besides>,
    /// What could not be read.
    pub(crate) notes: Vec<Note>,
}

/// What lies in a depot beside what is collected.
#[derive(Debug, Default)]
pub(crate) struct Besides {
    /// The directories of packages that have nothing in them.
    pub(crate) empty: Vec<PathBuf>,
    /// What may be left of ours by a process that was killed.
    pub(crate) leftovers: Vec<PathBuf>,
}

/// Takes the inventory of the depots at `stack`, of which the first, or all, are to be swept.
///
/// # Errors
///
/// If a relative path is given and there is no current directory.
pub(crate) fn take(stack: &[String], sweeps_all: bool, now: SystemTime) -> Result<Inventory> {
    let mut inventory = Inventory::default();
    for (index, path) in stack.iter().enumerate() {
        let path = in_current_directory(path)?;
        let path = path.trim_end_matches(std::path::MAIN_SEPARATOR).to_owned();
        let real = fs::real_path(Path::new(&path))
            .and_then(|real| real.into_os_string().into_string().ok());
        let known = inventory.depots.iter_mut().find(|depot| {
            depot.path == path || real.is_some() && depot.aliases.last() == real.as_ref()
        });
        if let Some(depot) = known {
            depot.aliases.insert(0, path);
            continue;
        }
        // The real path stands last among the aliases.
        let aliases = vec![real.unwrap_or_else(|| path.clone())];
        let is_swept = sweeps_all || index == 0;
        inventory.depots.push(Depot { path, aliases, is_swept, ..Depot::default() });
    }
    let mut shelves = Vec::new();
    for (depot, found) in inventory.depots.iter().enumerate() {
        shelves.extend(KINDS.map(|kind| {
            let path = Path::new(&found.path).join(kind.directory());
            Shelf { depot, kind, group: OsString::new(), path }
        }));
    }
    inventory.besides.resize_with(inventory.depots.len(), Besides::default);
    let mut groups = Vec::new();
    for (shelf, entries) in shelves.iter().zip(fs::parallel_map(&shelves, Shelf::entries)) {
        match shelf.kind.is_grouped() {
            true => groups.extend(inventory.groups(shelf, entries)),
            false => inventory.add(shelf, entries, now),
        }
    }
    for (group, entries) in groups.iter().zip(fs::parallel_map(&groups, Shelf::entries)) {
        inventory.add(group, entries, now);
    }
    inventory.read_orphanages();
    Ok(inventory)
}

/// A directory whose entries are collected, or directories of such.
struct Shelf {
    depot: usize,
    kind: Kind,
    group: OsString,
    path: PathBuf,
}

impl Shelf {
    fn entries(&self) -> fs::Result<Vec<Entry>> {
        let mut entries = fs::entries(&self.path)?;
        entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }
}

impl Inventory {
    /// The directories of packages on a shelf.
    fn groups(&mut self, shelf: &Shelf, entries: fs::Result<Vec<Entry>>) -> Vec<Shelf> {
        let mut groups = Vec::new();
        for Entry { name, kind } in self.readable(shelf, entries) {
            let path = shelf.path.join(&name);
            match kind {
                EntryKind::Directory if is_removing(&name) => {
                    self.besides[shelf.depot].leftovers.push(path);
                }
                EntryKind::Directory => {
                    groups.push(Shelf { depot: shelf.depot, kind: shelf.kind, group: name, path });
                }
                EntryKind::LinkToDirectory => {
                    let message = "is a link: what it leads to is not collected".to_owned();
                    self.notes.push(Note::about(&path, Problem::Passed, message));
                }
                EntryKind::Link | EntryKind::File => {}
            }
        }
        groups
    }

    /// Adds what is on a shelf.
    fn add(&mut self, shelf: &Shelf, entries: fs::Result<Vec<Entry>>, now: SystemTime) {
        let is_readable = entries.is_ok();
        let entries = self.readable(shelf, entries);
        if shelf.kind.is_grouped() && entries.is_empty() && is_readable {
            self.besides[shelf.depot].empty.push(shelf.path.clone());
        }
        for Entry { name, kind } in entries {
            let path = shelf.path.join(&name);
            let text = name.to_str().unwrap_or_default();
            let is_directory = matches!(kind, EntryKind::Directory | EntryKind::LinkToDirectory);
            let own = Leftover::of(text).filter(|own| {
                is_directory == matches!(own, Leftover::Removing | Leftover::Building(_))
            });
            let is_suspended = || {
                let is_old = || Stamp::of(&path).is_some_and(|stamp| stamp.is_older_than(DAY, now));
                let begins = SUSPENDED.iter().any(|begin| text.starts_with(begin));
                shelf.group == PKG && shelf.kind == Kind::Space && begins && is_old()
            };
            if shelf.kind == Kind::Artifact && creation_of(text).is_some() {
                continue;
            }
            let is_beside = text.contains(DOWNLOAD) || locked_artifact(text).is_some();
            let is_file = match own {
                _ if is_beside && !is_directory && shelf.kind == Kind::Artifact => {
                    self.besides[shelf.depot].leftovers.push(path);
                    continue;
                }
                Some(Leftover::Removing | Leftover::Building(_)) => {
                    self.besides[shelf.depot].leftovers.push(path);
                    continue;
                }
                Some(_) if shelf.kind == Kind::Space => {
                    self.besides[shelf.depot].leftovers.push(path);
                    continue;
                }
                _ if is_directory => false,
                _ if kind == EntryKind::File && is_suspended() => true,
                _ => continue,
            };
            let origin = (shelf.kind == Kind::Clone).then(|| origin(&path)).flatten();
            let group = shelf.group.clone();
            let item = Item { kind: shelf.kind, group, name, origin, is_file };
            self.depots[shelf.depot].items.push(item);
        }
    }

    fn readable(&mut self, shelf: &Shelf, entries: fs::Result<Vec<Entry>>) -> Vec<Entry> {
        entries.unwrap_or_else(|error| {
            let message = error.to_string();
            self.notes.push(Note::about(&shelf.path, Problem::Passed, message));
            Vec::new()
        })
    }

    /// Reads since when things are orphans, as it is now.
    pub(crate) fn read_orphanages(&mut self) {
        for depot in &mut self.depots {
            let path = layout::join(&depot.path, &layout::ORPHANAGE);
            let consequence = Problem::Healed;
            match fs::read_regular(Path::new(&path), LONGEST_SMALL_FILE) {
                Ok(Some((bytes, _))) => {
                    let (orphanage, faults) = Orphanage::read(&bytes);
                    depot.orphanage = orphanage;
                    let notes = faults.into_iter().map(|fault| Note::at(&path, consequence, fault));
                    self.notes.extend(notes);
                }
                Ok(None) => depot.orphanage = Orphanage::default(),
                Err(error) => {
                    let fault = Fault { line: None, column: None, message: error.to_string() };
                    self.notes.push(Note::at(&path, consequence, fault));
                }
            }
        }
    }
}

/// The artifact that a lock of this name is of.
pub(crate) fn locked_artifact(name: &str) -> Option<TreeHash> {
    name.strip_suffix(".pid")?.parse().ok()
}

fn is_removing(name: &OsStr) -> bool {
    name.to_str().and_then(Leftover::of) == Some(Leftover::Removing)
}

/// What a clone is a clone of.
fn origin(clone: &Path) -> Option<String> {
    let name = clone.file_name()?.to_str()?;
    if !clone_name::is_hashed(name) {
        return None;
    }
    let (config, _) = fs::read_regular(&clone.join("config"), LONGEST_SMALL_FILE).ok()??;
    clone_name::origin(std::str::from_utf8(&config).ok()?).map(str::to_owned)
}
