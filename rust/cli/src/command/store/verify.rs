//! `scratchrs store verify`: verify contents and trees.

use scratchrs_core::store::{NameInFile, verify};

use super::StoreOption;
use crate::failure::{Code, Failure, Result};
use crate::human::{self, visible};
use crate::output::title;
use crate::progress::with_progress;
use crate::session::Session;

const AFTER_HELP: &str = "\
Examples:
  scratchrs store verify
  scratchrs store verify --json | jq -r '.corrupt[].path'

With --json: {\"files\", \"trees\", \"bytes\", \"corrupt\": [{\"hash\", \"path\", \"what\", \
\"bound_by\": [{\"file\", \"name\"}]}], \"notes\": [\"…\"]}";

/// Read all contents of the store, check all trees, and report corruption
///
/// Exits with 1 if something is corrupt.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    #[command(flatten)]
    store: StoreOption,
}

impl Arguments {
    pub(crate) fn run(&self, session: &mut Session) -> Result<()> {
        let store = self.store.get(session)?;
        let verified = with_progress(session, |progress| verify(&store, progress))?;
        let count = verified.corrupt.len() as u64;
        if session.output.is_json() {
            session.output.json(&verified)?;
        } else {
            let mut text = String::new();
            for item in &verified.corrupt {
                text.push_str(&format!("{} {}\n", title("corrupt"), visible(&item.path)));
                text.push_str(&format!("  {}\n", visible(&item.what)));
                for NameInFile { file, name } in &item.bound_by {
                    text.push_str(&visible(&format!("  affects \"{name}\" in {file}")));
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
            let message = format!("of {all}, {} corrupt", is_or_are(count));
            return Err(Failure::new(Code::Integrity, message)
                .hint("create the affected artifacts again, and bind them with `--force`"));
        }
        let size = human::size(verified.bytes);
        session.output.talk(&format!("{all} are intact ({size} read)"));
        Ok(())
    }
}

fn is_or_are(count: u64) -> String {
    if count == 1 { "1 item is".to_owned() } else { format!("{count} items are") }
}
