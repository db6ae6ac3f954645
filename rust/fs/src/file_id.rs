//! Which file or directory a path leads to, however the path is spelled.

use std::fs;
use std::path::{Path, PathBuf};

pub use ::file_id::FileId;

/// The identity of the file or directory that `path` leads to: device and inode, or what Windows has
/// in their place. Two paths lead to the same file exactly if their identities are equal, through
/// symbolic links, bind mounts and `/proc/self/cwd` alike.
///
/// `None` if nothing is there, its metadata cannot be read, or the file system numbers no files.
pub fn file_id(path: &Path) -> Option<FileId> {
    let id = ::file_id::get_file_id(path).ok()?;
    (!matches!(id, FileId::Inode { inode_number: 0, .. })).then_some(id)
}

/// The path that leads to the same without a link on the way, as far as there is anything: the names
/// that nothing has are kept as they are.
pub fn existing_real_path(path: &Path) -> PathBuf {
    let above: Vec<&Path> = path.ancestors().collect();
    // What is below something that is missing is missing, too.
    let first = above.partition_point(|above| fs::canonicalize(above).is_err());
    let existing = above.get(first).and_then(|above| Some((above, fs::canonicalize(above).ok()?)));
    let Some((above, real)) = existing else { return path.to_owned() };
    match path.strip_prefix(above) {
        Ok(rest) if !rest.as_os_str().is_empty() => real.join(rest),
        _ => real,
    }
}

/// What the symbolic link at `path` says, counted from the directory that it is in, without a link on
/// the way to that. `None` if there is no link.
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
        assert_eq!(existing_real_path(&at("other")), real.join("depot"));
        assert_eq!(existing_real_path(&at("other/a/b")), real.join("depot/a/b"));
        assert_eq!(existing_real_path(Path::new("/")), Path::new("/"));
        assert_eq!(link_target(&at("other")), Some(real.join("link")));
        assert_eq!(link_target(&at("depot")), None);
    }
}
