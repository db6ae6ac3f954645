//! Verifying artifacts against their hashes.

use std::path::Path;

use scratchrs_archive::{self as archive, Change, Difference, TreeRecord};
use scratchrs_fs::{self as fs, Progress};
use scratchrs_model::hash::TreeHash;

use super::contents::artifacts;
use super::record;
use super::report::{CorruptArtifact, FileChange, UnreadableArtifact, Verdict, Verification};
use super::stack::Stack;
use crate::error::{Error, Result};

/// Verifies an artifact. An overridden one is not verified; see [`verify_tree`].
///
/// # Errors
///
/// If a file in it cannot be read or cannot be in an artifact, or the work is cancelled.
pub fn verify(stack: &Stack, hash: TreeHash, progress: &Progress) -> Result<Verdict> {
    if let Some(path) = stack.overridden(hash)? {
        return Ok(Verdict::Overridden(path));
    }
    let Some(path) = stack.find(hash)? else { return Ok(Verdict::Missing) };
    progress.begin(format!("Verifying artifact {hash}"));
    verify_tree(&path, hash, progress)
}

/// Verifies the directory at `path` against the hash of the artifact. A hash that git, but not Pkg,
/// computes for it is accepted too.
///
/// If it is intact and has no record of its files, the record is written where possible. On a file
/// system that does not keep file modes, modes are ignored. If its record has symbolic links and
/// the directory none, the directory must have copies of their targets instead, as unpacked with
/// BINARYPROVIDER_COPYDEREF.
///
/// # Errors
///
/// The errors of [`verify`].
pub fn verify_tree(path: &str, hash: TreeHash, progress: &Progress) -> Result<Verdict> {
    let tree = archive::tree_record(Path::new(path), progress)?;
    let hashes = tree.hashes();
    if hashes.contains(&hash) {
        record::write_missing(path, hash, &tree);
        return Ok(Verdict::Sound(path.to_owned()));
    }
    let expected = record::read(path, hash).map(|expected| as_unpacked(expected, &tree));
    let differences = expected.map(|expected| expected.differences(&tree));
    if differences.as_deref().is_some_and(|found| is_equivalent(path, found)) {
        return Ok(Verdict::Sound(path.to_owned()));
    }
    let path = path.to_owned();
    let differences = differences.map(|found| found.into_iter().map(FileChange::from).collect());
    Ok(Verdict::Corrupt(CorruptArtifact { hash, path, actual: hashes.pkg, differences }))
}

/// The expected tree. If the record has links and `actual` has none, the artifact was unpacked with
/// copies of their targets.
fn as_unpacked(expected: TreeRecord, actual: &TreeRecord) -> TreeRecord {
    if !expected.has_links() || actual.has_links() {
        return expected;
    }
    expected.with_links_copied().unwrap_or(expected)
}

/// Whether only modes differ, on a file system that does not keep them; or nothing differs.
fn is_equivalent(path: &str, differences: &[Difference]) -> bool {
    let keeps_modes = || Path::new(path).parent().and_then(fs::keeps_modes).unwrap_or(true);
    differences.iter().all(|difference| difference.change == Change::ModeChanged)
        && (differences.is_empty() || !keeps_modes())
}

/// Verifies all artifacts of a stack, several at a time. Deletes the records of artifacts that no
/// longer exist.
///
/// # Errors
///
/// If a directory of artifacts exists and cannot be read, or the work is cancelled.
pub fn verify_all(stack: &Stack, progress: &Progress) -> Result<Verification> {
    progress.begin("Verifying artifacts");
    let artifacts = artifacts(stack)?;
    let verify = |(hash, path): &(TreeHash, String)| {
        progress.check()?;
        match verify_tree(path, *hash, progress) {
            Err(Error::Cancelled) => Err(Error::Cancelled),
            verdict => Ok(verdict),
        }
    };
    let verdicts = fs::try_parallel_map(&artifacts, || (), |(), artifact| verify(artifact))?;
    let mut verification = Verification::default();
    for ((hash, path), verdict) in artifacts.into_iter().zip(verdicts) {
        match verdict {
            Ok(Verdict::Corrupt(corrupt)) => verification.corrupt.push(corrupt),
            Ok(_) => verification.sound += 1,
            Err(error) => {
                let reason = error.to_string();
                verification.unreadable.push(UnreadableArtifact { hash, path, reason });
            }
        }
    }
    for directory in stack.directories() {
        // In a read-only depot they stay; they do no harm.
        let _ = record::remove_orphans(Path::new(&directory));
    }
    Ok(verification)
}
