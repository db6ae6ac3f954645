//! The content of depots.

use scratchrs_core::gc::{Category, Entry, Status};

use super::{kinds, notes};
use crate::human::visible;
use crate::style::{aside, title};
use crate::table::{Column, table};
use crate::{Context, Text, human};

/// How many of the largest items are shown.
const LARGEST: usize = 10;
/// The width of the longest bar: at most, and in a narrow terminal.
const BAR: (usize, usize) = (50, 10);

const COLUMNS: [Column; 5] = [
    Column::left("largest").cut(),
    Column::left("kind"),
    Column::right("size"),
    Column::left("last used"),
    Column::left("referenced by").cut(),
];

/// The content of depots: a bar for each kind, and the largest items, or with `is_whole` all.
pub fn status(status: &Status, is_whole: bool, context: &Context<'_>) -> Text {
    let (size, reclaimable) = (status.size, status.reclaimable());
    let depots = status.depots.iter().map(|depot| context.path(depot));
    let depots = depots.collect::<Vec<_>>().join(", ");
    let mut head = format!(
        "{}   {} on disk   {} reclaimable",
        title(&depots),
        human::size(size.bytes),
        human::size(reclaimable.bytes)
    );
    if size.shared > 0 {
        head.push_str(&format!("   {} in files with several names", human::size(size.shared)));
    }
    if status.saved > 0 {
        head.push_str(&format!("   {} saved by sharing", human::size(status.saved)));
    }
    let mut lines = vec![head, String::new()];
    lines.extend(bars(status, context.width));
    let shown = if is_whole { status.entries.len() } else { status.entries.len().min(LARGEST) };
    if shown > 0 {
        lines.push(String::new());
        let rows: Vec<_> = status.entries[..shown].iter().map(|it| row(it, context)).collect();
        lines.extend(table(&COLUMNS, &rows, context));
    }
    if shown < status.entries.len() {
        let more = status.entries.len() - shown;
        lines.push(aside(&format!(
            "… and {more} more: {}",
            context.spell(
                "scratchrs status --all, --json, scratchrs report --html",
                "see its field `entries`"
            )
        )));
    }
    let notes = notes::grouped(&status.notes, true, context);
    Text { lines, notes: notes.into_iter().map(Into::into).collect(), ..Text::default() }
}

/// A line with a bar for each kind.
fn bars(status: &Status, columns: Option<usize>) -> Vec<String> {
    let facts: Vec<_> = status
        .shares
        .iter()
        .filter(|share| share.count > 0)
        .map(|share| {
            let size = human::size(share.size.bytes);
            let what = if share.kind == Category::Store { " files" } else { "" };
            (share, format!("{size:>10}  {:>7}{what}", share.count))
        })
        .collect();
    let taken = 2 + 9 + 2 + 2 + 19;
    let room = columns.unwrap_or(100).saturating_sub(taken).clamp(BAR.1, BAR.0);
    let largest = facts.iter().map(|(share, _)| share.size.bytes).max().unwrap_or(0).max(1);
    let cells = |bytes: u64| (bytes as f64 / largest as f64 * room as f64).round() as usize;
    let mut lines: Vec<String> = facts
        .iter()
        .map(|(share, facts)| {
            let used = cells(share.size.bytes - share.reclaimable.bytes);
            let free = cells(share.size.bytes).saturating_sub(used);
            let bar = format!("{}{}", "█".repeat(used), "▒".repeat(free));
            let padding = " ".repeat(room.saturating_sub(used + free));
            format!("  {:<9}  {bar}{padding}  {facts}", kinds::plural(share.kind))
        })
        .collect();
    if !lines.is_empty() {
        lines.push(aside(&format!("{}█ in use  ▒ reclaimable", " ".repeat(13))));
    }
    lines
}

fn row(entry: &Entry, context: &Context<'_>) -> [String; 5] {
    [
        visible(&entry.label),
        kinds::word(entry.kind).to_owned(),
        human::size(entry.size.bytes),
        human::age(entry.last_used, context.now),
        referenced_by(entry),
    ]
}

fn referenced_by(entry: &Entry) -> String {
    let parts = [
        (entry.manifests, "manifest"),
        (entry.artifact_files, "artifact file"),
        (entry.projects, "project"),
        (if entry.is_orphan { 0 } else { entry.names }, "name"),
    ];
    let mut parts: Vec<String> = parts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, one)| human::count(count as u64, one))
        .collect();
    if entry.is_held {
        parts.push("perhaps an unreadable file".to_owned());
    }
    match (parts.is_empty(), entry.until) {
        (false, _) => parts.join(", "),
        (true, Some(until)) => {
            format!("nothing (deletable on {})", until.local().format("%Y-%m-%d"))
        }
        (true, None) => "nothing (in use)".to_owned(),
    }
}
