//! `scratchrs artifact verify`: verify artifacts against their hashes.

use scratchrs_archive::Change;
use scratchrs_core::artifact::{
    self, CorruptArtifact, FileChange, Stack, UnreadableArtifact, Verdict, Verification,
};
use scratchrs_model::hash::TreeHash;

use crate::failure::{Code, Failure, Result};
use crate::human::{self, visible};
use crate::output::title;
use crate::progress::with_progress;
use crate::selection::{self, Scope};
use crate::session::Session;

const AFTER_HELP: &str = "\
Examples:
  scratchrs artifact verify                 every artifact of the depots
  scratchrs artifact verify iris            one that the Artifacts.toml here binds
  scratchrs artifact verify --json | jq -r '.corrupt[].path'

With --json: {\"sound\", \"corrupt\": [{\"hash\", \"path\", \"actual\", \
\"differences\": [{\"path\", \"change\"}]}], \"unreadable\": [{\"hash\", \"path\", \"reason\"}], \
\"missing\": [\"…\"], \"notes\": [\"…\"]}. \"change\" is \"missing\", \"changed\", \
\"mode_changed\" or \"extra\"; \"differences\" is null if no file list was recorded.";

/// Verify artifacts against their hashes, and report the missing, changed and extra files
///
/// Exits with 1 if an artifact is corrupt or can't be read, with 3 if one is not installed. Artifacts
/// that an Overrides.toml overrides are not verified.
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
        let mut stack = selection::stack(session)?;
        let verification = if self.artifacts.is_empty() {
            with_progress(session, |progress| artifact::verify_all(&stack, progress))?
        } else {
            self.verify_each(session, &mut stack)?
        };
        if session.output.is_json() {
            session.output.json(&verification)?;
        } else {
            let text: String =
                lines(&verification).iter().map(|line| format!("{line}\n")).collect();
            session.output.result(&text)?;
        }
        match failure(&verification) {
            Some(failure) => Err(failure),
            None => {
                let sound = verification.sound as u64;
                let verb = if sound == 1 { "matches its hash" } else { "match their hashes" };
                session.output.talk(&format!("{} {verb}", human::count(sound, "artifact")));
                Ok(())
            }
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
                    session.output.note(&visible(&note), None);
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

/// A paragraph for each artifact that is not intact.
fn lines(verification: &Verification) -> Vec<String> {
    let mut lines = Vec::new();
    let head = |what: &str, hash: &TreeHash, path: &str| {
        format!("{} {hash}  {}", title(what), visible(path))
    };
    for CorruptArtifact { hash, path, actual, differences } in &verification.corrupt {
        lines.push(head("corrupt", hash, path));
        match differences {
            Some(differences) => lines.extend(differences.iter().map(|FileChange { path, change }| {
                format!("  {:<8} {}", word(*change), visible(path))
            })),
            None => lines.push(format!(
                "  its hash is {actual}; no file list was recorded, so the changed files are unknown"
            )),
        }
    }
    for UnreadableArtifact { hash, path, reason } in &verification.unreadable {
        lines.push(head("unreadable", hash, path));
        lines.push(format!("  {}", visible(reason)));
    }
    lines.extend(verification.missing.iter().map(|hash| format!("{} {hash}", title("missing"))));
    lines
}

fn word(change: Change) -> &'static str {
    match change {
        Change::Missing => "missing",
        Change::Changed => "changed",
        Change::ModeChanged => "mode",
        Change::Extra => "extra",
    }
}

fn failure(verification: &Verification) -> Option<Failure> {
    let (corrupt, unreadable) = (verification.corrupt.len(), verification.unreadable.len());
    let bad = corrupt + unreadable;
    if bad > 0 {
        let all = human::count((verification.sound + bad) as u64, "artifact");
        let code = if corrupt > 0 { Code::Integrity } else { Code::Io };
        let verb = if bad == 1 { "does not match its hash" } else { "do not match their hashes" };
        let hint = "`scratchrs artifact repair` installs corrupt artifacts again, if a file that binds \
                    them names a source";
        return Some(Failure::new(code, format!("{bad} of {all} {verb}")).hint(hint));
    }
    let missing = verification.missing.len() as u64;
    (missing > 0).then(|| {
        let verb = if missing == 1 { "is" } else { "are" };
        let message = format!("{} {verb} not installed", human::count(missing, "artifact"));
        Failure::new(Code::NotFound, message)
    })
}
