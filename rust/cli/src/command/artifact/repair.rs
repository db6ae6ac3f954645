//! `scratchrs artifact repair`: install corrupt artifacts again.

use scratchrs_core::artifact::{self, LeftOut};
use scratchrs_text as text;
use scratchrs_text::human::{count, plural};

use crate::downloads::Downloads;
use crate::failure::{Code, Failure, Result};
use crate::progress::with_progress;
use crate::selection::{self, Scope};
use crate::session::Session;

const AFTER_HELP: &str = "\
Examples:
  scratchrs artifact repair             the corrupt artifacts in the depots
  scratchrs artifact repair --file .    … and missing ones of the package in this directory

With --json: {\"sound\", \"repaired\": [{\"hash\", \"path\"}], \"installed\": [{\"hash\", \"path\"}], \
\"failed\": [{\"hash\", \"name\", \"reason\"}], \"left_out\": [{\"name\", \"reason\"}], \"unknown\": [{\"hash\", \"path\"}], \
\"unreadable\": [{\"hash\", \"path\", \"reason\"}], \"notes\": [\"…\"]}. \"unknown\" are corrupt artifacts \
without a known source.";

/// Verify all artifacts, and install corrupt ones again
///
/// An artifact can be repaired if the Pkg server has it, or if a file of the usage logs or --file binds it with
/// a source. Exits with 1 if an artifact is still corrupt or missing, with 2 if names in the file are
/// undecided for this machine.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    #[command(flatten)]
    scope: Scope,
}

impl Arguments {
    pub(crate) fn run(&self, session: &mut Session) -> Result<()> {
        let stack = selection::stack(session)?;
        let downloads = Downloads::new(session)?;
        let file = &self.scope.file;
        let file = if file.is_given() { Some(file.existing(session)?) } else { None };
        let files: Vec<&str> = file.iter().map(String::as_str).collect();
        let host = self.scope.platform.host()?;
        let repairs = with_progress(session, |progress| {
            artifact::repair(&stack, &files, &host, downloads.options(), progress)
        })?;
        session.output.notes(&repairs.diagnostics);
        session.print(&repairs, |context| text::artifact::repairs(&repairs, context))?;
        match text::artifact::repairs_left(&repairs) {
            Some(left) => Err(Failure::new(Code::Integrity, left)),
            None => left_out(repairs.left_out),
        }
    }
}

/// The error that names of the file were left out.
fn left_out(left_out: Vec<LeftOut>) -> Result<()> {
    let number = left_out.len() as u64;
    let Some(first) = left_out.into_iter().next() else { return Ok(()) };
    let code = Failure::from(first.error).code;
    let (names, verb) = (count(number, "name"), plural(number, "is", "are"));
    Err(Failure::new(code, format!("{names} of the file {verb} left out")))
}
