//! `scratchrs store verify`: whether contents and trees are what they should be.

use scratchrs_core::store::{Damage, verify};
use serde::Serialize;

use super::StoreOption;
use crate::failure::{Code, Failure, Result};
use crate::human::{self, visible};
use crate::output::title;
use crate::progress::with_progress;
use crate::session::Session;

const AFTER_HELP: &str = "\
Examples:
  scratchrs store verify
  scratchrs store verify --json | jq -r '.damaged[].path'

With --json: {\"files\", \"trees\", \"bytes\", \"damaged\": [{\"hash\", \"path\", \"what\", \
\"bound_by\": [{\"file\", \"name\"}]}], \"notes\": [\"…\"]}";

/// Read all contents of the store, look through all trees, and report what is wrong
///
/// Exits with 1 if something is not what it should be.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    #[command(flatten)]
    store: StoreOption,
}

#[derive(Serialize)]
struct Answer {
    files: u64,
    trees: u64,
    bytes: u64,
    damaged: Vec<Item>,
}

#[derive(Serialize)]
struct Item {
    hash: String,
    path: String,
    what: String,
    bound_by: Vec<Name>,
}

#[derive(Serialize)]
struct Name {
    file: String,
    name: String,
}

impl Arguments {
    pub(crate) fn run(&self, session: &mut Session) -> Result<()> {
        let store = self.store.get(session)?;
        let verified = with_progress(session, |progress| verify(&store, progress))?;
        let damaged: Vec<Item> = verified.damaged.iter().map(item).collect();
        let count = damaged.len() as u64;
        if session.output.is_json() {
            let (files, trees, bytes) = (verified.files, verified.trees, verified.bytes);
            session.output.json(&Answer { files, trees, bytes, damaged })?;
        } else {
            let mut text = String::new();
            for item in &damaged {
                text.push_str(&format!("{} {}\n", title("damaged"), visible(&item.path)));
                text.push_str(&format!("  {}\n", visible(&item.what)));
                for Name { file, name } in &item.bound_by {
                    text.push_str(&visible(&format!("  concerns \"{name}\" in {file}")));
                    text.push('\n');
                }
            }
            session.output.result(&text)?;
        }
        let all = format!(
            "{} and {}",
            human::count(verified.files, "file"),
            human::count(verified.trees, "tree")
        );
        if count > 0 {
            let message = format!("of {all}, {} not what it should be", is_or_are(count));
            return Err(Failure::new(Code::Integrity, message)
                .hint("make anew what is concerned, and bind it with force"));
        }
        let size = human::size(verified.bytes);
        session.output.talk(&format!("{all} are what they should be ({size} read)"));
        Ok(())
    }
}

fn is_or_are(count: u64) -> String {
    if count == 1 { "1 thing is".to_owned() } else { format!("{count} things are each") }
}

fn item(damage: &Damage) -> Item {
    let Damage { hash, path, what, bound_by } = damage;
    let bound_by =
        bound_by.iter().map(|(file, name)| Name { file: file.clone(), name: name.clone() });
    Item {
        hash: hash.to_string(),
        path: path.clone(),
        what: what.clone(),
        bound_by: bound_by.collect(),
    }
}
