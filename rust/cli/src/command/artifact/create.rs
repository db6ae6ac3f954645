//! `scratchrs artifact create`: create an artifact from a tree.

use std::path::Path;

use scratchrs_core::artifact;
use scratchrs_fs as fs;
use scratchrs_text as text;

use crate::failure::{Failure, Result};
use crate::progress::with_progress;
use crate::selection;
use crate::session::Session;

const AFTER_HELP: &str = "\
Examples:
  scratchrs artifact create iris           from a directory
  scratchrs artifact create iris.tar.gz    from the content of a tarball
  scratchrs artifact bind iris $(scratchrs artifact create iris)

With --json: {\"hash\", \"path\", \"is_new\", \"notes\": [\"…\"]}";

/// Create an artifact from a directory or a tarball, and print its hash
///
/// A copy becomes the artifact, in the first depot; the source is not changed. If the depots already have
/// the artifact, it is kept. The next collection may delete an artifact that no file binds.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// A directory, or a tarball: .tar, .tar.gz, .tar.xz, .tar.zst, .tar.bz2
    path: String,
}

impl Arguments {
    pub(crate) fn run(&self, session: &mut Session) -> Result<()> {
        let stack = selection::stack(session)?;
        let source = Path::new(&self.path);
        let created = with_progress(session, |progress| {
            let creation = artifact::begin(&stack)?;
            let filled = match fs::is_dir(source) {
                true => creation.copy(source, progress),
                false => creation.unpack(source, progress),
            };
            filled.and_then(|()| creation.publish(&stack, progress))
        });
        let created = created.map_err(|error| Failure::from(error).about_by_default(&self.path))?;
        session.print(&created, |_| text::artifact::created(&created))
    }
}
