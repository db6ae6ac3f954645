//! Zig, a C compiler and linker for every target, used through `cargo-zigbuild`. Both come from the Python package
//! index.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::console;
use crate::debian;
use crate::environment::Environment;
use crate::program;

/// What is installed from the Python package index.
const PYTHON_PACKAGES: [&str; 2] = ["cargo-zigbuild==0.24.1", "ziglang==0.17.1"];

/// An installed zig.
pub(crate) struct Zig {
    directory: PathBuf,
}

impl Zig {
    /// Installs it in the working copy, unless it is there.
    pub(crate) fn install(environment: &Environment) -> Result<Self> {
        Ok(Self { directory: install(&super::folder(environment))? })
    }

    /// A Cargo command for this workspace that compiles C code and links with zig.
    pub(crate) fn cargo(&self, environment: &Environment, subcommand: &str) -> Command {
        let mut cargo = Command::new(self.directory.join("bin/cargo-zigbuild"));
        cargo
            .arg(subcommand)
            .current_dir(&environment.root)
            .env("CARGO_ZIGBUILD_ZIG_PATH", self.directory.join("ziglang/zig"));
        cargo
    }

    /// The directory with the sources of what zig adds to binaries.
    pub(crate) fn library(&self) -> PathBuf {
        self.directory.join("ziglang/lib")
    }
}

/// Installs both, and returns their directory.
fn install(folder: &Path) -> Result<PathBuf> {
    let target = folder.join("zig");
    debian::fill_once(
        folder,
        || target.exists(),
        |unpacking| {
            console::status("Fetching", PYTHON_PACKAGES.join(" and "));
            let installed = unpacking.join("zig");
            let mut pip = Command::new("python3");
            pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
            pip.args(PYTHON_PACKAGES).arg("--target").arg(&installed);
            program::run(pip)?;
            Ok(fs::rename(installed, &target)?)
        },
    )
    .context("could not install zig")?;
    Ok(target)
}
