//! `scratchrs store remove`: a name stands for nothing any more.

use scratchrs_core::store::unbind;
use serde::Serialize;

use super::{LOCK_TIMEOUT, Names, store};
use crate::failure::{Code, Failure, Result};
use crate::human::{self, visible};
use crate::output::done;
use crate::session::Session;

const AFTER_HELP: &str = "\
Examples:
  scratchrs store remove iris
  scratchrs store remove iris && scratchrs store collect --delay 0

With --json: {\"removed\": [\"…\"], \"file\", \"notes\": [\"…\"]}";

/// Remove names; what they stood for goes with a collection
///
/// Exits with 3 if none of the names is bound.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// Names
    #[arg(required = true, value_name = "NAME")]
    bound: Vec<String>,

    #[command(flatten)]
    names: Names,
}

#[derive(Serialize)]
struct Answer<'a> {
    removed: &'a [String],
    file: &'a str,
}

impl Arguments {
    pub(crate) fn run(&self, session: &mut Session) -> Result<()> {
        let store = store(session)?;
        let (file, is_there) = self.names.find(session, &store)?;
        let names: Vec<&str> = self.bound.iter().map(String::as_str).collect();
        if !is_there || !unbind(&store, &file, &names, LOCK_TIMEOUT)? {
            let names = visible(&self.bound.join("\", \""));
            let message = format!("\"{names}\" is bound to nothing in `{file}`");
            return Err(Failure::new(Code::NotFound, message).about(&file));
        }
        if session.output.is_json() {
            return session.output.json(&Answer { removed: &self.bound, file: &file });
        }
        let count = human::count(names.len() as u64, "name");
        session.output.talk(&format!("{} {count} from `{file}`", done("Removed")));
        Ok(())
    }
}
