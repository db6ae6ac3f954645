//! What a collection keeps and what it removes: a function of what lies in the depots, of what
//! keeps it, and of the time.
//!
//! # Compatibility
//!
//! The rules are those of `Pkg.gc` in Julia 1.6 to 1.12 (Pkg, `API.jl: gc`), in its order: packages,
//! then artifacts and spaces, where those that only packages about to go have use for go with
//! them if there is no grace period. In these points more is kept than there:
//!
//! - What a root that cannot be read could have kept; what one with diagnostics can be seen to name.
//! - What a root below `packages/Name/abcde` keeps, when `packages/Name/abcd` goes: Pkg compares
//!   paths by their letters.
//! - A clone whose name no Julia up to 1.12 would give it, but whose origin is one that a manifest
//!   names: Julia 1.13 gives other names.
//! - What is reachable by another path of the same depot, of a directory in it or of the item.
//! - A clone, by each of the names that Pkg since 1.5 has given to a `repo-url` that is a path: Pkg
//!   before 1.12.4 loses the clones of relative paths.

use std::cell::LazyCell;
use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::hash::BuildHasher;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use chrono::TimeDelta;
use hashbrown::{DefaultHashBuilder, HashMap, HashTable};
use smallvec::SmallVec;

use crate::artifacts_toml::NamedHashes;
use crate::clone_name::clone_name;
use crate::diagnostic::Diagnostic;
use crate::hash::TreeHash;
use crate::layout::{self, ARTIFACTS, CLONES, PACKAGES, SCRATCHSPACES};
use crate::manifest::{Manifest, Package};
use crate::orphanage::Orphanage;
use crate::overrides::{Cycle, Overrides, Target};
use crate::slug::Slug;
use crate::spelling::{Spellings, clone_sources};
use crate::time::DepotTime;

/// The kinds of things that are collected.
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
    /// The directory of a depot that things of this kind lie in.
    pub fn directory(self) -> &'static str {
        match self {
            Self::Package => PACKAGES,
            Self::Clone => CLONES,
            Self::Artifact => ARTIFACTS,
            Self::Space => SCRATCHSPACES,
        }
    }

    /// The path of an item of this kind in the depot at `depot`. The group is left out where items of
    /// this kind have none.
    pub fn path(self, depot: &str, group: &str, name: &str) -> String {
        match self.is_grouped() {
            true => layout::join(depot, &[self.directory(), group, name]),
            false => layout::join(depot, &[self.directory(), name]),
        }
    }

    /// Whether things of this kind lie in a directory of their package.
    pub fn is_grouped(self) -> bool {
        matches!(self, Self::Package | Self::Space)
    }
}

/// Something in a depot that can be collected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What it is.
    pub kind: Kind,
    /// The name of its package's directory, where things of this kind have one; else empty.
    pub group: OsString,
    /// Its own name.
    pub name: OsString,
    /// What a clone is a clone of, in its own words.
    pub origin: Option<String>,
    /// Whether it is a plain file: one of those that Pkg keeps among its own spaces.
    pub is_file: bool,
}

impl Item {
    /// Its path in the depot at `depot`.
    pub fn path(&self, depot: &str) -> PathBuf {
        let mut path = PathBuf::from(depot);
        path.push(self.kind.directory());
        if self.kind.is_grouped() {
            path.push(&self.group);
        }
        path.push(&self.name);
        path
    }

    /// Its path as text, in which the files that Pkg shares hold it; none if it is not Unicode.
    pub fn text(&self, depot: &str) -> Option<String> {
        Some(self.kind.path(depot, self.group.to_str()?, self.name.to_str()?))
    }
}

/// What lies in a depot.
#[derive(Clone, Debug, Default)]
pub struct Depot {
    /// Its absolute path, as Julia's `abspath` gives it, without a separator at the end.
    pub path: String,
    /// Other absolute paths that lead to it.
    pub aliases: Vec<String>,
    /// Whether things are to be removed from it.
    pub is_swept: bool,
    /// What can be collected.
    pub items: Vec<Item>,
    /// Since when what nothing keeps has been an orphan.
    pub orphanage: Orphanage,
    /// Finds items by their names. The items do not change once it is there.
    index: OnceLock<Index>,
}

impl Depot {
    /// The depot at a path, as yet with nothing in it.
    pub fn new(path: String, aliases: Vec<String>, is_swept: bool) -> Self {
        Self { path, aliases, is_swept, ..Self::default() }
    }

    /// Builds at once what [`plan`] finds the items with, so that it need not. No item is to be added
    /// afterwards.
    pub fn build_index(&self) {
        self.index();
    }

    /// What `path` is below the depot by its text: by the path of the depot, or another one that leads
    /// to it. `None` if it begins with none of them.
    pub fn below<'p>(&self, path: &'p str) -> Option<&'p str> {
        let mut paths = std::iter::once(&self.path).chain(&self.aliases);
        paths.find_map(|depot| path.strip_prefix(depot)?.strip_prefix(std::path::MAIN_SEPARATOR))
    }

    fn index(&self) -> &Index {
        self.index.get_or_init(|| Index::of(&self.items))
    }

    /// A package, by its name and slug.
    fn package(&self, name: &str, slug: &str) -> Option<usize> {
        let index = self.index();
        index.find(&index.packages, &self.items, name, slug)
    }

    fn artifact(&self, hash: TreeHash) -> Option<usize> {
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
                // Pkg writes hashes in lower case, and looks for nothing else.
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

/// The items whose names are Unicode, as those are that anything can name: the index of each, its kind,
/// its group and its name.
fn named(items: &[Item]) -> impl Iterator<Item = (usize, Kind, &str, &str)> {
    items.iter().enumerate().filter_map(|(index, item)| {
        Some((index, item.kind, item.group.to_str()?, item.name.to_str()?))
    })
}

/// A file that keeps things.
#[derive(Clone, Debug)]
pub struct Root<T> {
    /// Its path, as a log has it.
    pub path: String,
    /// When its use was last logged.
    pub last_used: Option<DepotTime>,
    /// What it names.
    pub content: T,
}

/// The uses of a scratch space.
#[derive(Clone, Debug, Default)]
pub struct SpaceUse {
    /// The space, as the log has it.
    pub path: String,
    /// When its use was last logged.
    pub last_used: Option<DepotTime>,
    /// The project files for which it was used, those that are known to be gone left out.
    pub projects: Vec<String>,
}

/// A root, or a log of roots, that is there and cannot be read completely.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Its path.
    pub path: String,
    /// Why it cannot be read, and where.
    pub diagnostic: Diagnostic,
    /// What it could have kept.
    pub kinds: Vec<Kind>,
}

