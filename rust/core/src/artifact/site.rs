//! Where artifacts are built.
//!
//! `Pkg.gc` of Julia 1.13 deletes a directory in `artifacts` at once if no file binds it, even while it is
//! being filled; the rest would then become the artifact. So artifacts are built in `<depot>/scratchrs/building`,
//! which Pkg does not know. Where a directory cannot be renamed from there into place (another file system,
//! another owner), they are built beside their place.

use std::path::{Path, PathBuf};

use scratchrs_fs::{self as fs, IfExists};
use scratchrs_model::depot_path::DepotPath;
use scratchrs_model::hash::TreeHash;
use scratchrs_model::layout::{ARTIFACTS, BUILDING, BUILDING_SITE, join};

use super::presence::lock_beside;
use super::stack::Stack;
use crate::error::Result;

/// A directory of artifacts, and the directories in which they are built.
#[derive(Debug)]
pub(super) struct Site {
    artifacts: String,
    /// The directory that `Pkg.gc` does not know.
    apart: Option<String>,
}

impl Site {
    /// Where the stack creates and installs artifacts.
    ///
    /// # Errors
    ///
    /// If the stack has no depot.
    pub(super) fn of(stack: &Stack) -> Result<Self> {
        Ok(match stack.replacement() {
            // It has no depot around it, and no collection.
            Some(directory) => Self { artifacts: directory.to_owned(), apart: None },
            None => Self::of_depot(stack.first_depot()?),
        })
    }

    /// Where the stack would have built the installed artifact at `path`, unless an override leads there.
    pub(super) fn around(stack: &Stack, path: &str, hash: TreeHash) -> Option<Self> {
        let sites = match stack.replacement() {
            Some(_) => Self::of(stack).into_iter().collect(),
            None => stack.depots().iter().map(Self::of_depot).collect::<Vec<_>>(),
        };
        sites.into_iter().find(|site| site.artifact(hash) == path)
    }

    /// Where artifacts of a depot are built.
    pub(super) fn of_depot(depot: &DepotPath) -> Self {
        Self { artifacts: depot.join(&[ARTIFACTS]), apart: Some(depot.join(&BUILDING_SITE)) }
    }

    /// The directory of the artifacts.
    pub(super) fn artifacts(&self) -> &Path {
        Path::new(&self.artifacts)
    }

    /// The path of an artifact.
    pub(super) fn artifact(&self, hash: TreeHash) -> String {
        join(&self.artifacts, &[&hash.to_string()])
    }

    /// The lock of what has this name.
    pub(super) fn lock(&self, name: &str) -> PathBuf {
        lock_beside(&join(&self.artifacts, &[name]))
    }

    /// Creates an empty directory. The directory of the artifacts exists.
    ///
    /// # Errors
    ///
    /// If the name exists beside the artifacts, or the file system refuses.
    pub(super) fn create(&self, name: &str) -> Result<PathBuf> {
        let beside = PathBuf::from(join(&self.artifacts, &[name]));
        let apart = self.apart.as_ref().map(|apart| PathBuf::from(join(apart, &[name])));
        if let Some(apart) = apart.filter(|apart| create_apart(apart, &beside)) {
            return Ok(apart);
        }
        fs::create_dir(&beside)?;
        Ok(beside)
    }

    /// The names in the directories in which artifacts are built.
    ///
    /// # Errors
    ///
    /// If a directory cannot be read.
    pub(super) fn names(&self) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for directory in self.directories() {
            names.extend(fs::names(directory)?);
        }
        Ok(names)
    }

    /// Removes the directory with this name, and what a killed process has left of it.
    ///
    /// # Errors
    ///
    /// If the file system refuses.
    pub(super) fn remove(&self, name: &str) -> Result<()> {
        for directory in self.directories() {
            let path = directory.join(name);
            fs::remove(&path)?;
            fs::remove_leftovers(&path)?;
        }
        Ok(())
    }

    /// Removes the directories in which processes have built this artifact.
    ///
    /// # Errors
    ///
    /// If the file system refuses.
    pub(super) fn remove_built(&self, hash: TreeHash) -> Result<()> {
        let prefix = format!("{hash}{BUILDING}");
        for directory in self.directories() {
            remove_with_prefix(directory, &prefix)?;
        }
        Ok(())
    }

    /// The directory of the artifacts, and the other one if it exists.
    fn directories(&self) -> impl Iterator<Item = &Path> {
        let apart = self.apart.as_ref().map(Path::new).filter(|apart| fs::is_dir(apart));
        std::iter::once(self.artifacts()).chain(apart)
    }
}

/// Creates the directory `apart`, if it can be moved to `beside` from there. Returns whether it did.
fn create_apart(apart: &Path, beside: &Path) -> bool {
    let create = || fs::create_dir(apart);
    let moves = |from, to| fs::place(from, to, IfExists::Keep).is_ok_and(|moved| moved);
    if fs::with_parent_dir(apart, create).is_err() {
        return false;
    }
    if !moves(apart, beside) {
        let _ = fs::remove(apart);
        return false;
    }
    // `Pkg.gc` of Julia 1.13 may delete it before it is moved back.
    moves(beside, apart) || {
        let _ = fs::remove(beside);
        create().is_ok()
    }
}

/// Removes the files and directories in a directory whose names begin with `prefix`.
///
/// # Errors
///
/// If the file system refuses.
pub(super) fn remove_with_prefix(directory: &Path, prefix: &str) -> fs::Result<()> {
    let begins = |name: &&String| {
        name.strip_prefix(fs::TEMP_PREFIX).unwrap_or(name.as_str()).starts_with(prefix)
    };
    for name in fs::names(directory)?.iter().filter(begins) {
        fs::remove(&directory.join(name))?;
    }
    Ok(())
}
