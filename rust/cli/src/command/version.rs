//! `scratchrs version`: the version of the program.

use scratchrs_text::Text;
use serde::Serialize;

use crate::failure::Result;
use crate::session::Session;

const AFTER_HELP: &str = "With --json: {\"version\", \"notes\": [\"…\"]}";

/// Print the version
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {}

#[derive(Serialize)]
struct Answer {
    version: &'static str,
}

impl Arguments {
    #[expect(clippy::unused_self, reason = "as every command")]
    pub(crate) fn run(&self, session: &mut Session) -> Result<()> {
        let answer = Answer { version: env!("CARGO_PKG_VERSION") };
        session.print(&answer, |_| Text::line(format!("scratchrs {}", answer.version)))
    }
}
