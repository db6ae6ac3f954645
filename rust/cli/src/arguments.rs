//! The arguments of all commands.

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
  scratchrs status                      the content of the depot, and what is reclaimable
  scratchrs why CUDA_Runtime            what references an item
  scratchrs gc --dry-run                what a collection would delete
  scratchrs gc --quiet                  collect, from cron: silent unless it fails
  scratchrs report --html depot.html    a page with a map of the depot
  scratchrs verify                      verify artifacts and the store against their hashes
  scratchrs hash iris iris.tar.gz       the hashes of a directory and a tarball
  scratchrs scratch list                the scratch spaces of the depot
  scratchrs artifact install            install the artifacts of the Artifacts.toml here

Environment:
  JULIA_DEPOT_PATH             the depot stack, as in Julia; the first depot is written to
  JULIA_BINDIR                 the directory of a julia, whose bundled depots end the default stack
  JULIA_PROJECT                the project that uses the scratch spaces
  JULIA_SCRATCH_TRACK_ACCESS   `0`: uses are not logged
  SCRATCHRS_LOG                `debug`: log each deletion with its reason
  NO_COLOR                     not empty: no colour

Exit codes:
  0  done
  1  failed: an error of the file system or a server, a hash mismatch, a held lock, or the answer was no
  2  invalid arguments: an option, key, UUID or project; no depot; or no platform, if the choice of an
     artifact depends on it
  3  the scratch space, artifact or binding does not exist
  130  interrupted: unfinished work was undone";

/// Scratch spaces, artifacts and garbage collection of Julia depots, without starting Julia.
#[derive(Parser)]
#[command(name = "scratchrs", version, styles = STYLES, after_help = AFTER_HELP)]
#[command(max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// The depot; may be repeated for a stack [default: those of JULIA_DEPOT_PATH, else ~/.julia]
    #[arg(long = "depot", global = true, value_name = "DIR", help_heading = HELP_HEADING)]
    pub(crate) depots: Vec<String>,

    /// Print one JSON value to standard output, and an error as one JSON object to standard error
    #[arg(long, global = true, help_heading = HELP_HEADING)]
    json: bool,

    /// Print results and errors only: neither progress nor notes nor what was done
    #[arg(long, short, global = true, help_heading = HELP_HEADING)]
    pub(crate) quiet: bool,

    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", default_value_t, help_heading = HELP_HEADING)]
    pub(crate) color: ColorChoice,
}

impl Arguments {
    pub(crate) fn format(&self) -> Format {
        if self.json { Format::Json } else { Format::Text }
    }
}

/// Whether invalid arguments request JSON, so that the error is printed as JSON.
pub(crate) fn ask_for_json(arguments: impl Iterator<Item = OsString>) -> bool {
    arguments.take_while(|argument| argument != "--").any(|argument| argument == "--json")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_valid() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn json_is_an_option_before_the_double_dash() {
        let ask = |arguments: &[&str]| ask_for_json(arguments.iter().map(OsString::from));
        assert!(ask(&["scratchrs", "no-such-command", "--json"]));
        assert!(!ask(&["scratchrs", "path", "--", "--json"]));
    }
}
