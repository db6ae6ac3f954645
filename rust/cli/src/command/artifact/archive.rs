//! `scratchrs artifact archive`: pack an artifact as a tarball.

use scratchrs_archive::{Compression, Packed};
use scratchrs_core::artifact;
use scratchrs_model::hash::{Sha256, TreeHash};
use scratchrs_text::{Text, human};
use serde::Serialize;

use crate::failure::Result;
use crate::progress::with_progress;
use crate::selection::{One, Selected};
use crate::session::Session;

const AFTER_HELP: &str = "\
Examples:
  scratchrs artifact archive iris iris.tar.gz
  scratchrs artifact archive 43563e7631a7eafae1f9f8d9d332e3de44ad7239 iris.tar.zst

With --json: {\"artifact\", \"hash\", \"tarball\", \"sha256\", \"bytes\", \"notes\": [\"…\"]}";

/// Write an artifact as a tarball, and print the tarball's sha256
///
/// The same tree gives the same bytes on every machine. The tarball is compressed by Zstandard if
/// its name ends with `.zst`, else by gzip. An existing file is replaced. Overrides.toml files are
/// ignored.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    #[command(flatten)]
    one: One,

    /// The path of the tarball
    tarball: String,
}

#[derive(Serialize)]
struct Answer<'a> {
    artifact: &'a str,
    hash: TreeHash,
    tarball: &'a str,
    sha256: Sha256,
    bytes: u64,
}

impl Arguments {
    pub(crate) fn run(&self, session: &mut Session) -> Result<()> {
        let (Selected { hash, .. }, stack) = self.one.select(session)?;
        let stack = stack.without_overrides();
        let compression = Compression::of_name(&self.tarball);
        let Packed { sha256, size } = with_progress(session, |progress| {
            artifact::archive(&stack, hash, &self.tarball, compression, progress)
        })?;
        let answer = Answer {
            artifact: &self.one.artifact,
            hash,
            tarball: &self.tarball,
            sha256,
            bytes: size,
        };
        session.print(&answer, |_| {
            let what = format!("{hash} into `{}` ({})", self.tarball, human::size(size));
            Text::line(sha256.to_string()).done("Archived", what)
        })
    }
}
