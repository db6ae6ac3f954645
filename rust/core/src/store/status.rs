//! The status of a store: its content, bindings, and savings by sharing.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use scratchrs_fs::{self as fs, LinkMode, Size};
use scratchrs_model::hash::Sha256;
use scratchrs_model::orphans::Orphans;

use super::mark::{Name, mark};
use super::report::{Artifact, ArtifactKind, BoundName, MissingArtifact, Status};
use super::{Store, aliases};
use crate::error::Result;

/// The status of a store, which may be one of OhMyArtifacts.jl. Changes nothing.
///
/// # Errors
///
/// If a file cannot be read.
pub fn status(store: &Store) -> Result<Status> {
    let mut marked = mark(store)?;
    let orphans = Orphans::read(&fs::read(Path::new(&store.layout().orphanages()))?).0;
    let orphans = aliases::with_own_paths(store, orphans);
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
            None => (ArtifactKind::File, 1, Size::of(Path::new(&path)).bytes),
        };
        match kind {
            ArtifactKind::Tree => {
                status.trees += 1;
                status.unshared_bytes += bytes;
                status.bytes += if link == Some(LinkMode::Copy) { bytes } else { 0 };
            }
            ArtifactKind::File => {
                status.files += 1;
                status.bytes += bytes + Size::of(Path::new(&store.layout().variant(*hash))).bytes;
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
        let missing = |BoundName { file, name, .. }| MissingArtifact { file, name, hash };
        status.missing.extend(names.into_iter().map(missing));
    }
    status.saved_bytes = status.unshared_bytes.saturating_sub(status.bytes);
    Ok(status)
}
