//! `scratchrs store list`: list the artifacts of a store, and the names that are bound to them.

use scratchrs_core::store::status;
use scratchrs_text as text;

use super::StoreOption;
use crate::failure::Result;
use crate::session::Session;

const AFTER_HELP: &str = "\
Examples:
  scratchrs store list                              bound artifacts
  scratchrs store list --all                        … and unbound ones
  scratchrs store list --json | jq .saved_bytes     the savings by sharing
  scratchrs store list --store ~/.julia/scratchspaces/cf8be1f4-309d-442e-839d-29d2a0af6cb7/0.3

With --json: {\"root\", \"files\", \"trees\", \"bytes\", \"saved_bytes\", \"artifacts\": [{\"hash\", \
\"path\", \"kind\", \"files\", \"bytes\", \"link\", \"bound_by\": [{\"file\", \"name\", \"time\"}], \
\"is_in_tree\", \"orphan_since\"}], \"missing\": [{\"file\", \"name\", \"hash\"}], \
\"unreadable\": [{\"path\", \"message\"}], \"notes\": [\"…\"]}";

/// List the artifacts of the store, the names bound to them, and the savings by sharing
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// Also list unbound artifacts
    #[arg(long)]
    all: bool,

    #[command(flatten)]
    store: StoreOption,
}

impl Arguments {
    pub(crate) fn run(&self, session: &mut Session) -> Result<()> {
        let store = self.store.get(session)?;
        let status = status(&store)?;
        session.print(&status, |context| text::store::status(&status, self.all, context))
    }
}
