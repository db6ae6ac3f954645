//! `scratchrs artifact install`: artifacts come from where a file says that they can be had.

use scratchrs_core::Error;
use scratchrs_core::artifact::{self, Installed, LeftOut, Stack, Wanted};
use scratchrs_model::artifacts_toml::{Bindings, Chosen, Download};
use scratchrs_model::diagnostic::Diagnostic;
use scratchrs_model::hash::{Sha256, TreeHash};
use scratchrs_model::layout::UsageLogFile;
use serde::Serialize;

use crate::diagnostics;
use crate::downloads::Downloads;
use crate::failure::{Code, Failure, Result};
use crate::human::{self, visible};
use crate::output::done;
use crate::progress::with_progress;
use crate::selection::{self, Scope, Selected};
use crate::session::Session;

const AFTER_HELP: &str = "\
Examples:
  scratchrs artifact install                    what the Artifacts.toml here binds, if not lazily
  scratchrs artifact install iris               one, lazy or not
  scratchrs artifact install --file ~/dev/MyPackage --lazy --platform aarch64-apple-darwin
  scratchrs artifact install $HASH --url https://example.org/iris.tar.gz --sha256 $DIGITS

Environment:
  JULIA_PKG_SERVER                     the server to ask first, as in Julia; empty: none
  JULIA_PKG_CONCURRENT_DOWNLOADS       how many downloads at a time [default: 8]
  JULIA_PKG_IGNORE_HASHES              `true`: a tree with another hash is taken
  https_proxy, http_proxy, all_proxy, no_proxy
  JULIA_SSL_CA_ROOTS_PATH, JULIA_NO_VERIFY_HOSTS, …  whom to trust, as in Julia

With --json: {\"artifacts\": [{\"name\", \"hash\", \"path\", \"is_new\", \"error\"}], \
\"healed\": [{\"line\", \"column\", \"message\"}], \"notes\": [\"…\"]}. \"path\" or \"error\" is null; so is \
\"hash\" where it is not known what a name stands for.";

/// Install artifacts, and print their paths
///
/// Each is asked for at the Pkg server and then at the places that the file names, and checked. If
/// another process is installing one, it is waited for. A transfer that broke off goes on where it
/// was. That the file is in use is recorded, so that no collection takes the artifacts. Exits with 1 if
/// one can't be had, with 2 if it is only not known what a name stands for on this machine; all others
/// are installed then.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// Names, or hashes [default: all that the file binds and that are not lazy]
    #[arg(value_name = "ARTIFACT")]
    artifacts: Vec<String>,

    #[command(flatten)]
    scope: Scope,

    /// Those that are lazy, too
    #[arg(long, conflicts_with = "artifacts")]
    lazy: bool,

    /// Those for every platform
    #[arg(long, conflicts_with_all = ["artifacts", "platform"])]
    all: bool,

    /// From where to download a tarball of the one artifact; may be repeated
    #[arg(long = "url", value_name = "URL", requires = "artifacts")]
    urls: Vec<String>,

    /// The hash of the tarball at the URL, one for each, in the same order
    #[arg(long, value_name = "HASH", requires = "urls")]
    sha256: Vec<Sha256>,
}

