//! The identity of the file at a path, however the path is spelled.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// The identity of a file or directory: device and inode, or what Windows has instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(file_id::FileId);

impl FileId {
    /// The identity of the file or directory that `path` leads to. Two paths lead to the same file exactly if
    /// their identities are equal, through symbolic links, bind mounts and `/proc/self/cwd` alike.
    ///
    /// `None` if it does not exist, its metadata cannot be read, or the file system does not number files.
    pub fn of(path: &Path) -> Option<Self> {
        let id = file_id::get_file_id(path).ok()?;
        (!matches!(id, file_id::FileId::Inode { inode_number: 0, .. })).then_some(Self(id))
    }
}

/// The absolute path of `path` without links, as people write it: on Windows without `\\?\`, unless other programs
/// need that because of its length or a name in it.
///
/// # Errors
///
/// It does not exist, or its links form a loop.
pub fn canonicalize(path: &Path) -> Result<PathBuf> {
    dunce::canonicalize(path).map_err(Error::on("find", path))
}

/// The way from the directory `root` to `path`, both without links; `None` if `path` is not below `root`.
///
/// # Errors
///
/// As [`canonicalize`].
pub fn canonical_below(root: &Path, path: &Path) -> Result<Option<PathBuf>> {
    // Not as people write them: one can be too long for that, and the other is not.
    let real = |path: &Path| fs::canonicalize(path).map_err(Error::on("find", path));
    Ok(real(path)?.strip_prefix(real(root)?).ok().map(Path::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::symlink;

    #[test]
    fn a_directory_is_the_same_by_any_path() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        fs::create_dir_all(at("depot/artifacts")).unwrap();
        fs::create_dir(at("other")).unwrap();
        symlink("depot", at("link")).unwrap();
        let id = FileId::of(&at("depot/artifacts")).unwrap();
        for spelling in
            ["link/artifacts", "other/../depot//artifacts/.", "link/../depot/artifacts/"]
        {
            assert_eq!(FileId::of(&at(spelling)), Some(id), "{spelling}");
        }
        assert_ne!(FileId::of(&at("other")), Some(id));
        assert_eq!(FileId::of(&at("missing")), None);
    }
}