/// All that keeps things.
#[derive(Clone, Debug, Default)]
pub struct Roots {
    /// The manifests.
    pub manifests: Vec<Root<Manifest>>,
    /// The artifact files.
    pub artifact_files: Vec<Root<NamedHashes>>,
    /// The scratch spaces.
    pub uses: Vec<SpaceUse>,
    /// The overrides of all depots.
    pub overrides: Overrides,
    /// What they put in the place of names in the artifact files of packages: the index of the file, and
    /// the replacement.
    pub replacements: Vec<(usize, Target)>,
    /// What could not be read.
    pub unreadable: Vec<Unreadable>,
    /// The other paths of what the paths of all these lead to. Of items and of what lies in them, the
    /// paths by which their depots have them.
    pub spellings: Spellings,
    /// The items that are symbolic links, each with an item that it leads to, or into. What references
    /// the one references the other.
    pub links: Vec<(Position, Position)>,
}

impl Roots {
    /// What the `repo-url` entries of a manifest can mean, by each path of the manifest.
    pub fn clone_sources(&self, manifest: &Root<Manifest>) -> Vec<String> {
        let sources = &manifest.content.sources;
        if sources.is_empty() {
            return Vec::new();
        }
        let others = self.spellings.of(&manifest.path);
        let paths = std::iter::once(&manifest.path).chain(others);
        let paths = paths.flat_map(|path| sources.iter().map(move |source| (path, source)));
        paths.flat_map(|(path, source)| clone_sources(path, source)).collect()
    }
}

/// What the user wants.
#[derive(Clone, Debug)]
pub struct Policy {
    /// For how long something must have been an orphan to be removed.
    pub collect_delay: TimeDelta,
    /// For how long nobody must have opened a space for it to be removed although something keeps
    /// it.
    pub scratch_cleanup_period: Option<TimeDelta>,
}

/// What keeps something, as an index into one of the lists of [`Roots`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeper {
    /// Of [`Roots::manifests`].
    Manifest(usize),
    /// Of [`Roots::artifact_files`].
    ArtifactFile(usize),
    /// Of [`Roots::uses`].
    Use(usize),
    /// Of [`Roots::unreadable`].
    Unreadable(usize),
}

/// What keeps something: in most cases one thing, and there may be very many cases.
pub type Keepers = SmallVec<[Keeper; 1]>;

/// Why something goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Nothing has kept it for long enough.
    Unreachable,
    /// Nobody has opened it for long enough.
    Unused,
    /// The depot is to become smaller.
    Evicted,
}

/// What becomes of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It stays: something keeps it, or it is not in a depot that is swept.
    Kept,
    /// Nothing keeps it; it goes when it has been so for long enough.
    Waiting {
        /// Since when nothing keeps it.
        since: DepotTime,
        /// When it can go.
        until: DepotTime,
    },
    /// It goes now.
    Doomed(Reason),
}

/// What becomes of an item, and what keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What becomes of it.
    pub fate: Fate,
    /// What keeps it: nothing, if it is an orphan.
    pub keepers: Keepers,
}

/// What becomes of everything in a depot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DepotPlan {
    /// One for each item, in their order.
    pub decisions: Vec<Decision>,
    /// What its `orphaned.toml` is to hold.
    pub orphanage: Orphanage,
}

/// Decides, for each depot in the order of the stack.
pub fn plan(depots: &[Depot], roots: &Roots, policy: &Policy, now: DepotTime) -> Vec<DepotPlan> {
    let places = Places::of(depots, &roots.spellings);
    let mut marks = Marks::of(depots);
    marks.hold(depots, roots);
    marks.packages(depots, &places, roots);
    marks.follow(&roots.links);
    // Without a grace period, what only those packages have use for goes with them.
    let dying = match policy.collect_delay <= TimeDelta::zero() {
        true => marks.unmarked_packages(depots),
        false => HashSet::new(),
    };
    marks.artifacts(depots, &places, roots, &dying);
    marks.clones(depots, roots);
    let last_used = marks.spaces(&places, roots, &dying);
    marks.follow(&roots.links);
    let decide = |(index, depot): (usize, &Depot)| {
        let mut plan = DepotPlan::default();
        plan.decisions.reserve_exact(depot.items.len());
        for (item, keepers) in marks.keepers[index].iter_mut().enumerate() {
            let keepers = std::mem::take(keepers);
            let fate = match keepers.is_empty() {
                _ if !depot.is_swept => Fate::Kept,
                true => orphan(&depot.items[item], depot, policy, now, &mut plan.orphanage),
                false => {
                    let last_used = last_used.get(&(index, item)).copied();
                    unused(last_used, policy, now).unwrap_or(Fate::Kept)
                }
            };
            plan.decisions.push(Decision { fate, keepers });
        }
        plan
    };
    depots.iter().enumerate().map(decide).collect()
}

/// The fate of something that nothing keeps, which is written down.
fn orphan(
    item: &Item,
    depot: &Depot,
    policy: &Policy,
    now: DepotTime,
    orphanage: &mut Orphanage,
) -> Fate {
    let paths = std::iter::once(&depot.path).chain(&depot.aliases);
    let known = paths
        .filter_map(|path| depot.orphanage.0.get(&item.text(path)?))
        // A clock that was wrong once must not keep it for ever.
        .map(|since| (*since).min(now))
        .min();
    let since = known.unwrap_or(now);
    // What has no name in Unicode cannot be written down, and is new each time.
    if let Some(path) = item.text(&depot.path) {
        orphanage.0.insert(path, since);
    }
    if now.since(since) >= policy.collect_delay {
        return Fate::Doomed(Reason::Unreachable);
    }
    Fate::Waiting { since, until: since.after(policy.collect_delay) }
}

