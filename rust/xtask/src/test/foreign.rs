//! Tests for another target than this machine's, which a [`Runner`] runs here.

use std::process::Command;

use anyhow::Result;

use super::{Stages, run_isolated, skips};
use crate::check::JLRS;
use crate::environment::Environment;
use crate::julia::Julia;

/// What builds programs for another target, and runs them on this machine.
pub(crate) trait Runner {
    /// `cargo <subcommand>` for the target.
    fn cargo(&self, environment: &Environment, subcommand: &str) -> Command;

    /// The tests that fail by its own fault.
    fn faults(&self) -> &'static [Fault];

    /// Calls `run` with the command that tests, while everything that its programs need is running.
    fn attend(&self, test: Command, run: impl FnOnce(Command) -> Result<()>) -> Result<()> {
        run(test)
    }
}

/// A test that fails by a fault of what runs it, not by one of ScratchRS.
pub(crate) struct Fault {
    /// Its name in its crate.
    pub(crate) test: &'static str,
    /// What is wrong there.
    pub(crate) why: &'static str,
}

/// Runs all tests for a target, or skips them if there is no runner.
pub(super) fn stage(
    environment: &Environment,
    target: &str,
    runner: Result<impl Runner>,
    julias: &[Julia],
    stages: &mut Stages,
) {
    let name = format!("tests for {target}");
    let runner = match runner {
        Ok(runner) => runner,
        Err(error) => return stages.skips.add(name, format!("{error:#}")),
    };
    let skips = stages.skips.path().to_owned();
    stages.run(&name, || {
        let mut test = runner.cargo(environment, "test");
        test.args(["--workspace", "--exclude", JLRS, "--exclude", "scratchrs-xtask"]);
        // Documentation is the same for every target.
        test.args(["--lib", "--bins", "--tests", "--no-fail-fast"]);
        test.env(skips::VARIABLE, skips);
        let skipped = runner.faults().iter().flat_map(|fault| ["--skip", fault.test]);
        let options: Vec<_> = std::iter::once("--exact").chain(skipped).collect();
        runner.attend(test, |test| run_isolated(environment, test, &options, julias))
    });
    for Fault { test, why } in runner.faults() {
        stages.skips.leave_out(format!("{test} for {target}"), *why);
    }
}
