//! `scratchrs gc`: what nothing keeps goes.

use chrono::TimeDelta;
use scratchrs_core::gc::{self, Category, Failure, Gone, Options, Report, Waiting};
use scratchrs_fs::Size;
use scratchrs_model::collection::{Policy, Reason};
use serde::Serialize;

use crate::collection::{
    self, Bytes, COLLECT_DELAY, IgnoredRoots, Remark, counted, homely, plural,
};
use crate::failure::{Code, Failure as CommandFailure, Result};
use crate::human;
use crate::output::{aside, done};
use crate::progress::with_progress;
use crate::session::Session;

const AFTER_HELP: &str = "\
Examples:
  scratchrs gc --dry-run                    what would go, and how much that frees
  scratchrs gc                              remove what nothing has kept for seven days
  scratchrs gc --collect-delay 0            … what nothing keeps now
  scratchrs gc --scratch-cleanup-period 30d also spaces that nobody has opened for a month
  scratchrs gc --ignore-root ~/old/Manifest.toml  … although that file cannot be read
  scratchrs gc --max-size 50GiB             also the least recently used orphans, down to that size

What is made at run time and bound to a name in the store stays as long as the name, and a name as long \
as one of the projects for which its file is used; no option removes it.

A manifest or Artifacts.toml file that cannot be read completely keeps everything that it may reference: \
repair it, delete it, or pass --ignore-root.

What is kept, and until when, is what Pkg.gc of Julia 1.12 keeps. Durations: 7d, 12h, 30min, 0.

With --json: {\"depots\": [\"…\"], \"dry_run\", \"manifests\", \"artifact_files\", \"spaces\", \
\"gone\": [{\"kind\", \"path\", \"bytes\", \"freed\", \"reason\"}], \"waiting\": [{\"kind\", \
\"path\", \"bytes\", \"freed\", \"since\", \"until\"}], \"bytes\", \"freed\", \"failures\": \
[{\"path\", \"message\"}], \"spared\": […], \"skipped\": [{\"path\", \"line\", \"column\", \
\"message\", \"consequence\"}], \"leftovers\", \"store\": {\"count\", \"bytes\", \"waiting\", \"waiting_bytes\", \
\"abandoned\"}, \"notes\": [\"…\"]}.";

/// Remove packages, clones, artifacts and scratch spaces that nothing keeps
///
/// Manifests, Artifacts.toml files and projects that the logs of the depots know, and that are there,
/// keep what they name. What has been without such a keeper for the grace period goes.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// For how long something must have been without a keeper
    #[arg(long, value_name = "DURATION", default_value = COLLECT_DELAY, value_parser = collection::duration)]
    collect_delay: TimeDelta,

    /// Also remove spaces that nobody has opened for so long, whatever keeps them; a store in use stays
    #[arg(long, value_name = "DURATION", value_parser = collection::duration)]
    scratch_cleanup_period: Option<TimeDelta>,

    /// Collect all depots, and evict what is in use if `--max-size` asks for it
    #[arg(long)]
    force: bool,

    /// Evict least recently used artifacts and spaces until the depot is no larger; a store in use
    /// counts, and stays
    #[arg(long, value_name = "SIZE", value_parser = collection::size)]
    max_size: Option<u64>,

    #[command(flatten)]
    ignored: IgnoredRoots,

    /// Say what would go, and touch nothing
    #[arg(long, short = 'n')]
    dry_run: bool,

    /// Name everything that goes, and what waits
    #[arg(long, short)]
    verbose: bool,
}

#[derive(Serialize)]
struct Answer {
    depots: Vec<String>,
    dry_run: bool,
    manifests: usize,
    artifact_files: usize,
    spaces: usize,
    gone: Vec<GoneEntry>,
    waiting: Vec<WaitingEntry>,
    #[serde(flatten)]
    size: Bytes,
    failures: Vec<Stayed>,
    spared: Vec<Stayed>,
    skipped: Vec<Remark>,
    leftovers: usize,
    store: Store,
}

#[derive(Serialize)]
struct Store {
    count: usize,
    bytes: u64,
    waiting: usize,
    waiting_bytes: u64,
    abandoned: usize,
}

#[derive(Serialize)]
struct GoneEntry {
    kind: &'static str,
    path: String,
    #[serde(flatten)]
    size: Bytes,
    reason: &'static str,
}

#[derive(Serialize)]
struct WaitingEntry {
    kind: &'static str,
    path: String,
    #[serde(flatten)]
    size: Bytes,
    since: String,
    until: String,
}

#[derive(Serialize)]
struct Stayed {
    path: String,
    message: String,
}

impl Arguments {
    pub(crate) fn run(&self, session: &mut Session) -> Result<()> {
        let options = Options {
            policy: Policy {
                collect_delay: self.collect_delay,
                scratch_cleanup_period: self.scratch_cleanup_period,
            },
            force: self.force,
            max_size: self.max_size,
            dry_run: self.dry_run,
            ignore_roots: self.ignored.paths.clone(),
            ..collection::looking(session, self.collect_delay)?
        };
        let moment = collection::moment(session);
        let report = with_progress(session, |progress| gc::collect(&options, moment, progress))?;
        if session.output.is_json() {
            session.output.json(&Answer::of(&report))?;
        } else {
            for line in self.lines(&report, session) {
                session.output.talk(&line);
            }
        }
        match report.failures.len() {
            0 => Ok(()),
            failed => {
                let failed = human::count(failed as u64, "thing");
                Err(CommandFailure::new(Code::Io, format!("{failed} could not be removed")))
            }
        }
    }

