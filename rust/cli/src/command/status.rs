//! `scratchrs status`: the content of the depots.

use scratchrs_core::gc::{self, Options};
use scratchrs_text as text;

use crate::collection::{self, IgnoredRoots};
use crate::failure::Result;
use crate::progress::with_progress;
use crate::session::Session;
use crate::sorting::{self, Facts, Order};

const AFTER_HELP: &str = "\
Examples:
  scratchrs status           the size of each kind, and the largest items
  scratchrs status --all     all items, the largest first
  scratchrs status --json | jq '.entries[] | select(.is_orphan) | .path'

With --json: {\"depots\": [\"…\"], \"bytes\", \"freed\", \"kinds\": [{\"kind\", \"count\", \
\"bytes\", \"freed\", \"reclaimable\"}], \"entries\": [{\"kind\", \"label\", \"package\", \"path\", \
\"bytes\", \"freed\", \"last_used\", \"manifests\", \"artifact_files\", \"projects\", \"names\", \
\"is_held\", \"is_orphan\", \"until\"}], \"saved\", \"skipped\": [{\"path\", \"line\", \"column\", \"message\", \
\"consequence\"}], \"notes\": [\"…\"]}.";

/// Show the largest items of the depot, and what is reclaimable
///
/// The table has the size, last use and number of references of each item.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// Show all items, not only the largest
    #[arg(long, short)]
    all: bool,

    /// Show the items of all writable depots, not only of the first
    #[arg(long)]
    all_depots: bool,

    #[command(flatten)]
    sorting: sorting::Options,

    #[command(flatten)]
    ignored: IgnoredRoots,
}

impl Arguments {
    pub(crate) fn run(&self, session: &mut Session) -> Result<()> {
        let options = Options {
            all_depots: self.all_depots,
            ..collection::dry_run(session, &self.ignored.paths)?
        };
        let moment = collection::moment(session);
        let status = with_progress(session, |progress| gc::status(&options, moment, progress));
        let mut status = status?;
        self.sorting.apply(Order::Size, &mut status.entries, |entry| Facts {
            name: entry.label.clone(),
            bytes: entry.size.bytes,
            last_used: entry.last_used,
        });
        session.print(&status, |context| text::gc::status(&status, self.all, context))
    }
}
