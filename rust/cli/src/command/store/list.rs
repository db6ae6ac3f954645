//! `scratchrs store list`: what is in a store, and who binds it.

use scratchrs_core::store::{Artifact, Status, status};
use scratchrs_fs::LinkMode;
use serde::Serialize;

use super::StoreOption;
use super::add::word;
use crate::failure::Result;
use crate::human::{self, visible};
use crate::output::{aside, title};
use crate::session::Session;
use crate::table::{self, Align, Column};

const AFTER_HELP: &str = "\
Examples:
  scratchrs store list                              what is bound
  scratchrs store list --all                        … and what is not
  scratchrs store list --json | jq .saved_bytes     what sharing saves
  scratchrs store list --store ~/.julia/scratchspaces/cf8be1f4-309d-442e-839d-29d2a0af6cb7/0.3

With --json: {\"root\", \"files\", \"trees\", \"bytes\", \"saved_bytes\", \"artifacts\": [{\"hash\", \
\"path\", \"kind\", \"files\", \"bytes\", \"link\", \"bound_by\": [{\"file\", \"name\", \"time\"}], \
\"is_in_tree\", \"orphan_since\"}], \"missing\": [{\"file\", \"name\", \"hash\"}], \"notes\": [\"…\"]}";

/// List what is in the store, who binds it, and what sharing saves
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// What no name is bound to too
    #[arg(long)]
    all: bool,

    #[command(flatten)]
    store: StoreOption,
}

#[derive(Serialize)]
struct Answer {
    root: String,
    files: u64,
    trees: u64,
    bytes: u64,
    saved_bytes: u64,
    artifacts: Vec<Item>,
    missing: Vec<Missing>,
}

#[derive(Serialize)]
struct Item {
    hash: String,
    path: String,
    kind: &'static str,
    files: u64,
    bytes: u64,
    link: Option<&'static str>,
    bound_by: Vec<Name>,
    is_in_tree: bool,
    orphan_since: Option<String>,
}

#[derive(Serialize)]
struct Name {
    file: String,
    name: String,
    time: String,
}

#[derive(Serialize)]
struct Missing {
    file: String,
    name: String,
    hash: String,
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
        for (file, reason) in &found.unreadable {
            session.output.note(&visible(&format!("{file}:{reason}")), None);
        }
        if session.output.is_json() {
            return session.output.json(&answer(&found));
        }
        for (file, name, hash) in &found.missing {
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
            human::size(found.saved_bytes())
        );
        session.output.talk(&aside(&total));
        Ok(())
    }
}

fn row(artifact: &Artifact, name: String, bound: String) -> [String; 5] {
    let files = artifact.files.to_string();
    [name, artifact.hash.to_string(), human::size(artifact.bytes), files, bound]
}

fn answer(status: &Status) -> Answer {
    let artifacts = status.artifacts.iter().map(|artifact| Item {
        hash: artifact.hash.to_string(),
        path: artifact.path.clone(),
        kind: word(artifact.kind),
        files: artifact.files,
        bytes: artifact.bytes,
        link: artifact.link.map(LinkMode::name),
        bound_by: artifact
            .bound_by
            .iter()
            .map(|bound| Name {
                file: bound.file.clone(),
                name: bound.name.clone(),
                time: bound.time.to_string(),
            })
            .collect(),
        is_in_tree: artifact.is_in_tree,
        orphan_since: artifact.orphan_since.map(|since| since.to_string()),
    });
    let missing = status.missing.iter().map(|(file, name, hash)| Missing {
        file: file.clone(),
        name: name.clone(),
        hash: hash.to_string(),
    });
    Answer {
        root: status.root.clone(),
        files: status.files,
        trees: status.trees,
        bytes: status.bytes,
        saved_bytes: status.saved_bytes(),
        artifacts: artifacts.collect(),
        missing: missing.collect(),
    }
}
