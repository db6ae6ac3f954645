//! Artifacts that are there: listed, archived, removed.

use std::path::Path;

use scratchrs_archive::{self as archive, Compression, Packed};
use scratchrs_fs::{self as fs, Progress};
use scratchrs_model::hash::TreeHash;
use scratchrs_model::layout::join;

use super::record;
use super::stack::Stack;
use crate::error::{Error, Result};

/// An artifact as it lies in a depot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub hash: TreeHash,
    /// Where it lies.
    pub path: String,
    /// The sum of the sizes of its files, in bytes.
    pub bytes: u64,
}

/// The artifacts of a stack, depot by depot, sorted by name. One that lies in several depots is there
/// several times.
///
/// # Errors
///
/// If a directory of artifacts is there and cannot be read.
pub fn list(stack: &Stack) -> Result<Vec<Listed>> {
    let mut listed = Vec::new();
    for (hash, path) in artifacts(stack)? {
        let bytes = match record::read(&path, hash) {
            Some(tree) => tree.bytes(),
            None => fs::measure_directory(Path::new(&path)).bytes,
        };
        listed.push(Listed { hash, path, bytes });
    }
    Ok(listed)
}

/// All that has the name of an artifact and is a directory, depot by depot, sorted by name.
pub(super) fn artifacts(stack: &Stack) -> Result<Vec<(TreeHash, String)>> {
    let mut artifacts = Vec::new();
    for directory in stack.directories() {
        for name in fs::subdirectories(Path::new(&directory))? {
            // Nobody looks for an artifact by a name in upper case.
            let hash = name.parse::<TreeHash>().ok().filter(|hash| hash.to_string() == name);
            artifacts.extend(hash.map(|hash| (hash, join(&directory, &[&name]))));
        }
    }
    Ok(artifacts)
}

/// Writes an artifact as a tarball, replacing what is there. What is overridden is what the override
/// says, as everywhere: whoever wants no such artifact asks [`Stack::overridden`] before.
///
/// # Errors
///
/// If the artifact is not there, something in it cannot be read, the tarball cannot be written, or
/// nobody wants it any more. What was at `tarball` is then still there.
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

/// Removes an artifact from all depots, and returns where it was. One that is overridden stays.
///
/// # Crash
///
/// A process that is killed leaves the artifact, or a directory `<hash>@removing-…`, which the next
/// one who removes it clears away.
///
/// # Errors
///
/// If overrides lead in a circle, or something cannot be removed.
pub fn remove(stack: &Stack, hash: TreeHash) -> Result<Vec<String>> {
    if stack.overridden(hash)?.is_some() {
        return Ok(Vec::new());
    }
    let mut removed = Vec::new();
    for path in stack.candidates(hash)? {
        let artifact = Path::new(&path);
        let was_there = fs::is_directory(artifact);
        fs::remove(artifact)?;
        fs::remove_leftovers(artifact)?;
        record::remove(&path)?;
        if was_there {
            removed.push(path);
        }
    }
    Ok(removed)
}
