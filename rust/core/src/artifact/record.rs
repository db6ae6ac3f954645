//! The record of the files of an artifact, in `<hash>@tree` beside it.
//!
//! ScratchRS writes it when it creates, installs or successfully verifies an artifact. It is valid
//! if its tree hash is the name of the artifact. An artifact without a record is valid, too; but if
//! it is corrupt, the changed files are unknown.

use std::path::{Path, PathBuf};

use scratchrs_archive::TreeRecord;
use scratchrs_fs as fs;
use scratchrs_model::hash::TreeHash;
use scratchrs_model::layout::TREE_RECORD;

/// The path of the record of the artifact at `artifact`.
pub(super) fn path_beside(artifact: &str) -> PathBuf {
    PathBuf::from(format!("{artifact}{TREE_RECORD}"))
}

/// Writes the record of the artifact at `artifact` with the name `hash`, if it has none or an empty
/// one (see [`touch`]). Ignores errors: records are optional.
pub(super) fn write_missing(artifact: &str, hash: TreeHash, tree: &TreeRecord) {
    let path = path_beside(artifact);
    if matches!(fs::metadata(&path), Ok(Some(found)) if found.size > 0) {
        return;
    }
    write(artifact, hash, tree);
}

/// Writes the record of the artifact at `artifact` with the name `hash`, also over an existing one:
/// a collection spares artifacts with a new record, which may not be bound yet. Ignores errors.
pub(super) fn write(artifact: &str, hash: TreeHash, tree: &TreeRecord) {
    if artifact.ends_with(&hash.to_string()) && tree.hashes().contains(&hash) {
        let _ = fs::replace(&path_beside(artifact), tree.to_bytes());
    }
}

/// Sets the modification time of the record of the artifact at `artifact` to now, so that
/// collections spare the artifact. Creates an empty record if there was none.
pub(super) fn touch(artifact: &str) -> fs::Result<()> {
    let path = path_beside(artifact);
    if fs::touch(&path)? || !fs::is_dir(Path::new(artifact)) {
        return Ok(());
    }
    match fs::create_file(&path, fs::Access::default()) {
        Err(error) if error.is_occupied() => fs::touch(&path).map(drop),
        created => created.map(drop),
    }
}

/// The record of the artifact at `artifact` with the name `hash`, if it is valid.
pub(super) fn read(artifact: &str, hash: TreeHash) -> Option<TreeRecord> {
    let bytes = fs::read(&path_beside(artifact)).ok()?;
    TreeRecord::from_bytes(&bytes).ok().filter(|tree| tree.hashes().contains(&hash))
}

/// Removes the record of the artifact at `artifact`.
pub(super) fn remove(artifact: &str) -> fs::Result<()> {
    let path = path_beside(artifact);
    fs::remove_temp_files(&path);
    fs::remove(&path)
}

/// Removes the records in `directory` of artifacts that no longer exist.
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
