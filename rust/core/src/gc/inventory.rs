//! What lies in the depots of a stack.
//!
//! Directories are read in parallel, each once. Links are not followed, but for the depots
//! themselves and the directories `packages`, `clones`, `artifacts` and `scratchspaces`, which
//! people put on other disks: a link in the place of a package's directory may lead anywhere.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use scratchrs_fs::{self as fs, DirEntry, FileId, FileKind, FileStamp};
use scratchrs_model::clone_name;
use scratchrs_model::collection::{Depot, Item, KINDS, Kind, Position};
use scratchrs_model::diagnostic::Diagnostic;
use scratchrs_model::hash::TreeHash;
use scratchrs_model::layout::{self, DOWNLOAD, LOCK, Leftover};
use scratchrs_model::orphans::Orphans;
use scratchrs_model::spelling;

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
    /// The items that are symbolic links.
    pub(crate) links: Vec<Position>,
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

/// The depots at `stack`, each once and with nothing in it yet, of which the first, or all, are to be
/// swept.
///
/// # Errors
///
/// If a relative path is given and there is no current directory.
pub(crate) fn depots(stack: &[String], sweeps_all: bool) -> Result<Vec<Depot>> {
    let mut depots: Vec<Depot> = Vec::new();
    let mut ids: Vec<Option<FileId>> = Vec::new();
    for (index, path) in stack.iter().enumerate() {
        let path = in_current_directory(path)?;
        let path = path.trim_end_matches(std::path::MAIN_SEPARATOR).to_owned();
        let id = FileId::of(Path::new(&path));
        let real = fs::canonicalize(Path::new(&path))
            .ok()
            .and_then(|real| real.into_os_string().into_string().ok());
        let aliases = real.filter(|real| *real != path);
        let is_known = |(depot, known): (&Depot, &Option<FileId>)| {
            depot.path == path || id.is_some() && *known == id
        };
        match depots.iter().zip(&ids).position(is_known) {
            Some(known) => depots[known].aliases.extend(aliases.into_iter().chain([path])),
            None => {
                let is_swept = sweeps_all || index == 0;
                depots.push(Depot::new(path, aliases.into_iter().collect(), is_swept));
                ids.push(id);
            }
        }
    }
    Ok(depots)
}

/// A directory whose entries are collected, or directories of such.
struct Shelf {
    depot: usize,
    kind: Kind,
    /// The name of the directory of a package; empty for what holds all of a kind.
    group: OsString,
    path: PathBuf,
}

/// The items of one directory of a depot.
#[derive(Default)]
struct Contents {
    groups: Vec<Shelf>,
    items: Vec<Item>,
    /// Which of the items are symbolic links.
    links: Vec<usize>,
    leftovers: Vec<PathBuf>,
    is_empty: bool,
    notes: Vec<Note>,
}

impl Shelf {
    fn read(&self, now: SystemTime) -> Contents {
        let mut contents = Contents::default();
        let mut entries = match fs::read_dir(&self.path) {
            Ok(entries) => entries,
            // It was removed meanwhile, as a network file system says it.
            Err(error) if error.io_error().kind() == ErrorKind::StaleNetworkFileHandle => {
                return contents;
            }
            Err(error) => {
                contents.notes.push(Note::about(&self.path, Problem::Passed, error.to_string()));
                return contents;
            }
        };
        contents.is_empty = entries.is_empty();
        entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        let holds_groups = self.kind.is_grouped() && self.group.is_empty();
        for entry in entries {
            match holds_groups {
                true => self.add_group(entry, &mut contents),
                false => self.add_item(entry, now, &mut contents),
            }
        }
        contents
    }

    /// Adds the directory of a package.
    fn add_group(&self, entry: DirEntry, contents: &mut Contents) {
        let leads_to_dir = entry.is_dir_in(&self.path);
        let DirEntry { name, kind } = entry;
        let path = self.path.join(&name);
        match kind {
            FileKind::Directory if is_removing(&name) => contents.leftovers.push(path),
            FileKind::Directory => {
                let Self { depot, kind, .. } = *self;
                contents.groups.push(Self { depot, kind, group: name, path });
            }
            FileKind::Link if leads_to_dir => {
                let message = "is a link: what it leads to is not collected".to_owned();
                contents.notes.push(Note::about(&path, Problem::Passed, message));
            }
            FileKind::Link | FileKind::File | FileKind::Special(_) => {}
        }
    }

