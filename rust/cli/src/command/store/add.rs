//! `scratchrs store add`: a copy of a file or a directory is stored.

use std::path::Path;

use scratchrs_core::store::{
    BindOptions, Bound, CreateOptions, Created, Creation, bind, end_session,
};
use scratchrs_fs::LinkMode;
use serde::Serialize;

use super::{LOCK_TIMEOUT, Names};
use crate::failure::{Code, Failure, Result};
use crate::human::visible;
use crate::output::done;
use crate::progress::with_progress;
use crate::session::Session;

const AFTER_HELP: &str = "\
Examples:
  scratchrs store add iris/ iris
  scratchrs store add model.bin model --link copy

With --json: {\"hash\", \"path\", \"kind\": \"file\" or \"tree\", \"is_new\", \"link\", \"file\", \
\"notes\": [\"…\"]}";

/// Store a copy of a file or a directory, bind a name to it, and print its hash
///
/// What the store has already is not stored again. What is there stays as it is.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// A file or a directory
    path: String,

    /// What to call it
    name: String,

    /// How the files of a directory share their contents with others: reflink, hardlink, symlink or
    /// copy [default: what is chosen for the store, or the best that the file system can do]
    #[arg(long, value_name = "MODE")]
    link: Option<LinkMode>,

    /// Bind a name that is bound to something else
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    names: Names,
}

#[derive(Serialize)]
struct Answer<'a> {
    #[serde(flatten)]
    created: &'a Created,
    file: &'a str,
}

impl Arguments {
    pub(crate) fn run(&self, session: &mut Session) -> Result<()> {
        let (store, file) = self.names.open(session)?;
        let source = session.absolute(&self.path)?;
        let options = CreateOptions { link: self.link };
        let created = with_progress(session, |progress| {
            let creation = Creation::begin(&store, LOCK_TIMEOUT)?;
            let copied = creation.copy(Path::new(&source), progress)?;
            creation.finish(copied.as_deref(), options, progress)
        });
        let bound = created.and_then(|created| {
            let options = BindOptions { force: self.force, metadata: None };
            let now = session.environment.now;
            let bound = bind(&store, &file, &self.name, created.hash, options, now, LOCK_TIMEOUT)?;
            Ok((created, bound))
        });
        let ended = end_session(Some(&store));
        let (created, bound) =
            bound.map_err(|error| Failure::from(error).about_by_default(&self.path))?;
        ended?;
        if bound == Bound::Taken {
            let name = visible(&self.name);
            let message = format!("\"{name}\" is bound already in `{file}`");
            return Err(Failure::new(Code::Conflict, message)
                .about(&file)
                .hint("`--force` binds it to this"));
        }
        if session.output.is_json() {
            return session.output.json(&Answer { created: &created, file: &file });
        }
        session.output.result(&format!("{}\n", created.hash))?;
        let (verb, what) =
            if created.is_new { ("Stored", "") } else { ("Found", ", which already exists") };
        session.output.talk(&format!("{} `{}`{what}", done(verb), created.path));
        Ok(())
    }
}
