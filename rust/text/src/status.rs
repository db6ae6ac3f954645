//! What is in depots.

use scratchrs_core::gc::{Category, Entry, Status};

use crate::human::visible;
use crate::style::{aside, title};
use crate::table::{self, Align, Column};
use crate::{Reader, human, kinds};

/// How many of the largest are shown.
const LARGEST: usize = 10;
/// How wide the longest bar is where there is room, and how short it may become.
const BAR: (usize, usize) = (50, 10);

const COLUMNS: [Column; 5] = [
    Column { title: "largest", align: Align::Left, yields: true },
    Column { title: "kind", align: Align::Left, yields: false },
    Column { title: "size", align: Align::Right, yields: false },
    Column { title: "last used", align: Align::Left, yields: false },
    Column { title: "kept by", align: Align::Left, yields: true },
];

/// What is in depots: a bar for each kind, and the largest items, or all.
pub fn status(status: &Status, is_whole: bool, reader: &Reader<'_>) -> Vec<String> {
    let (size, reclaimable) = (status.size, status.reclaimable());
    let depots = status.depots.iter().map(|depot| reader.path(depot));
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
    lines.extend(bars(status, reader.width));
    let shown = if is_whole { status.entries.len() } else { status.entries.len().min(LARGEST) };
    if shown > 0 {
        lines.push(String::new());
        let rows: Vec<_> = status.entries[..shown].iter().map(|e| row(e, reader)).collect();
        let mut table = table::lines(&COLUMNS, &rows, reader.width).into_iter();
        lines.extend(table.next().map(|line| title(&line)));
        lines.extend(table);
    }
    if shown < status.entries.len() {
        let more = status.entries.len() - shown;
        lines.push(aside(&format!(
            "… and {more} more: {}",
            reader.spell(
                "scratchrs status --all, --json, scratchrs report --html",
                "`entries` of this has them"
            )
        )));
    }
    lines
}

/// A line with a bar for each kind that there is any of.
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

fn row(entry: &Entry, reader: &Reader<'_>) -> [String; 5] {
    [
        visible(&entry.label),
        kinds::word(entry.kind).to_owned(),
        human::size(entry.size.bytes),
        human::age(entry.last_used, reader.now),
        kept_by(entry),
    ]
}

fn kept_by(entry: &Entry) -> String {
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
        parts.push("perhaps a file that can't be read".to_owned());
    }
    match (parts.is_empty(), entry.until) {
        (false, _) => parts.join(", "),
        (true, Some(until)) => format!("nothing: can go on {}", until.local().format("%Y-%m-%d")),
        (true, None) => "nothing yet: in use".to_owned(),
    }
}
