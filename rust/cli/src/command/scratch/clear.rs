//! `scratchrs scratch clear`: delete all scratch spaces, or all of one package.

use scratchrs_core::scratch;
use scratchrs_model::layout::package_spaces;
use scratchrs_text::{self as text, Text};

use crate::confirmation;
use crate::failure::Result;
use crate::namespace;
use crate::removal::{Item, Removal};
use crate::session::{Session, place};

const AFTER_HELP: &str = "\
Examples:
  scratchrs scratch clear --project .    the spaces of the package in this directory
  scratchrs scratch clear --uuid 7876af07-990d-54b4-ab0e-23690620f79a --yes
  scratchrs scratch clear --all

With --json: {\"removed\": [{\"owner\", \"package\", \"key\", \"path\", \"bytes\"}], \
\"bytes\", \"notes\": [\"…\"]}";

/// Delete all scratch spaces, or all of one package
///
/// Links are deleted without their targets. Deleting no spaces is not an error.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
#[command(group = clap::ArgGroup::new("spaces").args(["uuid", "project", "all"]).required(true))]
pub(crate) struct Arguments {
    #[command(flatten)]
    namespace: namespace::Options,

    /// All scratch spaces of the depot
    #[arg(long)]
    all: bool,

    #[command(flatten)]
    confirmation: confirmation::Options,
}

impl Arguments {
    pub(crate) fn run(&self, session: &mut Session) -> Result<()> {
        let owner = self.namespace.package(session)?;
        let depot = session.existing_depot()?;
        let place = place(&depot);
        let root = place.root()?;
        let directory = owner.map_or_else(|| root.clone(), |owner| package_spaces(&root, owner));
        let spaces = scratch::list(place, owner)?.spaces;
        let removal = Removal::of(spaces.into_iter().map(Item::of).collect());
        let number = removal.removed.len();
        if number == 0 {
            let nothing = format!("No scratch spaces in `{directory}`");
            return session.print(&removal, |_| Text::default().sentence(nothing));
        }
        let what = text::scratch::total(number, &directory, removal.bytes);
        self.confirmation.confirm(session, &format!("Delete {what}"))?;
        scratch::clear(place, owner)?;
        session.print(&removal, |_| Text::default().done("Deleted", what))
    }
}
