//! `cargo xtask demo`: from a fresh working copy to a running example in one command.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::artifact;
use crate::console;
use crate::environment::Environment;
use crate::julia::{self, Julia};
use crate::program;

/// Builds and binds the libraries, then runs the example on a depot of its own and lists the
/// resulting spaces. Commands are printed before they run.
pub(crate) fn run(environment: &Environment) -> Result<()> {
    let depot = environment.target.join("demo-depot");
    let mut julias = julia::find(environment);
    julias.retain(|julia| julia.version.series() >= (1, 5));
    if julias.is_empty() {
        julias.push(julia::private(environment)?);
    }
    console::echo(format_args!("cargo xtask artifact --depot {}", depot.display()));
    let scratchrs = artifact::build(environment, std::slice::from_ref(&depot), &julias)?;
    show(example(environment, &julias[0], &depot))?;
    let mut list = Command::new(scratchrs);
    list.arg("list").arg("--depot").arg(&depot);
    show(list)
}

/// The command that runs the example.
fn example(environment: &Environment, julia: &Julia, depot: &Path) -> Command {
    let example = environment.root.join("examples").join("WordIndex");
    let mut project = std::ffi::OsString::from("--project=");
    project.push(&example);
    let mut command = julia.command(depot);
    command.arg(project).arg(example.join("demo.jl"));
    command
}

fn show(command: Command) -> Result<()> {
    console::echo(program::shown(&command));
    program::run(command)
}
