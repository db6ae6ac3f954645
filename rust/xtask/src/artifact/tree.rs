//! Writing the files of an artifact, for packing and into a depot.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// A file of an artifact.
#[derive(Clone)]
pub(crate) struct File {
    /// Relative to the root of the artifact, with slashes.
    pub(crate) path: String,
    pub(crate) contents: Vec<u8>,
    pub(crate) is_executable: bool,
}

impl File {
    /// A file with the contents of another one.
    pub(crate) fn copy(source: &Path, path: String, is_executable: bool) -> Result<Self> {
        let contents =
            fs::read(source).with_context(|| format!("could not read `{}`", source.display()))?;
        Ok(Self { path, contents, is_executable })
    }

    /// Its mode in a tarball.
    pub(super) fn mode(&self) -> u32 {
        if self.is_executable { 0o755 } else { 0o644 }
    }
}

/// Writes the tree `root`, with modes that do not depend on the umask.
pub(crate) fn write(root: &Path, files: &[File]) -> Result<()> {
    write_tree(root, files, File::mode)
        .with_context(|| format!("could not write the tree `{}`", root.display()))
}

/// Installs the tree into a depot, read-only as by Pkg, and returns its path.
///
/// It is written to a temporary directory and renamed, so that it is never partial. An installed
/// tree of the same hash is kept.
pub(crate) fn install(files: &[File], depot: &Path, tree_hash: &str) -> Result<PathBuf> {
    let artifacts = depot.join("artifacts");
    let installed = artifacts.join(tree_hash);
    if installed.is_dir() {
        return Ok(installed);
    }
    scratchrs_fs::create_dir_all(&artifacts)?;
    let staging = tempfile::tempdir_in(&artifacts)
        .with_context(|| format!("could not write to `{}`", artifacts.display()))?;
    let tree = staging.path().join(tree_hash);
    write_tree(&tree, files, |file| file.mode() & !0o222)?;
    match fs::rename(&tree, &installed) {
        Err(_) if installed.is_dir() => {} // Another process was faster.
        result => {
            result.with_context(|| format!("could not install `{}`", installed.display()))?;
        }
    }
    Ok(installed)
}

fn write_tree(root: &Path, files: &[File], mode: impl Fn(&File) -> u32) -> Result<()> {
    for file in files {
        let path = root.join(&file.path);
        let directories = path.ancestors().skip(1).take_while(|above| above.starts_with(root));
        for directory in directories.collect::<Vec<_>>().into_iter().rev() {
            scratchrs_fs::create_dir_all(directory)?;
            set_mode(directory, 0o755)?;
        }
        fs::write(&path, &file.contents)?;
        set_mode(&path, mode(file))?;
    }
    Ok(())
}

#[cfg(unix)]
pub(super) fn set_mode(path: &Path, mode: u32) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    Ok(fs::set_permissions(path, fs::Permissions::from_mode(mode))?)
}

/// On this system, the name of a file determines whether it is executable.
#[cfg(not(unix))]
pub(super) fn set_mode(_: &Path, _: u32) -> Result<()> {
    Ok(())
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use scratchrs_fs::Progress;
    use std::os::unix::fs::PermissionsExt;

    fn files() -> Vec<File> {
        let file = |path: &str, is_executable| File {
            path: path.to_owned(),
            contents: path.into(),
            is_executable,
        };
        vec![file("bin/program", true), file("share/licenses/a/LICENSE", false)]
    }

    fn mode(path: PathBuf) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn an_installed_tree_is_read_only_and_has_the_hash_of_the_packed_one() {
        let scratch = tempfile::tempdir().unwrap();
        let packed = scratch.path().join("packed");
        write(&packed, &files()).unwrap();
        assert_eq!(mode(packed.join("bin/program")), 0o755);
        assert_eq!(mode(packed.join("share/licenses/a/LICENSE")), 0o644);

        let depot = scratch.path().join("depot");
        let installed = install(&files(), &depot, "hash").unwrap();
        assert_eq!(installed, depot.join("artifacts/hash"));
        assert_eq!(mode(installed.clone()), 0o755);
        assert_eq!(mode(installed.join("bin")), 0o755);
        assert_eq!(mode(installed.join("bin/program")), 0o555);
        assert_eq!(mode(installed.join("share/licenses/a/LICENSE")), 0o444);
        let hash = |tree: &Path| scratchrs_archive::tree_hash(tree, &Progress::default()).unwrap();
        assert_eq!(hash(&installed), hash(&packed));
    }

    #[test]
    fn what_is_installed_stays_and_nothing_is_left_beside_it() {
        let depot = tempfile::tempdir().unwrap();
        let installed = install(&files(), depot.path(), "hash").unwrap();
        assert_eq!(install(&files(), depot.path(), "hash").unwrap(), installed);
        let names = scratchrs_fs::subdirectories(&depot.path().join("artifacts")).unwrap();
        assert_eq!(names, ["hash"]);
    }
}
