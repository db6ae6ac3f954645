//! `scratchrs store list`: list the artifacts of a store, and the names that are bound to them.

use scratchrs_core::Failure;
use scratchrs_core::store::{Artifact, MissingArtifact, status};

use super::StoreOption;
use crate::failure::Result;
use crate::human::{self, visible};
use crate::output::{aside, title};
use crate::session::Session;
use crate::table::{self, Align, Column};

const AFTER_HELP: &str = "\
Examples:
  scratchrs store list                              bound artifacts
  scratchrs store list --all                        … and unbound ones
  scratchrs store list --json | jq .saved_bytes     the savings by sharing
  scratchrs store list --store ~/.julia/scratchspaces/cf8be1f4-309d-442e-839d-29d2a0af6cb7/0.3

With --json: {\"root\", \"files\", \"trees\", \"bytes\", \"saved_bytes\", \"artifacts\": [{\"hash\", \
\"path\", \"kind\", \"files\", \"bytes\", \"link\", \"bound_by\": [{\"file\", \"name\", \"time\"}], \
\"is_in_tree\", \"orphan_since\"}], \"missing\": [{\"file\", \"name\", \"hash\"}], \
\"unreadable\": [{\"path\", \"message\"}], \"notes\": [\"…\"]}";

/// List the artifacts of the store, the names bound to them, and the savings by sharing
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// Also list unbound artifacts
    #[arg(long)]
    all: bool,

    #[command(flatten)]
    store: StoreOption,
}

const COLUMNS: [Column; 5] = [
    Column { title: "name", align: Align::Left, yields: true },
    Column { title: "hash", align: Align::Left, yields: true },
    Column { title: "size", align: Align::Right, yields: false },
    Column { title: "files", align: Align::Right, yields: false },
    Column { title: "bound", align: Align::Left, yields: false },
];

impl Arguments {
    pub(crate) fn run(&self, session: &mut Session) -> Result<()> {
        let store = self.store.get(session)?;
        let found = status(&store)?;
        for Failure { path: file, message } in &found.unreadable {
            session.output.note(&visible(&format!("{file}:{message}")), None);
        }
        if session.output.is_json() {
            return session.output.json(&found);
        }
        for MissingArtifact { file, name, hash } in &found.missing {
            let note = format!("\"{name}\" in `{file}` is bound to {hash}, which is not there");
            session.output.note(&visible(&note), None);
        }
        let now = session.environment.now;
        let mut rows = Vec::new();
        for artifact in &found.artifacts {
            for bound in &artifact.bound_by {
                let bound_at = human::age(Some(bound.time), now);
                rows.push(row(artifact, format!("\"{}\"", visible(&bound.name)), bound_at));
            }
            if artifact.bound_by.is_empty() && self.all {
                let note = if artifact.is_in_tree { "in a tree" } else { "by nobody" };
                rows.push(row(artifact, String::new(), note.to_owned()));
            }
        }
        rows.sort();
        if rows.is_empty() {
            session.output.talk(&format!("Nothing is bound in the store `{}`", found.root));
        } else {
            let mut lines = table::lines(&COLUMNS, &rows, session.environment.columns);
            lines[0] = title(&lines[0]);
            session.output.result(&(lines.join("\n") + "\n"))?;
        }
        let total = format!(
            "{} and {} in `{}`, {}; {} saved by sharing",
            human::count(found.files, "file"),
            human::count(found.trees, "tree"),
            found.root,
            human::size(found.bytes),
            human::size(found.saved_bytes)
        );
        session.output.talk(&aside(&total));
        Ok(())
    }
}

fn row(artifact: &Artifact, name: String, bound: String) -> [String; 5] {
    let files = artifact.files.to_string();
    [name, artifact.hash.to_string(), human::size(artifact.bytes), files, bound]
}
