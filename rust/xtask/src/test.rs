//! `cargo xtask test`: all checks and tests, for developers and CI.
//!
//! Every stage runs, even after a failure. The last line of the output counts passed and failed
//! stages, and tests that were skipped because something is missing on this machine; the lines
//! before it list these with the reasons.

pub(crate) mod foreign;
mod install;
mod isolation;
mod skips;
mod together;

use std::fmt;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::{Context, Result};

use crate::artifact;
use crate::check::{CHECKS, JLRS};
use crate::console;
use crate::debian;
use crate::environment::Environment;
use crate::julia::{self, Julia};
use crate::program;
use crate::targets::linux::Linux;
use crate::targets::{self, StandardLibrary};
use crate::wine::{self, Wine};
use skips::Skips;
use together::run_into;

/// The arguments of `cargo xtask test`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Run the stages of the Rust side.
    #[arg(long)]
    rust: bool,
    /// Run the stages of the Julia side.
    #[arg(long)]
    julia: bool,
    /// Install the package with Pkg, as its users do.
    #[arg(long)]
    install: bool,
    /// Run the Rust tests for Windows.
    #[arg(long)]
    windows: bool,
    /// Run the Rust tests for another Linux than this machine's.
    #[arg(long, value_parser = ["x86_64-unknown-linux-musl", "aarch64-unknown-linux-gnu", "aarch64-unknown-linux-musl"])]
    target: Option<String>,
}

/// Runs the command. The exit code is nonzero if a stage failed.
pub(crate) fn run(environment: &Environment, arguments: &Arguments) -> Result<ExitCode> {
    let Arguments { rust, julia, install, windows, ref target } = *arguments;
    let everything =
        [rust, julia, install, windows].iter().all(|it| *it == rust) && target.is_none();
    let mut stages = Stages::begin(Skips::begin(&environment.target)?);
    if everything || rust || julia || install || target.is_some() {
        let julias = julias(environment, &mut stages);
        if everything || rust {
            rust_stages(environment, &julias, &mut stages);
        }
        if everything || julia {
            julia_stages(environment, &julias, &mut stages);
        }
        if everything || install {
            install::stages(environment, &julias, &mut stages);
        }
        if let Some(target) = target {
            let linux = Linux::install(environment, target);
            foreign::stage(environment, target, linux, &julias, &mut stages);
        }
    }
    if windows {
        // No Julia for Windows runs here.
        foreign::stage(environment, wine::TARGET, Wine::install(environment), &[], &mut stages);
    }
    stages.conclude()
}

/// The Julias to test with. The Rust tests also compare with Julia's own libraries.
fn julias(environment: &Environment, stages: &mut Stages) -> Vec<Julia> {
    let mut julias = julia::find(environment);
    julias.retain(|julia| julia.version.series() >= (1, 10));
    if debian::is_debian() {
        julias.extend(stages.run("Julia 1.5.3 of Debian", || julia::private(environment)));
    } else {
        stages
            .skips
            .add("Julia 1.5.3", "this machine has no apt-get of Debian to download it with");
    }
    julias
}

fn rust_stages(environment: &Environment, julias: &[Julia], stages: &mut Stages) {
    for (name, check) in CHECKS {
        stages.run(name, || check(environment));
    }
    match StandardLibrary::install(environment) {
        Ok(library) => {
            stages.run("clippy for other targets", || targets::lint(environment, &library));
        }
        Err(error) => stages.skips.add("clippy for other targets", format!("{error:#}")),
    }
    let skips = stages.skips.path().to_owned();
    stages.run("cargo test", || {
        let mut test = environment.cargo(["test", "--workspace", "--exclude", JLRS]);
        test.env(skips::VARIABLE, skips);
        run_isolated(environment, test, &[], julias)
    });
}

/// Runs Cargo's `test`, whose tests compare with Julia's own libraries and may change no depot but their own.
/// `options` are those of the test programs.
fn run_isolated(
    environment: &Environment,
    mut test: Command,
    options: &[&str],
    julias: &[Julia],
) -> Result<()> {
    let executables = julias.iter().map(|julia| &julia.executable);
    let decoy = isolation::Decoy::set_up(&environment.target)?;
    test.arg("--config").arg(decoy.option()).arg("--").args(options);
    test.env("SCRATCHRS_TEST_JULIA", std::env::join_paths(executables)?);
    program::run(test)?;
    decoy.check()
}

fn julia_stages(environment: &Environment, julias: &[Julia], stages: &mut Stages) {
    let depots: Vec<_> = julias.iter().map(|julia| depot(environment, julia)).collect();
    let server = stages.run("test server", || test_server(environment));
    let built = stages.run("artifact", || artifact::build(environment, &depots, julias));
    let untraced = isolation::missing();
    if let Some(why) = &untraced {
        stages.skips.add("isolation of the Julia tests from other depots and the network", why);
    }
    let skips = stages.skips.path().to_owned();
    let name = |(julia, binding): &(&Julia, Binding)| {
        format!("Julia {}, binding {binding}", julia.version)
    };
    stages.run_together(&sessions(julias), name, |&(julia, binding), output| {
        built.as_ref().context("the stage `artifact` failed")?;
        let mut session = session(environment, julia, binding)?;
        session.env(skips::VARIABLE, &skips);
        session.env(
            "SCRATCHRS_TEST_SERVER",
            server.as_ref().context("the stage `test server` failed")?,
        );
        if untraced.is_some() {
            return run_into(output, session);
        }
        let log = environment.target.join(format!("trace-{}-{binding}.txt", julia.version));
        run_into(output, isolation::traced(&session, &log))?;
        isolation::check(&log, &isolation::depots_of_user(environment))
    });
}

