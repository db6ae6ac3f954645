//! Other paths of the files in logs and roots, by which the depots have them.
//!
//! Text is compared first, which finds nearly all. Only if that finds nothing, metadata is read: of the path, and
//! once of each directory above it.

use std::collections::{HashMap, HashSet};
use std::path::{Component, Path, PathBuf};
use std::sync::OnceLock;

use scratchrs_fs::{self as fs, FileId};
use scratchrs_model::aliases::{LONGEST_PATH, PathAliases, clone_sources, items_named};
use scratchrs_model::collection::{Depot, KINDS, Kind, Places, Position, Roots};
use scratchrs_model::layout::{self, UsageLogFile};
use scratchrs_model::overrides::Target;

use super::inventory::Inventory;
use super::logged_roots::LoggedRoots;
use super::usage_logs::{LogFile, depots_logging};

/// Finds the other paths of all that the logs and roots name, and the targets of links.
pub(super) fn find(
    inventory: &Inventory,
    logged: &LoggedRoots,
) -> (PathAliases, Vec<(Position, Position)>) {
    let none = PathAliases::default();
    let mut finder = Finder::new(inventory, &none);
    finder.spaces(&logged.roots, &logged.logs, &inventory.links);
    finder.packages(&logged.roots, &logged.relocated);
    finder.overrides(&logged.roots);
    finder.clones(&logged.roots, &logged.relocated);
    let links = finder.links(&inventory.links);
    (finder.found, links)
}

/// The path of a file by that of its depot, if it is in one.
pub(super) fn in_depot(inventory: &Inventory, path: &Path) -> Option<String> {
    Finder::new(inventory, &PathAliases::default()).inside(path)
}

/// The items of a kind by the identities of their directories.
type Identities = HashMap<FileId, Vec<Position>>;

/// A directory that was cloned.
struct Repository {
    id: Option<FileId>,
    real: PathBuf,
}

impl Repository {
    fn at(path: &str) -> Self {
        let path = Path::new(path);
        Self { id: FileId::of(path), real: canonicalize_existing(path) }
    }

    fn is(&self, other: &Self) -> bool {
        self.id.is_some() && self.id == other.id || self.real == other.real
    }
}

struct Finder<'a> {
    depots: &'a [Depot],
    places: Places<'a>,
    /// The depots and the directories of each kind in them, by identity.
    directories: OnceLock<HashMap<FileId, String>>,
    /// One for each of [`KINDS`].
    items: [OnceLock<Identities>; KINDS.len()],
    /// Directories that were searched for in depots, with the path that was found.
    seen: HashMap<PathBuf, Option<String>>,
    found: PathAliases,
}

impl<'a> Finder<'a> {
    fn new(inventory: &'a Inventory, none: &'a PathAliases) -> Self {
        let depots = &inventory.depots[..];
        Self {
            depots,
            places: Places::of(depots, none),
            directories: OnceLock::new(),
            items: Default::default(),
            seen: HashMap::new(),
            found: PathAliases::default(),
        }
    }

    /// Finds spaces that the logs list under other paths.
    fn spaces(&mut self, roots: &Roots, logs: &[LogFile], links: &[Position]) {
        let links: HashSet<&Position> = links.iter().collect();
        // A space of a depot may be mounted in another one.
        let are_several = self.depots.iter().filter(|depot| depot.is_swept).count() > 1;
        // Without a project, a record references nothing.
        let used = roots.uses.iter().filter(|space| !space.projects.is_empty());
        for path in used.map(|space| space.path.as_str()) {
            let found = self.places.item(Kind::Space, path);
            if !are_several && found.is_some_and(|position| !links.contains(&position)) {
                continue;
            }
            let found = self.identical(Kind::Space, Path::new(path));
            self.insert_items(path, &found);
            let is_below = self.depots.iter().any(|depot| depot.below(path).is_some());
            if is_below || !found.is_empty() {
                continue;
            }
            // A log of a depot lists spaces of this depot.
            for depot in depots_logging(path, UsageLogFile::Scratch, logs) {
                for (kind, group, name) in items_named(path) {
                    let own = kind.path(&self.depots[depot].path, group, name);
                    if self.places.item(Kind::Space, &own).is_some() {
                        self.found.insert(path, own);
                    }
                }
            }
        }
    }

