//! `scratchrs artifact remove`: delete an artifact.

use scratchrs_core::artifact;
use scratchrs_model::hash::TreeHash;
use scratchrs_text::Text;
use scratchrs_text::human::{count, plural, size};
use serde::Serialize;

use crate::confirmation;
use crate::failure::{Code, Failure, Result};
use crate::selection::{One, Selected};
use crate::session::Session;

const AFTER_HELP: &str = "\
Examples:
  scratchrs artifact remove iris
  scratchrs artifact remove 43563e7631a7eafae1f9f8d9d332e3de44ad7239 --yes

With --json: {\"artifact\", \"hash\", \"removed\": [\"…\"], \"bytes\", \"notes\": [\"…\"]}. \"removed\" has \
the paths of the artifact.";

/// Delete an artifact from all depots
///
/// Its bindings are kept, so that it can be installed again. An artifact with an override in an
/// Overrides.toml is not deleted. Exits with 3 if it is not installed.
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
            let hint =
                "overridden artifacts are not deleted; the path comes from an Overrides.toml";
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
            uses => format!(", which {} {}", count(uses, "file"), plural(uses, "binds", "bind")),
        };
        let what = format!("`{}` ({}{bound})", first.path, size(bytes));
        self.confirmation.confirm(session, &format!("Delete {what}"))?;
        let removed = artifact::remove(&stack, hash)?;
        let answer = Answer { artifact: &self.one.artifact, hash, removed, bytes };
        session.print(&answer, |_| Text::default().done("Deleted", what))
    }
}
