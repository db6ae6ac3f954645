//! `cargo xtask check`: everything that a compiler or generator can say without running a test.

use std::process::Command;

use anyhow::Result;

use crate::environment::Environment;
use crate::generate;
use crate::program;
use crate::targets::Tools;

/// The crate that needs a Julia to build, but not to be checked.
pub(crate) const JLRS: &str = "scratchrs-jlrs";

/// The arguments of `cargo xtask check`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Check every supported target, instead of the one of this machine.
    #[arg(long)]
    targets: bool,
}

/// A check: its name, and the function that runs it.
pub(crate) type Check = (&'static str, fn(&Environment) -> Result<()>);

/// The checks for the target of this machine.
pub(crate) const CHECKS: [Check; 6] = [
    ("rustfmt", |environment| program::run(environment.cargo(["fmt", "--all", "--check"]))),
    ("clippy", |environment| {
        let mut clippy = environment.cargo(["clippy", "--workspace", "--exclude", JLRS]);
        clippy.args(["--all-targets", "--", "--deny", "warnings"]);
        program::run(clippy)
    }),
    ("clippy of the jlrs binding", |environment| {
        let clippy = environment.cargo(["clippy", "--package", JLRS]);
        let mut clippy = without_julia(environment, clippy);
        clippy.args(["--", "--deny", "warnings"]);
        program::run(clippy)
    }),
    ("rustdoc", |environment| {
        let doc = environment.cargo(["doc", "--no-deps", "--workspace", "--exclude", JLRS]);
        program::run(strict(doc))
    }),
    ("rustdoc of the jlrs binding", |environment| {
        let doc = environment.cargo(["doc", "--no-deps", "--package", JLRS]);
        program::run(strict(without_julia(environment, doc)))
    }),
    ("generated files", generate::check),
];

/// Runs the command. The first failure ends it.
pub(crate) fn run(environment: &Environment, arguments: &Arguments) -> Result<()> {
    if arguments.targets {
        return Tools::install(environment)?.check(environment);
    }
    CHECKS.iter().try_for_each(|(_, check)| check(environment))
}

fn strict(mut doc: Command) -> Command {
    doc.env("RUSTDOCFLAGS", "--deny warnings");
    doc
}

/// Runs a command about the jlrs binding without a Julia: its build scripts act as on docs.rs then,
/// and use another target directory.
fn without_julia(environment: &Environment, mut command: Command) -> Command {
    command.env("DOCS_RS", "1").arg("--target-dir").arg(environment.target.join("docs-rs"));
    command
}
