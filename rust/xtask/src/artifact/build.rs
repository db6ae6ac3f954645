//! Release builds of the libraries and the program.
//!
//! Each binding has its own target directory: the flags of a reproducible build would otherwise
//! invalidate all other builds, and the reverse.

use std::env::consts;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::licences::Crates;
use super::tree::File;
use crate::console;
use crate::environment::Environment;
use crate::julia::Julia;
use crate::program;

/// The crates of the artifact `libscratchrs`.
pub(super) const PORTABLE: &[&str] = &["scratchrs-capi", "scratchrs-cli"];

/// The crates of the artifact `libscratchrs_jlrs`.
pub(super) const JLRS: &[&str] = &["scratchrs-jlrs"];

/// The files for every Julia.
pub(super) struct Portable {
    library: PathBuf,
    /// The program `scratchrs`.
    pub(super) program: PathBuf,
}

impl Portable {
    /// The files of the artifact.
    pub(super) fn files(&self) -> Result<Vec<File>> {
        let program = format!("bin/scratchrs{}", consts::EXE_SUFFIX);
        Ok(vec![
            library_file(&self.library, "scratchrs")?,
            File::copy(&self.program, program, true)?,
        ])
    }
}

/// Builds the portable binding and the program.
pub(super) fn portable(environment: &Environment, crates: &Crates) -> Result<Portable> {
    console::status("Building", "the portable binding and the program");
    let target = environment.target.join("portable");
    program::run(release(environment, crates, PORTABLE, &target))?;
    let release = target.join("release");
    Ok(Portable {
        library: release.join(library_name("scratchrs")),
        program: release.join(format!("scratchrs{}", consts::EXE_SUFFIX)),
    })
}

/// Builds the jlrs binding for the minor version of a Julia.
pub(super) fn jlrs(environment: &Environment, crates: &Crates, julia: &Julia) -> Result<File> {
    console::status("Building", format_args!("the jlrs binding for Julia {}", julia.version));
    let (major, minor) = julia.version.series();
    let target = environment.target.join(format!("jlrs-{major}.{minor}"));
    let mut command = release(environment, crates, JLRS, &target);
    command.env("JLRS_JULIA_DIR", &julia.prefix);
    program::run(command)?;
    library_file(&target.join("release").join(library_name("scratchrs_jlrs")), "scratchrs_jlrs")
}

/// The command that builds crates in `target`, with the same result on every machine: panic
/// messages name source files, but without the directories of the machine.
fn release(
    environment: &Environment,
    crates: &Crates,
    packages: &[&str],
    target: &Path,
) -> Command {
    let mut command = environment.cargo(["build", "--release", "--target-dir"]);
    command.arg(target);
    for package in packages {
        command.args(["--package", package]);
    }
    let registries = crates.registries().into_iter().map(|path| (path, "registry"));
    let remapped = registries.chain([(environment.root.as_path(), "scratchrs")]);
    let mut flags = OsString::new();
    for (from, to) in remapped {
        // Cargo expects an ASCII unit separator between flags.
        if !flags.is_empty() {
            flags.push("\u{1f}");
        }
        flags.push("--remap-path-prefix=");
        flags.push(from);
        flags.push("=");
        flags.push(to);
    }
    command.env("CARGO_ENCODED_RUSTFLAGS", flags);
    command
}

/// Cargo's file name of a library.
fn library_name(name: &str) -> String {
    format!("{}{name}{}", consts::DLL_PREFIX, consts::DLL_SUFFIX)
}

/// A library as a file of an artifact, named `lib<name>` on every system, as usual in JLLs.
fn library_file(library: &Path, name: &str) -> Result<File> {
    ensure_no_run_path(library)?;
    File::copy(library, format!("lib/lib{name}{}", consts::DLL_SUFFIX), false)
}

/// Refuses a library with a run path to directories of this machine.
#[cfg(target_os = "linux")]
fn ensure_no_run_path(library: &Path) -> Result<()> {
    let mut readelf = Command::new("readelf");
    readelf.arg("--dynamic").arg(library).env("LC_ALL", "C");
    let dynamic = program::output(readelf)?;
    let found = dynamic.lines().find(|line| line.contains("(RPATH)") || line.contains("(RUNPATH)"));
    anyhow::ensure!(found.is_none(), "`{}` has a run path: {found:?}", library.display());
    Ok(())
}

/// Reading it needs another program on each system, and no build has set a run path there yet.
#[cfg(not(target_os = "linux"))]
fn ensure_no_run_path(_: &Path) -> Result<()> {
    Ok(())
}
