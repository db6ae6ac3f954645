//! `scratchrs store adopt`: what is bound in another store is taken over.

use scratchrs_core::store::{Store, adopt, end_session};
use serde::Serialize;

use super::{PATIENCE, store};
use crate::failure::{Code, Failure, Result};
use crate::human::{self, visible};
use crate::output::done;
use crate::progress::with_progress;
use crate::session::{Session, place};

const AFTER_HELP: &str = "\
With --json: {\"artifacts\", \"names\", \"taken\": [{\"file\", \"name\"}], \"notes\": [\"…\"]}";

/// Take over what is bound in another store, by default that of OhMyArtifacts.jl in the same depot
///
/// All is verified on the way. The other store stays as it is.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// The directory of the other store
    directory: Option<String>,
}

#[derive(Serialize)]
struct Answer {
    artifacts: u64,
    names: u64,
    taken: Vec<Name>,
}

#[derive(Serialize)]
struct Name {
    file: String,
    name: String,
}

impl Arguments {
    pub(crate) fn run(&self, session: &mut Session) -> Result<()> {
        let own = store(session)?;
        let other = match &self.directory {
            Some(directory) => Store::at(&session.absolute(directory)?),
            None => Store::of_peer(place(&session.depot()?))?,
        };
        if !scratchrs_fs::is_dir(other.root().as_ref()) {
            let message = format!("there is no store `{}`", other.root());
            return Err(Failure::new(Code::NotFound, message).about(other.root()));
        }
        let now = session.environment.now;
        let adopted =
            with_progress(session, |progress| adopt(&own, &other, now, PATIENCE, progress));
        let ended = end_session(Some(&own));
        let adopted = adopted?;
        ended?;
        for (path, reason) in &adopted.skipped {
            let note = format!("`{path}` is not taken over: {reason}");
            session.output.note(&visible(&note), None);
        }
        if session.output.is_json() {
            let taken = adopted.taken.into_iter().map(|(file, name)| Name { file, name });
            let (artifacts, names) = (adopted.artifacts, adopted.names);
            return session.output.json(&Answer { artifacts, names, taken: taken.collect() });
        }
        for (file, name) in &adopted.taken {
            let note = format!("\"{name}\" in `{file}` is bound to something else, and stays so");
            session.output.note(&visible(&note), None);
        }
        let things = human::count(adopted.artifacts, "thing");
        let names = human::count(adopted.names, "name");
        session.output.talk(&format!("{} {things} and {names}", done("Adopted")));
        Ok(())
    }
}