/// The fate of a space that something keeps, if nobody has opened it for too long.
fn unused(last_used: Option<DepotTime>, policy: &Policy, now: DepotTime) -> Option<Fate> {
    let is_old = now.since(last_used?) >= policy.scratch_cleanup_period?;
    is_old.then_some(Fate::Doomed(Reason::Unused))
}

/// Where a depot is, and an item in it.
pub type Position = (usize, usize);

/// Finds items by their paths and names.
#[derive(Debug)]
pub struct Places<'a> {
    /// The paths of the depots, and whose each is.
    paths: Vec<(&'a str, usize)>,
    depots: &'a [Depot],
    spellings: &'a Spellings,
}

impl<'a> Places<'a> {
    /// Finds items of `depots`; by other paths of theirs, too, as far as `spellings` has them.
    pub fn of(depots: &'a [Depot], spellings: &'a Spellings) -> Self {
        let paths = depots.iter().enumerate().flat_map(|(index, depot)| {
            let paths = std::iter::once(&depot.path).chain(&depot.aliases);
            paths.map(move |path| (path.as_str(), index))
        });
        let mut paths: Vec<_> = paths.collect();
        // A depot may lie in another one: the longer path says more.
        paths.sort_by_key(|(path, _)| std::cmp::Reverse(path.len()));
        Self { paths, depots, spellings }
    }

    /// The depot that `path` is in, and the names below it.
    fn locate<'p>(&self, path: &'p str) -> Option<(usize, std::str::Split<'p, char>)> {
        self.paths.iter().find_map(|(depot, index)| {
            let rest = path.strip_prefix(depot)?.strip_prefix(std::path::MAIN_SEPARATOR)?;
            Some((*index, rest.split(std::path::MAIN_SEPARATOR)))
        })
    }

    /// The items of `kind` that `path` is, or is in, by any of its spellings.
    fn items(&self, kind: Kind, path: &str) -> SmallVec<[Position; 1]> {
        let spellings = self.spellings.of(path).iter().map(String::as_str);
        std::iter::once(path).chain(spellings).filter_map(|path| self.item(kind, path)).collect()
    }

    /// The item of `kind` that `path` is, or is in, by its text. A space is meant by its own path only.
    pub fn item(&self, kind: Kind, path: &str) -> Option<Position> {
        let (depot, mut names) = self.locate(path)?;
        // Only the system can tell where that leads.
        if names.clone().any(|name| name == "..") {
            return None;
        }
        if names.next() != Some(kind.directory()) {
            return None;
        }
        let place = &self.depots[depot];
        let item = match kind {
            Kind::Package => place.package(names.next()?, names.next()?),
            Kind::Artifact => place.artifact(names.next()?.parse().ok()?),
            Kind::Space => {
                let item = place.space(names.next()?, names.next()?);
                item.filter(|_| names.next().is_none())
            }
            Kind::Clone => None,
        };
        item.map(|item| (depot, item))
    }

    /// Whether `path` is in a package of `dying`, and in no other.
    fn is_in(&self, dying: &HashSet<Position>, path: &str) -> bool {
        if dying.is_empty() {
            return false;
        }
        let packages = self.items(Kind::Package, path);
        !packages.is_empty() && packages.iter().all(|package| dying.contains(package))
    }

    /// The directory of a package, as Pkg finds the one that it uses.
    fn package(&self, name: &str, slug: &Slug) -> Option<Position> {
        [slug.as_str(), slug.legacy()].into_iter().find_map(|slug| {
            let mut depots = self.depots.iter().enumerate();
            depots.find_map(|(index, depot)| Some((index, depot.package(name, slug)?)))
        })
    }

    /// An artifact in each of the depots that have it, in their order.
    fn artifacts(&self, hash: TreeHash) -> impl Iterator<Item = Position> {
        let depots = self.depots.iter().enumerate();
        depots.filter_map(move |(index, depot)| Some((index, depot.artifact(hash)?)))
    }
}

/// The packages by a part of what they are called, which `key` takes from name and slug.
fn packages_by<'a>(
    depots: &'a [Depot],
    key: fn(&'a str, &'a str) -> &'a str,
) -> HashMap<&'a str, Vec<Position>> {
    let mut packages: HashMap<_, Vec<_>> = HashMap::new();
    for (depot, found) in depots.iter().enumerate() {
        for (item, kind, name, slug) in named(&found.items) {
            if kind == Kind::Package {
                packages.entry(key(name, slug)).or_default().push((depot, item));
            }
        }
    }
    packages
}

/// What keeps each item.
struct Marks {
    keepers: Vec<Vec<Keepers>>,
}

impl Marks {
    fn of(depots: &[Depot]) -> Self {
        Self {
            keepers: depots.iter().map(|depot| vec![Keepers::new(); depot.items.len()]).collect(),
        }
    }

    fn mark(&mut self, (depot, item): Position, keeper: Keeper) {
        let keepers = &mut self.keepers[depot][item];
        if keepers.last() != Some(&keeper) {
            keepers.push(keeper);
        }
    }

    /// Marks what items lead to that are links, one after the other.
    fn follow(&mut self, links: &[(Position, Position)]) {
        // A link may lead to another one: each round gets one link further.
        for _ in links {
            let mut is_done = true;
            for &(link, target) in links {
                for keeper in self.keepers[link.0][link.1].clone() {
                    let known = &mut self.keepers[target.0][target.1];
                    if !known.contains(&keeper) {
                        known.push(keeper);
                        is_done = false;
                    }
                }
            }
            if is_done {
                return;
            }
        }
    }

