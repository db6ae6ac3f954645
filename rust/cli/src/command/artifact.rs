//! `scratchrs artifact`: immutable trees, and the files that bind names to them.

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
  scratchrs artifact path iris                  the path of one of them
  scratchrs artifact list                       the artifacts in the depots
  scratchrs artifact verify                     verify all of them
  hash=$(scratchrs artifact create iris)        create an artifact from a directory
  scratchrs artifact archive $hash iris.tar.gz  … pack it as a tarball
  scratchrs artifact bind iris $hash            … and bind a name to it

An ARTIFACT is the name that an Artifacts.toml file binds, or the hash of its tree: 40 \
hexadecimal digits.

With --json: {\"notes\": [\"…\"], …}; each command's help says what else.";

/// Artifacts: make, bind, archive, install, list, verify and repair them
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
    Usage(usage),
    Verify(verify),
    Repair(repair),
    Remove(remove),
}

impl Arguments {
    pub(crate) fn run(&self, session: &mut Session) -> Result<()> {
        self.command.run(session)
    }
}
