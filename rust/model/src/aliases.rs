//! One file has many paths: through symbolic links, bind mounts, automounts and `/proc/self/cwd`.
//!
//! A log has the path that a process used at the time. Which paths lead to the same file is read
//! from the file system, in `scratchrs-core`; these are the rules for that, and for paths that lead
//! to nothing any more.

use std::path::{Path, is_separator};

use hashbrown::HashMap;

use crate::collection::{Depot, Kind};
use crate::depot_path::DepotPath;
use crate::layout::{self, ARTIFACTS, CLONES, PACKAGES, SCRATCHSPACES};
use crate::orphans::Orphans;

/// The longest path that any system accepts.
pub const LONGEST_PATH: usize = if cfg!(windows) { 32_767 } else { 4096 };

/// The directories of a depot with roots and items.
const DIRECTORIES: [&str; 6] =
    [PACKAGES, CLONES, ARTIFACTS, SCRATCHSPACES, layout::ENVIRONMENTS, layout::DEV];

/// Other paths of the files that logs and roots name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PathAliases(HashMap<String, Vec<String>>);

impl PathAliases {
    /// Adds `other`, another path of the file at `path`.
    pub fn insert(&mut self, path: &str, other: String) {
        let known = self.0.entry_ref(path).or_default();
        if other != path && !known.contains(&other) {
            known.push(other);
        }
    }

    /// The known other paths of the file at `path`.
    pub fn of(&self, path: &str) -> &[String] {
        self.0.get(path).map_or(&[], Vec::as_slice)
    }
}

/// The items that the tail of `path` can name, such as `…/artifacts/<name>`: kind, group and name
/// of each.
///
/// ```
/// # use scratchrs_model::{collection::Kind, aliases::items_named};
/// let named: Vec<_> = items_named("/proc/self/cwd/depot/scratchspaces/u/key").collect();
/// assert_eq!(named, [(Kind::Space, "u", "key")]);
/// ```
pub fn items_named(path: &str) -> impl Iterator<Item = (Kind, &str, &str)> {
    let mut names = path.rsplit(is_separator);
    let (name, second, third) = (names.next(), names.next(), names.next());
    let single = match second {
        Some(CLONES) => Some((Kind::Clone, "", name)),
        Some(ARTIFACTS) => Some((Kind::Artifact, "", name)),
        _ => None,
    };
    let grouped = match third {
        Some(PACKAGES) => Some((Kind::Package, second.unwrap_or_default(), name)),
        Some(SCRATCHSPACES) => Some((Kind::Space, second.unwrap_or_default(), name)),
        _ => None,
    };
    let named = single.into_iter().chain(grouped);
    named.filter_map(|(kind, group, name)| Some((kind, group, name.filter(|n| !n.is_empty())?)))
}

/// The paths that `path` could have relative to a depot: its tails that begin with a directory of a
/// depot, the longest first. The number is limited, because callers check each on disk.
pub fn below_depot(path: &str) -> impl Iterator<Item = &str> {
    const MOST: usize = 8;
    let ends = path.match_indices(is_separator).filter_map(|(at, separator)| {
        let below = &path[at + separator.len()..];
        let (first, _) = below.split_once(is_separator)?;
        DIRECTORIES.contains(&first).then_some(below)
    });
    ends.take(MOST)
}

/// The paths in the depot at `depot` that a path in one of its logs may have led to, if it leads to
/// nothing now: by the same names at its end. A depot may be used through an automount or
/// `/proc/self/cwd`, and collected without.
///
/// A path that begins with that of the depot has none: its file is missing.
///
/// ```
/// # use scratchrs_model::{aliases::relocated, depot_path::DepotPath};
/// # if cfg!(not(windows)) {
/// let depot = DepotPath::new("/depot");
/// let relocated: Vec<_> = relocated("/net/ada/packages/A/abcde/X.toml", &depot).collect();
/// assert_eq!(relocated, ["/depot/packages/A/abcde/X.toml"]);
/// # }
/// ```
pub fn relocated(path: &str, depot: &DepotPath) -> impl Iterator<Item = String> {
    let is_elsewhere = path.len() <= LONGEST_PATH && !Path::new(path).starts_with(depot.as_path());
    let below = below_depot(path).filter(move |_| is_elsewhere);
    below.map(move |below| depot.join(&[below]))
}

/// The orphans of a depot with the paths that they have in it. The file of a depot lists items of
/// this depot: entries with another path of the depot keep their time.
pub fn with_own_paths(orphans: Orphans, depot: &Depot) -> Orphans {
    let mut own_paths = Orphans::default();
    let (own, foreign): (Vec<_>, Vec<_>) =
        orphans.0.into_iter().partition(|(path, _)| depot.below(path).is_some());
    own_paths.0.extend(own);
    for (path, since) in foreign {
        for (kind, group, name) in items_named(&path) {
            let own = kind.path(&depot.path, group, name);
            // The later time delays the deletion more.
            let known = own_paths.0.entry(own).or_insert(since);
            *known = since.max(*known);
        }
    }
    own_paths
}

