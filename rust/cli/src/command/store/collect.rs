//! `scratchrs store collect`: delete unbound artifacts.

use chrono::TimeDelta;
use scratchrs_core::store::{CollectOptions, collect};

use super::store;
use crate::failure::Result;
use crate::human::{self, visible};
use crate::output::done;
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
        let unreadable = collected.unreadable.iter().map(|it| {
            format!("`{}` is invalid, so everything that it binds is kept: {}", it.path, it.message)
        });
        let failed = collected.failed.iter().map(|failed| failed.message.clone());
        for note in unreadable.chain(failed) {
            session.output.note(&visible(&note), None);
        }
        if session.output.is_json() {
            return session.output.json(&collected);
        }
        let (bytes, count) = (collected.bytes, collected.removed.len() as u64);
        if self.dry_run {
            let paths: String =
                collected.removed.iter().map(|removed| format!("{}\n", removed.path)).collect();
            session.output.result(&paths)?;
        }
        let what = format!("{} ({})", human::count(count, "item"), human::size(bytes));
        let waits = match collected.waiting.len() as u64 {
            0 => String::new(),
            waiting => format!("; {} pending", human::count(waiting, "orphan")),
        };
        let said = if self.dry_run {
            format!("Would remove {what}{waits}")
        } else {
            format!("{} {what}{waits}", done("Removed"))
        };
        session.output.talk(&said);
        Ok(())
    }
}
