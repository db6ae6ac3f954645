//! `scratchrs artifact usage`: which files bind an artifact.

use scratchrs_core::artifact::{self, BoundBy};
use scratchrs_model::hash::TreeHash;
use serde::Serialize;

use crate::failure::Result;
use crate::human::{self, visible};
use crate::output::title;
use crate::selection::{self, One, Selected};
use crate::session::Session;
use crate::table::{self, Align, Column};

const AFTER_HELP: &str = "\
Examples:
  scratchrs artifact usage iris
  scratchrs artifact usage 43563e7631a7eafae1f9f8d9d332e3de44ad7239 --json | jq '.files[].path'

With --json: {\"artifact\", \"hash\", \"files\": [{\"path\", \"names\": [\"…\"], \"last_used\"}], \
\"notes\": [\"…\"]}. \"last_used\" is a local time with a Z behind it, as Pkg logs it.";

/// List the files that bind an artifact, as far as the depots know them
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

const COLUMNS: [Column; 3] = [
    Column { title: "name", align: Align::Left, yields: true },
    Column { title: "last used", align: Align::Left, yields: false },
    Column { title: "bound by", align: Align::Left, yields: false },
];

impl Arguments {
    pub(crate) fn run(&self, session: &mut Session) -> Result<()> {
        let (Selected { hash, binding }, stack) = self.one.select(session)?;
        let known = artifact::known_files(&stack, binding.map(|binding| binding.file))?;
        let uses = artifact::usage(&known, hash);
        selection::complain(session, &known.diagnostics);
        if session.output.is_json() {
            let artifact = &self.one.artifact;
            return session.output.json(&Answer { artifact, hash, files: &uses });
        }
        if uses.is_empty() {
            session.output.talk(&format!("No file that the depots know binds {hash}"));
            return Ok(());
        }
        let now = session.environment.now;
        let row = |it: &BoundBy| {
            [visible(&it.names.join(", ")), human::age(it.last_used, now), visible(&it.path)]
        };
        let rows: Vec<_> = uses.iter().map(row).collect();
        let mut lines = table::lines(&COLUMNS, &rows, session.environment.columns);
        lines[0] = title(&lines[0]);
        session.output.result(&(lines.join("\n") + "\n"))
    }
}
