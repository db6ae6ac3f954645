//! `scratchrs artifact`: artifacts, and the files that bind them.

mod archive;
mod bind;
mod create;
mod install;
mod list;
mod path;
mod remove;
mod repair;
mod unbind;
mod verify;

use crate::failure::Result;
use crate::session::Session;

const AFTER_HELP: &str = "\
Examples:
  scratchrs artifact install                    install the artifacts of the Artifacts.toml here
  scratchrs artifact path iris                  the path of one of them
  scratchrs artifact list                       the artifacts in the depots
  scratchrs artifact verify                     verify all of them
  hash=$(scratchrs artifact create iris)        create an artifact from a directory
  scratchrs artifact archive $hash iris.tar.gz  … pack it as a tarball
  scratchrs artifact bind iris $hash            … and bind a name to it

An ARTIFACT is a name in an Artifacts.toml file, or a tree hash: 40 hexadecimal digits.

With --json: {\"notes\": [\"…\"], …}; the help of each command has the other fields.";

/// Create, bind, archive, install, list, verify and repair artifacts
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

subcommands! {
    Create(create),
    Bind(bind),
    Unbind(unbind),
    Archive(archive),
    Install(install),
    List(list),
    Path(path),
    Verify(verify),
    Repair(repair),
    Remove(remove),
}

impl Arguments {
    pub(crate) fn run(&self, session: &mut Session) -> Result<()> {
        self.command.run(session)
    }
}