    /// Marks all that something could have kept that cannot be read.
    fn hold(&mut self, depots: &[Depot], roots: &Roots) {
        for (index, unreadable) in roots.unreadable.iter().enumerate() {
            for (depot, found) in depots.iter().enumerate() {
                for (item, found) in found.items.iter().enumerate() {
                    if unreadable.kinds.contains(&found.kind) && !found.is_file {
                        self.mark((depot, item), Keeper::Unreadable(index));
                    }
                }
            }
        }
    }

    fn packages(&mut self, depots: &[Depot], places: &Places<'_>, roots: &Roots) {
        debug_assert_eq!(depots.len(), self.keepers.len());
        // For manifests that do not say the name, or the tree: few do not.
        let by_slug = LazyCell::new(|| packages_by(depots, |_, slug| slug));
        let by_name = LazyCell::new(|| packages_by(depots, |name, _| name));
        // Manifests share packages: each is looked up once.
        let mut known: HashMap<*const Package, Option<Position>> = HashMap::new();
        for (index, manifest) in roots.manifests.iter().enumerate() {
            let mut mark = |position: &Position| self.mark(*position, Keeper::Manifest(index));
            for package in &manifest.content.packages {
                let slug = || Slug::of(package.uuid, package.tree);
                match &package.name {
                    Some(name) => {
                        let found = known.entry(Arc::as_ptr(package));
                        found
                            .or_insert_with(|| places.package(name, &slug()))
                            .iter()
                            .for_each(&mut mark);
                    }
                    None => {
                        let slug = slug();
                        let mut slugs = [slug.as_str(), slug.legacy()].into_iter();
                        let found = slugs.find_map(|slug| by_slug.get(slug));
                        found.into_iter().flatten().for_each(&mut mark);
                    }
                }
            }
            let named = manifest.content.any_tree_of.iter();
            named.filter_map(|name| by_name.get(name.as_str())).flatten().for_each(mark);
        }
    }

    fn unmarked_packages(&self, depots: &[Depot]) -> HashSet<Position> {
        let mut unmarked = HashSet::new();
        for (index, depot) in depots.iter().enumerate().filter(|(_, depot)| depot.is_swept) {
            let items = depot.items.iter().enumerate();
            let packages = items.filter(|(_, item)| item.kind == Kind::Package);
            let orphans = packages.filter(|(item, _)| self.keepers[index][*item].is_empty());
            unmarked.extend(orphans.map(|(item, _)| (index, item)));
        }
        unmarked
    }

    fn artifacts(
        &mut self,
        depots: &[Depot],
        places: &Places<'_>,
        roots: &Roots,
        dying: &HashSet<Position>,
    ) {
        debug_assert_eq!(depots.len(), self.keepers.len());
        let is_dying = |file: &Root<NamedHashes>| places.is_in(dying, &file.path);
        for (index, file) in roots.artifact_files.iter().enumerate() {
            if is_dying(file) {
                continue;
            }
            for hash in file.content.hashes() {
                self.artifact(places, roots, *hash, Keeper::ArtifactFile(index));
            }
        }
        // What they replace is kept too: other packages may bind the same artifact.
        for (index, replacement) in &roots.replacements {
            let Some(file) = roots.artifact_files.get(*index) else { continue };
            if !is_dying(file) {
                self.replacement(places, replacement, Keeper::ArtifactFile(*index));
            }
        }
    }

    /// Marks an artifact where Pkg would look for it, of what is there.
    fn artifact(&mut self, places: &Places<'_>, roots: &Roots, hash: TreeHash, keeper: Keeper) {
        match roots.overrides.of_artifact(hash) {
            // Pkg never comes back from overrides that lead in a circle.
            Ok(None) | Err(Cycle(_)) => {
                places.artifacts(hash).for_each(|position| self.mark(position, keeper));
            }
            Ok(Some(replacement)) => self.replacement(places, &replacement, keeper),
        }
    }

    /// Marks what an override leads to.
    fn replacement(&mut self, places: &Places<'_>, replacement: &Target, keeper: Keeper) {
        match replacement {
            Target::Path(path) => {
                let found = places.items(Kind::Artifact, path);
                found.into_iter().for_each(|position| self.mark(position, keeper));
            }
            Target::Artifact(other) => {
                let first = places.artifacts(*other).next();
                first.into_iter().for_each(|position| self.mark(position, keeper));
            }
        }
    }

    fn clones(&mut self, depots: &[Depot], roots: &Roots) {
        let Some(first) = depots.first() else { return };
        let mut by_name: HashMap<&OsStr, usize> = HashMap::new();
        let mut by_origin: HashMap<&str, Vec<usize>> = HashMap::new();
        let clones = first.items.iter().enumerate().filter(|(_, item)| item.kind == Kind::Clone);
        for (index, item) in clones {
            by_name.insert(&item.name, index);
            if let Some(origin) = &item.origin {
                by_origin.entry(origin).or_default().push(index);
            }
        }
        if by_name.is_empty() {
            return;
        }
        for (index, manifest) in roots.manifests.iter().enumerate() {
            for source in roots.clone_sources(manifest) {
                let others = roots.spellings.of(&source);
                for source in std::iter::once(&source).chain(others) {
                    let name = clone_name(source);
                    let named = by_name.get(OsStr::new(&name)).into_iter();
                    let cloned = by_origin.get(source.as_str()).into_iter().flatten();
                    for item in named.chain(cloned) {
                        self.mark((0, *item), Keeper::Manifest(index));
                    }
                }
            }
        }
    }

    /// Marks the spaces in use, and returns when the use of each was last logged.
    fn spaces(
        &mut self,
        places: &Places<'_>,
        roots: &Roots,
        dying: &HashSet<Position>,
    ) -> HashMap<Position, DepotTime> {
        let mut last_used: HashMap<Position, DepotTime> = HashMap::new();
        for (index, space) in roots.uses.iter().enumerate() {
            let is_used = !space.projects.iter().all(|project| places.is_in(dying, project));
            for position in places.items(Kind::Space, &space.path) {
                if is_used {
                    self.mark(position, Keeper::Use(index));
                }
                if let Some(time) = space.last_used {
                    let known = last_used.entry(position).or_insert(time);
                    *known = (*known).max(time);
                }
            }
        }
        last_used
    }
}

