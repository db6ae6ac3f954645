//! `scratchrs artifact install`: install artifacts.

mod plan;

use scratchrs_core::Error;
use scratchrs_core::artifact::{self, Installed, LeftOut, Wanted};
use scratchrs_model::diagnostic::Diagnostic;
use scratchrs_model::hash::{Sha256, TreeHash};
use scratchrs_model::layout::UsageLogFile;
use scratchrs_text::human::{count, plural};
use scratchrs_text::{Note, Text, usage_log};
use serde::Serialize;

use self::plan::Plan;
use crate::downloads::Downloads;
use crate::failure::{Code, Failure, Result};
use crate::progress::with_progress;
use crate::selection::{self, Scope};
use crate::session::Session;

const AFTER_HELP: &str = "\
Examples:
  scratchrs artifact install                    the artifacts of the Artifacts.toml here, except lazy ones
  scratchrs artifact install iris               one of them, lazy or not
  scratchrs artifact install --file ~/dev/MyPackage --lazy --platform aarch64-apple-darwin
  scratchrs artifact install $HASH --url https://example.org/iris.tar.gz --sha256 $DIGITS

Environment:
  JULIA_PKG_SERVER                     the server to try first, as in Julia; empty: none
  JULIA_PKG_CONCURRENT_DOWNLOADS       the number of concurrent downloads [default: 8]
  JULIA_PKG_IGNORE_HASHES              `true`: trees with a wrong hash are accepted
  https_proxy, http_proxy, all_proxy, no_proxy
  JULIA_SSL_CA_ROOTS_PATH, JULIA_NO_VERIFY_HOSTS, …  trusted certificates, as in Julia

With --json: {\"artifacts\": [{\"name\", \"hash\", \"path\", \"is_new\", \"error\"}], \
\"healed\": [{\"line\", \"column\", \"message\"}], \"notes\": [\"…\"]}. \"path\" or \"error\" is null; so is \
\"hash\" if the binding is undecided or invalid.";

/// Install artifacts, and print their paths
///
/// The Pkg server is tried first, then the URLs of the file; hashes are verified. Interrupted downloads
/// resume, and concurrent processes share one download. The usage log records the file, so that no
/// collection deletes its artifacts. Exits with 1 if an artifact cannot be installed, with 2 if a binding is
/// undecided for this machine; the others are installed nevertheless.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// Names or hashes [default: all artifacts of the file, except lazy ones]
    #[arg(value_name = "ARTIFACT")]
    artifacts: Vec<String>,

    #[command(flatten)]
    scope: Scope,

    /// Also install lazy artifacts
    #[arg(long, conflicts_with = "artifacts")]
    lazy: bool,

    /// Install the artifacts for all platforms
    #[arg(long, conflicts_with_all = ["artifacts", "platform"])]
    all: bool,

    /// The URL of a tarball of the artifact; may be repeated
    #[arg(long = "url", value_name = "URL", requires = "artifacts")]
    urls: Vec<String>,

    /// The hash of the tarball at the URL: one for each URL, in the same order
    #[arg(long, value_name = "HASH", requires = "urls")]
    sha256: Vec<Sha256>,
}

#[derive(Serialize)]
struct Answer {
    artifacts: Vec<Artifact>,
    /// Invalid records that were removed from the usage log.
    healed: Vec<Diagnostic>,
}

#[derive(Serialize)]
struct Artifact {
    name: String,
    hash: Option<TreeHash>,
    path: Option<String>,
    is_new: bool,
    error: Option<Failure>,
}

