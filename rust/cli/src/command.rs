//! The commands: one file each, and a line in each of the two lists here.

/// Defines the enum `Command` from a list of `Name(module)`, in the order of the help. Each module has a
/// struct `Arguments` with the method `run`.
macro_rules! subcommands {
    ($($name:ident($module:ident),)*) => {
        #[derive(clap::Subcommand)]
        pub(crate) enum Command {
            $($name($module::Arguments),)*
        }

        impl Command {
            pub(crate) fn run(&self, session: &mut Session) -> Result<()> {
                match self {
                    $(Self::$name(arguments) => arguments.run(session),)*
                }
            }
        }
    };
}

mod artifact;
mod clear;
mod completions;
mod delete;
mod gc;
mod hash;
mod jll;
mod list;
mod path;
mod report;
mod status;
mod store;
mod why;

use crate::failure::Result;
use crate::session::Session;

subcommands! {
    Path(path),
    List(list),
    Delete(delete),
    Clear(clear),
    Status(status),
    Report(report),
    Why(why),
    Gc(gc),
    Hash(hash),
    Artifact(artifact),
    Store(store),
    Jll(jll),
    Completions(completions),
}