/// Something that can be evicted to make a depot smaller.
#[derive(Clone, Copy, Debug)]
pub struct Candidate {
    /// Which item of the depot it is.
    pub item: usize,
    /// Its size in bytes.
    pub bytes: u64,
    /// When it was last used, as far as that is known.
    pub last_used: Option<DepotTime>,
    /// Whether it stays, whatever its size.
    pub is_fixed: bool,
}

/// Dooms artifacts and spaces of a depot until what stays has at most `max_size` bytes, the least
/// recently used first; those that something keeps only if `evicts_reachable`, and after all
/// others. What an unreadable root may keep is never evicted.
///
/// `candidates` has the sizes of all items of the depot.
pub fn evict(
    depot: &Depot,
    plan: &mut DepotPlan,
    candidates: &[Candidate],
    max_size: u64,
    evicts_reachable: bool,
) {
    let is_doomed =
        |plan: &DepotPlan, item: usize| matches!(plan.decisions[item].fate, Fate::Doomed(_));
    let staying = candidates.iter().filter(|candidate| !is_doomed(plan, candidate.item));
    let mut size: u64 = staying.clone().map(|candidate| candidate.bytes).sum();
    let is_held = |keeper: &Keeper| matches!(keeper, Keeper::Unreadable(_));
    let mut evictable: Vec<_> = staying
        .filter(|candidate| {
            let keepers = &plan.decisions[candidate.item].keepers;
            let is_free = keepers.is_empty() || evicts_reachable && !keepers.iter().any(is_held);
            let kind = depot.items[candidate.item].kind;
            matches!(kind, Kind::Artifact | Kind::Space) && is_free && !candidate.is_fixed
        })
        .collect();
    evictable.sort_by_key(|candidate| {
        let is_kept = !plan.decisions[candidate.item].keepers.is_empty();
        (is_kept, candidate.last_used, candidate.item)
    });
    for candidate in evictable {
        if size <= max_size {
            return;
        }
        size -= candidate.bytes;
        plan.decisions[candidate.item].fate = Fate::Doomed(Reason::Evicted);
    }
}

#[cfg(test)]
#[cfg(not(windows))]
mod tests {
    use super::*;
    use crate::artifacts_toml::named_hashes;
    use proptest::prelude::*;
    use uuid::Uuid;

    const NOW: &str = "2026-11-21T12:00:00Z";

    fn time(text: &str) -> DepotTime {
        DepotTime::from_toml(&text.parse().unwrap()).unwrap()
    }

    fn item(kind: Kind, group: &str, name: &str) -> Item {
        let (group, name) = (group.into(), name.into());
        Item { kind, group, name, origin: None, is_file: false }
    }

    fn tree(digit: u8) -> TreeHash {
        TreeHash([digit; 20])
    }

    fn uuid(digit: u8) -> Uuid {
        Uuid::from_u128(u128::from(digit))
    }

    fn slug(package: u8, digit: u8) -> Slug {
        Slug::of(uuid(package), tree(digit))
    }

    fn package(name: &str, number: u8, digit: u8) -> Package {
        let name = Some(name.into());
        Package { name, uuid: uuid(number), tree: tree(digit), version: None }
    }

    fn depot(items: Vec<Item>) -> Depot {
        let path = "/depot".to_owned();
        Depot { path, is_swept: true, items, ..Depot::default() }
    }

    fn root<T>(path: &str, content: T) -> Root<T> {
        Root { path: path.to_owned(), last_used: None, content }
    }

    fn manifest(packages: Vec<Package>) -> Root<Manifest> {
        let packages = packages.into_iter().map(Arc::new).collect();
        root("/work/Manifest.toml", Manifest { packages, ..Manifest::default() })
    }

    fn bindings(digits: &[u8]) -> NamedHashes {
        let binding =
            |digit: &u8| format!("[name-{digit:02x}]\ngit-tree-sha1 = \"{}\"\n", tree(*digit));
        let text: String = digits.iter().map(binding).collect();
        named_hashes(if text.is_empty() { b"\n" } else { text.as_bytes() }).unwrap().0
    }

    fn used(path: &str, projects: &[&str]) -> SpaceUse {
        let projects = projects.iter().map(|project| (*project).to_owned()).collect();
        SpaceUse { path: path.to_owned(), last_used: Some(time(NOW)), projects }
    }

    fn policy(days: i64) -> Policy {
        Policy { collect_delay: TimeDelta::days(days), scratch_cleanup_period: None }
    }

    fn decide(depot: &Depot, roots: &Roots, policy: &Policy) -> DepotPlan {
        plan(std::slice::from_ref(depot), roots, policy, time(NOW)).remove(0)
    }

    /// The names of what goes.
    fn doomed(depot: &Depot, plan: &DepotPlan) -> Vec<String> {
        let items = depot.items.iter().zip(&plan.decisions);
        let doomed = items.filter(|(_, decision)| matches!(decision.fate, Fate::Doomed(_)));
        doomed.map(|(item, _)| item.text("").unwrap()).collect()
    }

