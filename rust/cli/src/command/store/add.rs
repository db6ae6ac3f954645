//! `scratchrs store add`: store a copy of a file or a directory.

use std::path::Path;

use scratchrs_core::store::{
    BindOptions, Bound, CreateOptions, Created, Creation, bind, end_session,
};
use scratchrs_fs::LinkMode;
use scratchrs_text as text;
use scratchrs_text::human::visible;
use serde::Serialize;

use super::{LOCK_TIMEOUT, Names};
use crate::failure::{Code, Failure, Result};
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
/// Existing contents are not stored again. The source is not changed.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// A file or a directory
    path: String,

    /// The name to bind
    name: String,

    /// How the files of a directory are linked to their contents: reflink, hardlink, symlink or copy
    /// [default: the setting of the store, or the best that the file system supports]
    #[arg(long, value_name = "MODE")]
    link: Option<LinkMode>,

    /// Replace an existing binding
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
            let message = format!("\"{name}\" is already bound in `{file}`");
            return Err(Failure::new(Code::Conflict, message)
                .about(&file)
                .hint("`--force` replaces the binding"));
        }
        session
            .print(&Answer { created: &created, file: &file }, |_| text::store::created(&created))
    }
}
