//! The program `scratchrs`: the capabilities of ScratchRS in a shell, without starting Julia.
//!
//! This file parses arguments, runs a command, and turns errors into output and an exit code. Each command is
//! a file in `command`: it reads its arguments, calls `scratchrs-core`, and prints the result as JSON or as
//! text of `scratchrs-text`. Only `environment` reads environment and clock.

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests prepare files themselves"))]

mod arguments;
mod collection;
mod command;
mod confirmation;
mod content;
mod downloads;
mod environment;
mod failure;
mod interruption;
mod machine;
mod namespace;
mod output;
mod progress;
mod project;
mod removal;
mod selection;
mod session;
mod sorting;
mod waiting;

use std::process::ExitCode;

use clap::Parser;

use crate::arguments::Arguments;
use crate::environment::Environment;
use crate::failure::Failure;
use crate::output::Output;
use crate::session::Session;

fn main() -> ExitCode {
    let environment = Environment::read();
    if environment.logs_debug {
        scratchrs_core::debug_log::enable();
    }
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(answer) => return refuse(&answer, &environment),
    };
    let output = Output::new(arguments.format(), arguments.color, arguments.quiet, &environment);
    let mut session = Session::new(environment, arguments.depots, output);
    match arguments.command.run(&mut session) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            session.output.failure(&failure);
            failure.exit_code()
        }
    }
}

/// Prints an error in the arguments, the help or the version.
fn refuse(answer: &clap::Error, environment: &Environment) -> ExitCode {
    if answer.use_stderr() && arguments::ask_for_json(std::env::args_os()) {
        let failure = Failure::of_arguments(answer);
        let format = output::Format::Json;
        Output::new(format, clap::ColorChoice::Never, false, environment).failure(&failure);
        return failure.exit_code();
    }
    // A closed pipe is not an error.
    let _ = answer.print();
    if answer.use_stderr() { failure::Code::InvalidInput.exit_code() } else { ExitCode::SUCCESS }
}