    #[test]
    fn an_orphan_goes_after_its_grace_period() {
        let artifact = tree(1).to_string();
        let mut depot = depot(vec![item(Kind::Artifact, "", &artifact)]);
        let path = format!("/depot/artifacts/{artifact}");
        let roots = Roots::default();
        let plan = decide(&depot, &roots, &policy(7));
        let (since, until) = (time(NOW), time("2026-11-28T12:00:00Z"));
        assert_eq!(plan.decisions[0].fate, Fate::Waiting { since, until });
        assert_eq!(plan.orphanage.0.get(&path), Some(&since));
        for (since, goes) in [
            ("2026-11-14T12:00:00Z", true),
            ("2026-11-14T12:00:00.001Z", false),
            // A clock was wrong: the grace period begins now.
            ("2050-01-01T00:00:00Z", false),
        ] {
            depot.orphanage.0.insert(path.clone(), time(since));
            let plan = decide(&depot, &roots, &policy(7));
            assert_eq!(!doomed(&depot, &plan).is_empty(), goes, "{since}");
            assert_eq!(plan.orphanage.0.get(&path), Some(&time(since).min(time(NOW))));
        }
        let roots = Roots { artifact_files: vec![root("/a", bindings(&[1]))], ..roots };
        let plan = decide(&depot, &roots, &policy(0));
        assert_eq!(plan.decisions[0].keepers[..], [Keeper::ArtifactFile(0)]);
        assert!(plan.orphanage.0.is_empty(), "what is reachable is no orphan");
    }

    #[test]
    fn a_package_is_the_first_of_its_slugs_in_the_stack() {
        let slug = slug(1, 1);
        let (five, four) = (slug.as_str(), slug.legacy());
        let roots =
            Roots { manifests: vec![manifest(vec![package("A", 1, 1)])], ..Roots::default() };
        let both = depot(vec![item(Kind::Package, "A", five), item(Kind::Package, "A", four)]);
        let gone = doomed(&both, &decide(&both, &roots, &policy(0)));
        assert_eq!(gone, [format!("/packages/A/{four}")]);
        let old = depot(vec![item(Kind::Package, "A", four), item(Kind::Package, "B", five)]);
        let gone = doomed(&old, &decide(&old, &roots, &policy(0)));
        assert_eq!(gone, [format!("/packages/B/{five}")]);
        // The same package in a depot behind: whoever sweeps both keeps the first.
        let behind = Depot { path: "/other".to_owned(), ..both.clone() };
        let plans = plan(&[both.clone(), behind.clone()], &roots, &policy(0), time(NOW));
        assert_eq!(doomed(&behind, &plans[1]).len(), 2);
        assert_eq!(doomed(&both, &plans[0]).len(), 1);
    }

    #[test]
    fn a_manifest_with_problems_keeps_by_name_or_by_slug() {
        let slug = slug(1, 1);
        let items = vec![
            item(Kind::Package, "A", slug.as_str()),
            item(Kind::Package, "B", "abcde"),
            item(Kind::Package, "C", "abcde"),
        ];
        let depot = depot(items);
        let nameless = Package { name: None, ..package("", 1, 1) };
        let content = Manifest {
            packages: vec![Arc::new(nameless)],
            any_tree_of: ["B".to_owned()].into(),
            ..Manifest::default()
        };
        let roots = Roots { manifests: vec![root("/m", content)], ..Roots::default() };
        let gone = doomed(&depot, &decide(&depot, &roots, &policy(0)));
        assert_eq!(gone, ["/packages/C/abcde"]);
    }

    #[test]
    fn without_grace_what_a_dying_package_keeps_goes_with_it() {
        let dying = "/depot/packages/A/abcd";
        let items = vec![
            item(Kind::Package, "A", "abcd"),
            item(Kind::Artifact, "", &tree(1).to_string()),
            item(Kind::Artifact, "", &tree(2).to_string()),
            item(Kind::Space, "u", "alone"),
            item(Kind::Space, "u", "shared"),
        ];
        let depot = depot(items);
        let project = format!("{dying}/Project.toml");
        let roots = Roots {
            artifact_files: vec![
                root(&format!("{dying}/Artifacts.toml"), bindings(&[1])),
                // Letter for letter, this begins with the path of the package that goes.
                root(&format!("{dying}e/Artifacts.toml"), bindings(&[2])),
            ],
            uses: vec![
                used("/depot/scratchspaces/u/alone", &[&project]),
                used("/depot/scratchspaces/u/shared", &[&project, "/work/Project.toml"]),
            ],
            ..Roots::default()
        };
        let gone = doomed(&depot, &decide(&depot, &roots, &policy(0)));
        let first = format!("/artifacts/{}", tree(1));
        assert_eq!(gone, ["/packages/A/abcd", &first, "/scratchspaces/u/alone"]);
        assert_eq!(doomed(&depot, &decide(&depot, &roots, &policy(7))), [""; 0]);
    }

    #[test]
    fn a_path_that_leaves_a_dying_package_again_keeps_what_it_names() {
        let items = vec![
            item(Kind::Package, "A", "abcd"),
            item(Kind::Artifact, "", &tree(1).to_string()),
            item(Kind::Artifact, "", &tree(2).to_string()),
        ];
        let depot = depot(items);
        let roots = Roots {
            artifact_files: vec![
                root("/depot/packages/A/abcd/../../../work/Artifacts.toml", bindings(&[1])),
                root("/depot/packages/A/abcd/./Artifacts.toml", bindings(&[2])),
            ],
            ..Roots::default()
        };
        let gone = doomed(&depot, &decide(&depot, &roots, &policy(0)));
        assert_eq!(gone, ["/packages/A/abcd".to_owned(), format!("/artifacts/{}", tree(2))]);
    }

    #[test]
    fn a_space_is_kept_by_a_project_that_is_there() {
        let depot = depot(vec![item(Kind::Space, "u", "a"), item(Kind::Space, "u", "b")]);
        let roots = Roots {
            uses: vec![
                used("/depot/scratchspaces/u/a", &["/work/Project.toml"]),
                used("/depot/scratchspaces/u/b", &[]),
                used("/depot/scratchspaces/u/b/nested", &["/work/Project.toml"]),
            ],
            ..Roots::default()
        };
        let gone = doomed(&depot, &decide(&depot, &roots, &policy(0)));
        assert_eq!(gone, ["/scratchspaces/u/b"]);
        let unused = Policy { scratch_cleanup_period: Some(TimeDelta::zero()), ..policy(7) };
        let plan = decide(&depot, &roots, &unused);
        assert_eq!(plan.decisions[0].fate, Fate::Doomed(Reason::Unused));
        let recently = Policy { scratch_cleanup_period: Some(TimeDelta::days(30)), ..policy(7) };
        assert_eq!(decide(&depot, &roots, &recently).decisions[0].fate, Fate::Kept);
    }

