//! What the commands about a whole depot have in common.

use chrono::TimeDelta;
use scratchrs_core::gc::{Moment, Note, Options};
use scratchrs_model::collection::Policy;

use crate::failure::{Failure, Result};
use crate::session::Session;

/// For how long a command waits for the lock of a log.
const LOCK_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(30);

/// For how long something has to be an orphan before it goes, as in Pkg.
pub(crate) const COLLECT_DELAY: &str = "7d";

/// The roots that a command is to ignore.
#[derive(clap::Args)]
pub(crate) struct IgnoredRoots {
    /// Treat a manifest, Artifacts.toml file, project or log as missing, such as one that cannot be
    /// read; may be repeated
    #[arg(long = "ignore-root", value_name = "PATH")]
    pub(crate) paths: Vec<String>,
}

/// A collection of the depots of a session that does nothing but look.
pub(crate) fn looking(session: &Session, collect_delay: TimeDelta) -> Result<Options> {
    Ok(Options {
        depots: session.depots()?,
        policy: Policy { collect_delay, scratch_cleanup_period: None },
        force: false,
        max_size: None,
        dry_run: true,
        lock_timeout: LOCK_TIMEOUT,
        ignore_roots: Vec::new(),
    })
}

/// What the session's clocks show.
pub(crate) fn moment(session: &Session) -> Moment {
    Moment { now: session.environment.now, clock: session.environment.clock }
}

/// A duration given as an argument.
pub(crate) fn duration(text: &str) -> std::result::Result<TimeDelta, String> {
    scratchrs_model::quantity::duration(text).map_err(|error| error.to_string())
}

/// A size given as an argument.
pub(crate) fn size(text: &str) -> std::result::Result<u64, String> {
    scratchrs_model::quantity::size(text).map_err(|error| error.to_string())
}

/// A path as people write it: `~` for their home.
pub(crate) fn homely(path: &str, session: &Session) -> String {
    session.reader().path(path)
}

/// Tells of notes.
pub(crate) fn tell(notes: &[Note], session: &mut Session) {
    for (title, about) in scratchrs_text::notes(notes, true, &session.reader()) {
        session.output.note(&format!("{title}\n  {}", about.join("\n  ")), None);
    }
}

/// The error of a query that names no item.
pub(crate) fn nothing_is_called(query: &str, depots: &[String]) -> Failure {
    let depots = depots.iter().map(|depot| format!("`{depot}`")).collect::<Vec<_>>().join(", ");
    Failure::new(
        crate::failure::Code::NotFound,
        format!(
            "there is no package, clone, artifact, space or name in the store `{query}` in {depots}"
        ),
    )
    .hint("`scratchrs status --all` shows what there is")
}
