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

use scratchrs_core::artifact::Unreadable;
use serde::Serialize;

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

/// An artifact whose files can't be read, as JSON has it.
#[derive(Serialize)]
struct Unread {
    hash: String,
    path: String,
    reason: String,
}

impl Unread {
    fn of(it: &Unreadable) -> Self {
        Self { hash: it.hash.to_string(), path: it.path.clone(), reason: it.error.to_string() }
    }
}
