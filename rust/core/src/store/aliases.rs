//! The paths in the logs of a store whose depot has several paths.
//!
//! A log in a store is about this store and its depot. A path in it counts by the file at that
//! path; if that does not exist, by its tail in the depot of the store.

use std::collections::HashMap;
use std::path::{MAIN_SEPARATOR, Path};

use scratchrs_fs::{self as fs, FileId};
use scratchrs_model::aliases;
use scratchrs_model::depot_path::DepotPath;
use scratchrs_model::layout::{SCRATCHSPACES, join};
use scratchrs_model::orphans::Orphans;

use super::Store;

/// The number of components at the end of a store's path that identify its space.
const NAMES: usize = 3;

/// The paths in the depot of a store that correspond to a missing path.
pub(super) fn relocated(store: &Store, path: &str) -> Vec<String> {
    let root = Path::new(store.root());
    let depot = root.ancestors().nth(NAMES).and_then(Path::to_str);
    let is_depot =
        |depot: &&str| root.strip_prefix(depot).is_ok_and(|below| below.starts_with(SCRATCHSPACES));
    let depot = depot.filter(is_depot);
    depot.map_or_else(Vec::new, |depot| aliases::relocated(path, &DepotPath::new(depot)).collect())
}

/// A path in a store under another path of it, as a path below its root.
fn own(store: &Store, path: &str) -> Option<String> {
    let root = store.root();
    let names: Vec<&str> = root.rsplit(MAIN_SEPARATOR).take(NAMES).collect();
    let [key, owner, spaces] = names[..] else { return None };
    let end: String = [spaces, owner, key].iter().flat_map(|name| [SEPARATOR, name]).collect();
    let (_, below) = path.rsplit_once(&(end + SEPARATOR))?;
    Some(join(root, &[below]))
}

const SEPARATOR: &str = if cfg!(windows) { "\\" } else { "/" };

/// The orphans of a store with paths below its root. Those under another path of the store keep
/// their time.
pub(super) fn with_own_paths(store: &Store, orphans: Orphans) -> Orphans {
    let is_own = |path: &str| Path::new(path).starts_with(store.root());
    let (mut own_paths, foreign): (Orphans, Orphans) = {
        let (own, foreign) = orphans.0.into_iter().partition(|(path, _)| is_own(path));
        (Orphans(own), Orphans(foreign))
    };
    for (path, since) in foreign.0 {
        if let Some(path) = own(store, &path) {
            let known = own_paths.0.entry(path).or_insert(since);
            *known = since.max(*known);
        }
    }
    own_paths
}

/// Finds the files of bindings in a log.
pub(super) struct Files<'a> {
    store: &'a Store,
    by_id: HashMap<FileId, &'a str>,
    found: HashMap<String, String>,
}

impl<'a> Files<'a> {
    /// `files` are the paths of the files in the store.
    pub(super) fn new(store: &'a Store, files: &'a [String]) -> Self {
        let ids =
            files.iter().filter_map(|file| Some((FileId::of(Path::new(file))?, file.as_str())));
        Self { store, by_id: ids.collect(), found: HashMap::new() }
    }

    /// The path of a file: below the root of the store; or in its depot, if the path in the log
    /// does not exist.
    pub(super) fn find(&mut self, file: &str) -> String {
        if Path::new(file).starts_with(self.store.root()) {
            return file.to_owned();
        }
        if let Some(found) = self.found.get(file) {
            return found.clone();
        }
        let found = match FileId::of(Path::new(file)) {
            Some(id) => self.by_id.get(&id).map(|own| (*own).to_owned()),
            None => {
                let own = own(self.store, file).into_iter();
                let mut paths = own.chain(relocated(self.store, file));
                paths.find(|path| !matches!(fs::symlink_metadata(Path::new(path)), Ok(None)))
            }
        };
        let found = found.unwrap_or_else(|| file.to_owned());
        self.found.insert(file.to_owned(), found.clone());
        found
    }
}

#[cfg(test)]
#[cfg(not(windows))]
mod tests {
    use scratchrs_model::time::DepotTime;

    use super::*;

    fn store() -> Store {
        Store::at("/depot/scratchspaces/u/store")
    }

    #[test]
    fn what_a_path_led_to_is_looked_for_in_the_depot_of_the_store() {
        let path = "/net/ada/packages/A/abcde/Project.toml";
        assert_eq!(relocated(&store(), path), ["/depot/packages/A/abcde/Project.toml"]);
        for path in ["/depot/packages/A/abcde/Project.toml", "/work/Project.toml"] {
            assert_eq!(relocated(&store(), path), [""; 0], "{path}");
        }
        assert_eq!(relocated(&Store::at("/store"), path), [""; 0]);
    }

    #[test]
    fn orphans_keep_their_time_under_any_path_of_the_store() {
        let time = |text: &str| DepotTime::from_toml(&text.parse().unwrap()).unwrap();
        let (first, second) = (time("2024-01-01T00:00:00Z"), time("2024-01-02T00:00:00Z"));
        let entries = [
            ("/depot/scratchspaces/u/store/artifacts/ab/abc", first),
            ("/net/d/scratchspaces/u/store/artifacts/ab/abd", second),
            ("/elsewhere/artifacts/ab/abe", second),
        ];
        let entries = entries.map(|(path, time)| (path.to_owned(), time));
        let expected = [
            ("/depot/scratchspaces/u/store/artifacts/ab/abc", first),
            ("/depot/scratchspaces/u/store/artifacts/ab/abd", second),
        ];
        let expected = expected.map(|(path, time)| (path.to_owned(), time));
        assert_eq!(with_own_paths(&store(), Orphans(entries.into())), Orphans(expected.into()));
    }
}
