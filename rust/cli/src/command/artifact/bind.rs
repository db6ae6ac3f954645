//! `scratchrs artifact bind`: bind a name to an artifact.

use scratchrs_core::artifact;
use scratchrs_model::artifacts_toml::{BindOptions, Download};
use scratchrs_model::diagnostic::Diagnostic;
use scratchrs_model::hash::{Sha256, TreeHash};
use scratchrs_model::layout::UsageLogFile;
use scratchrs_model::platform::Platform;
use serde::Serialize;

use crate::content::Content;
use crate::diagnostics;
use crate::failure::{Code, Failure, Result};
use crate::output::done;
use crate::progress::with_progress;
use crate::selection::{self, FileOption};
use crate::session::Session;
use crate::waiting::with_lock_timeout;

const AFTER_HELP: &str = "\
Examples:
  scratchrs artifact bind iris 43563e7631a7eafae1f9f8d9d332e3de44ad7239
  scratchrs artifact bind iris --tarball iris.tar.gz --url https://example.org/iris.tar.gz
  scratchrs artifact bind tool $HASH --platform x86_64-linux-gnu --lazy \\
      --url https://example.org/tool.tar.gz --sha256 $DIGITS

With --json: {\"file\", \"name\", \"hash\", \"platform\", \"lazy\", \
\"downloads\": [{\"url\", \"sha256\", \"size\"}], \"healed\": [{\"line\", \"column\", \"message\"}], \"notes\": [\"…\"]}";

/// Bind a name to an artifact in an Artifacts.toml file
///
/// The file keeps its comments and its order. If there is no file, one is created in this directory.
/// The use of the file is logged, so that no collection deletes the artifact while the file exists.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// The name
    name: String,

    /// The hash of the artifact's tree; with --tarball, that of the tree in it is taken
    #[arg(required_unless_present = "tarball")]
    hash: Option<TreeHash>,

    #[command(flatten)]
    file: FileOption,

    /// The platform for which the name stands for it, as `x86_64-linux-gnu` [default: every one]
    #[arg(long, value_name = "TRIPLET", value_parser = selection::parse_platform)]
    platform: Option<Platform>,

    /// From where a tarball of it can be downloaded; may be repeated, the first is tried first
    #[arg(long = "url", value_name = "URL")]
    urls: Vec<String>,

    /// The hash of the tarball at the URL, one for each, in the same order
    #[arg(long, value_name = "HASH")]
    sha256: Vec<Sha256>,

    /// The tarball as it lies on this machine: hashes are taken from it
    #[arg(long, value_name = "FILE", conflicts_with = "sha256")]
    tarball: Option<String>,

    /// Install the artifact only at its first use
    #[arg(long)]
    lazy: bool,

    /// Replace an existing binding
    #[arg(long)]
    force: bool,
}

#[derive(Serialize)]
struct Answer<'a> {
    file: &'a str,
    name: &'a str,
    hash: TreeHash,
    platform: Option<String>,
    lazy: bool,
    downloads: &'a [Download],
    /// Invalid records that were removed from the usage log.
    healed: Vec<Diagnostic>,
}

impl Arguments {
    pub(crate) fn run(&self, session: &mut Session) -> Result<()> {
        if self.name.is_empty() {
            return Err(Failure::invalid("a name can't be empty"));
        }
        let (hash, downloads) = self.content(session)?;
        let file = self.file.or_new(session)?;
        let stack = selection::stack(session)?;
        let depot = session.depot()?;
        let now = session.environment.now;
        let platform = self.platform.as_ref();
        let options = BindOptions {
            platform,
            downloads: (!downloads.is_empty()).then_some(&downloads),
            lazy: self.lazy,
            force: self.force,
        };
        let bound = with_lock_timeout(session, |lock_timeout| {
            artifact::bind(&stack, &file, &self.name, hash, options, now, lock_timeout)
        });
        let bound = bound.map_err(|error| {
            let failure = Failure::from(error);
            match failure.code {
                Code::Conflict => failure.hint("`--force` replaces it"),
                _ => failure,
            }
        })?;
        let log = UsageLogFile::Artifacts.path(&depot);
        diagnostics::report(session, &log, &bound.removed_records, "removed now");
        if session.output.is_json() {
            return session.output.json(&Answer {
                file: &bound.file,
                name: &self.name,
                hash,
                platform: platform.map(ToString::to_string),
                lazy: self.lazy,
                downloads: &downloads,
                healed: bound.removed_records,
            });
        }
        let on = platform.map(|platform| format!(" on {platform}")).unwrap_or_default();
        let what = format!("`{}`{on} to {hash} in `{}`", self.name, bound.file);
        session.output.talk(&format!("{} {what}", done("Bound")));
        Ok(())
    }

    /// The artifact, and from where it can be downloaded.
    fn content(&self, session: &Session) -> Result<(TreeHash, Vec<Download>)> {
        let (hash, sha256) = match (&self.tarball, self.hash) {
            (Some(tarball), hash) => {
                let (found, sha256) = tarball_hashes(session, tarball, hash)?;
                (found, vec![sha256; self.urls.len()])
            }
            (None, Some(hash)) => (hash, self.sha256.clone()),
            (None, None) => return Err(Failure::invalid("neither a hash nor a tarball is given")),
        };
        if sha256.len() != self.urls.len() {
            let (urls, hashes) = (self.urls.len(), sha256.len());
            let message = format!("there are {urls} of --url and {hashes} of --sha256");
            return Err(
                Failure::invalid(message).hint("each --url needs a --sha256, or a --tarball")
            );
        }
        let download =
            |(url, sha256): (&String, Sha256)| Download { url: url.clone(), sha256, size: None };
        Ok((hash, self.urls.iter().zip(sha256).map(download).collect()))
    }
}

/// The hash of the tree in a tarball, which has to be `expected` if that is given; and that of the
/// tarball itself.
fn tarball_hashes(
    session: &Session,
    tarball: &str,
    expected: Option<TreeHash>,
) -> Result<(TreeHash, Sha256)> {
    match with_progress(session, |progress| Content::read(tarball, false, progress))? {
        Content::Tarball { hashes, sha256, .. } => match expected {
            Some(expected) if !hashes.contains(&expected) => {
                let message = format!(
                    "the tree in the tarball is not {expected}, but {}: `{tarball}`",
                    hashes.pkg
                );
                Err(Failure::new(Code::Integrity, message).about(tarball))
            }
            Some(expected) => Ok((expected, sha256)),
            None => Ok((hashes.pkg, sha256)),
        },
        content => {
            let message = format!("this is no tarball, but a {}: `{tarball}`", content.kind());
            Err(Failure::invalid(message).about(tarball))
        }
    }
}
