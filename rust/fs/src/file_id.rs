//! The identity of the file at a path, however the path is spelled.

use std::fs;
use std::path::{Path, PathBuf};

pub use ::file_id::FileId;

use crate::error::{Error, Result};

/// The identity of the file or directory that `path` leads to: device and inode, or what Windows has
/// instead. Two paths lead to the same file exactly if their identities are equal, through
/// symbolic links, bind mounts and `/proc/self/cwd` alike.
///
/// `None` if it does not exist, its metadata cannot be read, or the file system does not number files.
pub fn file_id(path: &Path) -> Option<FileId> {
    let id = ::file_id::get_file_id(path).ok()?;
    (!matches!(id, FileId::Inode { inode_number: 0, .. })).then_some(id)
}

/// The absolute path of `path` without links.
///
/// # Errors
///
/// It does not exist, or its links form a loop.
pub fn canonicalize(path: &Path) -> Result<PathBuf> {
    fs::canonicalize(path).map_err(Error::on("find", path))
}

/// The absolute path of `path` without links, as far as it exists: missing components are kept.
pub fn canonicalize_existing(path: &Path) -> PathBuf {
    let above: Vec<&Path> = path.ancestors().collect();
    // Everything below a missing directory is missing, too.
    let first = above.partition_point(|above| fs::canonicalize(above).is_err());
    let existing = above.get(first).and_then(|above| Some((above, fs::canonicalize(above).ok()?)));
    let Some((above, real)) = existing else { return path.to_owned() };
    match path.strip_prefix(above) {
        Ok(rest) if !rest.as_os_str().is_empty() => real.join(rest),
        _ => real,
    }
}

/// The target of the symbolic link at `path`: absolute, without links in its parents. `None` if `path` is not a
/// link.
pub fn link_target(path: &Path) -> Option<PathBuf> {
    let target = path.parent()?.join(fs::read_link(path).ok()?);
    let directory = fs::canonicalize(target.parent()?).ok()?;
    Some(directory.join(target.file_name()?))
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_directory_is_the_same_by_any_path() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        fs::create_dir_all(at("depot/artifacts")).unwrap();
        fs::create_dir(at("other")).unwrap();
        symlink("depot", at("link")).unwrap();
        let id = file_id(&at("depot/artifacts")).unwrap();
        for spelling in
            ["link/artifacts", "other/../depot//artifacts/.", "link/../depot/artifacts/"]
        {
            assert_eq!(file_id(&at(spelling)), Some(id), "{spelling}");
        }
        assert_ne!(file_id(&at("other")), Some(id));
        assert_eq!(file_id(&at("missing")), None);
    }

    #[test]
    fn a_path_is_real_as_far_as_it_exists() {
        let root = tempfile::tempdir().unwrap();
        let real = root.path().canonicalize().unwrap();
        let at = |name: &str| root.path().join(name);
        fs::create_dir(at("depot")).unwrap();
        symlink("depot", at("link")).unwrap();
        symlink("link", at("other")).unwrap();
        assert_eq!(canonicalize_existing(&at("other")), real.join("depot"));
        assert_eq!(canonicalize_existing(&at("other/a/b")), real.join("depot/a/b"));
        assert_eq!(canonicalize_existing(Path::new("/")), Path::new("/"));
        assert_eq!(link_target(&at("other")), Some(real.join("link")));
        assert_eq!(link_target(&at("depot")), None);
    }
}
