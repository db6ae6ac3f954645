//! `scratchrs store collect`: what nobody uses goes.

use chrono::TimeDelta;
use scratchrs_core::store::{CollectOptions, collect};
use serde::Serialize;

use super::add::word;
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

With --json: {\"removed\": [{\"hash\", \"path\", \"kind\", \"bytes\"}], \"bytes\", \"waiting\", \
\"dry_run\", \"notes\": [\"…\"]}";

/// Remove what no name has stood for for some days
///
/// What is bound to nothing for the first time waits from now on.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// For how many days something must have been bound to nothing
    #[arg(long, value_name = "DAYS", default_value_t = 7)]
    delay: u32,

    /// Say what would go, and change nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Serialize)]
struct Answer {
    removed: Vec<Item>,
    bytes: u64,
    waiting: usize,
    dry_run: bool,
}

#[derive(Serialize)]
struct Item {
    hash: String,
    path: String,
    kind: &'static str,
    bytes: u64,
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
        let unreadable = collected.unreadable.iter().map(|(file, reason)| {
            format!("what `{file}` binds is kept, as it does not read: {reason}")
        });
        let failed = collected.failed.iter().map(|(_, reason)| reason.clone());
        for note in unreadable.chain(failed) {
            session.output.note(&visible(&note), None);
        }
        let (bytes, count) = (collected.bytes(), collected.removed.len() as u64);
        if session.output.is_json() {
            let removed = collected.removed.iter().map(|removed| Item {
                hash: removed.hash.to_string(),
                path: removed.path.clone(),
                kind: word(removed.kind),
                bytes: removed.bytes,
            });
            let removed = removed.collect();
            let waiting = collected.waiting.len();
            return session.output.json(&Answer { removed, bytes, waiting, dry_run: self.dry_run });
        }
        if self.dry_run {
            let paths: String =
                collected.removed.iter().map(|removed| format!("{}\n", removed.path)).collect();
            session.output.result(&paths)?;
        }
        let what = format!("{} ({})", human::count(count, "thing"), human::size(bytes));
        let waits = match collected.waiting.len() as u64 {
            0 => String::new(),
            waiting => format!("; {} more may go later", waiting),
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
