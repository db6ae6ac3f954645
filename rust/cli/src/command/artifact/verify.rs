//! `scratchrs artifact verify`: verify artifacts against their hashes.

use scratchrs_core::artifact::{self, Stack, UnreadableArtifact, Verdict, Verification};
use scratchrs_text as text;

use crate::failure::{Code, Failure, Result};
use crate::progress::with_progress;
use crate::selection::{self, Scope};
use crate::session::Session;

const AFTER_HELP: &str = "\
Examples:
  scratchrs artifact verify                 all artifacts of the depots
  scratchrs artifact verify iris            an artifact of the Artifacts.toml here
  scratchrs artifact verify --json | jq -r '.corrupt[].path'

With --json: {\"sound\", \"corrupt\": [{\"hash\", \"path\", \"actual\", \
\"differences\": [{\"path\", \"change\"}]}], \"unreadable\": [{\"hash\", \"path\", \"reason\"}], \
\"missing\": [\"…\"], \"notes\": [\"…\"]}. \"change\" is \"missing\", \"changed\", \
\"mode_changed\" or \"extra\"; \"differences\" is null if no file list was recorded.";

/// Verify artifacts against their hashes, and report the missing, changed and extra files
///
/// Exits with 1 if an artifact is corrupt or unreadable, with 3 if one is not installed. Overridden
/// artifacts (Overrides.toml) are not verified.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// Names or hashes [default: all artifacts of the depots]
    #[arg(value_name = "ARTIFACT")]
    artifacts: Vec<String>,

    #[command(flatten)]
    scope: Scope,
}

impl Arguments {
    pub(crate) fn run(&self, session: &mut Session) -> Result<()> {
        let verification = if self.artifacts.is_empty() {
            let stack = selection::existing_stack(session)?;
            with_progress(session, |progress| artifact::verify_all(&stack, progress))?
        } else {
            let mut stack = selection::stack(session)?;
            self.verify_each(session, &mut stack)?
        };
        session.print(&verification, |_| text::artifact::verification(&verification))?;
        let total = text::artifact::verification_total(&verification);
        match code(&verification) {
            None => session.print_sentence(total),
            Some(Code::NotFound) => Err(Failure::new(Code::NotFound, total)),
            Some(code) => Err(Failure::new(code, total).hint(
                "`scratchrs artifact repair` installs corrupt artifacts again, if a file that binds them has a source",
            )),
        }
    }

    fn verify_each(&self, session: &mut Session, stack: &mut Stack) -> Result<Verification> {
        let mut found = Verification::default();
        for name in &self.artifacts {
            let hash = self.scope.select(session, stack, name)?.hash;
            let verdict =
                with_progress(session, |progress| artifact::verify(stack, hash, progress));
            match verdict {
                Ok(Verdict::Sound(_)) => found.sound += 1,
                Ok(Verdict::Corrupt(corrupt)) => found.corrupt.push(corrupt),
                Ok(Verdict::Missing) => found.missing.push(hash),
                Ok(Verdict::Overridden(path)) => {
                    let note =
                        format!("artifact {hash} is overridden by `{path}`, which is not verified");
                    session.output.notes([note]);
                }
                Err(error @ scratchrs_core::Error::Cancelled) => return Err(error.into()),
                Err(error) => {
                    let path = stack.path(hash)?;
                    let reason = error.to_string();
                    found.unreadable.push(UnreadableArtifact { hash, path, reason });
                }
            }
        }
        Ok(found)
    }
}

/// The kind of failure, if there is one.
fn code(verification: &Verification) -> Option<Code> {
    if !verification.corrupt.is_empty() {
        Some(Code::Integrity)
    } else if !verification.unreadable.is_empty() {
        Some(Code::Io)
    } else if !verification.missing.is_empty() {
        Some(Code::NotFound)
    } else {
        None
    }
}
