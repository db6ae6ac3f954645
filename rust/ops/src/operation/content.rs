//! Trees and files as content: hashed and packed.

use std::path::Path;

use scratchrs_archive::{self as archive, Compression, Packed};
use scratchrs_core::{Result, tarball};
use scratchrs_fs::Progress;

/// See [`archive::tree_hash`] and [`archive::tree_hash_sha256`].
///
/// # Errors
///
/// As there.
pub fn tree_hash(path: &str, sha256: bool, progress: &Progress) -> Result<String> {
    let path = Path::new(path);
    progress.begin(format!("Hashing `{}`", name(path)));
    Ok(match sha256 {
        false => archive::tree_hash(path, progress)?.to_string(),
        true => archive::tree_hash_sha256(path, progress)?.to_string(),
    })
}

/// See [`archive::blob_hash`] and [`archive::blob_hash_sha256`].
///
/// # Errors
///
/// As there.
pub fn blob_hash(path: &str, sha256: bool, progress: &Progress) -> Result<String> {
    let path = Path::new(path);
    progress.begin(format!("Hashing `{}`", name(path)));
    Ok(match sha256 {
        false => archive::blob_hash(path, progress)?.to_string(),
        true => archive::blob_hash_sha256(path, progress)?.to_string(),
    })
}

/// See [`archive::pack`]. The extension of the tarball selects the compression.
///
/// # Errors
///
/// As there.
pub fn archive_tree(path: &str, tarball: &str, progress: &Progress) -> Result<Packed> {
    let tree = Path::new(path);
    progress.begin(format!("Archiving `{}`", name(tree)));
    let compression = match tarball.ends_with(".zst") {
        false => Compression::Gzip,
        true => Compression::Zstandard,
    };
    Ok(archive::pack(tree, Path::new(tarball), compression, progress)?)
}

/// See [`tarball::sha256`].
///
/// # Errors
///
/// As there.
pub fn file_sha256(path: &str, progress: &Progress) -> Result<String> {
    let path = Path::new(path);
    progress.begin(format!("Hashing `{}`", name(path)));
    Ok(tarball::sha256(path, progress)?.to_string())
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
