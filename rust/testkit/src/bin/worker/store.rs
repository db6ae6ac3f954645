//! Operations on the store.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Subcommand;
use scratchrs_core::Failure;
use scratchrs_core::store::{
    self, BindOptions, CollectOptions, CreateOptions, Creation, OpenOptions, Store, end_session,
    open_bindings,
};
use scratchrs_fs::{LinkMode, Progress};
use scratchrs_model::depot_path::DepotPath;
use scratchrs_testkit::OWNER;

use crate::{now, own_fault, say, typed};

#[derive(Subcommand)]
#[expect(clippy::enum_variant_names, reason = "their names are those of the commands")]
pub(crate) enum StoreTask {
    /// Creates trees that share files, and binds each.
    StoreTrees {
        depot: String,
        /// The prefix of the names of trees, before their numbers.
        #[arg(long, default_value = "tree-")]
        prefix: String,
        /// The number of the first tree.
        #[arg(long, default_value_t = 0)]
        first: usize,
        #[arg(long, default_value_t = 1)]
        count: usize,
        /// The number of files of a tree.
        #[arg(long, default_value_t = 3)]
        files: usize,
        /// The number of different contents.
        #[arg(long, default_value_t = 5)]
        contents: usize,
        #[arg(long)]
        link: Option<String>,
    },
    /// Creates a file and binds it.
    StoreFile { depot: String, name: String, content: String },
    /// Repeatedly creates a file, binds it in a file elsewhere, checks that it exists, and unbinds
    /// it. The use of the store is not logged.
    StoreChurn {
        depot: String,
        file: String,
        #[arg(long, default_value_t = 1)]
        rounds: usize,
    },
    /// Removes a name.
    StoreUnbind { depot: String, name: String },
    /// Checks all bound contents, and prints how they are linked.
    StoreCheck { depot: String },
    /// Collects without delay, once or until a file exists.
    StoreCollect {
        depot: String,
        #[arg(long)]
        until: Option<PathBuf>,
    },
}

const LOCK_TIMEOUT: Duration = Duration::from_secs(60);

pub(crate) fn run(task: &StoreTask) -> Result<(), String> {
    let depot = match task {
        StoreTask::StoreTrees { depot, .. }
        | StoreTask::StoreFile { depot, .. }
        | StoreTask::StoreChurn { depot, .. }
        | StoreTask::StoreUnbind { depot, .. }
        | StoreTask::StoreCheck { depot }
        | StoreTask::StoreCollect { depot, .. } => depot,
    };
    let store = Store::of(crate::place(&DepotPath::new(depot))).map_err(typed)?;
    if let StoreTask::StoreChurn { file, rounds, .. } = task {
        return churn(&store, file, *rounds);
    }
    let file = open_bindings(&store, OWNER, OpenOptions::default(), now(), LOCK_TIMEOUT)
        .map_err(typed)?
        .path;
    match task {
        StoreTask::StoreTrees { prefix, first, count, files, contents, link, .. } => {
            let link = link.as_deref().map(str::parse::<LinkMode>).transpose();
            let link = link.map_err(|error| error.to_string())?;
            for number in *first..first + count {
                let fill = |directory: &Path| {
                    for file in 0..*files {
                        // Consecutive trees share most files, but not all.
                        let content = (number + file * (1 + number % 3)) % contents;
                        let at = directory.join(format!("{}", file % 4));
                        fs::create_dir_all(&at)?;
                        fs::write(at.join(format!("file-{file}")), format!("content {content}"))?;
                    }
                    Ok(None)
                };
                make(&store, &file, &format!("{prefix}{number}"), link, fill)?;
            }
        }
        StoreTask::StoreFile { name, content, .. } => {
            make(&store, &file, name, None, |directory| {
                fs::write(directory.join("file"), content)?;
                Ok(Some("file"))
            })?
        }
        StoreTask::StoreChurn { .. } => {}
        StoreTask::StoreUnbind { name, .. } => {
            store::unbind(&store, &file, &[name], LOCK_TIMEOUT).map_err(typed)?;
        }
        StoreTask::StoreCheck { .. } => check(&store)?,
        StoreTask::StoreCollect { until, .. } => collect(&store, until.as_deref())?,
    }
    end_session(None).map_err(typed)
}

fn make(
    store: &Store,
    file: &str,
    name: &str,
    link: Option<LinkMode>,
    fill: impl FnOnce(&Path) -> std::io::Result<Option<&'static str>>,
) -> Result<(), String> {
    let creation = Creation::begin(store, LOCK_TIMEOUT).map_err(typed)?;
    let returned = fill(creation.directory()).map_err(own_fault)?;
    let options = CreateOptions { link };
    let created = creation.finish(returned, options, &Progress::default()).map_err(typed)?;
    say("created", &created.path)?;
    let options = BindOptions { force: true, metadata: None };
    store::bind(store, file, name, created.hash, options, now(), LOCK_TIMEOUT).map_err(typed)?;
    say("bound", name)
}

fn check(store: &Store) -> Result<(), String> {
    let found = store::status(store).map_err(typed)?;
    if !found.missing.is_empty() || !found.unreadable.is_empty() {
        return Err(format!("bound and not there: {:?} {:?}", found.missing, found.unreadable));
    }
    let verified = store::verify(store, &Progress::default()).map_err(typed)?;
    if !verified.corrupt.is_empty() {
        return Err(format!("corrupt: {:?}", verified.corrupt));
    }
    for artifact in &found.artifacts {
        let link = artifact.link.map_or("file", LinkMode::name);
        for bound in &artifact.bound_by {
            say(&bound.name, link)?;
        }
    }
    Ok(())
}

fn churn(store: &Store, file: &str, rounds: usize) -> Result<(), String> {
    for round in 0..rounds {
        let content = format!("{file} {round}");
        let fill = |directory: &Path| {
            fs::write(directory.join("file"), &content)?;
            Ok(Some("file"))
        };
        make(store, file, "name", None, fill)?;
        let hash = store::bound_hash(file, "name").map_err(typed)?;
        let path = hash.map(|hash| store.path(hash)).unwrap_or_default();
        if fs::read_to_string(&path).ok().as_ref() != Some(&content) {
            return Err(format!("`{path}` is bound and not there"));
        }
        store::unbind(store, file, &["name"], LOCK_TIMEOUT).map_err(typed)?;
        end_session(None).map_err(typed)?;
    }
    Ok(())
}

fn collect(store: &Store, until: Option<&Path>) -> Result<(), String> {
    let options = CollectOptions { delay: chrono::TimeDelta::zero(), ..CollectOptions::default() };
    loop {
        let collected =
            store::collect(store, options, now(), &Progress::default()).map_err(typed)?;
        say("collected", &collected.removed.len().to_string())?;
        for Failure { path, message } in &collected.failed {
            say("failed", &format!("{path}: {message}"))?;
        }
        if until.is_none_or(Path::exists) {
            return Ok(());
        }
        // Locks are not fair: without a pause, this process would get the lock again before others.
        std::thread::sleep(Duration::from_millis(150));
    }
}
