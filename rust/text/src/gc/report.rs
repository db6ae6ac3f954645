//! What a collection did, or would do.

use scratchrs_core::Failure;
use scratchrs_core::gc::{Category, Deleted, Report, Waiting};
use scratchrs_fs::Size;
use scratchrs_model::collection::Reason;

use super::kinds;
use super::notes::{self, Group};
use crate::style::{aside, done};
use crate::{Context, Text, human};

/// How many problems of a kind are shown.
const SHOWN: usize = 5;

/// What a collection did, or would do; with `is_verbose`, each item.
pub fn report(report: &Report, is_verbose: bool, context: &Context<'_>) -> Text {
    let mut lines = vec![line("Active", &active(report))];
    for group in notes::grouped(&report.notes, report.is_dry_run, context) {
        lines.extend(skipped(group, is_verbose, context));
    }
    for (verb, kept) in [("Spared", &report.spared), ("Failed", &report.failures)] {
        lines.extend(kept.iter().map(|Failure { path, message }| {
            line(verb, &format!("{}: {}", context.path(path), human::visible(message)))
        }));
    }
    lines.extend(deleted(report));
    if is_verbose {
        lines.extend(items(report, context));
    }
    if report.is_dry_run {
        lines.push(below(&outlook(report, context)));
    }
    if report.abandoned > 0 {
        let verb = if report.is_dry_run { "Would delete" } else { "Deleted" };
        let files = human::count(report.abandoned as u64, "names file");
        lines.push(line(verb, &format!("{files} of the store without a project")));
    }
    if report.leftovers > 0 {
        let leftovers = human::count(report.leftovers as u64, "leftover");
        lines.push(line("Deleted", &format!("{leftovers} of killed processes")));
    }
    Text { lines, ..Text::default() }
}

/// A verb, right-aligned as Pkg does it, and a fact.
fn line(verb: &str, fact: &str) -> String {
    let padding = " ".repeat(12_usize.saturating_sub(verb.chars().count()));
    format!("{padding}{} {fact}", done(verb))
}

/// A line that belongs to the fact above.
fn below(text: &str) -> String {
    format!("{}{text}", " ".repeat(13))
}

fn active(report: &Report) -> String {
    let manifests = human::count(report.manifests as u64, "manifest");
    let files = human::count(report.artifact_files as u64, "artifact file");
    let spaces = human::count(report.spaces as u64, "scratch space");
    format!("{manifests}, {files}, {spaces}")
}

/// Problems of files with the same consequence.
fn skipped(Group { title, lines }: Group, is_verbose: bool, context: &Context<'_>) -> Vec<String> {
    let shown = if is_verbose { lines.len() } else { lines.len().min(SHOWN) };
    let mut text = vec![line("Skipped", &title)];
    text.extend(lines[..shown].iter().map(|note| below(&format!("  {note}"))));
    if shown < lines.len() {
        let more = lines.len() - shown;
        let verbose = context.spell("`--verbose`", "`verbose = true`");
        text.push(below(&aside(&format!("  … and {more} more: {verbose} shows them"))));
    }
    text
}

/// What was deleted, or would be, in total and by kind.
fn deleted(report: &Report) -> Vec<String> {
    let verb = if report.is_dry_run { "Would free" } else { "Freed" };
    if report.gone.is_empty() {
        return vec![line(verb, "nothing")];
    }
    let size = freed(report.size);
    if report.is_dry_run {
        let mut lines = vec![line(verb, &size)];
        lines.extend(
            Category::ALL.into_iter().filter_map(|kind| Some(below(&share(report, kind)?))),
        );
        return lines;
    }
    let parts = Category::ALL.into_iter().filter_map(|kind| {
        let number = of_kind(report, kind).count();
        (number > 0).then(|| kinds::counted(kind, number))
    });
    vec![line(verb, &format!("{size}: {}", parts.collect::<Vec<_>>().join(", ")))]
}

/// Each item that was deleted, or is unreachable.
fn items(report: &Report, context: &Context<'_>) -> Vec<String> {
    let gone = report.gone.iter().map(|Deleted { path, size, .. }| {
        below(&format!("{} ({})", context.path(path), human::size(size.bytes)))
    });
    let waiting = report.waiting.iter().map(|Waiting { path, until, .. }| {
        let until = until.local().format("%Y-%m-%d %H:%M");
        below(&format!("{}, deletable on {until}", context.path(path)))
    });
    gone.chain(waiting).collect()
}

/// The line about a kind in a dry run.
fn share(report: &Report, kind: Category) -> Option<String> {
    let number = of_kind(report, kind).count();
    let size = human::size(report.size_of_gone(Some(kind)).bytes);
    let mut reasons: Vec<&str> = Vec::new();
    for gone in of_kind(report, kind) {
        let reason = match gone.reason {
            Reason::Unreachable if kind == Category::Store => "unbound",
            Reason::Unreachable => "unreachable",
            Reason::Unused => "not used for long",
            Reason::Evicted => "least recently used",
        };
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    let reasons = reasons.join("; ");
    (number > 0).then(|| format!("{:<10}{number:>6}  {size:>10}   {reasons}", kinds::plural(kind)))
}

fn of_kind(report: &Report, kind: Category) -> impl Iterator<Item = &Deleted> {
    report.gone.iter().filter(move |gone| gone.kind == kind)
}

/// A size, and how much of it is really freed, if that differs.
fn freed(size: Size) -> String {
    match size.shared {
        0 => human::size(size.bytes),
        _ => format!("{} of {}", human::size(size.freed()), human::size(size.bytes)),
    }
}

/// What becomes deletable later.
fn outlook(report: &Report, context: &Context<'_>) -> String {
    let size: Size = report.waiting.iter().map(|waiting| waiting.size).sum();
    let Some(last) = report.waiting.iter().map(|waiting| waiting.until).max() else {
        return "Nothing was deleted.".to_owned();
    };
    let seconds = last.since(context.now).num_seconds().max(0);
    let days = seconds.div_euclid(24 * 60 * 60) as u64;
    let when = match days {
        0 => "Within a day".to_owned(),
        _ => format!("In {}", human::count(days, "day")),
    };
    format!("{when} another {} becomes deletable. Nothing was deleted.", human::size(size.bytes))
}
