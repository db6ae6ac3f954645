//! The roots that reference the items of depots.

use crate::aliases::{PathAliases, clone_sources};
use crate::artifacts_toml::NamedHashes;
use crate::diagnostic::Diagnostic;
use crate::manifest::Manifest;
use crate::overrides::{Overrides, Target};
use crate::time::DepotTime;

use super::depot::Kind;
use super::places::Position;

/// A file that references items.
#[derive(Clone, Debug)]
pub struct Root<T> {
    /// Its path in the log.
    pub path: String,
    /// When its use was last logged.
    pub last_used: Option<DepotTime>,
    /// Its references.
    pub content: T,
}

/// The uses of a scratch space.
#[derive(Clone, Debug, Default)]
pub struct SpaceUse {
    /// The path of the space in the log.
    pub path: String,
    /// When its use was last logged.
    pub last_used: Option<DepotTime>,
    /// The project files for which it was used, without those that are known to be missing.
    pub projects: Vec<String>,
}

/// A root, or a log of roots, that exists and cannot be read completely.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Its path.
    pub path: String,
    /// The reason, and its position.
    pub diagnostic: Diagnostic,
    /// The kinds of items that it might reference.
    pub kinds: Vec<Kind>,
}

/// All references of items.
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
    /// The replacements of names in the artifact files of packages: the index of the file, and the
    /// replacement.
    pub replacements: Vec<(usize, Target)>,
    /// The roots and logs that cannot be read completely.
    pub unreadable: Vec<Unreadable>,
    /// Other paths of the files that all these name. For items and files in them, the paths in
    /// their depots.
    pub aliases: PathAliases,
    /// The items that are symbolic links, each with an item that it leads to or into. References to
    /// the one are references to the other.
    pub links: Vec<(Position, Position)>,
}

impl Roots {
    /// The possible meanings of the `repo-url` entries of a manifest, by each path of the manifest.
    pub fn clone_sources(&self, manifest: &Root<Manifest>) -> Vec<String> {
        let sources = &manifest.content.sources;
        if sources.is_empty() {
            return Vec::new();
        }
        let others = self.aliases.of(&manifest.path);
        let paths = std::iter::once(&manifest.path).chain(others);
        let paths = paths.flat_map(|path| sources.iter().map(move |source| (path, source)));
        paths.flat_map(|(path, source)| clone_sources(path, source)).collect()
    }
}