    /// Finds the packages that artifact files and projects are in.
    fn packages(&mut self, roots: &Roots, relocated: &HashMap<String, String>) {
        let files = roots.artifact_files.iter().map(|root| &root.path);
        let projects = roots.uses.iter().flat_map(|space| &space.projects);
        for path in files.chain(projects) {
            if self.places.item(Kind::Package, path).is_some() {
                continue;
            }
            let own = match relocated.get(path) {
                Some(other) => Some(other.clone()),
                None => self.inside(Path::new(path)),
            };
            let own = own.filter(|own| self.places.item(Kind::Package, own).is_some());
            own.into_iter().for_each(|own| self.found.insert(path, own));
        }
    }

    /// Finds artifacts that overrides lead to.
    fn overrides(&mut self, roots: &Roots) {
        for (_, target) in roots.overrides.by_hash() {
            let Target::Path(path) = target else { continue };
            if path.len() > LONGEST_PATH || self.places.item(Kind::Artifact, path).is_some() {
                continue;
            }
            let above: Vec<&Path> = Path::new(path).ancestors().collect();
            let existing = above.partition_point(|above| FileId::of(above).is_none());
            let above = above[existing..].iter();
            let mut found = above.map(|above| self.identical(Kind::Artifact, above));
            let found = found.find(|found| !found.is_empty()).unwrap_or_default();
            self.insert_items(path, &found);
        }
    }

    /// Finds the real paths of cloned repositories that manifests name, and the clones with the same origin.
    fn clones(&mut self, roots: &Roots, relocated: &HashMap<String, String>) {
        let items = self.depots.first().map_or(&[][..], |depot| &depot.items);
        if !items.iter().any(|item| item.kind == Kind::Clone) {
            return;
        }
        let is_path = |path: &str| Path::new(path).is_absolute() && path.len() <= LONGEST_PATH;
        let origins = items.iter().filter_map(|item| item.origin.as_deref());
        let origins: Vec<_> = origins
            .filter(|origin| is_path(origin))
            .map(|origin| (origin, Repository::at(origin)))
            .collect();
        let mut seen = HashSet::new();
        for manifest in &roots.manifests {
            let path = relocated.get(&manifest.path);
            path.into_iter().for_each(|path| self.found.insert(&manifest.path, path.clone()));
            let path = path.unwrap_or(&manifest.path);
            let sources = manifest.content.sources.iter();
            let sources = sources.flat_map(|source| clone_sources(path, source));
            for source in sources.filter(|source| is_path(source)) {
                if seen.contains(&source) {
                    continue;
                }
                let repository = Repository::at(&source);
                let same = origins.iter().filter(|(_, origin)| repository.is(origin));
                same.for_each(|(origin, _)| self.found.insert(&source, (*origin).to_owned()));
                if let Some(real) = repository.real.to_str() {
                    self.found.insert(&source, real.to_owned());
                }
                seen.insert(source);
            }
        }
    }

    /// The links among the items, each with an item that it leads to or into.
    fn links(&mut self, links: &[Position]) -> Vec<(Position, Position)> {
        let mut found = Vec::new();
        for &(depot, item) in links {
            let place = &self.depots[depot];
            let path = place.items[item].path(&place.path);
            // Its final target, and its direct one, which may be another link.
            let next = link_target(&path);
            for target in fs::canonicalize(&path).ok().into_iter().chain(next) {
                let Some(own) = self.inside(&target) else { continue };
                let places = KINDS.map(|kind| self.item_at(kind, &own));
                let targets = places.into_iter().flatten();
                let other = targets.filter(|target| *target != (depot, item));
                found.extend(other.map(|target| ((depot, item), target)));
            }
        }
        found
    }

    /// The item that a path below a depot is in.
    fn item_at(&self, kind: Kind, own: &str) -> Option<Position> {
        // A space is found by its own path only, so the paths above are tried, too.
        let mut paths = Path::new(own).ancestors().filter_map(Path::to_str);
        paths.find_map(|path| self.places.item(kind, path))
    }

    fn insert_items(&mut self, path: &str, items: &[Position]) {
        for (depot, item) in items {
            let place = &self.depots[*depot];
            if let Some(own) = place.items[*item].text(&place.path) {
                self.found.insert(path, own);
            }
        }
    }

    /// The items of a kind that are the same directory as `path`.
    fn identical(&self, kind: Kind, path: &Path) -> Vec<Position> {
        let Some(id) = FileId::of(path) else { return Vec::new() };
        let index = KINDS.iter().position(|known| *known == kind).unwrap_or_default();
        let items = self.items[index].get_or_init(|| identities(self.depots, kind));
        items.get(&id).cloned().unwrap_or_default()
    }

