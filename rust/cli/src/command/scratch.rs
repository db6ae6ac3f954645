//! `scratchrs scratch`: scratch spaces.

pub(super) mod clear;
pub(super) mod delete;
pub(super) mod list;
pub(super) mod path;

use crate::failure::Result;
use crate::session::Session;

const AFTER_HELP: &str = "\
Examples:
  scratchrs scratch path cache --project .      the space `cache` of the package in this directory
  scratchrs scratch list                        the spaces of the depot
  scratchrs scratch delete cache --project .    delete a space
  scratchrs scratch clear --all --yes           delete all of them, without asking

With --json: {\"notes\": [\"…\"], …}; the help of each command has the other fields.";

/// Get, list and delete scratch spaces: directories of packages
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

subcommands! {
    Path(path),
    List(list),
    Delete(delete),
    Clear(clear),
}

impl Arguments {
    pub(crate) fn run(&self, session: &mut Session) -> Result<()> {
        self.command.run(session)
    }
}
