//! `scratchrs artifact`: immutable trees, and the files that give names to them.

mod archive;
mod bind;
mod create;
mod install;
mod list;
mod path;
mod remove;
mod repair;
mod unbind;
mod usage;
mod verify;

use crate::failure::Result;
use crate::session::Session;

const AFTER_HELP: &str = "\
Examples:
  scratchrs artifact install                    what the Artifacts.toml here binds
  scratchrs artifact path iris                  where one of them lies
  scratchrs artifact list                       what is in the depots
  scratchrs artifact verify                     whether all of it is what it should be
  hash=$(scratchrs artifact create iris)        a directory becomes an artifact
  scratchrs artifact archive $hash iris.tar.gz  … and a tarball
  scratchrs artifact bind iris $hash            … and has a name

An ARTIFACT is the name that an Artifacts.toml file gives it, or the hash of its tree: 40 \
hexadecimal digits.

With --json: {\"notes\": [\"…\"], …}; each command's help says what else.";

/// Artifacts: make, bind, archive, install, list, verify and repair them
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

/// What can be done, in the order of the help.
#[derive(clap::Subcommand)]
enum Command {
    Create(create::Arguments),
    Bind(bind::Arguments),
    Unbind(unbind::Arguments),
    Archive(archive::Arguments),
    Install(install::Arguments),
    List(list::Arguments),
    Path(path::Arguments),
    Usage(usage::Arguments),
    Verify(verify::Arguments),
    Repair(repair::Arguments),
    Remove(remove::Arguments),
}

impl Arguments {
    pub(crate) fn run(&self, session: &mut Session) -> Result<()> {
        match &self.command {
            Command::Create(arguments) => arguments.run(session),
            Command::Bind(arguments) => arguments.run(session),
            Command::Unbind(arguments) => arguments.run(session),
            Command::Archive(arguments) => arguments.run(session),
            Command::Install(arguments) => arguments.run(session),
            Command::List(arguments) => arguments.run(session),
            Command::Path(arguments) => arguments.run(session),
            Command::Usage(arguments) => arguments.run(session),
            Command::Verify(arguments) => arguments.run(session),
            Command::Repair(arguments) => arguments.run(session),
            Command::Remove(arguments) => arguments.run(session),
        }
    }
}
