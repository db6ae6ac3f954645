//! `scratchrs artifact repair`: what has rotted is installed anew.

use scratchrs_core::artifact::{self, LeftOut, Repairs, Rot, Unreadable, Wanted};
use scratchrs_model::hash::TreeHash;
use serde::Serialize;

use super::Unread;
use crate::downloads::Downloads;
use crate::failure::{Code, Failure, Result};
use crate::human::{self, visible};
use crate::output::{done, title};
use crate::progress::with_progress;
use crate::selection::{self, Scope};
use crate::session::Session;

const AFTER_HELP: &str = "\
Examples:
  scratchrs artifact repair             what has rotted in the depots
  scratchrs artifact repair --file .    … and what the package here binds and is missing

With --json: {\"sound\", \"repaired\": [{\"hash\", \"path\"}], \"installed\": [{\"hash\", \"path\"}], \
\"failed\": [{\"hash\", \"name\", \"reason\"}], \"left_out\": [{\"name\", \"reason\"}], \"unknown\": [{\"hash\", \"path\"}], \
\"unreadable\": [{\"hash\", \"path\", \"reason\"}], \"notes\": [\"…\"]}. For those in \"unknown\", no \
file that the depots know says where to get them.";

/// Verify all artifacts, and install anew those that are not what their names say
///
/// That is possible for those that a file binds with a place to download them from, or that the Pkg
/// server has: a file that the depots know, or the one that --file names. Exits with 1 if something is
/// still not right, with 2 if only the choice for a platform is open for a name in that file.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    #[command(flatten)]
    scope: Scope,
}

#[derive(Serialize)]
struct Answer {
    sound: usize,
    repaired: Vec<Artifact>,
    installed: Vec<Artifact>,
    failed: Vec<Failed>,
    left_out: Vec<LeftOutEntry>,
    unknown: Vec<Artifact>,
    unreadable: Vec<Unread>,
}

#[derive(Serialize)]
struct Artifact {
    hash: String,
    path: String,
}

#[derive(Serialize)]
struct Failed {
    hash: String,
    name: String,
    reason: String,
}

#[derive(Serialize)]
struct LeftOutEntry {
    name: String,
    reason: String,
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
            session.output.json(&Answer::of(&repairs))?;
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
        let message = format!("{} {verb} still not right", human::count(left as u64, "artifact"));
        Err(Failure::new(Code::Integrity, message))
    }
}

/// That some names are left out.
fn left_out(left_out: Vec<LeftOut>) -> Result<()> {
    let count = human::count(left_out.len() as u64, "name");
    let verb = if left_out.len() == 1 { "is" } else { "are" };
    let Some(first) = left_out.into_iter().next() else { return Ok(()) };
    let code = Failure::from(first.error).code;
    Err(Failure::new(code, format!("{count} of the file {verb} left out")))
}

/// A line for each artifact that something was done about, or should have been.
fn lines(repairs: &Repairs) -> Vec<String> {
    let line = |what: &str, hash: &TreeHash, about: &str| {
        format!("{} {hash}  {}", title(what), visible(about))
    };
    let mut lines = Vec::new();
    lines.extend(repairs.repaired.iter().map(|(hash, path)| line("repaired", hash, path)));
    lines.extend(repairs.installed.iter().map(|(hash, path)| line("installed", hash, path)));
    for (Wanted { hash, .. }, error) in &repairs.failed {
        lines.push(line("failed", hash, &error.to_string().replace('\n', "; ")));
    }
    for Rot { hash, path, .. } in &repairs.unknown {
        lines.push(line("unknown", hash, path));
    }
    for Unreadable { hash, error, .. } in &repairs.unreadable {
        lines.push(line("unreadable", hash, &error.to_string()));
    }
    lines
}

fn tell(session: &mut Session, repairs: &Repairs) {
    let Repairs { sound, repaired, installed, unknown, .. } = repairs;
    let count = |number: usize| human::count(number as u64, "artifact");
    let sound_text =
        format!("{} {} sound", count(*sound), if *sound == 1 { "was" } else { "were" });
    session.output.talk(&sound_text);
    if !repaired.is_empty() {
        session.output.talk(&format!("{} {}", done("Repaired"), count(repaired.len())));
    }
    if !installed.is_empty() {
        session.output.talk(&format!("{} {}", done("Installed"), count(installed.len())));
    }
    if !unknown.is_empty() {
        session.output.note(
            "no file that the depots know says where to get those that are `unknown`",
            Some("name one that does: `--file path/to/Artifacts.toml`; or remove them: `scratchrs artifact remove HASH`"),
        );
    }
}

impl Answer {
    fn of(repairs: &Repairs) -> Self {
        let artifact = |(hash, path): &(TreeHash, String)| Artifact {
            hash: hash.to_string(),
            path: path.clone(),
        };
        let failed = |(wanted, error): &(Wanted, scratchrs_core::Error)| Failed {
            hash: wanted.hash.to_string(),
            name: wanted.name.clone(),
            reason: error.to_string(),
        };
        let left_out = |left_out: &LeftOut| LeftOutEntry {
            name: left_out.name.clone(),
            reason: left_out.error.to_string(),
        };
        let unknown = |rot: &Rot| artifact(&(rot.hash, rot.path.clone()));
        Self {
            sound: repairs.sound,
            repaired: repairs.repaired.iter().map(artifact).collect(),
            installed: repairs.installed.iter().map(artifact).collect(),
            failed: repairs.failed.iter().map(failed).collect(),
            left_out: repairs.left_out.iter().map(left_out).collect(),
            unknown: repairs.unknown.iter().map(unknown).collect(),
            unreadable: repairs.unreadable.iter().map(Unread::of).collect(),
        }
    }
}