impl Arguments {
    pub(crate) fn run(&self, session: &mut Session) -> Result<()> {
        let mut stack = selection::stack(session)?;
        let Plan { wanted, left_out, mut diagnostics } = self.plan(session, &mut stack)?;
        let downloads = Downloads::new(session)?;
        let results = with_progress(session, |progress| match wanted.as_slice() {
            [one] => vec![artifact::install(&stack, one, downloads.options(), progress)],
            several => artifact::install_all(&stack, several, downloads.options(), progress),
        });
        let mut artifacts = Vec::new();
        let mut healed = Vec::new();
        for (wanted, mut result) in wanted.iter().zip(results) {
            if let Ok(installed) = &mut result {
                diagnostics.retain(|diagnostic| !installed.warnings.contains(diagnostic));
                healed.append(&mut installed.removed_records);
            }
            artifacts.push(Artifact::of(session, wanted, result)?);
        }
        artifacts.extend(left_out.into_iter().map(Artifact::left_out));
        diagnostics
            .retain(|diagnostic| !artifacts.iter().any(|artifact| artifact.reports(diagnostic)));
        session.output.notes(diagnostics);
        let failed = failure(&artifacts);
        let log = stack.first_depot().map(|depot| UsageLogFile::Artifacts.path(depot));
        let answer = Answer { artifacts, healed };
        session.print(&answer, |_| answer.text(&log.unwrap_or_default()))?;
        failed.map_or(Ok(()), Err)
    }
}

impl Artifact {
    fn of(
        session: &mut Session,
        wanted: &Wanted,
        result: scratchrs_core::Result<Installed>,
    ) -> Result<Self> {
        let hash = Some(wanted.hash);
        let name = wanted.name.clone();
        match result {
            Ok(Installed { path, is_new, warnings, .. }) => {
                session.output.notes(warnings);
                Ok(Self { name, hash, path: Some(path), is_new, error: None })
            }
            Err(error @ Error::Cancelled) => Err(error.into()),
            Err(error) => {
                Ok(Self { name, hash, path: None, is_new: false, error: Some(error.into()) })
            }
        }
    }

    /// Whether its error contains a diagnostic of the file.
    fn reports(&self, diagnostic: &str) -> bool {
        self.error.as_ref().is_some_and(|error| error.message.contains(diagnostic))
    }

    fn left_out(LeftOut { name, error }: LeftOut) -> Self {
        Self { name, hash: None, path: None, is_new: false, error: Some(error.into()) }
    }
}

impl Answer {
    fn text(&self, log: &str) -> Text {
        let lines = self.artifacts.iter().filter_map(|artifact| artifact.path.clone()).collect();
        let mut text = Text { lines, ..Text::default() };
        text.notes.extend(usage_log(log, &self.healed, "repaired now"));
        let number = |is_new: bool| {
            let installed = self.artifacts.iter().filter(|it| it.path.is_some());
            installed.filter(|it| it.is_new == is_new).count() as u64
        };
        let (new, old) = (number(true), number(false));
        if new > 0 {
            text = text.done("Installed", count(new, "artifact"));
        }
        if old > 0 {
            let verb = plural(old, "is", "are");
            text = text.sentence(format!("{} {verb} already installed", count(old, "artifact")));
        }
        if self.artifacts.is_empty() {
            text = text.sentence("Nothing to install");
        }
        if self.artifacts.len() > 1 {
            let errors = self.artifacts.iter().filter_map(|artifact| artifact.error.as_ref());
            text.notes.extend(
                errors
                    .map(|error| Note { message: error.message.clone(), hint: error.hint.clone() }),
            );
        }
        text
    }
}

/// The error that artifacts are not installed.
fn failure(artifacts: &[Artifact]) -> Option<Failure> {
    let failures: Vec<_> = artifacts.iter().filter_map(|it| it.error.as_ref()).collect();
    let (bad, all) = (failures.len(), artifacts.len());
    let first = *failures.first()?;
    if all == 1 {
        return Some(first.clone());
    }
    // Different failures have no common code.
    let is_same = failures.iter().all(|failure| failure.code == first.code);
    let code = if is_same { first.code } else { Code::Download };
    Some(Failure::new(
        code,
        format!("{bad} of {} can't be installed", count(all as u64, "artifact")),
    ))
}
