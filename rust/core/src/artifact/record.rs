//! What an artifact consists of, kept beside it: `<hash>@tree`.
//!
//! Each artifact that is made or installed here has such a record, and so has each that was found
//! sound. It can be trusted as far as its own tree hash is the name of the artifact. Without it an
//! artifact is as good as with it; but if it is corrupt, the changed files are unknown.

use std::path::{Path, PathBuf};

use scratchrs_archive::TreeRecord;
use scratchrs_fs as fs;
use scratchrs_model::hash::TreeHash;
use scratchrs_model::layout::TREE_RECORD;

/// Where the record of the artifact at `path` lies.
pub(super) fn path_beside(artifact: &str) -> PathBuf {
    PathBuf::from(format!("{artifact}{TREE_RECORD}"))
}

/// Keeps the record of the artifact at `path`, whose name is `hash`, if there is none yet. Where that
/// is not possible, there is none. An empty one says only when the artifact was found: see [`touch`].
pub(super) fn keep(artifact: &str, hash: TreeHash, tree: &TreeRecord) {
    let path = path_beside(artifact);
    let is_named_so = artifact.ends_with(&hash.to_string());
    let is_kept = path.metadata().is_ok_and(|found| found.len() > 0);
    if is_named_so && tree.hashes().contains(&hash) && !is_kept {
        let _ = fs::replace(&path, tree.to_bytes());
    }
}

/// Keeps the record of the artifact at `path` as [`keep`] does, and anew if there is one: a collection
/// spares what has a new record, since it may not be bound yet.
pub(super) fn renew(artifact: &str, hash: TreeHash, tree: &TreeRecord) {
    let path = path_beside(artifact);
    if artifact.ends_with(&hash.to_string()) && tree.hashes().contains(&hash) {
        let _ = fs::replace(&path, tree.to_bytes());
    }
}

/// Gives the record of the artifact at `path` the time of now, for a collection to spare the artifact. An
/// artifact without a record gets an empty one.
pub(super) fn touch(artifact: &str) -> fs::Result<()> {
    let path = path_beside(artifact);
    if fs::touch(&path)? || !fs::is_dir(Path::new(artifact)) {
        return Ok(());
    }
    match fs::write_new(&path, "") {
        Err(error) if error.is_occupied() => fs::touch(&path).map(drop),
        written => written,
    }
}

/// The record of the artifact at `path`, whose name is `hash`, if there is one that can be trusted.
pub(super) fn read(artifact: &str, hash: TreeHash) -> Option<TreeRecord> {
    let bytes = fs::read(&path_beside(artifact)).ok()?;
    TreeRecord::from_bytes(&bytes).ok().filter(|tree| tree.hashes().contains(&hash))
}

/// Removes the record of the artifact at `path`.
pub(super) fn remove(artifact: &str) -> fs::Result<()> {
    let path = path_beside(artifact);
    fs::remove_temp_files(&path);
    fs::remove(&path)
}

/// Removes the records in `directory` of artifacts that are not there any more.
pub(super) fn remove_orphans(directory: &Path) -> fs::Result<()> {
    for name in fs::names(directory)? {
        let hash = name.strip_suffix(TREE_RECORD);
        let is_record = hash.is_some_and(|hash| hash.parse::<TreeHash>().is_ok());
        if is_record && hash.is_some_and(|hash| !fs::is_dir(&directory.join(hash))) {
            fs::remove(&directory.join(name))?;
        }
    }
    Ok(())
}
