//! `scratchrs gc`: what nothing keeps goes.

use chrono::TimeDelta;
use scratchrs_core::gc::{self, Options};
use scratchrs_model::collection::Policy;

use crate::collection::{self, COLLECT_DELAY, IgnoredRoots};
use crate::failure::{Code, Failure, Result};
use crate::human;
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
            session.output.json(&report)?;
        } else {
            for line in scratchrs_text::collection(&report, self.verbose, &session.reader()) {
                session.output.talk(&line);
            }
        }
        match report.failures.len() {
            0 => Ok(()),
            failed => {
                let failed = human::count(failed as u64, "thing");
                Err(Failure::new(Code::Io, format!("{failed} could not be removed")))
            }
        }
    }
}
