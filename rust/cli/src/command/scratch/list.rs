//! `scratchrs scratch list`: list scratch spaces.

use scratchrs_core::scratch::{self, Listing};
use scratchrs_text::{self as text, Context, Text};
use uuid::Uuid;

use crate::failure::Result;
use crate::namespace::parse_uuid;
use crate::session::{Session, place};
use crate::sorting::{self, Facts, Order};

const AFTER_HELP: &str = "\
Examples:
  scratchrs scratch list       a table
  scratchrs scratch list -v    with the paths and projects
  scratchrs scratch list --sort size
  scratchrs scratch list --json | jq -r '.spaces[] | select(.last_used == null) | .path'

With --json: {\"directory\", \"spaces\": [{\"owner\", \"package\", \"key\", \"path\", \"bytes\", \
\"last_used\", \"parent_projects\": [\"…\"]}], \"bytes\", \"skipped\": [{\"line\", \"column\", \"message\"}], \
\"notes\": [\"…\"]}. \"last_used\" is a local time with a Z behind it, as Pkg logs it.";

/// List scratch spaces with their sizes, last uses and projects
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// Only the scratch spaces of the package with this UUID
    #[arg(long, value_parser = parse_uuid)]
    uuid: Option<Uuid>,

    /// Also list the paths and projects of the scratch spaces
    #[arg(long, short)]
    verbose: bool,

    #[command(flatten)]
    sorting: sorting::Options,
}

impl Arguments {
    pub(crate) fn run(&self, session: &mut Session) -> Result<()> {
        let depot = session.existing_depot()?;
        let place = place(&depot);
        let mut listing = scratch::list(place, self.uuid)?;
        self.sorting.apply(Order::Name, &mut listing.spaces, |space| Facts {
            name: text::scratch::owner(space) + "\0" + &space.key,
            bytes: space.bytes,
            last_used: space.last_used,
        });
        let log = place.usage_log()?;
        session.print(&listing, |context| {
            let mut text = self.text(&listing, context);
            text.notes.extend(text::usage_log(&log, &listing.skipped, "repaired by the next use"));
            text
        })
    }

    fn text(&self, listing: &Listing, context: &Context<'_>) -> Text {
        if !listing.spaces.is_empty() {
            return text::scratch::listing(listing, self.verbose, context);
        }
        let of_package = self.uuid.map(|uuid| format!(" of package {uuid}")).unwrap_or_default();
        let directory = &listing.directory;
        Text::default().sentence(format!("No scratch spaces{of_package} in `{directory}`"))
    }
}
