//! `scratchrs store adopt`: import another store.

use scratchrs_core::store::{Store, adopt, end_session};
use scratchrs_text as text;

use super::{LOCK_TIMEOUT, store};
use crate::failure::{Code, Failure, Result};
use crate::progress::with_progress;
use crate::session::{Session, place};

const AFTER_HELP: &str = "\
With --json: {\"artifacts\", \"names\", \"taken\": [{\"file\", \"name\"}], \
\"skipped\": [{\"path\", \"message\"}], \"notes\": [\"…\"]}";

/// Import everything that is bound in another store, by default that of OhMyArtifacts.jl in the same depot
///
/// All contents are verified. The other store is not changed.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// The directory of the other store
    directory: Option<String>,
}

impl Arguments {
    pub(crate) fn run(&self, session: &mut Session) -> Result<()> {
        let own = store(session)?;
        let other = match &self.directory {
            Some(directory) => Store::at(&session.absolute(directory)?),
            None => Store::of_peer(place(&session.depot()?))?,
        };
        if !scratchrs_fs::is_dir(other.root().as_ref()) {
            let message = format!("the store `{}` does not exist", other.root());
            return Err(Failure::new(Code::NotFound, message).about(other.root()));
        }
        let now = session.environment.now;
        let adopted =
            with_progress(session, |progress| adopt(&own, &other, now, LOCK_TIMEOUT, progress));
        let ended = end_session(Some(&own));
        let adopted = adopted?;
        ended?;
        session.print(&adopted, |_| text::store::adopted(&adopted))
    }
}
