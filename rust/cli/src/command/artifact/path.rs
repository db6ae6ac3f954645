//! `scratchrs artifact path`: the path of an artifact.

use scratchrs_model::hash::TreeHash;
use scratchrs_text::Text;
use scratchrs_text::human::visible;
use serde::Serialize;

use crate::failure::{Code, Failure, Result};
use crate::selection::{One, Selected};
use crate::session::Session;

const AFTER_HELP: &str = "\
Examples:
  scratchrs artifact path iris
  ls $(scratchrs artifact path 43563e7631a7eafae1f9f8d9d332e3de44ad7239)

With --json: {\"artifact\", \"hash\", \"path\", \"overridden\", \"notes\": [\"…\"]}";

/// Print the path of an artifact
///
/// The path is in the first depot that has the artifact, or that of an Overrides.toml. Exits with 3 if the
/// artifact is not installed.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    #[command(flatten)]
    one: One,
}

#[derive(Serialize)]
struct Answer<'a> {
    artifact: &'a str,
    hash: TreeHash,
    path: &'a str,
    /// Whether an Overrides.toml has the path.
    overridden: bool,
}

impl Arguments {
    pub(crate) fn run(&self, session: &mut Session) -> Result<()> {
        let (Selected { hash, .. }, stack) = self.one.select(session)?;
        let Some(path) = stack.find(hash)? else {
            let name = visible(&self.one.artifact);
            let message = format!("artifact `{name}` is not installed: `{}`", stack.path(hash)?);
            return Err(Failure::new(Code::NotFound, message).about(stack.path(hash)?));
        };
        let answer = Answer {
            artifact: &self.one.artifact,
            hash,
            path: &path,
            overridden: stack.overridden(hash)?.is_some(),
        };
        session.print(&answer, |_| Text::line(&path))
    }
}
