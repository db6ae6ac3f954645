//! Binding artifacts in a file, by the implementation of `bind_artifact!`.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use scratchrs_core::artifact::{self, Stack};
use scratchrs_model::artifacts_toml::{BindOptions, Download};
use scratchrs_model::hash::TreeHash;
use scratchrs_model::platform::Platform;
use scratchrs_model::time::DepotTime;

/// An artifact for one platform, and optionally one version of Julia.
pub(crate) struct Binding {
    pub(crate) name: &'static str,
    pub(crate) platform: Platform,
    pub(crate) tree_hash: TreeHash,
    /// The tarball.
    pub(crate) download: Download,
}

/// The text of the file that binds `bindings`. Tree hashes, digests and sizes are known, so that the same
/// artifacts give the same text.
pub(crate) fn to_toml(bindings: &[Binding]) -> Result<String> {
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("Artifacts.toml");
    let path = file.to_str().context("the path of the temporary directory is not Unicode")?;
    // No depot logs the use of a temporary file.
    let stack = Stack::new::<&str>([], None)?;
    let now = DepotTime::from_local(chrono::Local::now().naive_local());
    for binding in bindings {
        let options = BindOptions {
            platform: Some(&binding.platform),
            downloads: Some(std::slice::from_ref(&binding.download)),
            lazy: false,
            force: false,
        };
        artifact::bind(
            &stack,
            path,
            binding.name,
            binding.tree_hash,
            options,
            now,
            Duration::ZERO,
        )?;
    }
    Ok(std::fs::read_to_string(file)?)
}

/// Writes `text` to the file, unless it has that text already.
pub(crate) fn write(path: &Path, text: &str) -> Result<()> {
    if !std::fs::read(path).is_ok_and(|old| old == text.as_bytes()) {
        scratchrs_fs::replace(path, text)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use scratchrs_model::hash::Sha256;

    fn binding(name: &'static str, julia_version: Option<&str>, byte: u8) -> Binding {
        let julia_version = julia_version.map(|version| ("julia_version", version));
        Binding {
            name,
            platform: Platform::new("x86_64", "linux", julia_version).unwrap(),
            tree_hash: TreeHash([byte; 20]),
            download: Download {
                url: format!("file:///{byte}.tar.gz"),
                sha256: Sha256([byte; 32]),
                size: Some(byte.into()),
            },
        }
    }

    /// What `TOML.print(stdout, bindings; sorted = true)` of Julia 1.10.8 printed.
    const PRINTED: &str = r#"[[libscratchrs]]
arch = "x86_64"
git-tree-sha1 = "0101010101010101010101010101010101010101"
libc = "glibc"
os = "linux"

    [[libscratchrs.download]]
    sha256 = "0101010101010101010101010101010101010101010101010101010101010101"
    size = 1
    url = "file:///1.tar.gz"

[[libscratchrs_jlrs]]
arch = "x86_64"
git-tree-sha1 = "0202020202020202020202020202020202020202"
julia_version = "1.10.0"
libc = "glibc"
os = "linux"

    [[libscratchrs_jlrs.download]]
    sha256 = "0202020202020202020202020202020202020202020202020202020202020202"
    size = 2
    url = "file:///2.tar.gz"
[[libscratchrs_jlrs]]
arch = "x86_64"
git-tree-sha1 = "0303030303030303030303030303030303030303"
julia_version = "1.11.0"
libc = "glibc"
os = "linux"

    [[libscratchrs_jlrs.download]]
    sha256 = "0303030303030303030303030303030303030303030303030303030303030303"
    size = 3
    url = "file:///3.tar.gz"
"#;

    #[test]
    fn bindings_are_laid_out_as_julia_does_it() {
        let bindings = [
            binding("libscratchrs", None, 1),
            binding("libscratchrs_jlrs", Some("1.10.0"), 2),
            binding("libscratchrs_jlrs", Some("1.11.0"), 3),
        ];
        assert_eq!(to_toml(&bindings).unwrap(), PRINTED);
    }

    #[test]
    fn a_file_with_the_same_text_is_not_written() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("Artifacts.toml");
        write(&file, "a").unwrap();
        let before = std::fs::metadata(&file).unwrap().modified().unwrap();
        write(&file, "a").unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().modified().unwrap(), before);
        write(&file, "b").unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), b"b");
    }
}