    #[test]
    fn an_override_keeps_what_it_leads_to() {
        let digits = [1, 2, 3, 4];
        let artifacts = digits.map(|digit| item(Kind::Artifact, "", &tree(digit).to_string()));
        let depot = depot(artifacts.to_vec());
        let mut overrides = Overrides::default();
        let says = [
            (1, "/elsewhere".to_owned()),
            (3, tree(2).to_string()),
            (5, tree(5).to_string()),
            (6, format!("/depot/artifacts/{}", tree(4))),
        ];
        for (digit, target) in says {
            let text = format!("{} = \"{target}\"", tree(digit));
            assert_eq!(overrides.merge(&text), Ok(vec![]));
        }
        let artifact_files = vec![root("/a", bindings(&[1, 2, 3, 5, 6]))];
        let roots = Roots { artifact_files, overrides, ..Roots::default() };
        let gone = doomed(&depot, &decide(&depot, &roots, &policy(0)));
        assert_eq!(gone, [1, 3].map(|digit| format!("/artifacts/{}", tree(digit))));
    }

    #[test]
    fn what_stands_in_the_place_of_a_name_is_kept_beside_it() {
        let artifacts =
            [1, 2, 3, 4].map(|digit| item(Kind::Artifact, "", &tree(digit).to_string()));
        let depot = depot(artifacts.to_vec());
        let artifact_files = vec![root("/a", bindings(&[1]))];
        let replacements = vec![
            (0, Target::Artifact(tree(2))),
            (0, Target::Path(format!("/depot/artifacts/{}/below", tree(3)))),
        ];
        let roots = Roots { artifact_files, replacements, ..Roots::default() };
        let gone = doomed(&depot, &decide(&depot, &roots, &policy(0)));
        assert_eq!(gone, [format!("/artifacts/{}", tree(4))]);
    }

    #[test]
    fn clones_are_kept_by_name_or_by_origin() {
        let source = "https://example.invalid/A.git";
        let cloned = Item { origin: Some(source.to_owned()), ..item(Kind::Clone, "", "123") };
        let registered = Item { name: uuid(1).to_string().into(), ..item(Kind::Clone, "", "") };
        let named = item(Kind::Clone, "", &clone_name(source));
        let depot = depot(vec![cloned, registered.clone(), named, item(Kind::Clone, "", "124")]);
        let content = Manifest { sources: vec![source.to_owned()], ..Manifest::default() };
        let roots = Roots { manifests: vec![root("/m", content)], ..Roots::default() };
        let gone = doomed(&depot, &decide(&depot, &roots, &policy(0)));
        assert_eq!(gone, [registered.text("").unwrap(), "/clones/124".to_owned()]);
    }

    #[test]
    fn another_path_of_the_same_depot_will_do() {
        let mut depot = depot(vec![item(Kind::Space, "u", "a")]);
        depot.aliases.push("/real/depot".to_owned());
        let uses = vec![used("/real/depot/scratchspaces/u/a", &["/work/Project.toml"])];
        let roots = Roots { uses, ..Roots::default() };
        assert_eq!(doomed(&depot, &decide(&depot, &roots, &policy(0))), [""; 0]);
    }

    #[test]
    fn what_cannot_be_read_keeps_all_of_its_kind() {
        let depot = depot(vec![
            item(Kind::Package, "A", "abcde"),
            item(Kind::Clone, "", "1"),
            item(Kind::Artifact, "", "x"),
            Item { is_file: true, ..item(Kind::Space, "u", "pending_cache_1") },
        ]);
        let unreadable = Unreadable {
            path: "/m".to_owned(),
            diagnostic: Diagnostic::of_file("permission denied"),
            kinds: vec![Kind::Package, Kind::Clone, Kind::Space],
        };
        let roots = Roots { unreadable: vec![unreadable], ..Roots::default() };
        let plan = decide(&depot, &roots, &policy(0));
        assert_eq!(doomed(&depot, &plan), ["/artifacts/x", "/scratchspaces/u/pending_cache_1"]);
        assert_eq!(plan.decisions[0].keepers[..], [Keeper::Unreadable(0)]);
    }

    #[test]
    fn eviction_takes_the_least_recently_used_and_unreachable_first() {
        let names = ["a", "b", "c", "d"];
        let mut items: Vec<_> = names.map(|name| item(Kind::Space, "u", name)).into();
        items.push(item(Kind::Package, "A", "abcde"));
        let depot = depot(items);
        let uses = vec![used("/depot/scratchspaces/u/a", &["/work/Project.toml"])];
        let roots = Roots { uses, ..Roots::default() };
        let candidates: Vec<_> = [
            Some("2020-01-01T00:00:00Z"),
            Some("2026-01-01T00:00:00Z"),
            None,
            Some("2025-01-01T00:00:00Z"),
            None,
        ]
        .into_iter()
        .enumerate()
        .map(|(item, last_used)| Candidate {
            item,
            bytes: 10,
            last_used: last_used.map(time),
            is_fixed: false,
        })
        .collect();
        let evicted = |max_size: u64, force: bool| {
            let mut plan = decide(&depot, &roots, &policy(7));
            evict(&depot, &mut plan, &candidates, max_size, force);
            doomed(&depot, &plan)
        };
        let spaces = |names: &[&str]| -> Vec<String> {
            names.iter().map(|name| format!("/scratchspaces/u/{name}")).collect()
        };
        assert_eq!(evicted(50, true), spaces(&[]));
        assert_eq!(evicted(49, false), spaces(&["c"]));
        assert_eq!(evicted(30, false), spaces(&["c", "d"]));
        assert_eq!(evicted(0, false), spaces(&["b", "c", "d"]), "what is reachable stays");
        assert_eq!(evicted(0, true), spaces(&["a", "b", "c", "d"]), "packages stay");
    }

