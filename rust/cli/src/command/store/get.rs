//! `scratchrs store get`: the path of an artifact.

use scratchrs_core::store::{ArtifactKind, bound_hash};
use scratchrs_model::hash::Sha256;
use scratchrs_text::Text;
use scratchrs_text::human::visible;
use serde::Serialize;

use super::{Names, StoreOption};
use crate::failure::{Code, Failure, Result};
use crate::session::Session;

const AFTER_HELP: &str = "\
Examples:
  cat \"$(scratchrs store get iris)\"/iris.names
  scratchrs store get 38043f885d7c8cfb6d2cec61020b9bc6946c5856aadad493772ee212ef5ac891

With --json: {\"hash\", \"path\", \"kind\": \"file\" or \"tree\", \"notes\": [\"…\"]}";

/// Print the path of an artifact of the store, which is given by its name or hash
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
                let (file, exists) = self.names.find(session, &store)?;
                let hash = if exists { bound_hash(&file, &self.name)? } else { None };
                hash.ok_or_else(|| {
                    let message = format!("\"{name}\" is not bound in `{file}`");
                    Failure::new(Code::NotFound, message)
                        .about(&file)
                        .hint("`scratchrs store list` lists the bound names")
                })?
            }
        };
        let path = store.path(hash);
        let Some(kind) = store.kind(hash)? else {
            let message = format!("{hash} is not in the store `{}`", store.root());
            return Err(Failure::new(Code::NotFound, message).about(&path));
        };
        session.print(&Answer { hash, path: &path, kind }, |_| Text::line(&path))
    }
}
