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

mod build;
mod inspect;
mod licences;
mod product;
mod tree;
mod working_copy;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use scratchrs_fetch::file_url;
use scratchrs_jll::{Binding, artifacts_toml};
use scratchrs_model::depots::depot_stack;

use crate::console;
use crate::environment::Environment;
use crate::julia::{self, Julia};

pub(crate) use build::Builder;
pub(crate) use inspect::newest_glibc;
pub(crate) use product::Product;
pub(crate) use tree::File;

pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The arguments of `cargo xtask artifact`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Install into this depot; may be repeated [default: the first of JULIA_DEPOT_PATH].
    #[arg(long = "depot", value_name = "DIRECTORY")]
    depots: Vec<PathBuf>,
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
    let (products, program) = products(environment, julias)?;
    let bindings: Vec<_> = products
        .iter()
        .map(|product| publish(environment, product, depots))
        .collect::<Result<_>>()?;
    let path = environment.root.join("JuliaArtifacts.toml");
    write(&path, &artifacts_toml(&bindings)?)?;
    console::status("Bound", path.display());
    working_copy::fill(&environment.root, &products)?;
    Ok(program)
}

/// Builds the artifacts for this machine, and returns them and the path of the program `scratchrs`.
pub(crate) fn products(
    environment: &Environment,
    julias: &[Julia],
) -> Result<(Vec<Product>, PathBuf)> {
    let builder = Builder::host(environment)?;
    let portable = builder.library_and_program()?;
    let mut products = vec![Product::portable(&builder.target, portable.files)?];
    for julia in julia::for_jlrs(julias) {
        products.push(Product::jlrs(&builder.target, julia, builder.jlrs(julia)?)?);
    }
    Ok((products, portable.program))
}

/// The depot that Julia itself would install into.
fn default_depot(environment: &Environment) -> Result<PathBuf> {
    let value = environment.depot_path.as_deref().map(|value| value.to_string_lossy());
    let home = environment.home.as_deref().context("no home directory was found")?;
    let stack = depot_stack(value.as_deref(), &home.to_string_lossy(), &[])?;
    let depot = stack.into_iter().next().context("JULIA_DEPOT_PATH has no depot")?;
    Ok(depot.into())
}

/// Packs a product and installs it into the depots.
fn publish(environment: &Environment, product: &Product, depots: &[PathBuf]) -> Result<Binding> {
    let tarball = product.pack(&environment.target.join("artifact"))?;
    for depot in depots {
        let depot = std::path::absolute(depot)?;
        let tree_hash = tarball.tree_hash.to_string();
        let installed = tree::install(&product.files, &depot, &tree_hash)?;
        console::status("Installed", installed.display());
    }
    Ok(product.binding(&tarball, file_url(&tarball.path)))
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
