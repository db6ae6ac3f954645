//! `scratchrs delete`: one scratch space goes.

use std::path::Path;

use scratchrs_core::scratch;
use scratchrs_fs as fs;

use crate::confirmation;
use crate::failure::Result;
use crate::human;
use crate::namespace;
use crate::output::done;
use crate::removal::{Item, Removal};
use crate::session::{Session, place};

const AFTER_HELP: &str = "\
Examples:
  scratchrs delete cache --project .    `cache` of the package in this directory
  scratchrs delete downloads --yes      a global space, without a question

With --json: {\"removed\": [{\"owner\", \"package\", \"key\", \"path\", \"bytes\"}], \
\"bytes\", \"notes\": [\"…\"]}";

/// Remove one scratch space
///
/// The space belongs to the package that --uuid or --project names, else to that of the project
/// that JULIA_PROJECT names, else it is a global one. Links are removed, never what they lead to.
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
        let depot = session.depot()?;
        let place = place(&depot);
        let path = scratch::path(place, namespace.owner, &self.key)?;
        let Ok(Some(found)) = fs::symlink_metadata(Path::new(&path)) else {
            let failure = namespace.has_no(&self.key, &path);
            return Err(failure.hint("`scratchrs list` shows which ones there are"));
        };
        let spaces = scratch::list(place, Some(namespace.owner))?.spaces;
        let item = match spaces.into_iter().find(|space| space.path == path) {
            Some(space) => Item::of(space),
            // Something else is in the place of a space, such as a link to nothing.
            None => Item {
                owner: namespace.owner.to_string(),
                package: namespace.package,
                key: self.key.clone(),
                path: path.clone(),
                bytes: if found.is_link() { 0 } else { found.size },
            },
        };
        let what = if found.is_link() {
            format!("the link `{path}` (what it leads to stays)")
        } else {
            format!("`{path}` ({})", human::size(item.bytes))
        };
        self.confirmation.confirm(session, &format!("Remove {what}"))?;
        scratch::delete(place, namespace.owner, &self.key)?;
        if session.output.is_json() {
            return session.output.json(&Removal::of(vec![item]));
        }
        session.output.talk(&format!("{} {what}", done("Removed")));
        Ok(())
    }
}
