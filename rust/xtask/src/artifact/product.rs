//! The artifacts, with the layout of JLLs, and packing them.

use std::path::Path;

use anyhow::Result;
use scratchrs_fs::Progress;
use scratchrs_jll::{Binding, Tarball};
use scratchrs_model::platform::Platform;

use super::VERSION;
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
        let path = directory.join(format!("{}.v{VERSION}.{}.tar.gz", self.name, self.platform));
        let tarball = Tarball::pack(&tree, path, &Progress::default())?;
        console::status("Packed", tarball.path.display());
        console::detail(format_args!("git-tree-sha1 {}", tarball.tree_hash));
        let packed = &tarball.packed;
        console::detail(format_args!(
            "sha256 {}, {} KiB",
            packed.sha256,
            packed.size.div_ceil(1024)
        ));
        Ok(tarball)
    }

    /// The binding to its tarball, for downloads from `url`.
    pub(crate) fn binding(&self, tarball: &Tarball, url: String) -> Binding {
        tarball.binding(self.name, Some(&self.platform), url)
    }
}
