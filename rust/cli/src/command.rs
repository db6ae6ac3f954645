//! The commands: one file each, and a line in each of the two lists here.

/// Defines the enum `Command` from a list of `Name(module)`, in the order of the help. Each module has a
/// struct `Arguments` with the method `run`.
macro_rules! subcommands {
    ($($(#[$attribute:meta])* $name:ident($($module:ident)::+),)*) => {
        #[derive(clap::Subcommand)]
        pub(crate) enum Command {
            $($(#[$attribute])* $name($($module)::+::Arguments),)*
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
mod completions;
mod gc;
mod hash;
mod jll;
mod report;
mod scratch;
mod status;
mod store;
mod verify;
mod version;
mod why;

use crate::failure::Result;
use crate::session::Session;

subcommands! {
    Status(status),
    Why(why),
    Gc(gc),
    Report(report),
    Verify(verify),
    Hash(hash),
    Scratch(scratch),
    Artifact(artifact),
    Store(store),
    Jll(jll),
    Completions(completions),
    Version(version),
    // The former names of the commands on scratch spaces.
    #[command(hide = true)]
    Path(scratch::path),
    #[command(hide = true)]
    List(scratch::list),
    #[command(hide = true)]
    Delete(scratch::delete),
    #[command(hide = true)]
    Clear(scratch::clear),
}
