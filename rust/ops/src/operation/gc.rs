//! Collection of depots.

use std::time::Duration;

use chrono::TimeDelta;
use scratchrs_core::gc::{
    self, Category, Cause, Failure, Moment, Note, Options, Problem, Standing,
};
use scratchrs_core::{Error, Result};
use scratchrs_fs::{Progress, Size};
use scratchrs_model::collection::{Policy, Reason};
use scratchrs_model::quantity;
use scratchrs_model::time::DepotTime;
use toml::{Table, Value};

use super::document;
use super::now;

/// For how long a collection waits for whoever writes to a log.
const PATIENCE: Duration = Duration::from_secs(30);

fn options(depots: &[&str], ignore_roots: &[&str]) -> Options {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    Options {
        depots: texts(depots),
        policy: Policy { collect_delay: TimeDelta::days(7), scratch_cleanup_period: None },
        force: false,
        max_size: None,
        dry_run: true,
        patience: PATIENCE,
        ignore_roots: texts(ignore_roots),
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the edge where the clock is read")]
fn moment() -> Moment {
    Moment { now: now(), clock: std::time::SystemTime::now() }
}

/// See [`gc::collect`]. Durations are numbers of milliseconds; of those and the size, an empty text
/// stands for none.
///
/// # Errors
///
/// As there, or if a text is not what it should be.
#[expect(clippy::too_many_arguments, reason = "an operation takes all options one by one")]
pub fn collect_depots(
    depots: Vec<&str>,
    delay: &str,
    period: &str,
    max_size: &str,
    force: bool,
    is_dry_run: bool,
    ignore_roots: Vec<&str>,
    progress: &Progress,
) -> Result<document::Table> {
    let invalid =
        |text: &str| Error::InvalidInput(format!("`{text}` is no number of milliseconds"));
    let duration = |text: &str| {
        let milliseconds = text.parse().map_err(|_| invalid(text))?;
        TimeDelta::try_milliseconds(milliseconds).ok_or_else(|| invalid(text))
    };
    let is_given = |text: &&str| !text.is_empty();
    let size = |text| quantity::size(text).map_err(|error| Error::InvalidInput(error.to_string()));
    let options = Options {
        policy: Policy {
            collect_delay: duration(delay)?,
            scratch_cleanup_period: Some(period).filter(is_given).map(duration).transpose()?,
        },
        max_size: Some(max_size).filter(is_given).map(size).transpose()?,
        force,
        dry_run: is_dry_run,
        ..options(&depots, &ignore_roots)
    };
    let report = gc::collect(&options, moment(), progress)?;
    let mut table = Table::new();
    table.insert("depots".into(), texts(&report.depots));
    table.insert("manifests".into(), number(report.manifests as u64));
    table.insert("artifact_files".into(), number(report.artifact_files as u64));
    table.insert("spaces".into(), number(report.spaces as u64));
    table.insert("leftovers".into(), number(report.leftovers as u64));
    table.insert("abandoned".into(), number(report.abandoned as u64));
    let gone = report.gone.iter().map(|gone| {
        let mut table = item(gone.kind, &gone.path, gone.size);
        let reason = match gone.reason {
            Reason::Unreachable => "unreachable",
            Reason::Unused => "unused",
            Reason::Evicted => "evicted",
        };
        table.insert("reason".into(), reason.into());
        Value::Table(table)
    });
    table.insert("gone".into(), Value::Array(gone.collect()));
    let waiting = report.waiting.iter().map(|waiting| {
        let mut table = item(waiting.kind, &waiting.path, waiting.size);
        table.insert("since".into(), moment_text(waiting.since));
        table.insert("until".into(), moment_text(waiting.until));
        Value::Table(table)
    });
    table.insert("waiting".into(), Value::Array(waiting.collect()));
    table.insert("failures".into(), failures(&report.failures));
    table.insert("spared".into(), failures(&report.spared));
    table.insert("notes".into(), notes(&report.notes));
    Ok(document::Table(table))
}

/// See [`gc::status`].
///
/// # Errors
///
/// As there.
pub fn depot_status(
    depots: Vec<&str>,
    force: bool,
    ignore_roots: Vec<&str>,
    progress: &Progress,
) -> Result<document::Table> {
    let options = Options { force, ..options(&depots, &ignore_roots) };
    let status = gc::status(&options, moment(), progress)?;
    let entry = |entry: &gc::Entry| {
        let mut table = item(entry.kind, &entry.path, entry.size);
        table.insert("label".into(), entry.label.clone().into());
        if let Some(package) = &entry.package {
            table.insert("package".into(), package.clone().into());
        }
        insert_time(&mut table, "last_used", entry.last_used);
        insert_time(&mut table, "until", entry.until);
        table.insert("manifests".into(), number(entry.manifests as u64));
        table.insert("artifact_files".into(), number(entry.artifact_files as u64));
        table.insert("projects".into(), number(entry.projects as u64));
        table.insert("names".into(), number(entry.names as u64));
        table.insert("is_held".into(), entry.is_held.into());
        table.insert("is_orphan".into(), entry.is_orphan.into());
        Value::Table(table)
    };
    let share = |share: &gc::Share| {
        let mut table = item(share.kind, "", share.size);
        table.insert("count".into(), number(share.count as u64));
        table.insert("reclaimable".into(), number(share.reclaimable.bytes));
        Value::Table(table)
    };
    let mut table = Table::new();
    table.insert("depots".into(), texts(&status.depots));
    table.insert("entries".into(), Value::Array(status.entries.iter().map(entry).collect()));
    table.insert("saved".into(), number(status.saved));
    table.insert("shares".into(), Value::Array(status.shares.iter().map(share).collect()));
    table.insert("notes".into(), notes(&status.notes));
    Ok(document::Table(table))
}

/// See [`gc::why`].
///
/// # Errors
///
/// As there.
pub fn explain_item(
    depots: Vec<&str>,
    query: &str,
    ignore_roots: Vec<&str>,
    progress: &Progress,
) -> Result<document::Table> {
    let options = options(&depots, &ignore_roots);
    let explained = gc::why(query, &options, moment(), progress)?;
    let found = explained.found.iter().map(|found| {
        let mut table = item(found.kind, &found.path, found.size);
        table.insert("label".into(), found.label.clone().into());
        insert_time(&mut table, "last_used", found.last_used);
        let standing = match found.standing {
            Standing::Kept => "kept",
            Standing::Goes => "goes",
            Standing::Elsewhere => "elsewhere",
            Standing::Waiting { since, until } => {
                insert_time(&mut table, "since", Some(since));
                insert_time(&mut table, "until", Some(until));
                "waiting"
            }
        };
        table.insert("standing".into(), standing.into());
        table.insert("causes".into(), causes(&found.causes));
        Value::Table(table)
    });
    let mut table = Table::new();
    table.insert("found".into(), Value::Array(found.collect()));
    table.insert("notes".into(), notes(&explained.notes));
    Ok(document::Table(table))
}

fn causes(causes: &[Cause]) -> Value {
    let cause = |cause: &Cause| {
        let mut table = Table::new();
        table.insert("what".into(), cause.what.into());
        table.insert("path".into(), cause.path.clone().into());
        for (key, text) in [("name", &cause.name), ("package", &cause.package)] {
            if let Some(text) = text {
                table.insert(key.into(), text.clone().into());
            }
        }
        insert_time(&mut table, "last_used", cause.last_used);
        table.insert("because".into(), self::causes(&cause.because));
        Value::Table(table)
    };
    Value::Array(causes.iter().map(cause).collect())
}

fn item(kind: Category, path: &str, size: Size) -> Table {
    let kind = match kind {
        Category::Package => "package",
        Category::Clone => "clone",
        Category::Artifact => "artifact",
        Category::Space => "space",
        Category::Store => "store",
    };
    let mut table = Table::new();
    table.insert("kind".into(), kind.into());
    table.insert("path".into(), path.into());
    table.insert("bytes".into(), number(size.bytes));
    table.insert("freed".into(), number(size.freed()));
    table
}

fn notes(notes: &[Note]) -> Value {
    let note = |note: &Note| {
        let consequence = match note.problem {
            Problem::Unreadable => "held",
            Problem::Faulty => "kept",
            Problem::Healed => "healed",
            Problem::Passed => "passed",
        };
        let mut place = note.path.clone();
        for number in [note.diagnostic.line, note.diagnostic.column].into_iter().flatten() {
            place.push_str(&format!(":{number}"));
        }
        let fields = [consequence.to_owned(), place, note.diagnostic.message.clone()];
        texts(&fields)
    };
    Value::Array(notes.iter().map(note).collect())
}

fn failures(failures: &[Failure]) -> Value {
    let failure = |failure: &Failure| texts(&[failure.path.clone(), failure.message.clone()]);
    Value::Array(failures.iter().map(failure).collect())
}

fn texts(texts: &[String]) -> Value {
    Value::Array(texts.iter().cloned().map(Value::from).collect())
}

fn number(number: u64) -> Value {
    i64::try_from(number).unwrap_or(i64::MAX).into()
}

fn moment_text(time: DepotTime) -> Value {
    time.to_string().into()
}

fn insert_time(table: &mut Table, key: &str, time: Option<DepotTime>) {
    if let Some(time) = time {
        table.insert(key.into(), moment_text(time));
    }
}
