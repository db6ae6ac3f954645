//! `scratchrs artifact create`: a tree becomes an artifact.

use std::path::Path;

use scratchrs_core::artifact::{self, Created};
use serde::Serialize;

use crate::failure::{Failure, Result};
use crate::output::done;
use crate::progress::with_progress;
use crate::selection;
use crate::session::Session;

const AFTER_HELP: &str = "\
Examples:
  scratchrs artifact create iris           of a directory
  scratchrs artifact create iris.tar.gz    of what is in a tarball
  scratchrs artifact bind iris $(scratchrs artifact create iris)

With --json: {\"hash\", \"path\", \"is_new\", \"notes\": [\"…\"]}";

/// Make an artifact of a directory or a tarball, and print its hash
///
/// What is there stays as it is: a copy becomes the artifact, in the first depot. If the depots have
/// it already, that one stays. An artifact that no file binds may be taken by the next collection.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// A directory, or a tarball: .tar, .tar.gz, .tar.xz, .tar.zst, .tar.bz2
    path: String,
}

#[derive(Serialize)]
struct Answer<'a> {
    hash: String,
    path: &'a str,
    /// Whether it was not there before.
    is_new: bool,
}

impl Arguments {
    pub(crate) fn run(&self, session: &mut Session) -> Result<()> {
        let stack = selection::stack(session)?;
        let source = Path::new(&self.path);
        let created = with_progress(session, |progress| {
            let creation = artifact::begin(&stack)?;
            let filled = match source.is_dir() {
                true => creation.copy(source, progress),
                false => creation.unpack(source, progress),
            };
            filled.and_then(|()| creation.publish(&stack, progress))
        });
        let Created { hash, path, is_new } =
            created.map_err(|error| Failure::from(error).about_by_default(&self.path))?;
        if session.output.is_json() {
            return session.output.json(&Answer { hash: hash.to_string(), path: &path, is_new });
        }
        session.output.result(&format!("{hash}\n"))?;
        let (word, what) =
            if is_new { ("Created", "") } else { ("Found", ", which was there already") };
        session.output.talk(&format!("{} `{path}`{what}", done(word)));
        Ok(())
    }
}