/// The possible meanings of a manifest's `repo-url` for Pkg: the text itself, a URL or the path
/// that Pkg before 1.12.4 searches; and for a path, the path relative to the directory of the
/// manifest.
///
/// ```
/// # use scratchrs_model::aliases::clone_sources;
/// # if cfg!(not(windows)) {
/// let sources = clone_sources("/work/a/Manifest.toml", "../b");
/// assert_eq!(sources, ["../b", "/work/b", "/work/a/../b"]);
/// let url = "https://example.invalid/A.git";
/// assert_eq!(clone_sources("/work/a/Manifest.toml", url), [url]);
/// # }
/// ```
pub fn clone_sources(manifest: &str, source: &str) -> Vec<String> {
    let mut sources = vec![source.to_owned()];
    let is_url = source.contains("://") && !Path::new(source).is_absolute();
    let directory = Path::new(manifest).parent().filter(|_| !is_url);
    let Some(path) = directory.map(|directory| directory.join(source)) else { return sources };
    let Some(path) = path.to_str() else { return sources };
    // Pkg resolves `..` in the text; the system resolves it at the target of a link.
    let normal = layout::absolute(path, || Err(())).map(std::borrow::Cow::into_owned);
    for path in normal.into_iter().chain([path.to_owned()]) {
        if !sources.contains(&path) {
            sources.push(path);
        }
    }
    sources
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::DepotTime;

    #[test]
    fn the_end_of_a_path_names_items() {
        let named = |path| items_named(path).collect::<Vec<_>>();
        assert_eq!(named("/net/d/artifacts/abc"), [(Kind::Artifact, "", "abc")]);
        assert_eq!(named("/net/d/packages/A/abcde"), [(Kind::Package, "A", "abcde")]);
        assert_eq!(named("/packages/clones/1").len(), 2, "one or the other");
        for path in ["", "/", "artifacts", "/artifacts/", "/d/packages/A", "/d/artifacts/a/b"] {
            assert_eq!(named(path), [], "{path}");
        }
    }

    #[test]
    fn the_longest_end_of_a_path_comes_first() {
        let below = |path| below_depot(path).collect::<Vec<_>>();
        assert_eq!(
            below("/x/packages/A/abcde/dev/B/Project.toml"),
            ["packages/A/abcde/dev/B/Project.toml", "dev/B/Project.toml"]
        );
        assert_eq!(below("/home/ada/work/Project.toml"), [""; 0]);
        assert_eq!(below("/home/ada/packages"), [""; 0]);
    }

    #[test]
    fn orphans_keep_their_time_under_any_path_of_their_depot() {
        let time = |text: &str| DepotTime::from_toml(&text.parse().unwrap()).unwrap();
        let (first, second) = (time("2024-01-01T00:00:00Z"), time("2024-01-02T00:00:00Z"));
        // Each with the separator of this system.
        let native = |path: &str| layout::join("", &path.split('/').collect::<Vec<_>>()[1..]);
        let depot_at = |path: &str| DepotPath::new(native(path));
        let mut depot = Depot::new(depot_at("/depot"), vec![depot_at("/real")], true);
        let entries = [
            ("/depot/artifacts/a", second),
            ("/real/artifacts/a", first),
            ("/net/depot/artifacts/a", first),
            ("/net/depot/packages/A/abcde", first),
            ("/mnt/packages/A/abcde", second),
            ("/mnt/nothing", first),
        ];
        let entries = entries.map(|(path, time)| (native(path), time));
        depot.orphans = with_own_paths(Orphans(entries.into()), &depot);
        let expected = [
            ("/depot/artifacts/a", second),
            ("/depot/packages/A/abcde", second),
            ("/real/artifacts/a", first),
        ];
        let expected = expected.map(|(path, time)| (native(path), time));
        assert_eq!(depot.orphans, Orphans(expected.into()));
    }

    #[test]
    #[cfg(not(windows))]
    fn a_path_of_a_clone_counts_from_its_manifest() {
        let sources = |source| clone_sources("/work/a/Manifest.toml", source);
        assert_eq!(sources("/repos/B"), ["/repos/B"]);
        assert_eq!(sources("/repos//B"), ["/repos//B", "/repos/B"]);
        assert_eq!(sources("B"), ["B", "/work/a/B"]);
        assert_eq!(sources("git@example.invalid:A.git")[0], "git@example.invalid:A.git");
    }

    #[test]
    #[cfg(windows)]
    fn a_path_of_a_clone_counts_from_its_manifest() {
        let sources = |source| clone_sources(r"C:\work\a\Manifest.toml", source);
        assert_eq!(sources(r"D:\repos\B"), [r"D:\repos\B"]);
        assert_eq!(sources("D:/repos/B"), ["D:/repos/B", r"D:\repos\B"]);
        assert_eq!(sources("B"), ["B", r"C:\work\a\B"]);
        let url = "https://example.invalid/A.git";
        assert_eq!(sources(url), [url]);
    }
}
