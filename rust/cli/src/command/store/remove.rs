//! `scratchrs store remove`: unbind names.

use scratchrs_core::store::unbind;
use scratchrs_text::Text;
use scratchrs_text::human::{count, visible};
use serde::Serialize;

use super::{LOCK_TIMEOUT, Names, existing_store};
use crate::failure::{Code, Failure, Result};
use crate::session::Session;

const AFTER_HELP: &str = "\
Examples:
  scratchrs store remove iris
  scratchrs store remove iris && scratchrs gc --collect-delay 0

With --json: {\"removed\": [\"…\"], \"file\", \"notes\": [\"…\"]}";

/// Unbind names; a later collection deletes contents that are no longer bound
///
/// Exits with 3 if none of the names is bound.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// The names to unbind
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
        let store = existing_store(session)?;
        let (file, exists) = self.names.find(session, &store)?;
        let names: Vec<&str> = self.bound.iter().map(String::as_str).collect();
        if !exists || !unbind(&store, &file, &names, LOCK_TIMEOUT)? {
            let names = visible(&self.bound.join("\", \""));
            let message = format!("\"{names}\" is not bound in `{file}`");
            return Err(Failure::new(Code::NotFound, message).about(&file));
        }
        let names = count(names.len() as u64, "name");
        session.print(&Answer { removed: &self.bound, file: &file }, |_| {
            Text::default().done("Unbound", format!("{names} in `{file}`"))
        })
    }
}
