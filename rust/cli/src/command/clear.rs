//! `scratchrs clear`: all scratch spaces go, or all of one package.

use scratchrs_core::scratch;
use scratchrs_model::layout::package_spaces;

use crate::confirmation;
use crate::failure::Result;
use crate::namespace;
use crate::output::done;
use crate::removal::{Item, Removal};
use crate::session::{Session, place};

const AFTER_HELP: &str = "\
Examples:
  scratchrs clear --project .    those of the package in this directory
  scratchrs clear --uuid 7876af07-990d-54b4-ab0e-23690620f79a --yes
  scratchrs clear --all

With --json: {\"removed\": [{\"owner\", \"package\", \"key\", \"path\", \"bytes\"}], \
\"bytes\", \"notes\": [\"…\"]}";

/// Remove all scratch spaces, or all of one package
///
/// Links are removed, never what they lead to. That there is nothing to remove is no failure.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
#[command(group = clap::ArgGroup::new("whose").args(["uuid", "project", "all"]).required(true))]
pub(crate) struct Arguments {
    #[command(flatten)]
    namespace: namespace::Options,

    /// Every scratch space of the depot
    #[arg(long)]
    all: bool,

    #[command(flatten)]
    confirmation: confirmation::Options,
}

impl Arguments {
    pub(crate) fn run(&self, session: &mut Session) -> Result<()> {
        let owner = self.namespace.package(session)?;
        let depot = session.depot()?;
        let place = place(&depot);
        let root = place.root()?;
        let directory = owner.map_or_else(|| root.clone(), |owner| package_spaces(&root, owner));
        let spaces = scratch::list(place, owner)?.spaces;
        let removal = Removal::of(spaces.into_iter().map(Item::of).collect());
        if removal.is_empty() {
            session.output.talk(&format!("There is no scratch space in `{directory}`"));
        } else {
            let what = removal.of_directory(&directory);
            self.confirmation.confirm(session, &format!("Remove {what}"))?;
            scratch::clear(place, owner)?;
            session.output.talk(&format!("{} {what}", done("Removed")));
        }
        if session.output.is_json() {
            return session.output.json(&removal);
        }
        Ok(())
    }
}
