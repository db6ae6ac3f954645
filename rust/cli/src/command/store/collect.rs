//! `scratchrs store collect`: delete unbound artifacts.

use chrono::TimeDelta;
use scratchrs_core::store::{CollectOptions, collect};
use scratchrs_text as text;

use super::store;
use crate::failure::Result;
use crate::progress::with_progress;
use crate::session::Session;

const AFTER_HELP: &str = "\
Examples:
  scratchrs store collect --dry-run
  scratchrs store collect --delay 0

With --json: {\"removed\": [{\"hash\", \"path\", \"kind\", \"bytes\", \"since\"}], \"bytes\", \
\"waiting\": [as in \"removed\"], \"abandoned\": [\"…\"], \"failed\": [{\"path\", \"message\"}], \
\"unreadable\": [{\"path\", \"message\"}], \"dry_run\", \"notes\": [\"…\"]}";

/// Delete artifacts that have been unbound for some days
///
/// Artifacts that are found unbound for the first time are orphans from now on.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// How many days an artifact must have been unbound
    #[arg(long, value_name = "DAYS", default_value_t = 7)]
    delay: u32,

    /// Print what would be deleted, and change nothing
    #[arg(long)]
    dry_run: bool,
}

impl Arguments {
    pub(crate) fn run(&self, session: &mut Session) -> Result<()> {
        let store = store(session)?;
        let options = CollectOptions {
            delay: TimeDelta::days(self.delay.into()),
            is_dry_run: self.dry_run,
            ..CollectOptions::default()
        };
        let now = session.environment.now;
        let collected = with_progress(session, |progress| collect(&store, options, now, progress))?;
        session.print(&collected, |_| text::store::collected(&collected))
    }
}