    /// The path of a file by that of the depot that it is in.
    fn inside(&mut self, path: &Path) -> Option<String> {
        if path.as_os_str().len() > LONGEST_PATH {
            return None;
        }
        let real: PathBuf;
        let path = if path.components().any(|name| name == Component::ParentDir) {
            // Only the system knows where that leads. A file counts where it is: it is deleted there.
            real = fs::canonicalize(path.parent()?).ok()?.join(path.file_name()?);
            &real
        } else {
            path
        };
        let known = self.directories.get_or_init(|| directories(self.depots));
        let mut below = Vec::new();
        let mut found = None;
        for directory in path.ancestors() {
            if let Some(seen) = self.seen.get(directory) {
                found = seen.clone();
                break;
            }
            if let Some(own) = FileId::of(directory).and_then(|id| known.get(&id)) {
                self.seen.insert(directory.to_owned(), Some(own.clone()));
                found = Some(own.clone());
                break;
            }
            below.push(directory);
        }
        for directory in below.into_iter().rev() {
            found = found.and_then(|above| {
                let name = directory.file_name()?.to_str()?;
                Some(layout::join(&above, &[name]))
            });
            self.seen.insert(directory.to_owned(), found.clone());
        }
        found
    }
}

/// The depots and the directories of each kind in them, by identity.
fn directories(depots: &[Depot]) -> HashMap<FileId, String> {
    let mut known = HashMap::new();
    for depot in depots {
        let kinds = KINDS.map(|kind| depot.path.join(&[kind.directory()]));
        for path in std::iter::once(depot.path.to_string()).chain(kinds) {
            if let Some(id) = FileId::of(Path::new(&path)) {
                known.entry(id).or_insert(path);
            }
        }
    }
    known
}

fn identities(depots: &[Depot], kind: Kind) -> Identities {
    let positions: Vec<Position> = depots
        .iter()
        .enumerate()
        .flat_map(|(index, depot)| (0..depot.items.len()).map(move |item| (index, item)))
        .filter(|(depot, item)| depots[*depot].items[*item].kind == kind)
        .collect();
    let ids = fs::parallel_map(&positions, |(depot, item)| {
        let depot = &depots[*depot];
        FileId::of(&depot.items[*item].path(&depot.path))
    });
    let mut items = Identities::new();
    for (position, id) in positions.into_iter().zip(ids) {
        if let Some(id) = id {
            items.entry(id).or_default().push(position);
        }
    }
    items
}

/// The absolute path of `path` without links, as far as it exists: missing components are kept.
fn canonicalize_existing(path: &Path) -> PathBuf {
    let above: Vec<&Path> = path.ancestors().collect();
    // Everything below a missing directory is missing, too.
    let first = above.partition_point(|above| fs::canonicalize(above).is_err());
    let existing = above.get(first).and_then(|above| Some((above, fs::canonicalize(above).ok()?)));
    let Some((above, real)) = existing else { return path.to_owned() };
    match path.strip_prefix(above) {
        Ok(rest) if !rest.as_os_str().is_empty() => real.join(rest),
        _ => real,
    }
}

/// The target of the symbolic link at `path`: absolute, without links in its parents. `None` if `path` is not a
/// link.
fn link_target(path: &Path) -> Option<PathBuf> {
    let target = path.parent()?.join(fs::read_link(path).ok()?);
    let directory = fs::canonicalize(target.parent()?).ok()?;
    Some(directory.join(target.file_name()?))
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_path_is_real_as_far_as_it_exists() {
        let root = tempfile::tempdir().unwrap();
        let real = root.path().canonicalize().unwrap();
        let at = |name: &str| root.path().join(name);
        std::fs::create_dir(at("depot")).unwrap();
        symlink("depot", at("link")).unwrap();
        symlink("link", at("other")).unwrap();
        assert_eq!(canonicalize_existing(&at("other")), real.join("depot"));
        assert_eq!(canonicalize_existing(&at("other/a/b")), real.join("depot/a/b"));
        assert_eq!(canonicalize_existing(Path::new("/")), Path::new("/"));
        assert_eq!(link_target(&at("other")), Some(real.join("link")));
        assert_eq!(link_target(&at("depot")), None);
    }
}
