//! What is in a store, who binds it, and what sharing saves.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use scratchrs_fs::{self as fs, LinkMode};
use scratchrs_model::hash::Sha256;
use scratchrs_model::orphans::Orphans;
use scratchrs_model::time::DepotTime;

use super::mark::{Name, mark};
use super::{ArtifactKind, Store, spelling};
use crate::error::Result;

/// A name that something is bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoundName {
    /// The file of bindings.
    pub file: String,
    /// The name in that file.
    pub name: String,
    /// When it was bound.
    pub time: DepotTime,
}

/// Something in a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// Its hash.
    pub hash: Sha256,
    /// Its address.
    pub path: String,
    /// What it is.
    pub kind: ArtifactKind,
    /// How many files it has.
    pub files: u64,
    /// The sum of the sizes of these.
    pub bytes: u64,
    /// How the files of a tree are linked, if that is known.
    pub link: Option<LinkMode>,
    /// The names that are bound to it.
    pub bound_by: Vec<BoundName>,
    /// Whether a tree has it as the content of a file.
    pub is_in_tree: bool,
    /// Since when nobody uses it, if a collection has found that.
    pub orphan_since: Option<DepotTime>,
}

/// What is in a store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// The directory of the store.
    pub root: String,
    /// All that is at an address, by hash.
    pub artifacts: Vec<Artifact>,
    /// How many contents there are.
    pub files: u64,
    /// How many trees there are.
    pub trees: u64,
    /// What the contents, and the copies that trees have of them, take in bytes.
    pub bytes: u64,
    /// What would be taken if each tree and each content that is used alone were there on its own.
    pub unshared_bytes: u64,
    /// Names that are bound to something that is not there: the file, the name and the hash.
    pub missing: Vec<(String, String, Sha256)>,
    /// Files of bindings that do not read, with the reason.
    pub unreadable: Vec<(String, String)>,
}

impl Status {
    /// The bytes that sharing saves.
    pub fn saved_bytes(&self) -> u64 {
        self.unshared_bytes.saturating_sub(self.bytes)
    }
}

/// Looks through a store. Nothing is changed, and a store of OhMyArtifacts.jl is read as well.
///
/// # Errors
///
/// If something is there and cannot be read.
pub fn status(store: &Store) -> Result<Status> {
    let mut marked = mark(store)?;
    let orphans = Orphans::read(&fs::read(Path::new(&store.layout().orphanages()))?).0;
    let orphans = spelling::respell(store, orphans);
    let mut bound: BTreeMap<Sha256, Vec<BoundName>> = BTreeMap::new();
    for Name { file, name, hash, time } in std::mem::take(&mut marked.names) {
        bound.entry(hash).or_default().push(BoundName { file, name, time });
    }
    let in_trees: HashSet<Sha256> =
        marked.trees.values().flat_map(|record| record.contents()).collect();
    let mut status = Status {
        root: store.root().to_owned(),
        unreadable: marked.unreadable,
        ..Status::default()
    };
    for (hash, _) in &marked.addresses {
        let path = store.path(*hash);
        let bound_by = bound.remove(hash).unwrap_or_default();
        let record = marked.trees.get(hash);
        let is_in_tree = in_trees.contains(hash);
        let link = record.and_then(|record| record.link.parse().ok());
        let (kind, files, bytes) = match record {
            Some(record) => (ArtifactKind::Tree, record.contents().count() as u64, record.bytes()),
            None => (ArtifactKind::File, 1, fs::measure(Path::new(&path)).bytes),
        };
        match kind {
            ArtifactKind::Tree => {
                status.trees += 1;
                status.unshared_bytes += bytes;
                status.bytes += if link == Some(LinkMode::Copy) { bytes } else { 0 };
            }
            ArtifactKind::File => {
                status.files += 1;
                status.bytes +=
                    bytes + fs::measure(Path::new(&store.layout().variant(*hash))).bytes;
                let is_used_alone = !bound_by.is_empty() || !is_in_tree;
                status.unshared_bytes += if is_used_alone { bytes } else { 0 };
            }
        }
        let orphan_since = orphans.0.get(&path).copied();
        status.artifacts.push(Artifact {
            hash: *hash,
            path,
            kind,
            files,
            bytes,
            link,
            bound_by,
            is_in_tree,
            orphan_since,
        });
    }
    for (hash, names) in bound {
        status.missing.extend(names.into_iter().map(|bound| (bound.file, bound.name, hash)));
    }
    Ok(status)
}
