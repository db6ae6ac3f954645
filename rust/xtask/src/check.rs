//! `cargo xtask check`: everything that a compiler or generator can say without running a test.

use std::process::Command;

use anyhow::Result;

use crate::environment::Environment;
use crate::generate;
use crate::program;
use crate::targets::{self, StandardLibrary};

/// The crate that needs a Julia to build, but not to be checked.
pub(crate) const JLRS: &str = "scratchrs-jlrs";

/// The arguments of `cargo xtask check`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Lint for every supported target but that of this machine, which is linted without this option.
    #[arg(long)]
    targets: bool,
}

/// A check: its name, and the function that runs it.
pub(crate) type Check = (&'static str, fn(&Environment) -> Result<()>);

/// The checks for the target of this machine.
pub(crate) const CHECKS: [Check; 4] = [
    ("rustfmt", |environment| program::run(environment.cargo(["fmt", "--all", "--check"]))),
    ("clippy", |environment| {
        let mut clippy = environment.cargo(["clippy", "--workspace", "--all-targets"]);
        without_julia(environment, &mut clippy);
        clippy.args(["--", "--deny", "warnings"]);
        program::run(clippy)
    }),
    ("rustdoc", |environment| {
        let mut doc = environment.cargo(["doc", "--no-deps", "--workspace"]);
        without_julia(environment, &mut doc);
        doc.env("RUSTDOCFLAGS", "--deny warnings");
        program::run(doc)
    }),
    ("generated files", generate::check),
];

/// Runs the command. The first failure ends it.
pub(crate) fn run(environment: &Environment, arguments: &Arguments) -> Result<()> {
    if arguments.targets {
        return targets::lint(environment, &StandardLibrary::install(environment)?);
    }
    CHECKS.iter().try_for_each(|(_, check)| check(environment))
}

/// Makes a Cargo command check the jlrs binding without a Julia: its build scripts act as on docs.rs then. What
/// depends on them must not be mixed with what is built for a Julia, so that all lints share a target directory
/// of their own.
pub(crate) fn without_julia(environment: &Environment, cargo: &mut Command) {
    cargo.env("DOCS_RS", "1").arg("--target-dir").arg(environment.target.join("targets"));
}
