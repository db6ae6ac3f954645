//! Operations on artifacts.

use std::io;
use std::path::Path;
use std::time::Duration;

use clap::Subcommand;
use scratchrs_archive::Links;
use scratchrs_core::artifact::{self, InstallOptions, Stack, Wanted};
use scratchrs_fetch::Settings;
use scratchrs_fs::Progress;
use scratchrs_model::artifacts_toml::{BindOptions, Host};
use scratchrs_model::hash::TreeHash;
use scratchrs_testkit::fill;

use crate::{now, own_fault, say, typed};

/// Files are below the depot.
#[derive(Subcommand)]
pub(crate) enum ArtifactTask {
    /// Creates an artifact.
    CreateArtifact {
        depot: String,
        #[arg(long, default_value = "content")]
        content: String,
    },
    /// Binds a name to an artifact, replacing an existing binding.
    Bind {
        depot: String,
        file: String,
        name: String,
        hash: TreeHash,
        #[arg(long, default_value_t = 0, value_name = "MILLISECONDS")]
        timeout: u64,
    },
    /// Removes a binding.
    Unbind { depot: String, file: String, name: String },
    /// Removes an artifact.
    RemoveArtifact { depot: String, hash: TreeHash },
    /// Installs the artifact bound to a name.
    Install {
        depot: String,
        file: String,
        name: String,
        /// Waits for a line of input before it begins.
        #[arg(long)]
        hold: bool,
    },
    /// Repairs corrupt artifacts.
    Repair { depot: String, file: String },
}

pub(crate) fn perform(task: ArtifactTask) -> Result<(), String> {
    let progress = Progress::default();
    match task {
        ArtifactTask::CreateArtifact { depot, content } => {
            let stack = stack(&depot)?;
            let creation = artifact::begin(&stack).map_err(typed)?;
            fill(creation.directory(), &content, || Ok(())).map_err(own_fault)?;
            say("created", &creation.publish(&stack, &progress).map_err(typed)?.path)
        }
        ArtifactTask::Bind { depot, file, name, hash, timeout } => {
            let options = BindOptions { force: true, ..BindOptions::default() };
            let (stack, file) = (stack(&depot)?, below(&depot, &file));
            let timeout = Duration::from_millis(timeout);
            let bound = artifact::bind(&stack, &file, &name, hash, options, now(), timeout);
            say("bound", &bound.map_err(typed)?.file)
        }
        ArtifactTask::Unbind { depot, file, name } => {
            let file = below(&depot, &file);
            let was_bound = artifact::unbind(&file, &name, None, Duration::ZERO).map_err(typed)?;
            say("unbound", &was_bound.to_string())
        }
        ArtifactTask::RemoveArtifact { depot, hash } => {
            let removed = artifact::remove(&stack(&depot)?, hash).map_err(typed)?;
            say("removed", &removed.join(" "))
        }
        ArtifactTask::Install { depot, file, name, hold } => {
            if hold {
                say("holding", "")?;
                io::stdin().read_line(&mut String::new()).map_err(own_fault)?;
            }
            install(&depot, &below(&depot, &file), &name, &progress).map(drop)
        }
        ArtifactTask::Repair { depot, file } => {
            let (settings, platform) = (settings(), "x86_64-linux-gnu".parse());
            let platform = platform.map_err(|error| format!("Worker {error}"))?;
            let (file, host) = (below(&depot, &file), Host::given(platform));
            let stack = stack(&depot)?;
            let options = options(&settings);
            let repairs = artifact::repair(&stack, &[&file], &host, options, &progress);
            let repairs = repairs.map_err(typed)?;
            match repairs.failed.into_iter().next() {
                Some(failed) => Err(typed(failed.error)),
                None => say("repaired", &repairs.repaired.len().to_string()),
            }
        }
    }
}

/// Installs the artifact bound to a name, and returns its hash.
pub(crate) fn install(
    depot: &str,
    file: &str,
    name: &str,
    progress: &Progress,
) -> Result<TreeHash, String> {
    let bindings = artifact::bindings(file).map_err(typed)?.ok_or("Worker no file")?;
    let entries = bindings.entries(name);
    let (_, entry) = entries.first().ok_or("Worker no binding")?;
    let wanted = Wanted::of_entry(name, entry, file);
    let settings = settings();
    let installed = artifact::install(&stack(depot)?, &wanted, options(&settings), progress);
    let installed = installed.map_err(typed)?;
    say(if installed.is_new { "installed" } else { "ready" }, &installed.path)?;
    Ok(wanted.hash)
}

/// Without a Pkg server, and without retries.
#[expect(clippy::disallowed_methods, reason = "this is the edge where the clock is read")]
fn settings() -> Settings {
    let mut settings = Settings::new([("JULIA_PKG_SERVER", "")], std::time::SystemTime::now());
    settings.timeouts.retries = Vec::new();
    settings
}

fn options(settings: &Settings) -> InstallOptions<'_> {
    InstallOptions { settings, links: Links::Made, now: crate::now() }
}

fn stack(depot: &str) -> Result<Stack, String> {
    Stack::new([depot], None).map_err(typed)
}

fn below(depot: &str, file: &str) -> String {
    Path::new(depot).join(file).to_string_lossy().into_owned()
}
