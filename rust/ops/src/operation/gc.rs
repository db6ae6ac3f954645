//! Collection of depots.

use std::time::Duration;

use chrono::TimeDelta;
use scratchrs_core::gc::{self, Explained, Moment, Options, Report, Status};
use scratchrs_core::{Error, Result};
use scratchrs_fs::Progress;
use scratchrs_model::collection::Policy;
use scratchrs_model::quantity;
use scratchrs_text::{FrontEnd, Reader};
use serde::de::DeserializeOwned;

use super::arguments::duration;
use super::now;

/// For how long a collection waits for the lock of a log.
const LOCK_TIMEOUT: Duration = Duration::from_secs(30);

fn options(depots: &[&str], ignore_roots: &[&str]) -> Options {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    Options {
        depots: texts(depots),
        policy: Policy { collect_delay: TimeDelta::days(7), scratch_cleanup_period: None },
        force: false,
        max_size: None,
        dry_run: true,
        lock_timeout: LOCK_TIMEOUT,
        ignore_roots: texts(ignore_roots),
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the edge where the clock is read")]
fn moment() -> Moment {
    Moment { now: now(), clock: std::time::SystemTime::now() }
}

/// See [`gc::collect`].
///
/// # Errors
///
/// As there, or if the size is invalid.
#[expect(clippy::too_many_arguments, reason = "an operation takes all options one by one")]
pub fn collect_depots(
    depots: Vec<&str>,
    delay_ms: u64,
    period_ms: Option<u64>,
    max_size: Option<&str>,
    force: bool,
    is_dry_run: bool,
    ignore_roots: Vec<&str>,
    progress: &Progress,
) -> Result<Report> {
    let size = |text| quantity::size(text).map_err(|error| Error::InvalidInput(error.to_string()));
    let options = Options {
        policy: Policy {
            collect_delay: duration(delay_ms),
            scratch_cleanup_period: period_ms.map(duration),
        },
        max_size: max_size.map(size).transpose()?,
        force,
        dry_run: is_dry_run,
        ..options(&depots, &ignore_roots)
    };
    gc::collect(&options, moment(), progress)
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
) -> Result<Status> {
    let options = Options { force, ..options(&depots, &ignore_roots) };
    gc::status(&options, moment(), progress)
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
) -> Result<Explained> {
    let options = options(&depots, &ignore_roots);
    gc::why(query, &options, moment(), progress)
}

/// See [`scratchrs_text`]. The kind of the encoded reply is the name of its type.
///
/// # Errors
///
/// If the kind is unknown, or the reply invalid.
pub fn render(
    kind: &str,
    reply: &[u8],
    width: u64,
    has_colour: bool,
    is_verbose: bool,
    home: Option<&str>,
) -> Result<String> {
    let reader = Reader {
        width: usize::try_from(width).ok().filter(|width| *width > 0),
        home,
        now: now(),
        front_end: FrontEnd::Julia,
    };
    let lines = match kind {
        "Report" => scratchrs_text::collection(&decoded(reply)?, is_verbose, &reader),
        "Status" => scratchrs_text::status(&decoded(reply)?, is_verbose, &reader),
        "Explained" => explained(&decoded(reply)?, &reader),
        _ => return Err(Error::InvalidInput(format!("unknown kind of reply: {kind}"))),
    };
    let text = lines.join("\n");
    Ok(if has_colour { text } else { scratchrs_text::plain(&text) })
}

fn explained(explained: &Explained, reader: &Reader<'_>) -> Vec<String> {
    let blocks = explained.found.iter().map(|found| scratchrs_text::explanation(found, reader));
    let mut lines = blocks.collect::<Vec<_>>().join(&String::new());
    for (title, about) in scratchrs_text::notes(&explained.notes, true, reader) {
        lines.push(format!("Skipped {title}"));
        lines.extend(about.iter().map(|note| format!("  {note}")));
    }
    lines
}

fn decoded<T: DeserializeOwned>(reply: &[u8]) -> Result<T> {
    let invalid = |error| Error::InvalidInput(format!("invalid reply: {error}"));
    rmp_serde::from_slice(reply).map_err(invalid)
}

#[cfg(test)]
mod tests {
    use scratchrs_core::gc::{Category, Entry, Note, Problem, Share};
    use scratchrs_fs::Size;
    use scratchrs_model::diagnostic::Diagnostic;

    use super::*;

    #[test]
    fn a_reply_is_rendered_as_it_was() {
        let size = Size { bytes: 2048, shared: 0, files: 0 };
        let entry = Entry {
            kind: Category::Artifact,
            label: "iris".to_owned(),
            package: None,
            path: "/depot/artifacts/1".to_owned(),
            size,
            last_used: Some(now()),
            manifests: 0,
            artifact_files: 1,
            projects: 0,
            names: 0,
            is_held: false,
            is_orphan: false,
            until: None,
        };
        let diagnostic = Diagnostic::of_line(3, "invalid");
        let note = Note { path: "/file".to_owned(), diagnostic, problem: Problem::Unreadable };
        let share = Share { kind: Category::Artifact, count: 1, size, reclaimable: size };
        let status = Status {
            depots: vec!["/depot".to_owned()],
            shares: vec![share],
            entries: vec![entry],
            notes: vec![note],
            size,
            saved: 0,
        };
        let reply = crate::encode(&status);
        let decoded: Status = decoded(&reply).unwrap();
        assert_eq!((&decoded.entries, &decoded.notes), (&status.entries, &status.notes));
        let text = render("Status", &reply, 80, false, false, None).unwrap();
        assert!(text.starts_with("/depot   2.0 KiB on disk   2.0 KiB reclaimable\n"), "{text}");
        assert!(text.contains("iris     artifact  2.0 KiB  today      1 artifact file"), "{text}");
        assert!(render("Status", b"\xc1", 80, false, false, None).is_err());
        assert!(render("Nothing", &reply, 80, false, false, None).is_err());
    }
}
