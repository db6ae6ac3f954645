//! `scratchrs artifact usage`: list the files that bind an artifact.

use scratchrs_core::artifact::{self, BoundBy};
use scratchrs_model::hash::TreeHash;
use scratchrs_text as text;
use serde::Serialize;

use crate::failure::Result;
use crate::selection::{One, Selected};
use crate::session::Session;

const AFTER_HELP: &str = "\
Examples:
  scratchrs artifact usage iris
  scratchrs artifact usage 43563e7631a7eafae1f9f8d9d332e3de44ad7239 --json | jq '.files[].path'

With --json: {\"artifact\", \"hash\", \"files\": [{\"path\", \"names\": [\"…\"], \"last_used\"}], \
\"notes\": [\"…\"]}. \"last_used\" is a local time with a Z behind it, as Pkg logs it.";

/// List the files in the usage logs that bind an artifact
///
/// While one of them exists, no collection deletes the artifact.
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
    files: &'a [BoundBy],
}

impl Arguments {
    pub(crate) fn run(&self, session: &mut Session) -> Result<()> {
        let (Selected { hash, binding }, stack) = self.one.select(session)?;
        let known = artifact::known_files(&stack, binding.map(|binding| binding.file))?;
        let files = artifact::usage(&known, hash);
        session.output.notes(&known.diagnostics);
        let answer = Answer { artifact: &self.one.artifact, hash, files: &files };
        session.print(&answer, |context| text::artifact::usage(&files, hash, context))
    }
}