/// The HTTP server program of the Julia tests, also used by the Rust tests.
fn test_server(environment: &Environment) -> Result<PathBuf> {
    const NAME: &str = "scratchrs-worker";
    program::run(environment.cargo(["build", "--package", "scratchrs-testkit", "--bin", NAME]))?;
    let name = format!("{NAME}{}", std::env::consts::EXE_SUFFIX);
    Ok(environment.target.join("debug").join(name))
}

/// The two bindings, by their names in `SCRATCHRS_BINDING`.
#[derive(Clone, Copy)]
enum Binding {
    Portable,
    Jlrs,
}

impl fmt::Display for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Portable => "portable",
            Self::Jlrs => "jlrs",
        })
    }
}

/// The pairs of Julias and bindings to test: the portable one always, jlrs if it is built for the
/// minor version. Those of one version, which share a depot, are not neighbours: they would compile the package
/// at the same time.
fn sessions(julias: &[Julia]) -> Vec<(&Julia, Binding)> {
    let bound: Vec<_> =
        julia::for_jlrs(julias).into_iter().map(|julia| julia.version.series()).collect();
    let is_bound = |julia: &&Julia| bound.contains(&julia.version.series());
    let portable = julias.iter().map(|julia| (julia, Binding::Portable));
    let jlrs = julias.iter().filter(is_bound).map(|julia| (julia, Binding::Jlrs));
    portable.chain(jlrs).collect()
}

/// Each version has its own depot: not all versions can read each other's files.
fn depot(environment: &Environment, julia: &Julia) -> PathBuf {
    environment.target.join("test-depots").join(julia.version.to_string())
}

/// The command that runs the Julia tests, with a separate home directory.
fn session(environment: &Environment, julia: &Julia, binding: Binding) -> Result<Command> {
    let home = environment.target.join("test-home");
    scratchrs_fs::create_dir_all(&home)?;
    let mut project = std::ffi::OsString::from("--project=");
    project.push(&environment.root);
    let mut command = julia.command(&depot(environment, julia));
    command
        .arg(project)
        .arg("test/runtests.jl")
        .current_dir(&environment.root)
        .env("HOME", home)
        .env("SCRATCHRS_BINDING", binding.to_string())
        .env("JULIA_PKG_SERVER", "");
    Ok(command)
}

/// The results of the stages so far.
struct Stages {
    passed: usize,
    failed: Vec<String>,
    skips: Skips,
}

impl Stages {
    fn begin(skips: Skips) -> Self {
        Self { passed: 0, failed: Vec::new(), skips }
    }

    /// Runs a stage, and returns its result if it passed.
    fn run<T>(&mut self, name: &str, stage: impl FnOnce() -> Result<T>) -> Option<T> {
        console::status("Stage", name);
        let start = Instant::now();
        let result = stage();
        let has_passed = end(name, start.elapsed().as_secs_f64(), &result);
        self.count(has_passed, name);
        result.ok()
    }

    fn count(&mut self, has_passed: bool, name: &str) {
        match has_passed {
            true => self.passed += 1,
            false => self.failed.push(name.to_owned()),
        }
    }

    /// Prints a summary, with a last line for programs.
    fn conclude(self) -> Result<ExitCode> {
        let left_out = self.skips.all()?;
        for skip in &left_out {
            let verb = if skip.is_counted { "Skipped" } else { "Left out" };
            console::status(verb, format_args!("{}: {}", skip.what, skip.why));
        }
        for name in &self.failed {
            console::status("Failed", name);
        }
        let skipped = left_out.iter().filter(|skip| skip.is_counted).count();
        console::result(format_args!(
            "{} passed, {} failed, {skipped} skipped",
            self.passed,
            self.failed.len()
        ));
        Ok(if self.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// Prints the result of a stage, and returns whether it passed.
fn end<T>(name: &str, seconds: f64, result: &Result<T>) -> bool {
    if let Err(error) = result {
        console::error(error);
    }
    let verb = if result.is_ok() { "Passed" } else { "Failed" };
    console::status(verb, format_args!("{name} in {seconds:.1} s"));
    result.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_stage_does_not_hide_the_next() {
        let directory = tempfile::tempdir().unwrap();
        let mut stages = Stages::begin(Skips::begin(directory.path()).unwrap());
        assert_eq!(stages.run("first", || Ok(1)), Some(1));
        assert_eq!(stages.run("second", || anyhow::bail!("no") as Result<()>), None);
        assert_eq!(stages.run("third", || Ok(3)), Some(3));
        assert_eq!((stages.passed, stages.failed), (2, vec!["second".to_owned()]));
    }
}
