//! The artifacts, with the layout of JLLs, and packing them.

use std::path::{Path, PathBuf};

use anyhow::Result;
use scratchrs_archive::{Compression, Packed};
use scratchrs_fs::Progress;
use scratchrs_model::artifacts_toml::Download;
use scratchrs_model::hash::TreeHash;
use scratchrs_model::platform::Platform;

use super::VERSION;
use super::binding::Binding;
use super::tree::{self, File};
use crate::console;
use crate::julia::Julia;
use crate::targets::Target;

/// The content of an artifact.
pub(crate) struct Product {
    pub(crate) name: &'static str,
    pub(crate) platform: Platform,
    pub(crate) files: Vec<File>,
}

/// A packed product.
pub(crate) struct Tarball {
    pub(crate) path: PathBuf,
    pub(crate) tree_hash: TreeHash,
    pub(crate) packed: Packed,
}

impl Product {
    /// The artifact with the portable binding and the program.
    pub(crate) fn portable(target: &Target, files: Vec<File>) -> Result<Self> {
        Ok(Self { name: "libscratchrs", platform: target.platform()?, files })
    }

    /// The artifact with the jlrs binding for the minor version of a Julia.
    pub(crate) fn jlrs(target: &Target, julia: &Julia, files: Vec<File>) -> Result<Self> {
        let (major, minor) = julia.version.series();
        let version = format!("{major}.{minor}.0");
        let platform = target.platform()?;
        let os_and_arch = ["arch", "os"];
        let tag = |name| platform.tag(name).unwrap_or_default();
        let others = platform.tags().filter(|(name, _)| !os_and_arch.contains(name));
        let tags = others.chain([("julia_version", version.as_str())]);
        let platform = Platform::new(tag("arch"), tag("os"), tags)?;
        Ok(Self { name: "libscratchrs_jlrs", platform, files })
    }

    /// Packs it in `directory`, as `<name>.v<version>.<triplet>.tar.gz`.
    pub(crate) fn pack(&self, directory: &Path) -> Result<Tarball> {
        scratchrs_fs::create_dir_all(directory)?;
        let staging = tempfile::tempdir_in(directory)?;
        let tree = staging.path().join(self.name);
        tree::write(&tree, &self.files)?;
        let tree_hash = scratchrs_archive::tree_hash(&tree, &Progress::default())?;
        let path = directory.join(format!("{}.v{VERSION}.{}.tar.gz", self.name, self.platform));
        let packed =
            scratchrs_archive::pack(&tree, &path, Compression::Gzip, &Progress::default())?;
        console::status("Packed", path.display());
        console::detail(format_args!("git-tree-sha1 {tree_hash}"));
        console::detail(format_args!(
            "sha256 {}, {} KiB",
            packed.sha256,
            packed.size.div_ceil(1024)
        ));
        Ok(Tarball { path, tree_hash, packed })
    }
}

impl Tarball {
    /// The binding of `product`, which was packed, to this file at a URL.
    pub(crate) fn binding(&self, product: &Product, url: String) -> Binding {
        let (sha256, size) = (self.packed.sha256, Some(self.packed.size));
        Binding {
            name: product.name,
            platform: product.platform.clone(),
            tree_hash: self.tree_hash,
            download: Download { url, sha256, size },
        }
    }
}
