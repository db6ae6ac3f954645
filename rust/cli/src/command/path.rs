//! `scratchrs path`: where a scratch space is.

use std::path::Path;

use scratchrs_core::usage::{self, Tracked};
use scratchrs_core::{Place, scratch};
use scratchrs_fs as fs;
use scratchrs_model::diagnostic::Diagnostic;
use serde::Serialize;

use crate::diagnostics;
use crate::failure::Result;
use crate::namespace;
use crate::session::{Session, place};
use crate::waiting::with_lock_timeout;

const AFTER_HELP: &str = "\
Examples:
  scratchrs path cache --project .     `cache` of the package in this directory
  scratchrs path cache --project @.    … in this directory or the nearest above
  scratchrs path downloads             a global space
  scratchrs path cache --uuid 7876af07-990d-54b4-ab0e-23690620f79a
  scratchrs path cache --project . --no-create || echo \"not there\"

With --json: {\"path\", \"owner\", \"key\", \"project\", \"recorded\", \
\"healed\": [{\"line\", \"column\", \"message\"}], \"notes\": [\"…\"]}";

/// Print the path of a scratch space, which is made if it is missing
///
/// The space belongs to the package that --uuid or --project names, else to that of the project
/// that JULIA_PROJECT names, else it is a global one. Its use is recorded on behalf of the
/// project, so that no collection takes the space as long as the project is there. get_scratch!
/// does the same in Julia.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// The name of the space: letters, digits, `-`, `_` and `.`
    key: String,

    #[command(flatten)]
    namespace: namespace::Options,

    /// Neither make the space nor record its use; exit with 3 if it is not there
    #[arg(long)]
    no_create: bool,
}

#[derive(Serialize)]
struct Answer<'a> {
    path: &'a str,
    owner: String,
    key: &'a str,
    /// On whose behalf the space is used.
    project: Option<&'a str>,
    recorded: bool,
    /// Invalid records that were removed from the usage log.
    healed: Vec<Diagnostic>,
}

impl Arguments {
    pub(crate) fn run(&self, session: &mut Session) -> Result<()> {
        let namespace = self.namespace.resolve(session)?;
        let depot = session.depot()?;
        let place = place(&depot);
        let (path, recorded, healed) = if self.no_create {
            let path = scratch::path(place, namespace.owner, &self.key)?;
            if !fs::is_dir(Path::new(&path)) {
                return Err(namespace
                    .has_no(&self.key, &path)
                    .hint("without `--no-create` it is made"));
            }
            (path, false, Vec::new())
        } else {
            let path = scratch::get(place, namespace.owner, &self.key)?;
            let tracked = match &namespace.project {
                Some(project) => record(session, place, &path, project)?,
                None => unrecorded(session),
            };
            let log = place.usage_log()?;
            diagnostics::report(session, &log, &tracked.removed_records, "removed now");
            (path, tracked.recorded, tracked.removed_records)
        };
        if session.output.is_json() {
            let answer = Answer {
                path: &path,
                owner: namespace.owner.to_string(),
                key: &self.key,
                project: namespace.project.as_deref(),
                recorded,
                healed,
            };
            return session.output.json(&answer);
        }
        session.output.result(&(path + "\n"))
    }
}

/// Says that a use is not recorded for want of a project, if uses are recorded at all.
fn unrecorded(session: &mut Session) -> Tracked {
    if session.environment.tracks_access {
        session.output.note(
            "the use is not recorded, as there is no project: a collection may take the space",
            Some("name a project: `--project .`, or JULIA_PROJECT"),
        );
    }
    Tracked::default()
}

/// Records the use of the space at `path` for a project, or says why it is not recorded.
pub(super) fn record(
    session: &mut Session,
    place: Place<'_>,
    path: &str,
    project: &str,
) -> Result<Tracked> {
    if !session.environment.tracks_access {
        return Ok(Tracked::default());
    }
    let now = session.environment.now;
    let tracked = with_lock_timeout(session, |lock_timeout| {
        usage::track(place, path, project, now, lock_timeout)
    });
    match tracked {
        Ok(tracked) if tracked.recorded => return Ok(tracked),
        Ok(_) => session.output.note("the use is not recorded, as the depot is read-only", None),
        // The space is there all the same, and that is what was asked for.
        Err(error) => {
            session.output.note(&format!("the use is not recorded: {error}"), error.hint());
        }
    }
    Ok(Tracked::default())
}
