//! The environment of the machine: read once, passed to every command.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::program;

/// Directories, and the environment variables for Julia.
#[derive(Clone)]
pub(crate) struct Environment {
    /// The working copy.
    pub(crate) root: PathBuf,
    /// Cargo's target directory.
    pub(crate) target: PathBuf,
    /// The user's home directory; `None` if the system has none.
    pub(crate) home: Option<PathBuf>,
    /// `PATH`.
    pub(crate) path: OsString,
    /// `JULIA_DEPOT_PATH`.
    pub(crate) depot_path: Option<OsString>,
    /// `SCRATCHRS_JULIAS`: executables, separated as in `PATH`.
    pub(crate) julias: OsString,
    /// The path of the Cargo that runs this program.
    cargo: OsString,
}

/// The fields used of `cargo metadata`.
#[derive(Deserialize)]
struct Metadata {
    target_directory: PathBuf,
}

impl Environment {
    /// Reads the environment and Cargo's target directory.
    pub(crate) fn read() -> Result<Self> {
        #[expect(clippy::disallowed_methods, reason = "this is the edge")]
        let variable = std::env::var_os;
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .ancestors()
            .nth(2)
            .context("BUG: this crate is not two directories below the workspace")?;
        let mut environment = Self {
            root: root.to_owned(),
            target: PathBuf::new(),
            home: std::env::home_dir(),
            path: variable("PATH").unwrap_or_default(),
            depot_path: variable("JULIA_DEPOT_PATH"),
            julias: variable("SCRATCHRS_JULIAS").unwrap_or_default(),
            cargo: variable("CARGO").unwrap_or_else(|| "cargo".into()),
        };
        let metadata =
            program::output(environment.cargo(["metadata", "--no-deps", "--format-version", "1"]))?;
        let metadata: Metadata = serde_json::from_str(&metadata)
            .context("could not parse the output of `cargo metadata`")?;
        environment.target = metadata.target_directory;
        Ok(environment)
    }

    /// The environment of a copy of the working copy.
    pub(crate) fn of_copy(&self, root: PathBuf) -> Self {
        Self { target: root.join("target"), root, ..self.clone() }
    }

    /// Copies the files that git knows, as they are in the working copy.
    pub(crate) fn copy_tracked(&self, to: &Path) -> Result<()> {
        let mut git = Command::new("git");
        git.args(["ls-files", "-z"]).current_dir(&self.root);
        for name in program::output(git)?.split_terminator('\0') {
            let (source, target) = (self.root.join(name), to.join(name));
            // Deleted, but not yet for git.
            if !source.exists() {
                continue;
            }
            scratchrs_fs::create_dir_all(
                target.parent().context("BUG: a file without directory")?,
            )?;
            fs::copy(&source, &target).with_context(|| format!("could not copy `{name}`"))?;
        }
        Ok(())
    }

    /// A Cargo command for this workspace.
    pub(crate) fn cargo<const N: usize>(&self, arguments: [&str; N]) -> Command {
        let mut command = Command::new(&self.cargo);
        command.args(arguments).current_dir(&self.root);
        command
    }
}
