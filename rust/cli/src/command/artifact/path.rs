//! `scratchrs artifact path`: where an artifact lies.

use scratchrs_model::hash::TreeHash;
use serde::Serialize;

use crate::failure::{Code, Failure, Result};
use crate::human::visible;
use crate::selection::{One, Selected};
use crate::session::Session;

const AFTER_HELP: &str = "\
Examples:
  scratchrs artifact path iris
  ls $(scratchrs artifact path 43563e7631a7eafae1f9f8d9d332e3de44ad7239)

With --json: {\"artifact\", \"hash\", \"path\", \"overridden\", \"notes\": [\"…\"]}";

/// Print the path of an artifact
///
/// The path is in the first depot that has it, or the one that an Overrides.toml names. Exits with 3 if
/// it is not installed.
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
    /// Whether an Overrides.toml names the path.
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
        if session.output.is_json() {
            return session.output.json(&Answer {
                artifact: &self.one.artifact,
                hash,
                path: &path,
                overridden: stack.overridden(hash)?.is_some(),
            });
        }
        session.output.result(&(path + "\n"))
    }
}
