//! Listing, archiving and removing installed artifacts.

use std::path::Path;

use scratchrs_archive::{self as archive, Compression, Packed};
use scratchrs_fs::{self as fs, Progress, Size};
use scratchrs_model::hash::TreeHash;
use scratchrs_model::layout::join;

use super::record;
use super::report::{Listed, Listing};
use super::stack::Stack;
use super::usages::known_files;
use crate::error::{Error, Result};

/// Lists the artifacts of a stack, depot by depot, sorted by name, with the files in the usage logs
/// that bind them. An artifact in several depots is listed several times.
///
/// # Errors
///
/// If a directory of artifacts, a log or a file of bindings exists and cannot be read.
pub fn list(stack: &Stack) -> Result<Listing> {
    let known = known_files(stack, None::<&str>)?;
    let uses = known.uses();
    let mut artifacts = Vec::new();
    for (hash, path) in self::artifacts(stack)? {
        let bytes = match record::read(&path, hash) {
            Some(tree) => tree.bytes(),
            None => Size::of_entries(Path::new(&path)).bytes,
        };
        let uses = uses.get(&hash).cloned().unwrap_or_default();
        artifacts.push(Listed {
            hash,
            path,
            bytes,
            names: uses.names,
            last_used: uses.last_used,
            bound_by: uses.files,
        });
    }
    let bytes = artifacts.iter().map(|artifact| artifact.bytes).sum();
    Ok(Listing { artifacts, bytes, diagnostics: known.diagnostics })
}

/// All directories that have the name of an artifact, depot by depot, sorted by name.
pub(super) fn artifacts(stack: &Stack) -> Result<Vec<(TreeHash, String)>> {
    let mut artifacts = Vec::new();
    for directory in stack.directories() {
        for name in fs::subdirectories(Path::new(&directory))? {
            // A directory with a name in upper case is not found as an artifact.
            let hash = name.parse::<TreeHash>().ok().filter(|hash| hash.to_string() == name);
            artifacts.extend(hash.map(|hash| (hash, join(&directory, &[&name]))));
        }
    }
    Ok(artifacts)
}

/// Packs an artifact as a tarball, replacing an existing file. If the artifact is overridden, packs
/// its replacement; a caller that does not want this checks [`Stack::overridden`] first.
///
/// # Errors
///
/// If the artifact is not installed, a file in it cannot be read, the tarball cannot be written, or
/// the work is cancelled. An existing file at `tarball` is then unchanged.
pub fn archive(
    stack: &Stack,
    hash: TreeHash,
    tarball: &str,
    compression: Compression,
    progress: &Progress,
) -> Result<Packed> {
    let path = stack.find(hash)?.ok_or_else(|| {
        Error::NotFound(format!("Unable to archive artifact {hash}: does not exist!"))
    })?;
    progress.begin(format!("Archiving artifact {hash}"));
    Ok(archive::pack(Path::new(&path), Path::new(tarball), compression, progress)?)
}

/// Removes an artifact from all depots, and returns the removed paths. An overridden artifact is
/// kept.
///
/// # Crash
///
/// A killed process leaves the artifact, or a directory `<hash>@removing-…`, which the next removal
/// of the artifact deletes.
///
/// # Errors
///
/// If overrides form a cycle, or a file cannot be deleted.
pub fn remove(stack: &Stack, hash: TreeHash) -> Result<Vec<String>> {
    if stack.overridden(hash)?.is_some() {
        return Ok(Vec::new());
    }
    let mut removed = Vec::new();
    for path in stack.candidates(hash)? {
        let artifact = Path::new(&path);
        let existed = fs::is_dir(artifact);
        log::debug!("deleting the artifact `{path}`: requested");
        fs::remove(artifact)?;
        fs::remove_leftovers(artifact)?;
        record::remove(&path)?;
        if existed {
            removed.push(path);
        }
    }
    Ok(removed)
}
