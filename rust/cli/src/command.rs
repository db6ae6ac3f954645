//! The subcommands: one file each, and one line in each of the two lists here.

mod artifact;
mod clear;
mod completions;
mod delete;
mod gc;
mod hash;
mod list;
mod path;
mod report;
mod status;
mod store;
mod why;

use crate::failure::Result;
use crate::session::Session;

/// What can be done, in the order of the help.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    Path(path::Arguments),
    List(list::Arguments),
    Delete(delete::Arguments),
    Clear(clear::Arguments),
    Status(status::Arguments),
    Report(report::Arguments),
    Why(why::Arguments),
    Gc(gc::Arguments),
    Hash(hash::Arguments),
    Artifact(artifact::Arguments),
    Store(store::Arguments),
    Completions(completions::Arguments),
}

impl Command {
    pub(crate) fn run(&self, session: &mut Session) -> Result<()> {
        match self {
            Self::Path(arguments) => arguments.run(session),
            Self::List(arguments) => arguments.run(session),
            Self::Delete(arguments) => arguments.run(session),
            Self::Clear(arguments) => arguments.run(session),
            Self::Status(arguments) => arguments.run(session),
            Self::Report(arguments) => arguments.run(session),
            Self::Why(arguments) => arguments.run(session),
            Self::Gc(arguments) => arguments.run(session),
            Self::Hash(arguments) => arguments.run(session),
            Self::Artifact(arguments) => arguments.run(session),
            Self::Store(arguments) => arguments.run(session),
            Self::Completions(arguments) => arguments.run(session),
        }
    }
}
