//! Whether artifacts are what their names say.

use std::path::Path;

use scratchrs_archive::{self as archive, Change, Difference, TreeRecord};
use scratchrs_fs::{self as fs, Progress};
use scratchrs_model::hash::TreeHash;

use super::contents::artifacts;
use super::record;
use super::stack::Stack;
use crate::error::{Error, Result};

/// What was found out about an artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is what its name says, at this path.
    Sound(String),
    /// It is something else.
    Rotten(Rot),
    /// It is not there.
    Missing,
    /// Something stands in its place, at this path, and is not looked at.
    Overridden(String),
}

/// An artifact that is not what its name says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rot {
    /// Its name.
    pub hash: TreeHash,
    /// Where it lies.
    pub path: String,
    /// The hash that it has.
    pub actual: TreeHash,
    /// What has become of its files; None if nobody knows what they were.
    pub differences: Option<Vec<Difference>>,
}

/// An artifact that nobody could look at.
#[derive(Debug)]
pub struct Unreadable {
    /// Its name.
    pub hash: TreeHash,
    /// Where it lies.
    pub path: String,
    /// Why.
    pub error: Error,
}

/// What was found out about all artifacts of a stack.
#[derive(Debug, Default)]
pub struct Survey {
    /// How many are what their names say.
    pub sound: usize,
    /// Those that are not, depot by depot, sorted by name.
    pub rotten: Vec<Rot>,
    /// Those that nobody could look at.
    pub unreadable: Vec<Unreadable>,
}

/// Hashes an artifact. One that is overridden is taken as it is; see [`verify_tree`].
///
/// # Errors
///
/// If something in it cannot be read or cannot be in an artifact, or nobody wants to know any more.
pub fn verify(stack: &Stack, hash: TreeHash, progress: &Progress) -> Result<Verdict> {
    if let Some(path) = stack.overridden(hash)? {
        return Ok(Verdict::Overridden(path));
    }
    let Some(path) = stack.find(hash)? else { return Ok(Verdict::Missing) };
    progress.begin(format!("Verifying artifact {hash}"));
    verify_tree(&path, hash, progress)
}

/// Hashes the directory at `path`, which is to be the artifact `hash`. A hash that git, but not Pkg,
/// would give it is right too.
///
/// If it is sound and has no record of what it consists of, it gets one, where that is possible.
/// On a file system that does not keep the modes of files, these do not count. Where its record has
/// symbolic links and the directory none, copies of what they lead to have to stand in their place, as
/// BINARYPROVIDER_COPYDEREF lets them be unpacked.
///
/// # Errors
///
/// As [`verify`].
pub fn verify_tree(path: &str, hash: TreeHash, progress: &Progress) -> Result<Verdict> {
    let tree = archive::tree_record(Path::new(path), progress)?;
    let hashes = tree.hashes();
    if hashes.contains(&hash) {
        record::keep(path, hash, &tree);
        return Ok(Verdict::Sound(path.to_owned()));
    }
    let expected = record::read(path, hash).map(|expected| as_unpacked(expected, &tree));
    let differences = expected.map(|expected| expected.differences(&tree));
    if differences.as_deref().is_some_and(|found| is_as_good(path, found)) {
        return Ok(Verdict::Sound(path.to_owned()));
    }
    let path = path.to_owned();
    Ok(Verdict::Rotten(Rot { hash, path, actual: hashes.pkg, differences }))
}

/// What a tree is to be that lies there as `actual`: one without any link was unpacked with copies in
/// their place, if its record has links.
fn as_unpacked(expected: TreeRecord, actual: &TreeRecord) -> TreeRecord {
    if !expected.has_links() || actual.has_links() {
        return expected;
    }
    expected.with_links_copied().unwrap_or(expected)
}

/// Whether nothing differs, or nothing but modes on a file system that does not keep them.
fn is_as_good(path: &str, differences: &[Difference]) -> bool {
    let keeps_modes = || Path::new(path).parent().and_then(fs::keeps_modes).unwrap_or(true);
    differences.iter().all(|difference| difference.change == Change::ModeChanged)
        && (differences.is_empty() || !keeps_modes())
}

/// Hashes all artifacts of a stack, several at a time. Records of artifacts that are not there any
/// more go.
///
/// # Errors
///
/// If a directory of artifacts is there and cannot be read, or nobody wants to know any more.
pub fn verify_all(stack: &Stack, progress: &Progress) -> Result<Survey> {
    progress.begin("Verifying artifacts");
    let artifacts = artifacts(stack)?;
    let verdicts = fs::parallel_map_on(&artifacts, fs::processors(), |(hash, path)| {
        progress.check()?;
        verify_tree(path, *hash, progress)
    });
    let mut survey = Survey::default();
    for ((hash, path), verdict) in artifacts.into_iter().zip(verdicts) {
        match verdict {
            Ok(Verdict::Sound(_) | Verdict::Overridden(_) | Verdict::Missing) => survey.sound += 1,
            Ok(Verdict::Rotten(rot)) => survey.rotten.push(rot),
            Err(Error::Cancelled) => return Err(Error::Cancelled),
            Err(error) => survey.unreadable.push(Unreadable { hash, path, error }),
        }
    }
    for directory in stack.directories() {
        // In a depot that nobody may write to they stay, and do no harm.
        let _ = record::remove_orphans(Path::new(&directory));
    }
    Ok(survey)
}