    fn lines(&self, report: &Report, session: &Session) -> Vec<String> {
        let line = |verb: &str, fact: &str| {
            let padding = " ".repeat(12_usize.saturating_sub(verb.chars().count()));
            format!("{padding}{} {fact}", done(verb))
        };
        let below = |text: &str| format!("{}{text}", " ".repeat(13));
        let mut lines = vec![line("Active", &active(report))];
        for (title, about) in collection::notes(&report.notes, report.is_dry_run, session) {
            lines.push(line("Skipped", &title));
            let shown = if self.verbose { about.len() } else { about.len().min(5) };
            lines.extend(about[..shown].iter().map(|note| below(&format!("  {note}"))));
            if shown < about.len() {
                let more = format!("  … and {} more: `--verbose` shows them", about.len() - shown);
                lines.push(below(&aside(&more)));
            }
        }
        for (verb, stayed) in [("Spared", &report.spared), ("Failed", &report.failures)] {
            lines.extend(stayed.iter().map(|Failure { path, message }| {
                let fact = format!("{}: {}", homely(path, session), human::visible(message));
                line(verb, &fact)
            }));
        }
        let size = report.size_of_gone(None);
        if report.gone.is_empty() {
            let nothing = if report.is_dry_run { "Would free" } else { "Freed" };
            lines.push(line(nothing, "nothing"));
        } else if report.is_dry_run {
            lines.push(line("Would free", &freed(size)));
            for kind in Category::ALL {
                lines.extend(self.share(report, kind).map(|share| below(&share)));
            }
        } else {
            let parts = Category::ALL.into_iter().filter_map(|kind| {
                let number = of_kind(report, kind).count();
                (number > 0).then(|| counted(kind, number))
            });
            let parts = parts.collect::<Vec<_>>().join(", ");
            lines.push(line("Freed", &format!("{}: {parts}", freed(size))));
        }
        if self.verbose {
            lines.extend(report.gone.iter().map(|gone| below(&shown(gone, session))));
            lines.extend(report.waiting.iter().map(|waiting| {
                let Waiting { path, until, .. } = waiting;
                let until = until.local().format("%Y-%m-%d %H:%M");
                below(&format!("{} can go on {until}", homely(path, session)))
            }));
        }
        if report.is_dry_run {
            lines.push(below(&outlook(report, session)));
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
    fn share(&self, report: &Report, kind: Category) -> Option<String> {
        let number = of_kind(report, kind).count();
        let size = human::size(report.size_of_gone(Some(kind)).bytes);
        let mut reasons: Vec<&str> = Vec::new();
        for gone in of_kind(report, kind) {
            let reason = match gone.reason {
                Reason::Unreachable if kind == Category::Store => "nobody binds them",
                Reason::Unreachable => "nothing keeps them",
                Reason::Unused => "nobody has opened them for long",
                Reason::Evicted => "least recently used",
            };
            if !reasons.contains(&reason) {
                reasons.push(reason);
            }
        }
        let reasons = reasons.join("; ");
        (number > 0).then(|| format!("{:<10}{number:>6}  {size:>10}   {reasons}", plural(kind)))
    }
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

fn shown(gone: &Gone, session: &Session) -> String {
    format!("{} ({})", homely(&gone.path, session), human::size(gone.size.bytes))
}

/// What a dry run says in the end.
fn outlook(report: &Report, session: &Session) -> String {
    let size: Size = report.waiting.iter().map(|waiting| waiting.size).sum();
    let Some(last) = report.waiting.iter().map(|waiting| waiting.until).max() else {
        return "Nothing was touched.".to_owned();
    };
    let seconds = last.since(session.environment.now).num_seconds().max(0);
    let days = seconds.div_euclid(24 * 60 * 60) as u64;
    let when = match days {
        0 => "Within a day".to_owned(),
        _ => format!("In {}", human::count(days, "day")),
    };
    format!("{when} another {} can go. Nothing was touched.", human::size(size.bytes))
}

impl Answer {
    fn of(report: &Report) -> Self {
        let gone = |gone: &Gone| GoneEntry {
            kind: collection::word(gone.kind),
            path: gone.path.clone(),
            size: gone.size.into(),
            reason: match gone.reason {
                Reason::Unreachable => "unreachable",
                Reason::Unused => "unused",
                Reason::Evicted => "evicted",
            },
        };
        let waiting = |waiting: &Waiting| WaitingEntry {
            kind: collection::word(waiting.kind),
            path: waiting.path.clone(),
            size: waiting.size.into(),
            since: collection::time(waiting.since),
            until: collection::time(waiting.until),
        };
        let stayed = |Failure { path, message }: &Failure| Stayed {
            path: path.clone(),
            message: message.clone(),
        };
        let store = report.store();
        Self {
            depots: report.depots.clone(),
            dry_run: report.is_dry_run,
            manifests: report.manifests,
            artifact_files: report.artifact_files,
            spaces: report.spaces,
            gone: report.gone.iter().map(gone).collect(),
            waiting: report.waiting.iter().map(waiting).collect(),
            size: report.size_of_gone(None).into(),
            failures: report.failures.iter().map(stayed).collect(),
            spared: report.spared.iter().map(stayed).collect(),
            skipped: report.notes.iter().map(Remark::of).collect(),
            leftovers: report.leftovers,
            store: Store {
                count: store.count,
                bytes: store.bytes,
                waiting: store.waiting,
                waiting_bytes: store.waiting_bytes,
                abandoned: store.abandoned,
            },
        }
    }
}
