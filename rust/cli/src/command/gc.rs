//! `scratchrs gc`: delete unreachable items.

use chrono::TimeDelta;
use scratchrs_core::gc::{self, Options};
use scratchrs_model::collection::Policy;
use scratchrs_model::quantity;
use scratchrs_text as text;
use scratchrs_text::human::count;

use crate::collection::{self, COLLECT_DELAY, IgnoredRoots};
use crate::failure::{Code, Failure, Result};
use crate::progress::with_progress;
use crate::session::Session;

const AFTER_HELP: &str = "\
Examples:
  scratchrs gc --dry-run                          list what would be deleted, with the size
  scratchrs gc                                    delete what has been unreachable for seven days
  scratchrs gc --collect-delay 0                  … and what is unreachable now
  scratchrs gc --scratch-cleanup-period 30d       … and spaces that were not used for 30 days
  scratchrs gc --ignore-root ~/old/Manifest.toml  ignore a root that cannot be read
  scratchrs gc --max-size 50GiB                   also evict unreachable items, down to that size
  scratchrs gc --quiet                            from cron: silent unless it fails

The content of the store is kept while a name is bound to it, and names are kept while one of their \
projects exists; no option overrides that.

An unreadable manifest or Artifacts.toml file keeps everything that it may reference: repair it, delete it, \
or pass --ignore-root.

The rules and grace periods are those of Pkg.gc in Julia 1.12. Durations: 7d, 12h, 30min, 0.

With --json: {\"depots\": [\"…\"], \"dry_run\", \"manifests\", \"artifact_files\", \"spaces\", \
\"gone\": [{\"kind\", \"path\", \"bytes\", \"freed\", \"reason\"}], \"waiting\": [{\"kind\", \
\"path\", \"bytes\", \"freed\", \"since\", \"until\"}], \"bytes\", \"freed\", \"failures\": \
[{\"path\", \"message\"}], \"spared\": […], \"skipped\": [{\"path\", \"line\", \"column\", \
\"message\", \"consequence\"}], \"leftovers\", \"store\": {\"count\", \"bytes\", \"waiting\", \"waiting_bytes\", \
\"abandoned\"}, \"notes\": [\"…\"]}.";

/// Delete unreachable items of the depot
///
/// Items are packages, clones, artifacts, scratch spaces and contents of the store.
/// The roots are the existing manifests, Artifacts.toml files and projects in the usage logs of the
/// depots. An item that they do not reference is unreachable, and is deleted after the grace period.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// The grace period: how long an item must have been unreachable
    #[arg(long, value_name = "DURATION", default_value = COLLECT_DELAY, value_parser = quantity::duration)]
    collect_delay: TimeDelta,

    /// Also delete scratch spaces that were not used for this time, even if they are referenced; a
    /// store in use is kept
    #[arg(long, value_name = "DURATION", value_parser = quantity::duration)]
    scratch_cleanup_period: Option<TimeDelta>,

    /// Collect all writable depots, not only the first
    // The alias is its former name.
    #[arg(long, alias = "force")]
    all_depots: bool,

    /// Evict the least recently used artifacts and scratch spaces until the depot is no larger; a
    /// store in use counts, and is kept
    #[arg(long, value_name = "SIZE", value_parser = quantity::size)]
    max_size: Option<u64>,

    /// Let `--max-size` evict items in use as well, after all others
    #[arg(long, requires = "max_size")]
    evict_in_use: bool,

    #[command(flatten)]
    ignored: IgnoredRoots,

    /// Print what would be deleted, and change nothing
    #[arg(long, short = 'n')]
    dry_run: bool,

    /// List all deleted and pending items
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
            all_depots: self.all_depots,
            max_size: self.max_size,
            evict_in_use: self.evict_in_use,
            dry_run: self.dry_run,
            ..collection::dry_run(session, &self.ignored.paths)?
        };
        let moment = collection::moment(session);
        let report = with_progress(session, |progress| gc::collect(&options, moment, progress))?;
        if self.dry_run || session.output.has_reports() {
            session.print(&report, |context| text::gc::report(&report, self.verbose, context))?;
        }
        match report.failures.len() as u64 {
            0 => Ok(()),
            failed => {
                let message = format!("{} could not be deleted", count(failed, "item"));
                Err(Failure::new(Code::Io, message))
            }
        }
    }
}
