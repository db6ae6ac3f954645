//! What the commands about a whole depot have in common.

use chrono::TimeDelta;
use scratchrs_core::gc::{Category, Moment, Note, Options, Problem};
use scratchrs_fs::Size;
use scratchrs_model::collection::Policy;
use scratchrs_model::time::DepotTime;
use serde::Serialize;

use crate::failure::{Failure, Result};
use crate::human::{count, visible};
use crate::session::Session;

/// For how long a command waits for whoever writes to a log.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

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
        patience: PATIENCE,
        ignore_roots: Vec::new(),
    })
}

/// What the session's clocks show.
pub(crate) fn moment(session: &Session) -> Moment {
    Moment { now: session.environment.now, clock: session.environment.clock }
}

/// A duration that somebody typed.
pub(crate) fn duration(text: &str) -> std::result::Result<TimeDelta, String> {
    scratchrs_model::quantity::duration(text).map_err(|error| error.to_string())
}

/// A size that somebody typed.
pub(crate) fn size(text: &str) -> std::result::Result<u64, String> {
    scratchrs_model::quantity::size(text).map_err(|error| error.to_string())
}

/// How many there are of a kind, in words.
pub(crate) fn counted(kind: Category, number: usize) -> String {
    match kind {
        Category::Store => format!("{number} in the store"),
        kind => count(number as u64, word(kind)),
    }
}

/// The word for a kind in JSON.
pub(crate) fn word(kind: Category) -> &'static str {
    match kind {
        Category::Package => "package",
        Category::Clone => "clone",
        Category::Artifact => "artifact",
        Category::Space => "space",
        Category::Store => "store",
    }
}

/// The word for a kind at the head of a line.
pub(crate) fn plural(kind: Category) -> &'static str {
    match kind {
        Category::Package => "packages",
        Category::Clone => "clones",
        Category::Artifact => "artifacts",
        Category::Space => "spaces",
        Category::Store => "store",
    }
}

/// A path as people write it: `~` for their home.
pub(crate) fn homely(path: &str, session: &Session) -> String {
    let home = session.environment.home.as_deref();
    let below = home.and_then(|home| path.strip_prefix(home)?.strip_prefix('/'));
    match below {
        Some(rest) => format!("~/{}", visible(rest)),
        None => visible(path),
    }
}

/// What something takes, as JSON has it.
#[derive(Clone, Copy, Default, Serialize)]
pub(crate) struct Bytes {
    /// The sum of the lengths of files.
    bytes: u64,
    /// What is freed when they go: what has no other names.
    freed: u64,
}

impl From<Size> for Bytes {
    fn from(size: Size) -> Self {
        Self { bytes: size.bytes, freed: size.freed() }
    }
}

/// A note as JSON has it.
#[derive(Serialize)]
pub(crate) struct Remark {
    path: String,
    line: Option<usize>,
    column: Option<usize>,
    message: String,
    consequence: &'static str,
}

impl Remark {
    pub(crate) fn of(note: &Note) -> Self {
        Self {
            path: note.path.clone(),
            line: note.diagnostic.line,
            column: note.diagnostic.column,
            message: note.diagnostic.message.clone(),
            consequence: match note.problem {
                Problem::Unreadable => "held",
                Problem::Faulty => "kept",
                Problem::Healed => "healed",
                Problem::Passed => "passed",
            },
        }
    }
}

/// The lines that tell of notes: a title for each consequence, and below it what it is about.
pub(crate) fn notes(
    notes: &[Note],
    is_dry_run: bool,
    session: &Session,
) -> Vec<(String, Vec<String>)> {
    let titled = [
        (
            Problem::Unreadable,
            "that cannot be read completely: nothing that it may reference is deleted. Repair it, \
             delete it, or pass `--ignore-root PATH`",
        ),
        (Problem::Faulty, "with faults: all that it can be seen to name is kept"),
        (
            Problem::Healed,
            if is_dry_run {
                "in logs that nobody can read: a collection removes it"
            } else {
                "in logs that nobody can read: it is removed"
            },
        ),
        (Problem::Passed, "left alone"),
    ];
    let mut told = Vec::new();
    for (problem, consequence) in titled {
        let of_it: Vec<&Note> = notes.iter().filter(|note| note.problem == problem).collect();
        if of_it.is_empty() {
            continue;
        }
        let one = if problem == Problem::Healed { "thing" } else { "file" };
        let title = format!("{} {consequence}", count(of_it.len() as u64, one));
        let line = |note: &&Note| {
            let mut place = homely(&note.path, session);
            for number in [note.diagnostic.line, note.diagnostic.column].into_iter().flatten() {
                place.push_str(&format!(":{number}"));
            }
            format!("{place} {}", visible(&note.diagnostic.message))
        };
        told.push((title, of_it.iter().map(line).collect()));
    }
    told
}

/// Tells of notes.
pub(crate) fn tell(notes: &[Note], session: &mut Session) {
    for (title, about) in self::notes(notes, true, session) {
        session.output.note(&format!("{title}\n  {}", about.join("\n  ")), None);
    }
}

/// A moment as JSON has it.
pub(crate) fn time(time: DepotTime) -> String {
    time.to_string()
}

/// That nobody has such a thing.
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
