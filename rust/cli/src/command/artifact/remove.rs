//! `scratchrs artifact remove`: an artifact goes.

use scratchrs_core::artifact;
use scratchrs_model::hash::TreeHash;
use serde::Serialize;

use crate::confirmation;
use crate::failure::{Code, Failure, Result};
use crate::human;
use crate::output::done;
use crate::selection::{One, Selected};
use crate::session::Session;

const AFTER_HELP: &str = "\
Examples:
  scratchrs artifact remove iris
  scratchrs artifact remove 43563e7631a7eafae1f9f8d9d332e3de44ad7239 --yes

With --json: {\"artifact\", \"hash\", \"removed\": [\"…\"], \"bytes\", \"notes\": [\"…\"]}, the paths \
that it had.";

/// Remove an artifact from all depots
///
/// The bindings of files stay, so that the artifact can be installed again. An artifact that an
/// Overrides.toml overrides is not removed. Exits with 3 if it is not installed.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    #[command(flatten)]
    one: One,

    #[command(flatten)]
    confirmation: confirmation::Options,
}

#[derive(Serialize)]
struct Answer<'a> {
    artifact: &'a str,
    hash: TreeHash,
    removed: Vec<String>,
    /// The sum of the sizes of its files.
    bytes: u64,
}

impl Arguments {
    pub(crate) fn run(&self, session: &mut Session) -> Result<()> {
        let (Selected { hash, .. }, stack) = self.one.select(session)?;
        if let Some(path) = stack.overridden(hash)? {
            let message = format!("artifact {hash} is overridden by `{path}`");
            let hint = "an Overrides.toml names that path; overridden artifacts are not removed";
            return Err(Failure::new(Code::Conflict, message).about(path).hint(hint));
        }
        let listed = artifact::list(&stack)?.artifacts;
        let there: Vec<_> = listed.into_iter().filter(|it| it.hash == hash).collect();
        let Some(first) = there.first() else {
            let message = format!("artifact {hash} is not installed");
            return Err(Failure::new(Code::NotFound, message).about(stack.path(hash)?));
        };
        let bytes = there.iter().map(|it| it.bytes).sum();
        let uses = first.bound_by.len() as u64;
        let bound = match uses {
            0 => String::new(),
            uses => format!(
                ", which {} bind{}",
                human::count(uses, "file"),
                if uses == 1 { "s" } else { "" }
            ),
        };
        let what = format!("`{}` ({}{bound})", first.path, human::size(bytes));
        self.confirmation.confirm(session, &format!("Remove {what}"))?;
        let removed = artifact::remove(&stack, hash)?;
        if session.output.is_json() {
            let artifact = &self.one.artifact;
            return session.output.json(&Answer { artifact, hash, removed, bytes });
        }
        session.output.talk(&format!("{} {what}", done("Removed")));
        Ok(())
    }
}
