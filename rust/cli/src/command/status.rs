//! `scratchrs status`: what is in a depot.

use scratchrs_core::gc::{self, Category, Entry, Options, Status};
use serde::Serialize;

use crate::collection::{self, Bytes, COLLECT_DELAY, IgnoredRoots, Remark, homely, plural};
use crate::failure::Result;
use crate::human::{self, visible};
use crate::output::{aside, title};
use crate::progress::with_progress;
use crate::session::Session;
use crate::table::{self, Align, Column};

const AFTER_HELP: &str = "\
Examples:
  scratchrs status           how much there is of each kind, and what is largest
  scratchrs status --all     everything, the largest first
  scratchrs status --json | jq '.entries[] | select(.is_orphan) | .path'

With --json: {\"depots\": [\"…\"], \"bytes\", \"freed\", \"kinds\": [{\"kind\", \"count\", \
\"bytes\", \"freed\", \"reclaimable\"}], \"entries\": [{\"kind\", \"label\", \"package\", \"path\", \
\"bytes\", \"freed\", \"last_used\", \"manifests\", \"artifact_files\", \"projects\", \"names\", \
\"is_held\", \"is_orphan\", \"until\"}], \"saved\", \"skipped\": [{\"path\", \"line\", \"column\", \"message\", \
\"consequence\"}], \"notes\": [\"…\"]}.";

/// Show what is in the depot, how large it is, who uses it, and what can go
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// Show everything, not only what is largest
    #[arg(long, short)]
    all: bool,

    #[command(flatten)]
    ignored: IgnoredRoots,
}

/// How many of the largest are shown.
const LARGEST: usize = 10;
/// How wide the longest bar is where there is room, and how short it may become.
const BAR: (usize, usize) = (50, 10);

/// What there is, as JSON has it.
#[derive(Serialize)]
pub(super) struct Answer {
    depots: Vec<String>,
    #[serde(flatten)]
    size: Bytes,
    kinds: Vec<KindEntry>,
    entries: Vec<ItemEntry>,
    /// What sharing saves in the store.
    saved: u64,
    skipped: Vec<Remark>,
}

#[derive(Serialize)]
struct KindEntry {
    kind: &'static str,
    count: usize,
    #[serde(flatten)]
    size: Bytes,
    reclaimable: u64,
}

#[derive(Serialize)]
struct ItemEntry {
    kind: &'static str,
    label: String,
    package: Option<String>,
    path: String,
    #[serde(flatten)]
    size: Bytes,
    last_used: Option<String>,
    manifests: usize,
    artifact_files: usize,
    projects: usize,
    names: usize,
    is_held: bool,
    is_orphan: bool,
    until: Option<String>,
}

const COLUMNS: [Column; 5] = [
    Column { title: "largest", align: Align::Left, yields: true },
    Column { title: "kind", align: Align::Left, yields: false },
    Column { title: "size", align: Align::Right, yields: false },
    Column { title: "last used", align: Align::Left, yields: false },
    Column { title: "kept by", align: Align::Left, yields: true },
];

impl Arguments {
    pub(crate) fn run(&self, session: &mut Session) -> Result<()> {
        let delay = collection::duration(COLLECT_DELAY).unwrap_or_default();
        let ignore_roots = self.ignored.paths.clone();
        let options = Options { ignore_roots, ..collection::looking(session, delay)? };
        let moment = collection::moment(session);
        let status = with_progress(session, |progress| gc::status(&options, moment, progress))?;
        if session.output.is_json() {
            return session.output.json(&Answer::of(&status));
        }
        let lines = self.lines(&status, session);
        session.output.result(&(lines.join("\n") + "\n"))?;
        collection::tell(&status.notes, session);
        Ok(())
    }

    fn lines(&self, status: &Status, session: &Session) -> Vec<String> {
        let (size, reclaimable) = (status.size(), status.reclaimable());
        let depots = status.depots.iter().map(|depot| homely(depot, session));
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
        lines.extend(bars(status, session.environment.columns));
        let shown = if self.all { status.entries.len() } else { status.entries.len().min(LARGEST) };
        if shown > 0 {
            lines.push(String::new());
            let rows: Vec<_> = status.entries[..shown].iter().map(|e| row(e, session)).collect();
            let mut table = table::lines(&COLUMNS, &rows, session.environment.columns).into_iter();
            lines.extend(table.next().map(|line| title(&line)));
            lines.extend(table);
        }
        if shown < status.entries.len() {
            let more = status.entries.len() - shown;
            lines.push(aside(&format!(
                "… and {more} more: scratchrs status --all, --json, scratchrs report --html"
            )));
        }
        lines
    }
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
            format!("  {:<9}  {bar}{padding}  {facts}", plural(share.kind))
        })
        .collect();
    if !lines.is_empty() {
        lines.push(aside(&format!("{}█ in use  ▒ reclaimable", " ".repeat(13))));
    }
    lines
}

fn row(entry: &Entry, session: &Session) -> [String; 5] {
    [
        visible(&entry.label),
        collection::word(entry.kind).to_owned(),
        human::size(entry.size.bytes),
        human::age(entry.last_used, session.environment.now),
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

impl Answer {
    pub(super) fn of(status: &Status) -> Self {
        let entry = |entry: &Entry| ItemEntry {
            kind: collection::word(entry.kind),
            label: entry.label.clone(),
            package: entry.package.clone(),
            path: entry.path.clone(),
            size: entry.size.into(),
            last_used: entry.last_used.map(collection::time),
            manifests: entry.manifests,
            artifact_files: entry.artifact_files,
            projects: entry.projects,
            names: entry.names,
            is_held: entry.is_held,
            is_orphan: entry.is_orphan,
            until: entry.until.map(collection::time),
        };
        let kind = |share: &gc::Share| KindEntry {
            kind: collection::word(share.kind),
            count: share.count,
            size: share.size.into(),
            reclaimable: share.reclaimable.bytes,
        };
        Self {
            depots: status.depots.clone(),
            size: status.size().into(),
            kinds: status.shares.iter().map(kind).collect(),
            entries: status.entries.iter().map(entry).collect(),
            saved: status.saved,
            skipped: status.notes.iter().map(Remark::of).collect(),
        }
    }
}
