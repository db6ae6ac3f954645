//! The items of a depot.

use std::ffi::{OsStr, OsString};
use std::hash::BuildHasher;
use std::path::{PathBuf, is_separator};
use std::sync::OnceLock;

use hashbrown::{DefaultHashBuilder, HashMap, HashTable};

use crate::depot_path::DepotPath;
use crate::hash::TreeHash;
use crate::layout::{ARTIFACTS, CLONES, PACKAGES, SCRATCHSPACES};
use crate::orphans::Orphans;

/// The kinds of items that are collected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `packages/<Name>/<slug>`
    Package,
    /// `clones/<name>`
    Clone,
    /// `artifacts/<hash>`
    Artifact,
    /// `scratchspaces/<uuid>/<key>`
    Space,
}

/// All kinds, in the order in which Pkg removes them.
pub const KINDS: [Kind; 4] = [Kind::Package, Kind::Clone, Kind::Artifact, Kind::Space];

impl Kind {
    /// The directory of a depot with items of this kind.
    pub fn directory(self) -> &'static str {
        match self {
            Self::Package => PACKAGES,
            Self::Clone => CLONES,
            Self::Artifact => ARTIFACTS,
            Self::Space => SCRATCHSPACES,
        }
    }

    /// The path of an item of this kind in the depot at `depot`. Kinds without groups ignore the
    /// group.
    pub fn path(self, depot: &DepotPath, group: &str, name: &str) -> String {
        match self.is_grouped() {
            true => depot.join(&[self.directory(), group, name]),
            false => depot.join(&[self.directory(), name]),
        }
    }

    /// Whether items of this kind are in a directory of their package.
    pub fn is_grouped(self) -> bool {
        matches!(self, Self::Package | Self::Space)
    }
}

/// An item of a depot that can be collected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its kind.
    pub kind: Kind,
    /// The name of its package's directory; empty for kinds without one.
    pub group: OsString,
    /// Its own name.
    pub name: OsString,
    /// The origin of a clone, as its configuration has it.
    pub origin: Option<String>,
    /// Whether it is a file: one of those that Pkg stores among its own spaces.
    pub is_file: bool,
}

impl Item {
    /// Its path in the depot at `depot`.
    pub fn path(&self, depot: &DepotPath) -> PathBuf {
        let mut path = depot.as_path().to_owned();
        path.push(self.kind.directory());
        if self.kind.is_grouped() {
            path.push(&self.group);
        }
        path.push(&self.name);
        path
    }

    /// Its path as text, as `orphaned.toml` has it. `None` if it is not Unicode.
    pub fn text(&self, depot: &DepotPath) -> Option<String> {
        Some(self.kind.path(depot, self.group.to_str()?, self.name.to_str()?))
    }
}

/// A depot and its items.
#[derive(Clone, Debug, Default)]
pub struct Depot {
    /// Its absolute path, as by Julia's `abspath`, without a trailing separator.
    pub path: DepotPath,
    /// Its other absolute paths.
    pub aliases: Vec<DepotPath>,
    /// Whether its items may be deleted.
    pub is_swept: bool,
    /// Its items.
    pub items: Vec<Item>,
    /// The orphans, and since when they are unreachable.
    pub orphans: Orphans,
    /// Finds items by their names. The items do not change after it is built.
    index: OnceLock<Index>,
}

impl Depot {
    /// The depot at a path, without items yet.
    pub fn new(path: DepotPath, aliases: Vec<DepotPath>, is_swept: bool) -> Self {
        Self { path, aliases, is_swept, ..Self::default() }
    }

    /// Builds the index by which [`plan`](super::plan) finds items. No item may be added
    /// afterwards.
    pub fn build_index(&self) {
        self.index();
    }

    /// The rest of `path` below the depot, if its text begins with a path of the depot.
    pub fn below<'p>(&self, path: &'p str) -> Option<&'p str> {
        let mut paths = std::iter::once(&self.path).chain(&self.aliases);
        paths.find_map(|depot| path.strip_prefix(depot.as_str())?.strip_prefix(is_separator))
    }

    fn index(&self) -> &Index {
        self.index.get_or_init(|| Index::of(&self.items))
    }

    /// A package, by its name and slug.
    pub(super) fn package(&self, name: &str, slug: &str) -> Option<usize> {
        let index = self.index();
        index.find(&index.packages, &self.items, name, slug)
    }

    pub(super) fn artifact(&self, hash: TreeHash) -> Option<usize> {
        self.index().artifacts.get(&hash).copied()
    }

    /// A space, by the UUID of its package and its key.
    pub fn space(&self, uuid: &str, key: &str) -> Option<usize> {
        let index = self.index();
        index.find(&index.spaces, &self.items, uuid, key)
    }
}

/// Finds items by their names.
#[derive(Clone, Debug, Default)]
struct Index {
    hasher: DefaultHashBuilder,
    packages: HashTable<usize>,
    artifacts: HashMap<TreeHash, usize>,
    spaces: HashTable<usize>,
}

impl Index {
    fn of(items: &[Item]) -> Self {
        let mut index = Self::default();
        let count = |kind| items.iter().filter(|item| item.kind == kind).count();
        index.artifacts.reserve(count(Kind::Artifact));
        for (item, kind, _, name) in named(items) {
            match kind {
                // Pkg writes hashes in lower case, and reads no other.
                Kind::Artifact if !name.bytes().any(|byte| byte.is_ascii_uppercase()) => {
                    if let Ok(hash) = name.parse() {
                        index.artifacts.insert(hash, item);
                    }
                }
                Kind::Package | Kind::Space => {
                    let Self { hasher, packages, spaces, .. } = &mut index;
                    let table = if kind == Kind::Package { packages } else { spaces };
                    let hash =
                        |item: &usize| hasher.hash_one((&items[*item].group, &items[*item].name));
                    table.insert_unique(hash(&item), item, hash);
                }
                Kind::Artifact | Kind::Clone => {}
            }
        }
        index
    }

    fn find(
        &self,
        table: &HashTable<usize>,
        items: &[Item],
        group: &str,
        name: &str,
    ) -> Option<usize> {
        let hash = self.hasher.hash_one((OsStr::new(group), OsStr::new(name)));
        let found =
            table.find(hash, |item| items[*item].group == group && items[*item].name == name);
        found.copied()
    }
}

/// The items whose names are Unicode, since only these can be referenced: index, kind, group and
/// name.
pub(super) fn named(items: &[Item]) -> impl Iterator<Item = (usize, Kind, &str, &str)> {
    items.iter().enumerate().filter_map(|(index, item)| {
        Some((index, item.kind, item.group.to_str()?, item.name.to_str()?))
    })
}
