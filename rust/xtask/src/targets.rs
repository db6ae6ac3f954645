//! Lints for every supported target, on a machine whose toolchain has the standard library of one target.
//!
//! Cargo builds the standard library of each target from source (`-Zbuild-std`). The source is Debian's
//! package `rust-src` of exactly the compiler's version, since rustup's component may be out of reach. C code of
//! dependencies is compiled by zig, a C compiler for every target, through `cargo-zigbuild`. Both come from the
//! Python package index. Everything is in the folder `.targets` of the working copy:
//!
//! ```text
//! .targets/rust-<version>/    the source of the standard library
//!          zig/               cargo-zigbuild and ziglang
//! ```

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::console;
use crate::debian::{self, Apt};
use crate::environment::Environment;
use crate::program;

/// The targets for which there are binaries.
const TARGETS: [&str; 8] = [
    "x86_64-unknown-linux-gnu",
    "x86_64-unknown-linux-musl",
    "aarch64-unknown-linux-gnu",
    "aarch64-unknown-linux-musl",
    "x86_64-pc-windows-gnu",
    "x86_64-apple-darwin",
    "aarch64-apple-darwin",
    "x86_64-unknown-freebsd",
];

/// The suite with the newest Rust that Debian packages for a release.
const SUITE: &str = "trixie-backports";

/// What is installed from the Python package index.
const PYTHON_PACKAGES: [&str; 2] = ["cargo-zigbuild==0.24.1", "ziglang==0.17.1"];

/// The source of the compiler's standard library.
pub(crate) struct StandardLibrary {
    source: PathBuf,
}

impl StandardLibrary {
    /// Installs it in the working copy, unless it is there.
    pub(crate) fn install(environment: &Environment) -> Result<Self> {
        Ok(Self { source: standard_library(&folder(environment))? })
    }

    /// Makes a Cargo command build it for each target. The command must have its subcommand already.
    pub(crate) fn build_with<'a>(&self, cargo: &'a mut Command) -> &'a mut Command {
        cargo
            // Tests need `test`, which needs `proc_macro`.
            .arg("-Zbuild-std=std,panic_unwind,proc_macro,test")
            // `-Zbuild-std` needs it with a stable compiler.
            .env("RUSTC_BOOTSTRAP", "1")
            // Instead of a link in the user's toolchain.
            .env("__CARGO_TESTS_ONLY_SRC_ROOT", &self.source)
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
    }
}

/// What the lints need beside the toolchain.
pub(crate) struct Tools {
    standard_library: StandardLibrary,
    /// The directory with cargo-zigbuild and zig.
    zig: PathBuf,
}

impl Tools {
    /// Installs what is missing in the working copy.
    pub(crate) fn install(environment: &Environment) -> Result<Self> {
        let standard_library = StandardLibrary::install(environment)?;
        Ok(Self { standard_library, zig: zig(&folder(environment))? })
    }

    /// Lints all crates and their tests for all [`TARGETS`].
    pub(crate) fn check(&self, environment: &Environment) -> Result<()> {
        let mut clippy = Command::new(self.zig.join("bin/cargo-zigbuild"));
        clippy.args(["clippy", "--workspace", "--all-targets", "--keep-going"]);
        self.standard_library.build_with(&mut clippy);
        clippy.args(TARGETS.iter().flat_map(|target| ["--target", target]));
        clippy
            .arg("--target-dir")
            .arg(environment.target.join("targets"))
            .args(["--", "--deny", "warnings"])
            .current_dir(&environment.root)
            .env("CARGO_ZIGBUILD_ZIG_PATH", self.zig.join("ziglang/zig"))
            // The jlrs binding is checked without a Julia.
            .env("DOCS_RS", "1");
        program::run(clippy)
    }
}

/// Where the tools are.
fn folder(environment: &Environment) -> PathBuf {
    environment.root.join(".targets")
}

/// The path of the source of the compiler's standard library.
fn standard_library(folder: &Path) -> Result<PathBuf> {
    let mut rustc = Command::new("rustc");
    rustc.arg("--version");
    let version = program::output(rustc)?;
    let version = version.split(' ').nth(1).context("unexpected output of `rustc --version`")?;
    let name = format!("rust-{version}");
    let target = folder.join(&name);
    debian::fill_once(
        folder,
        || target.exists(),
        |unpacking| {
            console::status(
                "Fetching",
                format_args!("the source of Rust {version}'s standard library"),
            );
            let apt = Apt::set_up(unpacking.join("apt"), SUITE)?;
            let versions = apt.versions("rust-src")?;
            let wanted = versions.iter().find(|known| known.starts_with(&format!("{version}+")));
            let wanted = wanted.with_context(|| {
                format!("{SUITE} has no rust-src {version}, only {}", versions.join(", "))
            })?;
            apt.unpack(&[format!("rust-src={wanted}")], &unpacking.join(&name))?;
            Ok(fs::rename(unpacking.join(&name), &target)?)
        },
    )
    .context("could not unpack the source of the standard library")?;
    Ok(target.join(format!("usr/src/rustc-{version}/library")))
}

/// The directory with cargo-zigbuild and zig.
fn zig(folder: &Path) -> Result<PathBuf> {
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
