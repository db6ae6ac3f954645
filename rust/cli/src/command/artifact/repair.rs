//! `scratchrs artifact repair`: install corrupt artifacts again.

use scratchrs_core::artifact::{self, LeftOut, Repairs};
use scratchrs_model::hash::TreeHash;

use crate::downloads::Downloads;
use crate::failure::{Code, Failure, Result};
use crate::human::{self, visible};
use crate::output::{done, title};
use crate::progress::with_progress;
use crate::selection::{self, Scope};
use crate::session::Session;

const AFTER_HELP: &str = "\
Examples:
  scratchrs artifact repair             the corrupt artifacts in the depots
  scratchrs artifact repair --file .    … and missing ones that the package here binds

With --json: {\"sound\", \"repaired\": [{\"hash\", \"path\"}], \"installed\": [{\"hash\", \"path\"}], \
\"failed\": [{\"hash\", \"name\", \"reason\"}], \"left_out\": [{\"name\", \"reason\"}], \"unknown\": [{\"hash\", \"path\"}], \
\"unreadable\": [{\"hash\", \"path\", \"reason\"}], \"notes\": [\"…\"]}. For those in \"unknown\", no \
file that the depots know names a source.";

/// Verify all artifacts, and install corrupt ones again
///
/// An artifact can be repaired if a file binds it with a source to download it from, or if the Pkg server
/// has it: a file that the depots know, or the one that --file names. Exits with 1 if an artifact is
/// still corrupt or missing, with 2 if names in that file are undecided for this machine.
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
        selection::complain(session, &repairs.diagnostics);
        let left = repairs.failed.len() + repairs.unknown.len() + repairs.unreadable.len();
        if session.output.is_json() {
            session.output.json(&repairs)?;
        } else {
            let text: String = lines(&repairs).iter().map(|line| format!("{line}\n")).collect();
            session.output.result(&text)?;
            tell(session, &repairs);
            selection::tell_left_out(session, &repairs.left_out);
        }
        if left == 0 {
            return left_out(repairs.left_out);
        }
        let verb = if left == 1 { "is" } else { "are" };
        let message =
            format!("{} {verb} still corrupt or missing", human::count(left as u64, "artifact"));
        Err(Failure::new(Code::Integrity, message))
    }
}

/// The failure that names are left out.
fn left_out(left_out: Vec<LeftOut>) -> Result<()> {
    let count = human::count(left_out.len() as u64, "name");
    let verb = if left_out.len() == 1 { "is" } else { "are" };
    let Some(first) = left_out.into_iter().next() else { return Ok(()) };
    let code = Failure::from(first.error).code;
    Err(Failure::new(code, format!("{count} of the file {verb} left out")))
}

/// A line for each artifact that was installed, or should have been.
fn lines(repairs: &Repairs) -> Vec<String> {
    let line = |what: &str, hash: &TreeHash, about: &str| {
        format!("{} {hash}  {}", title(what), visible(about))
    };
    let mut lines = Vec::new();
    lines.extend(repairs.repaired.iter().map(|it| line("repaired", &it.hash, &it.path)));
    lines.extend(repairs.installed.iter().map(|it| line("installed", &it.hash, &it.path)));
    let failed = repairs.failed.iter();
    lines.extend(
        failed.map(|it| line("failed", &it.hash, &it.error.to_string().replace('\n', "; "))),
    );
    lines.extend(repairs.unknown.iter().map(|it| line("unknown", &it.hash, &it.path)));
    lines.extend(repairs.unreadable.iter().map(|it| line("unreadable", &it.hash, &it.reason)));
    lines
}

fn tell(session: &mut Session, repairs: &Repairs) {
    let Repairs { sound, repaired, installed, unknown, .. } = repairs;
    let count = |number: usize| human::count(number as u64, "artifact");
    let sound_text =
        format!("{} {} intact", count(*sound), if *sound == 1 { "was" } else { "were" });
    session.output.talk(&sound_text);
    if !repaired.is_empty() {
        session.output.talk(&format!("{} {}", done("Repaired"), count(repaired.len())));
    }
    if !installed.is_empty() {
        session.output.talk(&format!("{} {}", done("Installed"), count(installed.len())));
    }
    if !unknown.is_empty() {
        session.output.note(
            "no file that the depots know names a source for the artifacts marked `unknown`",
            Some("name such a file: `--file path/to/Artifacts.toml`; or remove them: `scratchrs artifact remove HASH`"),
        );
    }
}