    /// A depot and roots made of few names, so that much of it belongs together.
    fn any_world() -> impl Strategy<Value = (Depot, Roots)> {
        let digit = || 1..4_u8;
        let any_item = prop_oneof![
            (digit(), digit(), any::<bool>()).prop_map(|(number, digit, is_legacy)| {
                let slug = slug(number, digit);
                let name = if is_legacy { slug.legacy() } else { slug.as_str() };
                item(Kind::Package, &format!("P{number}"), name)
            }),
            digit().prop_map(|digit| item(Kind::Artifact, "", &tree(digit).to_string())),
            digit().prop_map(|digit| item(Kind::Clone, "", &clone_name(&digit.to_string()))),
            digit().prop_map(|digit| item(Kind::Space, "u", &digit.to_string())),
        ];
        let any_manifest = (prop::collection::vec((digit(), digit()), 0..3), digit()).prop_map(
            |(packages, source)| {
                let package = |(number, digit)| package(&format!("P{number}"), number, digit);
                let packages = packages.into_iter().map(package).map(Arc::new).collect();
                let sources = vec![source.to_string()];
                root("/m", Manifest { packages, sources, ..Manifest::default() })
            },
        );
        let any_file = || {
            (digit(), digit(), any::<bool>()).prop_map(|(number, digit, is_outside)| {
                let slug = slug(number, digit);
                match is_outside {
                    true => "/work/X.toml".to_owned(),
                    false => format!("/depot/packages/P{number}/{}/X.toml", slug.as_str()),
                }
            })
        };
        let any_artifacts = (any_file(), prop::collection::vec(digit(), 0..3))
            .prop_map(|(path, digits)| root(&path, bindings(&digits)));
        let any_use =
            (digit(), prop::collection::vec(any_file(), 0..3)).prop_map(|(digit, projects)| {
                SpaceUse {
                    path: format!("/depot/scratchspaces/u/{digit}"),
                    last_used: Some(time(NOW)),
                    projects,
                }
            });
        let roots = (
            prop::collection::vec(any_manifest, 0..4),
            prop::collection::vec(any_artifacts, 0..4),
            prop::collection::vec(any_use, 0..4),
        )
            .prop_map(|(manifests, artifact_files, uses)| Roots {
                manifests,
                artifact_files,
                uses,
                ..Roots::default()
            });
        let depot = prop::collection::vec(any_item, 0..12).prop_map(|mut items| {
            items.sort_by_key(|item| item.text(""));
            items.dedup();
            depot(items)
        });
        (depot, roots)
    }

    /// The same roots, with other paths for those of `spelled` that lead to the same.
    fn respell(mut roots: Roots, spelled: &[bool], sources: bool) -> Roots {
        let mut spelled = spelled.iter().copied().cycle();
        let mut spellings = Spellings::default();
        let mut respell = |path: &mut String| {
            if spelled.next() == Some(true) {
                let other = format!("/net{path}");
                spellings.insert(&other, std::mem::replace(path, other.clone()));
            }
        };
        for file in &mut roots.artifact_files {
            respell(&mut file.path);
        }
        for space in &mut roots.uses {
            respell(&mut space.path);
            space.projects.iter_mut().for_each(&mut respell);
        }
        let manifests = roots.manifests.iter_mut().filter(|_| sources);
        for source in manifests.flat_map(|manifest| &mut manifest.content.sources) {
            let other = format!("/repositories/{source}");
            spellings.insert(&other, std::mem::replace(source, other.clone()));
        }
        roots.spellings = spellings;
        roots
    }

    proptest! {
        #[test]
        fn another_spelling_of_a_path_changes_nothing(
            (depot, roots) in any_world(),
            spelled in prop::collection::vec(any::<bool>(), 1..20),
            sources: bool,
            days in 0..2_i64,
        ) {
            let before = decide(&depot, &roots, &policy(days));
            let after = decide(&depot, &respell(roots, &spelled, sources), &policy(days));
            prop_assert_eq!(before, after);
        }

        #[test]
        fn a_link_that_is_kept_keeps_what_it_leads_to(
            (depot, roots) in any_world(),
            links in prop::collection::vec((0..12_usize, 0..12_usize), 0..6),
            days in 0..2_i64,
        ) {
            let is_there = |(a, b): &(usize, usize)| a.max(b) < &depot.items.len();
            let links: Vec<_> = links.into_iter().filter(is_there).collect();
            let positions = links.iter().map(|(link, target)| ((0, *link), (0, *target)));
            let roots = Roots { links: positions.collect(), ..roots };
            let plan = decide(&depot, &roots, &policy(days));
            for (link, target) in links {
                let keepers = &plan.decisions[target].keepers;
                prop_assert!(plan.decisions[link].keepers.iter().all(|k| keepers.contains(k)));
            }
        }

        #[test]
        fn what_is_kept_does_not_go((depot, roots) in any_world(), days in 0..2_i64) {
            let plan = decide(&depot, &roots, &policy(days));
            for decision in &plan.decisions {
                prop_assert_eq!(decision.fate == Fate::Kept, !decision.keepers.is_empty());
            }
        }

        #[test]
        fn more_roots_keep_more(
            (depot, roots) in any_world(),
            (_, more) in any_world(),
            days in 0..2_i64,
            unreadable in prop::sample::subsequence(KINDS.to_vec(), 0..4),
        ) {
            let before = doomed(&depot, &decide(&depot, &roots, &policy(days)));
            let mut roots = roots;
            roots.manifests.extend(more.manifests);
            roots.artifact_files.extend(more.artifact_files);
            // More uses of a space can only name more projects.
            roots.uses.extend(more.uses);
            let diagnostic = Diagnostic::of_file("");
            roots.unreadable.push(Unreadable { path: String::new(), diagnostic, kinds: unreadable });
            let after = doomed(&depot, &decide(&depot, &roots, &policy(days)));
            prop_assert!(after.iter().all(|path| before.contains(path)), "{:?} {:?}", before, after);
        }
    }
}
