//! `cargo xtask artifact`: builds the native libraries as a release would, installs them into a
//! depot, and binds them for this working copy.
//!
//! There are two artifacts, with the layout of JLLs: `libscratchrs`, with the portable binding and
//! the program `scratchrs`, and `libscratchrs_jlrs`, with the jlrs binding, once for each minor
//! version of Julia found on this machine. Each is packed under `target/artifact`, and
//! `JuliaArtifacts.toml` binds it with that file as its download: a depot without the artifact
//! installs it from there, like a released one from the network. The same files are in `override/` of the
//! working copy ([`working_copy`]), where the package finds them without a depot.
//!
//! The same sources give the same tarballs, wherever the working copy and Cargo's registry are.

mod binding;
mod build;
mod licences;
mod platform;
mod tree;
mod working_copy;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use scratchrs_archive::Compression;
use scratchrs_fs::Progress;
use scratchrs_model::depots::depot_stack;

use crate::console;
use crate::environment::Environment;
use crate::julia::{self, Julia};
use binding::Binding;
use licences::Crates;
use platform::Platform;
use tree::File;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The arguments of `cargo xtask artifact`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Install into this depot; may be repeated [default: the first of JULIA_DEPOT_PATH].
    #[arg(long = "depot", value_name = "DIRECTORY")]
    depots: Vec<PathBuf>,
}

/// The content of an artifact.
struct Product {
    name: &'static str,
    /// The version that the tag `julia_version` gives, if the product is for one Julia only.
    julia_version: Option<String>,
    files: Vec<File>,
}

/// Runs the command.
pub(crate) fn run(environment: &Environment, arguments: &Arguments) -> Result<()> {
    let depots = match arguments.depots.as_slice() {
        [] => vec![default_depot(environment)?],
        depots => depots.to_vec(),
    };
    build(environment, &depots, &julia::find(environment)).map(drop)
}

/// Builds, installs and binds the artifacts, and returns the path of the program `scratchrs`. The
/// jlrs binding is built for those of `julias` that jlrs supports.
pub(crate) fn build(
    environment: &Environment,
    depots: &[PathBuf],
    julias: &[Julia],
) -> Result<PathBuf> {
    let platform = Platform::host()?;
    let crates = Crates::read(environment)?;
    let portable = build::portable(environment, &crates)?;
    let mut products = vec![Product {
        name: "libscratchrs",
        julia_version: None,
        files: with_licences(environment, &crates, portable.files()?, build::PORTABLE)?,
    }];
    for julia in julia::for_jlrs(julias) {
        let library = build::jlrs(environment, &crates, julia)?;
        let (major, minor) = julia.version.series();
        products.push(Product {
            name: "libscratchrs_jlrs",
            julia_version: Some(format!("{major}.{minor}.0")),
            files: with_licences(environment, &crates, vec![library], build::JLRS)?,
        });
    }
    let bindings: Vec<_> = products
        .iter()
        .map(|product| publish(environment, &platform, product, depots))
        .collect::<Result<_>>()?;
    bind(&environment.root, &platform, &bindings)?;
    working_copy::fill(&environment.root, &products)?;
    Ok(portable.program)
}

/// The depot that Julia itself would install into.
fn default_depot(environment: &Environment) -> Result<PathBuf> {
    let value = environment.depot_path.as_deref().map(|value| value.to_string_lossy());
    let home = environment.home.as_deref().context("no home directory was found")?;
    let stack = depot_stack(value.as_deref(), &home.to_string_lossy(), &[])?;
    let depot = stack.into_iter().next().context("JULIA_DEPOT_PATH has no depot")?;
    Ok(depot.into())
}

/// Adds the licences of ScratchRS, and of all crates linked into the crates `shipped`.
fn with_licences(
    environment: &Environment,
    crates: &Crates,
    mut files: Vec<File>,
    shipped: &[&str],
) -> Result<Vec<File>> {
    files.extend(crates.licences(environment, shipped)?);
    Ok(files)
}

/// Packs a product and installs it into the depots.
fn publish(
    environment: &Environment,
    platform: &Platform,
    product: &Product,
    depots: &[PathBuf],
) -> Result<Binding> {
    let directory = environment.target.join("artifact");
    scratchrs_fs::create_dir_all(&directory)?;
    let staging = tempfile::tempdir_in(&directory)?;
    let tree = staging.path().join(product.name);
    tree::write(&tree, &product.files)?;

    let tree_hash = scratchrs_archive::tree_hash(&tree, &Progress::default())?;
    let label = platform.label(product.julia_version.as_deref());
    let tarball = directory.join(format!("{}.v{VERSION}.{label}.tar.gz", product.name));
    let packed = scratchrs_archive::pack(&tree, &tarball, Compression::Gzip, &Progress::default())?;
    console::status("Packed", tarball.display());
    console::detail(format_args!("git-tree-sha1 {tree_hash}"));
    console::detail(format_args!("sha256 {}, {} KiB", packed.sha256, packed.size.div_ceil(1024)));
    for depot in depots {
        let depot = std::path::absolute(depot)?;
        let installed = tree::install(&product.files, &depot, &tree_hash.to_string())?;
        console::status("Installed", installed.display());
    }
    Ok(Binding {
        name: product.name,
        julia_version: product.julia_version.clone(),
        tree_hash,
        sha256: packed.sha256,
        url: binding::file_url(&tarball)?,
    })
}

/// Writes the bindings to the file that Julia prefers, unless it has them already.
fn bind(root: &Path, platform: &Platform, bindings: &[Binding]) -> Result<()> {
    let path = root.join("JuliaArtifacts.toml");
    let text = binding::to_toml(platform, bindings);
    if !fs::read(&path).is_ok_and(|old| old == text.as_bytes()) {
        scratchrs_fs::replace(&path, &text)?;
    }
    console::status("Bound", path.display());
    Ok(())
}