/// What is to be done.
struct Plan {
    wanted: Vec<Wanted>,
    /// The names of which it is not known what they stand for.
    left_out: Vec<LeftOut>,
    /// What is invalid in the file, each with its place.
    diagnostics: Vec<String>,
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
            .retain(|diagnostic| !artifacts.iter().any(|artifact| artifact.tells(diagnostic)));
        selection::tell_diagnostics(session, &diagnostics);
        let log = stack.first_depot().map(|depot| UsageLogFile::Artifacts.path(depot));
        diagnostics::report(session, &log.unwrap_or_default(), &healed, "removed now");
        if session.output.is_json() {
            let failed = failure(&artifacts);
            session.output.json(&Answer { artifacts, healed })?;
            return failed.map_or(Ok(()), Err);
        }
        let paths = artifacts.iter().filter_map(|artifact| artifact.path.as_deref());
        let paths: String = paths.map(|path| format!("{path}\n")).collect();
        session.output.result(&paths)?;
        tell(session, &artifacts);
        failure(&artifacts).map_or(Ok(()), Err)
    }

    fn plan(&self, session: &mut Session, stack: &mut Stack) -> Result<Plan> {
        let downloads = self.downloads()?;
        if self.artifacts.is_empty() {
            return self.bound(session, stack);
        }
        let mut one = |name: &String| -> Result<Wanted> {
            let Selected { hash, binding } = self.scope.select(session, stack, name)?;
            let mut wanted = match binding {
                Some(binding) => Wanted::of_entry(name, &binding.entry, &binding.file),
                None => Wanted {
                    name: name.clone(),
                    hash,
                    downloads: Vec::new(),
                    unhashed: Vec::new(),
                    bound_in: None,
                    invalid: Vec::new(),
                },
            };
            wanted.downloads.extend(downloads.iter().cloned());
            Ok(wanted)
        };
        let wanted = self.artifacts.iter().map(&mut one).collect::<Result<Vec<_>>>()?;
        Ok(Plan { wanted: once(wanted), left_out: Vec::new(), diagnostics: Vec::new() })
    }

    /// What the file binds and can be downloaded. What is missing and can't be is told.
    fn bound(&self, session: &mut Session, stack: &mut Stack) -> Result<Plan> {
        let file = self.scope.file.existing(session)?;
        let bindings = stack.load(&file)?.unwrap_or_default();
        let diagnostics = selection::diagnostics(&file, &bindings);
        if self.all {
            let wanted = self.bound_anywhere(&bindings, &file);
            return Ok(Plan { wanted, left_out: Vec::new(), diagnostics });
        }
        let host = self.scope.platform.host()?;
        let (wanted, left_out) = artifact::wanted(stack, &file, &bindings, &host, self.lazy);
        for name in bindings.names() {
            let chosen = artifact::choose(stack, &file, &bindings, name, &host);
            let Ok(Some(Chosen { entry, .. })) = chosen else { continue };
            let is_wanted = entry.downloads.is_none() && (self.lazy || !entry.lazy);
            if is_wanted && stack.find(entry.hash)?.is_none() {
                let note = format!(
                    "`{name}` is not installed, and `{file}` has no URL to download it from"
                );
                session.output.note(&visible(&note), None);
            }
        }
        Ok(Plan { wanted: once(wanted), left_out, diagnostics })
    }

    /// The same for all platforms.
    fn bound_anywhere(&self, bindings: &Bindings, file: &str) -> Vec<Wanted> {
        let mut wanted = Vec::new();
        for name in bindings.names() {
            let entries = bindings.entries(name).into_iter().map(|(_, entry)| entry);
            let entries = entries.filter(|entry| entry.downloads.is_some());
            let entries = entries.filter(|entry| self.lazy || !entry.lazy);
            wanted.extend(entries.map(|entry| Wanted::of_entry(name, entry, file)));
        }
        once(wanted)
    }

    /// The places that the user names.
    fn downloads(&self) -> Result<Vec<Download>> {
        if self.urls.len() != self.sha256.len() {
            let (urls, hashes) = (self.urls.len(), self.sha256.len());
            let message = format!("there are {urls} of --url and {hashes} of --sha256");
            return Err(Failure::invalid(message).hint("each --url needs a --sha256"));
        }
        if self.artifacts.len() > 1 && !self.urls.is_empty() {
            return Err(Failure::invalid("there is one --url, and several artifacts"));
        }
        let download = |(url, sha256): (&String, &Sha256)| Download {
            url: url.clone(),
            sha256: *sha256,
            size: None,
        };
        Ok(self.urls.iter().zip(&self.sha256).map(download).collect())
    }
}

/// Of an artifact with several names, the first.
fn once(wanted: Vec<Wanted>) -> Vec<Wanted> {
    let mut kept: Vec<Wanted> = Vec::new();
    for one in wanted {
        if kept.iter().all(|known| known.hash != one.hash) {
            kept.push(one);
        }
    }
    kept
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
                for warning in warnings {
                    session.output.note(&visible(&warning), None);
                }
                Ok(Self { name, hash, path: Some(path), is_new, error: None })
            }
            Err(error @ Error::Cancelled) => Err(error.into()),
            Err(error) => {
                Ok(Self { name, hash, path: None, is_new: false, error: Some(error.into()) })
            }
        }
    }
}

impl Artifact {
    /// Whether its error says what is invalid in the file.
    fn tells(&self, diagnostic: &str) -> bool {
        self.error.as_ref().is_some_and(|error| error.message.contains(diagnostic))
    }

    fn left_out(LeftOut { name, error }: LeftOut) -> Self {
        Self { name, hash: None, path: None, is_new: false, error: Some(error.into()) }
    }
}

/// Says how many there are, and why others are not.
fn tell(session: &mut Session, artifacts: &[Artifact]) {
    let count = |is_new: bool| {
        let there = artifacts.iter().filter(|it| it.path.is_some() && it.is_new == is_new);
        there.count() as u64
    };
    let (new, old) = (count(true), count(false));
    if new > 0 {
        session.output.talk(&format!("{} {}", done("Installed"), human::count(new, "artifact")));
    }
    if old > 0 {
        let verb = if old == 1 { "is" } else { "are" };
        session.output.talk(&format!("{} {verb} there already", human::count(old, "artifact")));
    }
    if artifacts.is_empty() {
        session.output.talk("There is nothing to install");
    }
    if artifacts.len() > 1 {
        for Artifact { error, .. } in artifacts {
            if let Some(error) = error {
                session.output.note(&error.message, error.hint.as_deref());
            }
        }
    }
}

/// That some are not there.
fn failure(artifacts: &[Artifact]) -> Option<Failure> {
    let failures: Vec<_> = artifacts.iter().filter_map(|it| it.error.as_ref()).collect();
    let (bad, all) = (failures.len(), artifacts.len());
    let first = *failures.first()?;
    if all == 1 {
        return Some(first.clone());
    }
    // Only if it is the same for all of them does the code say more than that something failed.
    let is_same = failures.iter().all(|failure| failure.code == first.code);
    let code = if is_same { first.code } else { Code::Download };
    Some(Failure::new(
        code,
        format!("{bad} of {} can't be installed", human::count(all as u64, "artifact")),
    ))
}
