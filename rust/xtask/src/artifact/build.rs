//! Release builds of the libraries and the program, for this machine or portable ones.
//!
//! Each kind of build has its own target directory: flags differ, and builds with other flags would be repeated.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use scratchrs_jll::binary::Kind;

use super::inspect;
use super::licences::Crates;
use super::tree::File;
use crate::console;
use crate::environment::Environment;
use crate::julia::Julia;
use crate::program;
use crate::targets::{Target, Toolchain};

/// The crate of the portable binding.
const LIBRARY: &str = "scratchrs-capi";

/// The crate of the program.
const PROGRAM: &str = "scratchrs-cli";

/// The crate of the jlrs binding.
const JLRS: &str = "scratchrs-jlrs";

/// What builds the files of artifacts for one target.
pub(crate) struct Builder<'a> {
    environment: &'a Environment,
    pub(crate) target: Target,
    /// What builds portable binaries; without it, this machine's toolchain builds for itself.
    toolchain: Option<&'a Toolchain>,
    crates: Crates,
}

/// The files for every Julia, with their licences.
pub(crate) struct Portable {
    pub(crate) files: Vec<File>,
    /// The program `scratchrs`.
    pub(crate) program: PathBuf,
}

impl<'a> Builder<'a> {
    /// The builder for this machine.
    pub(crate) fn host(environment: &'a Environment) -> Result<Self> {
        let target = Target::host()?;
        let crates = Crates::read(environment, &target)?;
        Ok(Self { environment, target, toolchain: None, crates })
    }

    /// The builder of portable binaries.
    pub(crate) fn portable(
        environment: &'a Environment,
        target: Target,
        toolchain: &'a Toolchain,
    ) -> Result<Self> {
        let crates = Crates::read(environment, &target)?;
        Ok(Self { environment, target, toolchain: Some(toolchain), crates })
    }

    /// Builds the portable binding and the program.
    pub(crate) fn library_and_program(&self) -> Result<Portable> {
        console::status(
            "Building",
            format_args!("the portable binding and the program for {}", self.target),
        );
        let folder = self.environment.target.join("portable");
        // For musl, Rust's default is static, which a library never is. Zig links the program statically all the same.
        let flags: &[&str] = if self.target.is_musl() { &[DYNAMIC_MUSL] } else { &[] };
        let built = self.build(&[LIBRARY, PROGRAM], &folder, &[], flags)?;
        let library = built.join(self.target.library("scratchrs"));
        let program = built.join(self.target.program("scratchrs"));
        let in_artifact = format!("bin/{}", self.target.program("scratchrs"));
        let mut files = vec![
            self.file(&library, self.target.library_in_artifact("scratchrs"), Kind::Library)?,
            self.file(&program, in_artifact, Kind::Program)?,
        ];
        files.extend(self.licences(&[LIBRARY, PROGRAM])?);
        Ok(Portable { files, program })
    }

    /// Builds the jlrs binding for the minor version of a Julia. Returns the files of the artifact.
    pub(crate) fn jlrs(&self, julia: &Julia) -> Result<Vec<File>> {
        console::status("Building", format_args!("the jlrs binding for Julia {}", julia.version));
        let (major, minor) = julia.version.series();
        let folder = self.environment.target.join(format!("jlrs-{major}.{minor}"));
        let variables = [("JLRS_JULIA_DIR", julia.prefix.as_os_str())];
        let built = self.build(&[JLRS], &folder, &variables, &[])?;
        let name = "scratchrs_jlrs";
        let path = self.target.library_in_artifact(name);
        let mut files =
            vec![self.file(&built.join(self.target.library(name)), path, Kind::Library)?];
        files.extend(self.licences(&[JLRS])?);
        Ok(files)
    }

    /// Runs Cargo, and returns the directory with what it built.
    fn build(
        &self,
        packages: &[&str],
        folder: &Path,
        variables: &[(&str, &OsStr)],
        flags: &[&str],
    ) -> Result<PathBuf> {
        let (mut command, below) = match self.toolchain {
            None => (self.environment.cargo(["build"]), PathBuf::new()),
            Some(toolchain) => {
                (toolchain.build(self.environment, &self.target)?, self.target.tuple().into())
            }
        };
        command.args(["--release", "--target-dir"]).arg(folder);
        for package in packages {
            command.args(["--package", package]);
        }
        command.envs(variables.iter().copied());
        command.env("CARGO_ENCODED_RUSTFLAGS", self.flags(folder, flags));
        program::run(command)?;
        Ok(folder.join(below).join("release"))
    }

    /// Rust's flags: those given, those of the toolchain, and those for the same result on every machine, as
    /// panic messages name source files, but must not name the directories of the machine.
    fn flags(&self, folder: &Path, flags: &[&str]) -> OsString {
        let mut all: Vec<OsString> = flags.iter().map(OsString::from).collect();
        let source = self.toolchain.map(|toolchain| (toolchain.source(), "std"));
        all.extend(self.toolchain.into_iter().flat_map(|it| it.flags(&self.target)));
        let registries = self.crates.registries().into_iter().map(|path| (path, "registry"));
        // The last prefix that fits counts.
        let remapped = [(self.environment.root.as_path(), "scratchrs"), (folder, "target")]
            .into_iter()
            .chain(registries)
            .chain(source);
        for (from, to) in remapped {
            let mut flag = OsString::from("--remap-path-prefix=");
            flag.push(from);
            flag.push("=");
            flag.push(to);
            all.push(flag);
        }
        // Cargo expects an ASCII unit separator between flags.
        all.join(OsStr::new("\u{1f}"))
    }

    /// A file of an artifact, if nothing in it prevents its use elsewhere.
    fn file(&self, source: &Path, path: String, kind: Kind) -> Result<File> {
        let file = File::copy(source, path, kind == Kind::Program)?;
        inspect::check(&file.contents, &self.target, kind, self.toolchain.is_some())
            .with_context(|| format!("`{}` must not be shipped", source.display()))?;
        Ok(file)
    }

    /// The licences of ScratchRS, of all crates linked into the crates `shipped`, and of the toolchain.
    fn licences(&self, shipped: &[&str]) -> Result<Vec<File>> {
        let mut files = self.crates.licences(self.environment, &self.target, shipped)?;
        if let Some(toolchain) = self.toolchain {
            files.extend(toolchain.licences(&self.target)?);
        }
        Ok(files)
    }
}

/// Links musl's C library dynamically.
const DYNAMIC_MUSL: &str = "-Ctarget-feature=-crt-static";
