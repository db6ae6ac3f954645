//! The commands of developers and CI: `cargo xtask <command>`.
//!
//! One file per command, and shared modules: the environment ([`environment`]), the Julias of the
//! machine ([`julia`]), packages of Debian ([`debian`]), running programs ([`program`]) and output ([`console`]).

#![expect(clippy::disallowed_methods, reason = "a tool for development, not a part of ScratchRS")]

mod artifact;
mod bench;
mod check;
mod console;
mod debian;
mod demo;
mod environment;
mod generate;
mod julia;
mod program;
mod release;
mod targets;
mod test;
mod wine;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::environment::Environment;

/// Commands for developers and CI of ScratchRS.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build the native libraries for this working copy: in override/, and in a depot, bound in JuliaArtifacts.toml.
    Artifact(artifact::Arguments),
    /// Measure beside a peer, as ratios.
    Bench(bench::Arguments),
    /// Check formatting, lints, documentation and generated files.
    Check(check::Arguments),
    /// Run an example of ScratchRS on a depot of its own.
    Demo,
    /// Write the files generated from the list of operations.
    Gen(generate::Arguments),
    /// Build the binaries of a release, for all targets, and the Artifacts.toml that binds them.
    Release(release::Arguments),
    /// Run all checks and tests, as CI does.
    Test(test::Arguments),
    /// Run Cargo for Windows, and by Wine what it builds.
    Wine(wine::Arguments),
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
        Command::Check(arguments) => check::run(&environment, &arguments)?,
        Command::Demo => demo::run(&environment)?,
        Command::Gen(arguments) => generate::run(&environment, &arguments)?,
        Command::Release(arguments) => release::run(&environment, &arguments)?,
        Command::Test(arguments) => return test::run(&environment, &arguments),
        Command::Wine(arguments) => wine::run(&environment, &arguments)?,
    }
    Ok(ExitCode::SUCCESS)
}
