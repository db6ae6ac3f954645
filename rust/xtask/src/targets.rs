//! What builds for another target than this machine's, whose standard library the toolchain does not have.
//!
//! Cargo builds the standard library of each target from source (`-Zbuild-std`). The source is Debian's
//! package `rust-src` of exactly the compiler's version, since rustup's component may be out of reach. What is
//! linked is compiled and linked by [`zig`]; lints need no code of C. Everything is in the folder `.targets` of
//! the working copy:
//!
//! ```text
//! .targets/rust-<version>/    the source of the standard library, and the compiler
//!          zig/               cargo-zigbuild and ziglang
//!          frameworks/        names of a library that comes with macOS
//! ```

mod target;
mod toolchain;
mod zig;

pub(crate) mod linux;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::check::without_julia;
use crate::console;
use crate::debian::{self, Apt};
use crate::environment::Environment;
use crate::program;

pub(crate) use target::Target;
pub(crate) use toolchain::{GLIBC, Toolchain, oldest_macos};

/// The targets for which there are binaries.
pub(crate) const TARGETS: [&str; 8] = [
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

/// Leaves out backtraces, which are a third of the crates of the standard library.
const WITHOUT_BACKTRACES: &str = "-Zbuild-std-features=panic-unwind";

/// The source of the compiler's standard library.
///
/// ```text
/// .targets/rust-<version>/usr/           Debian's package `rust-src`
///                         lib/rustlib/   links to those of the toolchain
///                         rustc          the toolchain's, with this directory as its sysroot
/// ```
///
/// Cargo names the crates by their paths below the sysroot, or else by their whole paths: with this sysroot, builds in
/// different folders give the same bytes.
pub(crate) struct StandardLibrary {
    directory: PathBuf,
    source: PathBuf,
}

impl StandardLibrary {
    /// Installs it in the working copy, unless it is there.
    pub(crate) fn install(environment: &Environment) -> Result<Self> {
        let folder = folder(environment);
        let rustc = |arguments: &[&str]| {
            let mut rustc = Command::new("rustc");
            rustc.args(arguments);
            program::output(rustc)
        };
        let version = rustc(&["--version"])?;
        let version =
            version.split(' ').nth(1).context("unexpected output of `rustc --version`")?;
        let name = format!("rust-{version}");
        let target = folder.join(&name);
        debian::fill_once(
            &folder,
            || target.join("rustc").exists(),
            |unpacking| {
                console::status(
                    "Fetching",
                    format_args!("the source of Rust {version}'s standard library"),
                );
                let apt = Apt::set_up(unpacking.join("apt"), SUITE)?;
                let versions = apt.versions("rust-src")?;
                let wanted =
                    versions.iter().find(|known| known.starts_with(&format!("{version}+")));
                let wanted = wanted.with_context(|| {
                    format!("{SUITE} has no rust-src {version}, only {}", versions.join(", "))
                })?;
                let directory = unpacking.join(&name);
                apt.unpack(&[format!("rust-src={wanted}")], &directory)?;
                let toolchain = rustc(&["--print", "sysroot"])?;
                add_compiler(&directory, Path::new(toolchain.trim_end()))?;
                scratchrs_fs::remove(&target)?;
                Ok(fs::rename(&directory, &target)?)
            },
        )
        .context("could not install the source of the standard library")?;
        let source = target.join(format!("usr/src/rustc-{version}/library"));
        Ok(Self { directory: target, source })
    }

    /// Makes a Cargo command build it for each target. The command must have its subcommand already.
    pub(crate) fn build_with<'a>(&self, cargo: &'a mut Command) -> &'a mut Command {
        // Tests need `test`, which needs `proc_macro`.
        self.build_crates(cargo, "std,panic_unwind,proc_macro,test")
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
    }

    /// As [`Self::build_with`], but tests can't be built, and there are no backtraces: without symbols they would have
    /// no names.
    fn build_release_with<'a>(&self, cargo: &'a mut Command) -> &'a mut Command {
        self.build_crates(cargo, "std,panic_unwind")
            .arg(WITHOUT_BACKTRACES)
            .env("RUSTC", self.directory.join("rustc"))
    }

    fn build_crates<'a>(&self, cargo: &'a mut Command, crates: &str) -> &'a mut Command {
        cargo
            .arg(format!("-Zbuild-std={crates}"))
            // `-Zbuild-std` needs it with a stable compiler.
            .env("RUSTC_BOOTSTRAP", "1")
            // Instead of a link in the user's toolchain.
            .env("__CARGO_TESTS_ONLY_SRC_ROOT", &self.source)
    }

    /// Debian's file with the licences of all parts.
    fn copyright(&self) -> PathBuf {
        self.directory.join("usr/share/doc/rust-src/copyright")
    }
}

/// Lints all crates and their tests for all [`TARGETS`] but that of this machine.
pub(crate) fn lint(environment: &Environment, library: &StandardLibrary) -> Result<()> {
    let host = Target::host()?;
    let others = TARGETS.iter().filter(|target| **target != host.tuple());
    let mut clippy = environment.cargo(["clippy", "--workspace", "--all-targets", "--keep-going"]);
    library.build_with(&mut clippy);
    without_julia(environment, &mut clippy);
    clippy
        .arg(WITHOUT_BACKTRACES)
        .args(others.flat_map(|target| ["--target", target]))
        // Lints never read what build scripts compile: a compiler that does nothing is enough, and serves every
        // target.
        .env("TARGET_CC", "true")
        .env("TARGET_AR", "true")
        .args(["--", "--deny", "warnings"]);
    program::run(clippy)
}

/// Where the tools are.
fn folder(environment: &Environment) -> PathBuf {
    environment.root.join(".targets")
}

/// Adds the compiler of `toolchain`, with `directory` as its sysroot.
fn add_compiler(directory: &Path, toolchain: &Path) -> Result<()> {
    let rustlib = directory.join("lib/rustlib");
    scratchrs_fs::create_dir_all(&rustlib)?;
    for entry in fs::read_dir(toolchain.join("lib/rustlib"))? {
        let entry = entry?;
        let link = rustlib.join(entry.file_name());
        scratchrs_fs::symlink(entry.path().as_os_str(), &link, true)?;
    }
    let rustc = toolchain.join("bin/rustc");
    let script = format!("#!/bin/sh\nexec '{}' --sysroot \"${{0%/*}}\" \"$@\"\n", rustc.display());
    let path = directory.join("rustc");
    fs::write(&path, script)?;
    Ok(scratchrs_fs::set_executable(&path, true)?)
}