    fn add_item(&self, entry: DirEntry, now: SystemTime, contents: &mut Contents) {
        let is_directory = entry.is_dir_in(&self.path);
        let DirEntry { name, kind } = entry;
        let path = || self.path.join(&name);
        let text = name.to_str().unwrap_or_default();
        let own = Leftover::of(text).filter(|own| {
            is_directory == matches!(own, Leftover::Removing | Leftover::Building(_))
        });
        let is_suspended = || {
            let is_old =
                || FileStamp::of(&path()).is_some_and(|stamp| stamp.is_older_than(DAY, now));
            let begins = SUSPENDED.iter().any(|begin| text.starts_with(begin));
            self.group == PKG && self.kind == Kind::Space && begins && is_old()
        };
        if self.kind == Kind::Artifact && creation_of(text).is_some() {
            return;
        }
        let is_beside = || text.contains(DOWNLOAD) || locked_artifact(text).is_some();
        let is_file = match own {
            // The lock of a package, of a sweep that was killed or of Pkg.
            _ if !is_directory && self.kind == Kind::Package && text.ends_with(LOCK) => {
                contents.leftovers.push(path());
                return;
            }
            _ if !is_directory && self.kind == Kind::Artifact && is_beside() => {
                contents.leftovers.push(path());
                return;
            }
            Some(Leftover::Removing | Leftover::Building(_)) => {
                contents.leftovers.push(path());
                return;
            }
            Some(_) if self.kind == Kind::Space => {
                contents.leftovers.push(path());
                return;
            }
            _ if is_directory => false,
            _ if kind == FileKind::File && is_suspended() => true,
            _ => return,
        };
        if is_directory && kind == FileKind::Link {
            contents.links.push(contents.items.len());
        }
        let origin = (self.kind == Kind::Clone).then(|| origin(&path())).flatten();
        let (kind, group) = (self.kind, self.group.clone());
        contents.items.push(Item { kind, group, name, origin, is_file });
    }
}

impl Inventory {
    /// Takes the inventory of depots.
    pub(crate) fn of(depots: Vec<Depot>, now: SystemTime) -> Self {
        let shelf = |(depot, place): (usize, &Depot), kind: Kind| {
            let path = Path::new(&place.path).join(kind.directory());
            Shelf { depot, kind, group: OsString::new(), path }
        };
        let shelves = depots.iter().enumerate();
        let mut shelves: Vec<_> =
            shelves.flat_map(|depot| KINDS.map(|kind| shelf(depot, kind))).collect();
        if depots.len() > 1 {
            // Depots may have a directory in common, through a link or a mount.
            let mut seen = HashSet::new();
            shelves.retain(|shelf| FileId::of(&shelf.path).is_none_or(|id| seen.insert(id)));
        }
        let mut inventory = Self { depots, ..Self::default() };
        inventory.besides.resize_with(inventory.depots.len(), Besides::default);
        let groups = inventory.take_in(&shelves, now);
        inventory.take_in(&groups, now);
        inventory.read_orphanages();
        inventory.depots.iter().for_each(Depot::build_index);
        inventory
    }

    /// Takes over what is on shelves, and returns the directories of packages among it.
    fn take_in(&mut self, shelves: &[Shelf], now: SystemTime) -> Vec<Shelf> {
        let mut groups = Vec::new();
        for (shelf, contents) in shelves.iter().zip(fs::parallel_map(shelves, |s| s.read(now))) {
            let besides = &mut self.besides[shelf.depot];
            besides.leftovers.extend(contents.leftovers);
            if contents.is_empty && !shelf.group.is_empty() {
                besides.empty.push(shelf.path.clone());
            }
            let items = &mut self.depots[shelf.depot].items;
            let links = contents.links.into_iter();
            self.links.extend(links.map(|link| (shelf.depot, items.len() + link)));
            items.extend(contents.items);
            self.notes.extend(contents.notes);
            groups.extend(contents.groups);
        }
        groups
    }

    /// Reads since when things are orphans, as it is now.
    pub(crate) fn read_orphanages(&mut self) {
        for depot in &mut self.depots {
            let path = layout::join(&depot.path, &layout::ORPHANED);
            let consequence = Problem::Healed;
            match fs::read_up_to(Path::new(&path), LONGEST_SMALL_FILE) {
                Ok(Some((bytes, _))) => {
                    let (orphans, diagnostics) = Orphans::read(&bytes);
                    depot.orphans = spelling::respell(orphans, depot);
                    let notes = diagnostics
                        .into_iter()
                        .map(|diagnostic| Note::at(&path, consequence, diagnostic));
                    self.notes.extend(notes);
                }
                Ok(None) => depot.orphans = Orphans::default(),
                Err(error) => {
                    let diagnostic = Diagnostic::of_file(error.to_string());
                    self.notes.push(Note::at(&path, consequence, diagnostic));
                }
            }
        }
    }
}

/// The artifact that a lock of this name is of.
pub(crate) fn locked_artifact(name: &str) -> Option<TreeHash> {
    name.strip_suffix(LOCK)?.parse().ok()
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
    let (config, _) = fs::read_up_to(&clone.join("config"), LONGEST_SMALL_FILE).ok()??;
    clone_name::origin(std::str::from_utf8(&config).ok()?).map(str::to_owned)
}
