//! What can be typed, except what a single subcommand takes.

use std::ffi::OsString;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{ColorChoice, Parser};

use crate::command::Command;
use crate::output::Format;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default())
    .error(AnsiColor::Red.on_default().bold())
    .valid(AnsiColor::Green.on_default())
    .invalid(AnsiColor::Yellow.on_default());

const HELP_HEADING: &str = "Global options";

const AFTER_HELP: &str = "\
Examples:
  scratchrs path cache --project .      `cache` of the package in this directory
  scratchrs list                        the scratch spaces of the depot
  scratchrs list --json | jq .bytes     how much they take
  scratchrs delete cache --project .    remove one space
  scratchrs clear --all --yes           remove all of them, without a question
  scratchrs report --html depot.html    a page with a map of the depot
  scratchrs hash iris iris.tar.gz       what names a tree, and what is in a tarball
  scratchrs artifact install            what the Artifacts.toml of this directory binds
  scratchrs artifact verify             whether the artifacts are what they should be
  scratchrs status                      what is in the depot, and what can go
  scratchrs why CUDA_Runtime            what keeps something
  scratchrs gc --dry-run                what a collection would remove

Environment:
  JULIA_DEPOT_PATH             the depots, as in Julia; the first is written to
  JULIA_BINDIR                 the directory of a julia, whose own depots end the default stack
  JULIA_PROJECT                the project on whose behalf spaces are used
  JULIA_SCRATCH_TRACK_ACCESS   `0`: uses are not recorded
  NO_COLOR                     not empty: no colour

Exit codes:
  0  done
  1  failed: the file system or a server refused, something is not what its name says, a lock is
     held, or the answer was no
  2  the arguments are wrong: an option, key, UUID or project, no depot, or no platform where the
     choice of an artifact depends on it
  3  there is no such scratch space, artifact or binding
  130  interrupted: what was begun is undone";

/// Scratch spaces and artifacts of Julia packages, without starting Julia.
#[derive(Parser)]
#[command(name = "scratchrs", version, styles = STYLES, after_help = AFTER_HELP)]
#[command(max_term_width = 100, disable_help_subcommand = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// The depot to work on, and no other [default: those of JULIA_DEPOT_PATH, else ~/.julia]
    #[arg(long, global = true, value_name = "DIR", help_heading = HELP_HEADING)]
    pub(crate) depot: Option<String>,

    /// Print one JSON value to standard output, and an error as one JSON object to standard error
    #[arg(long, global = true, help_heading = HELP_HEADING)]
    json: bool,

    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", default_value_t, help_heading = HELP_HEADING)]
    pub(crate) color: ColorChoice,
}

impl Arguments {
    pub(crate) fn format(&self) -> Format {
        if self.json { Format::Json } else { Format::Text }
    }
}

/// Whether arguments that cannot be parsed ask for JSON: the error is then to be in JSON, too.
pub(crate) fn ask_for_json(arguments: impl Iterator<Item = OsString>) -> bool {
    arguments.take_while(|argument| argument != "--").any(|argument| argument == "--json")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn json_is_asked_for_before_the_end_of_the_options() {
        let ask = |arguments: &[&str]| ask_for_json(arguments.iter().map(OsString::from));
        assert!(ask(&["scratchrs", "no-such-command", "--json"]));
        assert!(!ask(&["scratchrs", "path", "--", "--json"]));
    }
}
