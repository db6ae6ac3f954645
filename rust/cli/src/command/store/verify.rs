//! `scratchrs store verify`: verify contents and trees.

use scratchrs_core::store::verify;
use scratchrs_text as text;

use super::StoreOption;
use crate::failure::{Code, Failure, Result};
use crate::progress::with_progress;
use crate::session::Session;

const AFTER_HELP: &str = "\
Examples:
  scratchrs store verify
  scratchrs store verify --json | jq -r '.corrupt[].path'

With --json: {\"files\", \"trees\", \"bytes\", \"corrupt\": [{\"hash\", \"path\", \"what\", \
\"bound_by\": [{\"file\", \"name\"}]}], \"notes\": [\"…\"]}";

/// Read all contents of the store, check all trees, and report corruption
///
/// Exits with 1 if something is corrupt.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    #[command(flatten)]
    store: StoreOption,
}

impl Arguments {
    pub(crate) fn run(&self, session: &mut Session) -> Result<()> {
        let store = self.store.get(session)?;
        let verified = with_progress(session, |progress| verify(&store, progress))?;
        session.print(&verified, |_| text::store::verified(&verified))?;
        let total = text::store::verified_total(&verified);
        if verified.corrupt.is_empty() {
            return session.print_sentence(total);
        }
        Err(Failure::new(Code::Integrity, total)
            .hint("create the affected artifacts again, and bind them with `--force`"))
    }
}
