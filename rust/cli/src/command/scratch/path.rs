//! `scratchrs scratch path`: the path of a scratch space.

use std::path::Path;

use scratchrs_core::usage::{self, SpaceUsage, Tracked};
use scratchrs_core::{FrontEnd, Place, scratch};
use scratchrs_fs as fs;
use scratchrs_model::diagnostic::Diagnostic;
use scratchrs_text::{Note, Text, usage_log};
use serde::Serialize;

use crate::failure::Result;
use crate::namespace;
use crate::session::{Session, place};
use crate::waiting::with_lock_timeout;

const AFTER_HELP: &str = "\
Examples:
  scratchrs scratch path cache --project .     `cache` of the package in this directory
  scratchrs scratch path cache --project @.    … in this directory or the nearest one above
  scratchrs scratch path downloads             a global space
  scratchrs scratch path cache --uuid 7876af07-990d-54b4-ab0e-23690620f79a
  scratchrs scratch path cache --project . --no-create || echo missing

With --json: {\"path\", \"owner\", \"key\", \"project\", \"recorded\", \
\"healed\": [{\"line\", \"column\", \"message\"}], \"notes\": [\"…\"]}";

/// Print the path of a scratch space, and create it if it is missing
///
/// The space belongs to the package of --uuid or --project, else to the project of JULIA_PROJECT; without
/// any of them it is global. The usage log records the project, so that no collection deletes the space
/// while the project exists. In Julia, get_scratch! does the same.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// The name of the space: letters, digits, `-`, `_` and `.`
    key: String,

    #[command(flatten)]
    namespace: namespace::Options,

    /// Neither create the space nor log its use; exit with 3 if it is missing
    #[arg(long)]
    no_create: bool,
}

#[derive(Serialize)]
struct Answer<'a> {
    path: &'a str,
    owner: String,
    key: &'a str,
    /// The project that uses the space.
    project: Option<&'a str>,
    recorded: bool,
    /// Invalid records that were removed from the usage log.
    healed: Vec<Diagnostic>,
}

impl Arguments {
    pub(crate) fn run(&self, session: &mut Session) -> Result<()> {
        let namespace = self.namespace.resolve(session)?;
        let depot = if self.no_create { session.existing_depot()? } else { session.depot()? };
        let place = place(&depot);
        let (path, recorded, healed) = if self.no_create {
            let path = scratch::path(place, namespace.owner, &self.key)?;
            if !fs::is_dir(Path::new(&path)) {
                return Err(namespace
                    .has_no(&self.key, &path)
                    .hint("omit `--no-create` to create it"));
            }
            (path, false, Vec::new())
        } else {
            let path = scratch::get(place, namespace.owner, &self.key)?;
            let tracked = match &namespace.project {
                Some(project) => record(session, place, &path, project)?,
                None => unrecorded(session),
            };
            (path, tracked.recorded, tracked.removed_records)
        };
        let answer = Answer {
            path: &path,
            owner: namespace.owner.to_string(),
            key: &self.key,
            project: namespace.project.as_deref(),
            recorded,
            healed,
        };
        let log = place.usage_log()?;
        session.print(&answer, |_| {
            let mut text = Text::line(&path);
            text.notes.extend(usage_log(&log, &answer.healed, "repaired now"));
            text
        })
    }
}

/// Notes that a use is not logged without a project.
fn unrecorded(session: &mut Session) -> Tracked {
    if session.environment.tracks_access {
        let note = Note::new(
            "this use is not logged without a project: a collection may delete the space",
        );
        session.output.note(note.hint("pass a project: `--project .`, or set JULIA_PROJECT"));
    }
    Tracked::default()
}

/// Logs the use of the space at `path` for a project, or notes why it is not logged.
pub(in crate::command) fn record(
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
        usage::track(place, SpaceUsage { space: path, project }, now, lock_timeout)
    });
    match tracked {
        Ok(tracked) if tracked.recorded => return Ok(tracked),
        Ok(_) => session.output.note("this use is not logged: the depot is read-only"),
        // The space exists nevertheless.
        Err(error) => {
            let message = format!("this use is not logged: {error}");
            session
                .output
                .note(Note { message, hint: error.hint(FrontEnd::Shell).map(str::to_owned) });
        }
    }
    Ok(Tracked::default())
}
