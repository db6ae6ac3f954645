//! `scratchrs store get`: where something is.

use scratchrs_core::store::{ArtifactKind, bound_hash};
use scratchrs_model::hash::Sha256;
use serde::Serialize;

use super::{Names, StoreOption};
use crate::failure::{Code, Failure, Result};
use crate::human::visible;
use crate::session::Session;

const AFTER_HELP: &str = "\
Examples:
  cat \"$(scratchrs store get iris)\"/iris.names
  scratchrs store get 38043f885d7c8cfb6d2cec61020b9bc6946c5856aadad493772ee212ef5ac891

With --json: {\"hash\", \"path\", \"kind\": \"file\" or \"tree\", \"notes\": [\"…\"]}";

/// Print the path of what a name stands for, or of a hash
///
/// Exits with 3 if it is not in the store.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// A name, or 64 hexadecimal digits
    #[arg(value_name = "NAME|HASH")]
    name: String,

    #[command(flatten)]
    store: StoreOption,

    #[command(flatten)]
    names: Names,
}

#[derive(Serialize)]
struct Answer<'a> {
    hash: Sha256,
    path: &'a str,
    kind: ArtifactKind,
}

impl Arguments {
    pub(crate) fn run(&self, session: &mut Session) -> Result<()> {
        let store = self.store.get(session)?;
        let name = visible(&self.name);
        let hash = match self.name.parse::<Sha256>() {
            Ok(hash) => hash,
            Err(_) => {
                let (file, is_there) = self.names.find(session, &store)?;
                let hash = if is_there { bound_hash(&file, &self.name)? } else { None };
                hash.ok_or_else(|| {
                    let message = format!("\"{name}\" is bound to nothing in `{file}`");
                    Failure::new(Code::NotFound, message)
                        .about(&file)
                        .hint("`scratchrs store list` shows what is bound")
                })?
            }
        };
        let path = store.path(hash);
        let Some(kind) = store.kind(hash)? else {
            let message = format!("{hash} is not in the store `{}`", store.root());
            return Err(Failure::new(Code::NotFound, message).about(&path));
        };
        if session.output.is_json() {
            return session.output.json(&Answer { hash, path: &path, kind });
        }
        session.output.result(&format!("{path}\n"))
    }
}
