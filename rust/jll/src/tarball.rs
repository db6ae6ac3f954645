//! Tarballs of artifacts, and the file that binds them.

use std::path::{Path, PathBuf};

use scratchrs_archive::{Compression, Packed};
use scratchrs_fs::Progress;
use scratchrs_model::artifacts_toml::{self, BindOptions, Download, Refusal};
use scratchrs_model::hash::TreeHash;
use scratchrs_model::platform::Platform;

use crate::error::Result;

/// A packed artifact.
#[derive(Clone, Debug)]
pub struct Tarball {
    /// The file.
    pub path: PathBuf,
    /// The hash of its tree.
    pub tree_hash: TreeHash,
    /// Its digest and size.
    pub packed: Packed,
}

/// An artifact of a platform, and where it is downloaded from.
#[derive(Clone, Debug)]
pub struct Binding {
    /// The name that is bound.
    pub name: String,
    /// The platform; `None` for all.
    pub platform: Option<Platform>,
    /// The hash of its tree.
    pub tree_hash: TreeHash,
    /// The tarball.
    pub download: Download,
}

impl Tarball {
    /// Packs the directory `tree` as the file `path`. The same tree gives the same bytes.
    ///
    /// # Errors
    ///
    /// The tree cannot be read, the file cannot be written, or the work is cancelled.
    pub fn pack(tree: &Path, path: PathBuf, progress: &Progress) -> Result<Self> {
        let tree_hash = scratchrs_archive::tree_hash(tree, progress)?;
        let packed = scratchrs_archive::pack(tree, &path, Compression::Gzip, progress)?;
        Ok(Self { path, tree_hash, packed })
    }

    /// The binding of `name` to it, for downloads from `url`.
    pub fn binding(&self, name: &str, platform: Option<&Platform>, url: String) -> Binding {
        let Packed { sha256, size } = self.packed;
        let download = Download { url, sha256, size: Some(size) };
        let (name, platform) = (name.to_owned(), platform.cloned());
        Binding { name, platform, tree_hash: self.tree_hash, download }
    }

    /// Its URL in the directory `base`. The names of platforms have only characters that mean themselves.
    pub fn url_below(&self, base: &str) -> String {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        format!("{}/{name}", base.trim_end_matches('/'))
    }
}

/// The text of the `Artifacts.toml` that binds `bindings`, as Julia writes it.
///
/// # Errors
///
/// A name is bound twice for a platform.
pub fn artifacts_toml(bindings: &[Binding]) -> std::result::Result<String, Refusal> {
    bindings.iter().try_fold(String::new(), |text, binding| {
        let options = BindOptions {
            platform: binding.platform.as_ref(),
            downloads: Some(std::slice::from_ref(&binding.download)),
            lazy: false,
            force: false,
        };
        artifacts_toml::bind(&text, &binding.name, binding.tree_hash, options)
    })
}

#[cfg(test)]
mod tests {
    use scratchrs_model::hash::Sha256;

    use super::*;

    fn binding(name: &str, julia_version: Option<&str>, byte: u8) -> Binding {
        let julia_version = julia_version.map(|version| ("julia_version", version));
        Binding {
            name: name.to_owned(),
            platform: Some(Platform::new("x86_64", "linux", julia_version).unwrap()),
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
        assert_eq!(artifacts_toml(&bindings).unwrap(), PRINTED);
    }

    #[test]
    fn a_tarball_is_below_the_base() {
        let name = "a.v1.x86_64-linux-gnu-julia_version+1.10.0.tar.gz";
        let packed = Packed { sha256: Sha256([0; 32]), size: 1 };
        let path = Path::new("/out").join(name);
        let tarball = Tarball { path, tree_hash: TreeHash([0; 20]), packed };
        for base in ["http://h:80/x", "http://h:80/x/"] {
            assert_eq!(tarball.url_below(base), format!("http://h:80/x/{name}"));
        }
    }
}
