//! What a collection did, or would do.

use scratchrs_core::Failure;
use scratchrs_core::gc::{Category, Gone, Report, Waiting};
use scratchrs_fs::Size;
use scratchrs_model::collection::Reason;

use crate::style::{aside, done};
use crate::{Reader, human, kinds, notes};

/// What a collection did, or would do.
pub fn collection(report: &Report, is_verbose: bool, reader: &Reader<'_>) -> Vec<String> {
    let line = |verb: &str, fact: &str| {
        let padding = " ".repeat(12_usize.saturating_sub(verb.chars().count()));
        format!("{padding}{} {fact}", done(verb))
    };
    let below = |text: &str| format!("{}{text}", " ".repeat(13));
    let mut lines = vec![line("Active", &active(report))];
    for (title, about) in notes(&report.notes, report.is_dry_run, reader) {
        lines.push(line("Skipped", &title));
        let shown = if is_verbose { about.len() } else { about.len().min(5) };
        lines.extend(about[..shown].iter().map(|note| below(&format!("  {note}"))));
        if shown < about.len() {
            let more = about.len() - shown;
            let verbose = reader.spell("`--verbose`", "`verbose = true`");
            let more = format!("  … and {more} more: {verbose} shows them");
            lines.push(below(&aside(&more)));
        }
    }
    for (verb, stayed) in [("Spared", &report.spared), ("Failed", &report.failures)] {
        lines.extend(stayed.iter().map(|Failure { path, message }| {
            let fact = format!("{}: {}", reader.path(path), human::visible(message));
            line(verb, &fact)
        }));
    }
    let size = report.size;
    if report.gone.is_empty() {
        let nothing = if report.is_dry_run { "Would free" } else { "Freed" };
        lines.push(line(nothing, "nothing"));
    } else if report.is_dry_run {
        lines.push(line("Would free", &freed(size)));
        for kind in Category::ALL {
            lines.extend(share(report, kind).map(|share| below(&share)));
        }
    } else {
        let parts = Category::ALL.into_iter().filter_map(|kind| {
            let number = of_kind(report, kind).count();
            (number > 0).then(|| kinds::counted(kind, number))
        });
        let parts = parts.collect::<Vec<_>>().join(", ");
        lines.push(line("Freed", &format!("{}: {parts}", freed(size))));
    }
    if is_verbose {
        lines.extend(report.gone.iter().map(|gone| below(&shown(gone, reader))));
        lines.extend(report.waiting.iter().map(|waiting| {
            let Waiting { path, until, .. } = waiting;
            let until = until.local().format("%Y-%m-%d %H:%M");
            below(&format!("{} can go on {until}", reader.path(path)))
        }));
    }
    if report.is_dry_run {
        lines.push(below(&outlook(report, reader)));
    }
    if report.abandoned > 0 {
        let files = human::count(report.abandoned as u64, "file");
        let fact = format!("{files} of names in the store: the projects are gone");
        lines.push(line(if report.is_dry_run { "Would clear" } else { "Cleared" }, &fact));
    }
    if report.leftovers > 0 {
        let leftovers = human::count(report.leftovers as u64, "leftover");
        lines.push(line("Cleared", &format!("{leftovers} of processes that were killed")));
    }
    lines
}

/// The line about a kind in a dry run.
fn share(report: &Report, kind: Category) -> Option<String> {
    let number = of_kind(report, kind).count();
    let size = human::size(report.size_of_gone(Some(kind)).bytes);
    let mut reasons: Vec<&str> = Vec::new();
    for gone in of_kind(report, kind) {
        let reason = match gone.reason {
            Reason::Unreachable if kind == Category::Store => "no name is bound to them",
            Reason::Unreachable => "nothing keeps them",
            Reason::Unused => "not opened for long",
            Reason::Evicted => "least recently used",
        };
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    let reasons = reasons.join("; ");
    (number > 0).then(|| format!("{:<10}{number:>6}  {size:>10}   {reasons}", kinds::plural(kind)))
}

fn of_kind(report: &Report, kind: Category) -> impl Iterator<Item = &Gone> {
    report.gone.iter().filter(move |gone| gone.kind == kind)
}

fn active(report: &Report) -> String {
    let manifests = human::count(report.manifests as u64, "manifest");
    let files = human::count(report.artifact_files as u64, "artifact file");
    let spaces = human::count(report.spaces as u64, "scratch space");
    format!("{manifests}, {files}, {spaces}")
}

/// A size, and how much of it is really freed, if that is another one.
fn freed(size: Size) -> String {
    match size.shared {
        0 => human::size(size.bytes),
        _ => format!("{} of {}", human::size(size.freed()), human::size(size.bytes)),
    }
}

fn shown(gone: &Gone, reader: &Reader<'_>) -> String {
    format!("{} ({})", reader.path(&gone.path), human::size(gone.size.bytes))
}

/// What a dry run says in the end.
fn outlook(report: &Report, reader: &Reader<'_>) -> String {
    let size: Size = report.waiting.iter().map(|waiting| waiting.size).sum();
    let Some(last) = report.waiting.iter().map(|waiting| waiting.until).max() else {
        return "Nothing was touched.".to_owned();
    };
    let seconds = last.since(reader.now).num_seconds().max(0);
    let days = seconds.div_euclid(24 * 60 * 60) as u64;
    let when = match days {
        0 => "Within a day".to_owned(),
        _ => format!("In {}", human::count(days, "day")),
    };
    format!("{when} another {} can go. Nothing was touched.", human::size(size.bytes))
}
