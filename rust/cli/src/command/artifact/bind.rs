//! `scratchrs artifact bind`: bind a name to an artifact.

use scratchrs_core::artifact;
use scratchrs_model::artifacts_toml::{BindOptions, Download};
use scratchrs_model::diagnostic::Diagnostic;
use scratchrs_model::hash::{Sha256, TreeHash};
use scratchrs_model::layout::UsageLogFile;
use scratchrs_model::platform::Platform;
use scratchrs_text::{Text, usage_log};
use serde::Serialize;

use crate::content::Content;
use crate::downloads;
use crate::failure::{Code, Failure, Result};
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

    /// The tree hash of the artifact [default: that of the tree in --tarball]
    #[arg(required_unless_present = "tarball")]
    hash: Option<TreeHash>,

    #[command(flatten)]
    file: FileOption,

    /// The platform of the binding, such as `x86_64-linux-gnu` [default: all platforms]
    #[arg(long, value_name = "TRIPLET", value_parser = selection::parse_platform)]
    platform: Option<Platform>,

    /// The URL of a tarball of the artifact; may be repeated, URLs are tried in this order
    #[arg(long = "url", value_name = "URL")]
    urls: Vec<String>,

    /// The hash of the tarball at the URL: one for each URL, in the same order
    #[arg(long, value_name = "HASH")]
    sha256: Vec<Sha256>,

    /// A local copy of the tarball, from which hashes are computed
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
            return Err(Failure::invalid("the name is empty"));
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
        let answer = Answer {
            file: &bound.file,
            name: &self.name,
            hash,
            platform: platform.map(ToString::to_string),
            lazy: self.lazy,
            downloads: &downloads,
            healed: bound.removed_records,
        };
        let log = UsageLogFile::Artifacts.path(&depot);
        session.print(&answer, |_| {
            let on = platform.map(|platform| format!(" on {platform}")).unwrap_or_default();
            let what = format!("`{}`{on} to {hash} in `{}`", self.name, bound.file);
            let mut text = Text::default().done("Bound", what);
            text.notes.extend(usage_log(&log, &answer.healed, "repaired now"));
            text
        })
    }

    /// The artifact, and its sources.
    fn content(&self, session: &Session) -> Result<(TreeHash, Vec<Download>)> {
        let (hash, sha256) = match (&self.tarball, self.hash) {
            (Some(tarball), hash) => {
                let (found, sha256) = tarball_hashes(session, tarball, hash)?;
                (found, vec![sha256; self.urls.len()])
            }
            (None, Some(hash)) => (hash, self.sha256.clone()),
            (None, None) => return Err(Failure::invalid("missing hash or --tarball")),
        };
        Ok((hash, downloads::pair(&self.urls, &sha256)?))
    }
}

/// The hash of the tree in a tarball, which must be `expected` if that is given; and the hash of the tarball.
fn tarball_hashes(
    session: &Session,
    tarball: &str,
    expected: Option<TreeHash>,
) -> Result<(TreeHash, Sha256)> {
    match with_progress(session, |progress| Content::read(tarball, false, progress))? {
        Content::Tarball { hashes, sha256, .. } => match expected {
            Some(expected) if !hashes.contains(&expected) => {
                let message =
                    format!("expected the tree {expected}, found {}: `{tarball}`", hashes.pkg);
                Err(Failure::new(Code::Integrity, message).about(tarball))
            }
            Some(expected) => Ok((expected, sha256)),
            None => Ok((hashes.pkg, sha256)),
        },
        content => {
            let message = format!("expected a tarball, found a {}: `{tarball}`", content.kind());
            Err(Failure::invalid(message).about(tarball))
        }
    }
}
