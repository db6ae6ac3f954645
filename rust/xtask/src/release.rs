//! `cargo xtask release`: builds the binaries of a release for all targets, on one machine.
//!
//! The output directory has the tarballs and the `Artifacts.toml` that binds them:
//!
//! ```text
//! target/release-assets/
//!     libscratchrs.v<version>.<triplet>.tar.gz        library and program, for each target
//!     libscratchrs_jlrs.v<version>.<triplet>-julia_version+<minor>.tar.gz
//!                                                     for each minor version of Julia found here
//!     scratchrs.v<version>.<arch>-linux-musl.tar.gz   the static program, for downloads without Julia
//!     Artifacts.toml
//! ```
//!
//! The same sources give the same bytes in every folder, with the same versions of Rust, zig and MinGW.

mod agreement;
mod reproducibility;

use std::path::{Path, PathBuf};

use anyhow::Result;
use scratchrs_jll::artifacts_toml;

use crate::artifact::{Builder, File, Product, VERSION, newest_glibc, write};
use crate::console;
use crate::environment::Environment;
use crate::julia;
use crate::targets::{TARGETS, Target, Toolchain};

/// The arguments of `cargo xtask release`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Build for this target or triplet only; may be repeated [default: all].
    #[arg(long = "target", value_name = "TARGET")]
    targets: Vec<String>,
    /// Where the tarballs will be downloaded from [default: the release of this version on GitHub].
    #[arg(long, value_name = "URL")]
    url_base: Option<String>,
    /// The output directory [default: target/release-assets].
    #[arg(long, value_name = "DIRECTORY")]
    output: Option<PathBuf>,
    /// Leave out the jlrs binding.
    #[arg(long)]
    no_jlrs: bool,
    /// Build a second time, in another directory, and compare.
    #[arg(long)]
    check_reproducible: bool,
}

/// Runs the command.
pub(crate) fn run(environment: &Environment, arguments: &Arguments) -> Result<()> {
    let is_tagged = agreement::check(environment)?;
    let targets: Vec<_> = match arguments.targets.as_slice() {
        [] => TARGETS.iter().map(|tuple| Target::released(tuple)).collect::<Result<_>>()?,
        some => some.iter().map(|name| Target::released(name)).collect::<Result<_>>()?,
    };
    let output = arguments.output.clone();
    let output = output.unwrap_or_else(|| environment.target.join("release-assets"));
    let output = std::path::absolute(output)?;
    let text = build(environment, &targets, arguments, &output)?;
    if arguments.check_reproducible {
        reproducibility::check(environment, &output, |environment, output| {
            build(environment, &targets, arguments, output).map(drop)
        })?;
    }
    if is_tagged && arguments.targets.is_empty() && arguments.url_base.is_none() {
        agreement::check_bindings(&environment.root, &text)?;
    }
    Ok(())
}

/// Builds everything for `targets` into `output`, and returns the text of `Artifacts.toml`.
fn build(
    environment: &Environment,
    targets: &[Target],
    arguments: &Arguments,
    output: &Path,
) -> Result<String> {
    let toolchain = Toolchain::install(environment)?;
    let base = arguments.url_base.clone().unwrap_or_else(release_url);
    scratchrs_fs::remove(output)?;
    let mut bindings = Vec::new();
    let mut publish = |product: &Product| -> Result<()> {
        let tarball = product.pack(output)?;
        describe(&product.files)?;
        bindings.push(product.binding(&tarball, tarball.url_below(&base)));
        Ok(())
    };
    for target in targets {
        let builder = Builder::portable(environment, target.clone(), &toolchain)?;
        let portable = builder.library_and_program()?;
        if target.is_musl() {
            static_program(target, &portable.files)?.pack(output)?;
        }
        publish(&Product::portable(target, portable.files)?)?;
    }
    // A library is linked with its Julia, so that only those of this machine serve.
    for target in targets.iter().filter(|target| !arguments.no_jlrs && target.is_host()) {
        let builder = Builder::portable(environment, target.clone(), &toolchain)?;
        for julia in julia::for_jlrs(&julia::find(environment)) {
            publish(&Product::jlrs(target, julia, builder.jlrs(julia)?)?)?;
        }
    }
    let text = artifacts_toml(&bindings)?;
    let path = output.join("Artifacts.toml");
    write(&path, &text)?;
    console::status("Bound", path.display());
    Ok(text)
}

/// The static program alone.
fn static_program(target: &Target, files: &[File]) -> Result<Product> {
    let is_library = |file: &&File| file.path == target.library_in_artifact("scratchrs");
    let files = files.iter().filter(|file| !is_library(file)).cloned().collect();
    Ok(Product { name: "scratchrs", platform: target.platform()?, files })
}

/// Prints the sizes of the binaries, and the newest version that they need of glibc.
fn describe(files: &[File]) -> Result<()> {
    for file in files.iter().filter(|file| !file.path.starts_with("share/")) {
        let size = file.contents.len();
        let newest = newest_glibc(&file.contents)?;
        let newest = newest.map(|symbol| format!(", newest symbol {symbol}"));
        console::detail(format_args!("{}, {size} bytes{}", file.path, newest.unwrap_or_default()));
    }
    Ok(())
}

/// Where the tarballs of this version are released.
fn release_url() -> String {
    format!("{}/releases/download/v{VERSION}", env!("CARGO_PKG_REPOSITORY"))
}
