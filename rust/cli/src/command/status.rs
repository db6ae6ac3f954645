//! `scratchrs status`: what is in a depot.

use scratchrs_core::gc::{self, Options};

use crate::collection::{self, COLLECT_DELAY, IgnoredRoots};
use crate::failure::Result;
use crate::progress::with_progress;
use crate::session::Session;

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

impl Arguments {
    pub(crate) fn run(&self, session: &mut Session) -> Result<()> {
        let delay = collection::duration(COLLECT_DELAY).unwrap_or_default();
        let ignore_roots = self.ignored.paths.clone();
        let options = Options { ignore_roots, ..collection::looking(session, delay)? };
        let moment = collection::moment(session);
        let status = with_progress(session, |progress| gc::status(&options, moment, progress))?;
        if session.output.is_json() {
            return session.output.json(&status);
        }
        let lines = scratchrs_text::status(&status, self.all, &session.reader());
        session.output.result(&(lines.join("\n") + "\n"))?;
        collection::tell(&status.notes, session);
        Ok(())
    }
}
