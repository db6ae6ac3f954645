//! `scratchrs scratch delete`: delete a scratch space.

use std::path::Path;

use scratchrs_core::scratch;
use scratchrs_fs as fs;
use scratchrs_text::{Text, human};

use crate::confirmation;
use crate::failure::Result;
use crate::namespace;
use crate::removal::{Item, Removal};
use crate::session::{Session, place};

const AFTER_HELP: &str = "\
Examples:
  scratchrs scratch delete cache --project .    `cache` of the package in this directory
  scratchrs scratch delete downloads --yes      a global space, without asking

With --json: {\"removed\": [{\"owner\", \"package\", \"key\", \"path\", \"bytes\"}], \
\"bytes\", \"notes\": [\"…\"]}";

/// Delete a scratch space
///
/// The space belongs to the package of --uuid or --project, else to the project of JULIA_PROJECT; without
/// any of them it is global. A link is deleted without its target.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// The name of the space
    key: String,

    #[command(flatten)]
    namespace: namespace::Options,

    #[command(flatten)]
    confirmation: confirmation::Options,
}

impl Arguments {
    pub(crate) fn run(&self, session: &mut Session) -> Result<()> {
        let namespace = self.namespace.resolve(session)?;
        let depot = session.existing_depot()?;
        let place = place(&depot);
        let path = scratch::path(place, namespace.owner, &self.key)?;
        let Ok(Some(found)) = fs::symlink_metadata(Path::new(&path)) else {
            let failure = namespace.has_no(&self.key, &path);
            return Err(failure.hint("`scratchrs scratch list` lists the existing spaces"));
        };
        let spaces = scratch::list(place, Some(namespace.owner))?.spaces;
        let item = match spaces.into_iter().find(|space| space.path == path) {
            Some(space) => Item::of(space),
            // Not a space, such as a dangling link.
            None => Item {
                owner: namespace.owner.to_string(),
                package: namespace.package,
                key: self.key.clone(),
                path: path.clone(),
                bytes: if found.is_link() { 0 } else { found.size },
            },
        };
        let what = if found.is_link() {
            format!("the link `{path}` (its target is kept)")
        } else {
            format!("`{path}` ({})", human::size(item.bytes))
        };
        self.confirmation.confirm(session, &format!("Delete {what}"))?;
        scratch::delete(place, namespace.owner, &self.key)?;
        session.print(&Removal::of(vec![item]), |_| Text::default().done("Deleted", what))
    }
}
