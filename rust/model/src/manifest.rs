//! The references of a manifest: installed packages and clones.
//!
//! # Compatibility
//!
//! Manifests of format 1 (Julia up to 1.6) and 2 (since then) are read, under any file name; one of
//! an unknown format is read as the newest known one, as Pkg does. Source: Pkg, `manifest.jl:
//! read_manifest`.
//!
//! For `Pkg.gc`, a manifest that it does not accept references nothing. Here such a manifest
//! is an error ([`crate::root`]): a field of the wrong type, an entry without `uuid`, a dependency
//! without an entry, as they are left where a file ends early. An entry or a field that is defined
//! twice is not an error: all of them count.

mod dependencies;
mod reader;

use std::collections::BTreeSet;
use std::sync::Arc;

use hashbrown::{Equivalent, HashSet};
use smol_str::SmolStr;
use uuid::Uuid;

use crate::hash::TreeHash;
use crate::root::{self, Reading};

/// The references of a manifest.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Manifest {
    /// The trees of packages. Manifests that one reader has read share equal ones.
    pub packages: Vec<Arc<Package>>,
    /// The origins of clones: URLs and paths.
    pub sources: Vec<String>,
    /// Packages whose tree is not given by the manifest.
    pub any_tree_of: BTreeSet<String>,
}

/// A tree of a package.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Package {
    /// The package's name.
    pub name: Option<SmolStr>,
    /// The package's UUID.
    pub uuid: Uuid,
    /// The tree.
    pub tree: TreeHash,
    /// The version of the tree, as text in the manifest.
    pub version: Option<SmolStr>,
}

/// Reads several manifests, which share most of their packages.
#[derive(Debug, Default)]
pub struct ManifestReader {
    packages: HashSet<Arc<Package>>,
}

impl ManifestReader {
    /// The maximum number of cached packages.
    const MOST: usize = 1 << 16;

    /// Reads a manifest. The second value is what Pkg would not accept in it.
    ///
    /// # Errors
    ///
    /// The first position that is not understood: the manifest may reference any item.
    pub fn read(&mut self, bytes: &[u8]) -> Reading<Manifest> {
        root::read(bytes, |text| reader::read(text, self), Manifest::add)
    }

    fn package(&mut self, words: Words<'_>) -> Arc<Package> {
        if self.packages.len() > Self::MOST {
            self.packages.clear();
        }
        self.packages.get_or_insert_with(&words, |words| Arc::new(words.into())).clone()
    }
}

impl Manifest {
    /// Adds the references of another one.
    fn add(&mut self, other: Self) {
        self.packages.extend(other.packages);
        self.sources.extend(other.sources);
        self.any_tree_of.extend(other.any_tree_of);
    }
}

/// A package as text in a manifest. It has the same hash value as the [`Package`].
#[derive(Hash)]
struct Words<'a> {
    name: Option<&'a str>,
    uuid: Uuid,
    tree: TreeHash,
    version: Option<&'a str>,
}

impl Equivalent<Arc<Package>> for Words<'_> {
    fn equivalent(&self, package: &Arc<Package>) -> bool {
        self.uuid == package.uuid
            && self.tree == package.tree
            && self.name == package.name.as_deref()
            && self.version == package.version.as_deref()
    }
}

impl From<&Words<'_>> for Package {
    fn from(&Words { name, uuid, tree, version }: &Words<'_>) -> Self {
        Self { name: name.map(SmolStr::from), uuid, tree, version: version.map(SmolStr::from) }
    }
}

/// The UUID of a text of 36 characters: the only form that Julia accepts.
fn parse_uuid(text: &str) -> Option<Uuid> {
    (text.len() == 36).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests;
