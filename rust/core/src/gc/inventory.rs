//! The items of a stack of depots.
//!
//! Directories are read in parallel, each once. Links are not followed, except for the depots
//! themselves and the directories `packages`, `clones`, `artifacts` and `scratchspaces`, which
//! people put on other disks: a link in the place of a package's directory may lead anywhere.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use scratchrs_fs::{self as fs, DirEntry, FileId, FileKind, FileStamp};
use scratchrs_model::aliases;
use scratchrs_model::clone_name;
use scratchrs_model::collection::{Depot, Item, KINDS, Kind, Position};
use scratchrs_model::depot_path::DepotPath;
use scratchrs_model::diagnostic::Diagnostic;
use scratchrs_model::hash::TreeHash;
use scratchrs_model::layout::{self, DOWNLOAD, LOCK, Leftover};
use scratchrs_model::orphans::Orphans;

use super::report::{Consequence, Note};
use crate::artifact::creation_of;
use crate::error::Result;
use crate::place::{IfMissing, check_depot, in_current_directory};

/// The UUID of Pkg. Some files among its spaces are useless after a day.
const PKG: &str = "44cfe95a-1eb2-52ea-b672-e2afdf69b78f";
const SUSPENDED: [&str; 2] = ["suspend_cache_", "pending_cache_"];
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The size limit of `orphaned.toml` and of the configuration of a clone.
const LONGEST_SMALL_FILE: u64 = 64 << 20;

/// The items of a stack of depots.
#[derive(Debug, Default)]
pub(super) struct Inventory {
    /// The depots, each once, even if several paths lead to it.
    pub(super) depots: Vec<Depot>,
    /// Of each depot, the files besides its items that a collection deletes.
    pub(super) besides: Vec<Besides>,
    /// The items that are symbolic links.
    pub(super) links: Vec<Position>,
    /// The problems of directories and files.
    pub(super) notes: Vec<Note>,
}

/// The files of a depot that a collection deletes besides its items.
#[derive(Debug, Default)]
pub(super) struct Besides {
    /// The empty directories of packages.
    pub(super) empty: Vec<PathBuf>,
    /// The files that a killed process of ours may have left.
    pub(super) leftovers: Vec<PathBuf>,
}

/// The depots at `stack`, each once and without items yet. The first one is swept, or all.
///
/// # Errors
///
/// If the first one does not exist, if one is a file, or if a relative path is given and there is no current
/// directory.
pub(super) fn depots(stack: &[DepotPath], sweeps_all: bool) -> Result<Vec<Depot>> {
    let mut depots: Vec<Depot> = Vec::new();
    let mut ids: Vec<Option<FileId>> = Vec::new();
    for (index, path) in stack.iter().enumerate() {
        // Those behind the first may be missing, as Julia's bundled ones.
        check_depot(path, if index == 0 { IfMissing::Refuse } else { IfMissing::Accept })?;
        let path = in_current_directory(path.as_str())?;
        let path = DepotPath::new(path.trim_end_matches(std::path::MAIN_SEPARATOR));
        let id = FileId::of(path.as_path());
        let real = fs::canonicalize(path.as_path())
            .ok()
            .and_then(|real| Some(DepotPath::new(real.into_os_string().into_string().ok()?)));
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

/// A directory that contains items, or directories of packages with items.
struct ItemDir {
    depot: usize,
    kind: Kind,
    /// The name of the directory of a package; empty for the directory of all items of a kind.
    group: OsString,
    path: PathBuf,
}

/// The entries of one directory of a depot.
#[derive(Default)]
struct Contents {
    groups: Vec<ItemDir>,
    items: Vec<Item>,
    /// Which of the items are symbolic links.
    links: Vec<usize>,
    leftovers: Vec<PathBuf>,
    is_empty: bool,
    notes: Vec<Note>,
}

impl ItemDir {
    fn read(&self, now: SystemTime) -> Contents {
        let mut contents = Contents::default();
        let mut entries = match fs::read_dir(&self.path) {
            Ok(entries) => entries,
            // It was removed meanwhile: the error of a network file system.
            Err(error) if error.io_error().kind() == ErrorKind::StaleNetworkFileHandle => {
                return contents;
            }
            Err(error) => {
                contents.notes.push(Note::about(
                    &self.path,
                    Consequence::Passed,
                    error.to_string(),
                ));
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
                let message = "is a link: its target is not collected".to_owned();
                contents.notes.push(Note::about(&path, Consequence::Passed, message));
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
    /// Reads the items of depots.
    pub(super) fn of(depots: Vec<Depot>, now: SystemTime) -> Self {
        let item_dir = |(depot, place): (usize, &Depot), kind: Kind| {
            let path = place.path.as_path().join(kind.directory());
            ItemDir { depot, kind, group: OsString::new(), path }
        };
        let dirs = depots.iter().enumerate();
        let mut dirs: Vec<_> =
            dirs.flat_map(|depot| KINDS.map(|kind| item_dir(depot, kind))).collect();
        if depots.len() > 1 {
            // Depots may have a directory in common, through a link or a mount.
            let mut seen = HashSet::new();
            dirs.retain(|dir| FileId::of(&dir.path).is_none_or(|id| seen.insert(id)));
        }
        let mut inventory = Self { depots, ..Self::default() };
        inventory.besides.resize_with(inventory.depots.len(), Besides::default);
        let groups = inventory.add(&dirs, now);
        inventory.add(&groups, now);
        inventory.read_orphan_records();
        inventory.depots.iter().for_each(Depot::build_index);
        inventory
    }

    /// Adds the items in directories, and returns the directories of packages in them.
    fn add(&mut self, dirs: &[ItemDir], now: SystemTime) -> Vec<ItemDir> {
        let mut groups = Vec::new();
        for (dir, contents) in dirs.iter().zip(fs::parallel_map(dirs, |dir| dir.read(now))) {
            let besides = &mut self.besides[dir.depot];
            besides.leftovers.extend(contents.leftovers);
            if contents.is_empty && !dir.group.is_empty() {
                besides.empty.push(dir.path.clone());
            }
            let items = &mut self.depots[dir.depot].items;
            let links = contents.links.into_iter();
            self.links.extend(links.map(|link| (dir.depot, items.len() + link)));
            items.extend(contents.items);
            self.notes.extend(contents.notes);
            groups.extend(contents.groups);
        }
        groups
    }

    /// Reads since when items are orphans.
    pub(super) fn read_orphan_records(&mut self) {
        for depot in &mut self.depots {
            let path = depot.path.join(&layout::ORPHANED);
            let consequence = Consequence::Healed;
            match fs::read_up_to(Path::new(&path), LONGEST_SMALL_FILE) {
                Ok(Some((bytes, _))) => {
                    let (orphans, diagnostics) = Orphans::read(&bytes);
                    depot.orphans = aliases::with_own_paths(orphans, depot);
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

/// The artifact whose lock has this name.
pub(super) fn locked_artifact(name: &str) -> Option<TreeHash> {
    name.strip_suffix(LOCK)?.parse().ok()
}

fn is_removing(name: &OsStr) -> bool {
    name.to_str().and_then(Leftover::of) == Some(Leftover::Removing)
}

/// The origin of a clone.
fn origin(clone: &Path) -> Option<String> {
    let name = clone.file_name()?.to_str()?;
    if !clone_name::is_hashed(name) {
        return None;
    }
    let (config, _) = fs::read_up_to(&clone.join("config"), LONGEST_SMALL_FILE).ok()??;
    clone_name::origin(std::str::from_utf8(&config).ok()?).map(str::to_owned)
}
