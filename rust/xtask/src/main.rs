//! What developers and CI run: `cargo xtask <command>`.
//!
//! One file per command; what several commands need stands beside them: the machine as it was
//! found ([`environment`]), its Julias ([`julia`]), running programs ([`program`]) and talking
//! to people ([`console`]).

mod artifact;
mod bench;
mod console;
mod demo;
mod environment;
mod generate;
mod julia;
mod program;
mod test;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::environment::Environment;

/// What developers and CI of ScratchRS run.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build the native libraries, install them into a depot and bind them in JuliaArtifacts.toml.
    Artifact(artifact::Arguments),
    /// Measure next to a peer, as ratios.
    Bench(bench::Arguments),
    /// Show what ScratchRS does, on a depot of its own.
    Demo,
    /// Write the files that follow from the list of operations.
    Gen(generate::Arguments),
    /// Check and test everything: what CI runs.
    Test(test::Arguments),
}

fn main() -> ExitCode {
    run(Arguments::parse().command).unwrap_or_else(|error| {
        console::error(&error);
        ExitCode::FAILURE
    })
}

fn run(command: Command) -> Result<ExitCode> {
    let environment = Environment::read()?;
    match command {
        Command::Artifact(arguments) => artifact::run(&environment, &arguments)?,
        Command::Bench(arguments) => bench::run(&environment, &arguments)?,
        Command::Demo => demo::run(&environment)?,
        Command::Gen(arguments) => generate::run(&environment, &arguments)?,
        Command::Test(arguments) => return test::run(&environment, &arguments),
    }
    Ok(ExitCode::SUCCESS)
}
