//! Collections, and use of a depot during a collection.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use chrono::TimeDelta;
use clap::Subcommand;
use scratchrs_core::artifact::{self, Stack, Verdict};
use scratchrs_core::gc::{self, Moment, Options};
use scratchrs_core::usage::{self, SpaceUsage};
use scratchrs_core::{generation, scratch};
use scratchrs_fs::Progress;
use scratchrs_model::artifacts_toml::BindOptions;
use scratchrs_model::collection::Policy;
use scratchrs_model::depot_path::DepotPath;
use scratchrs_model::hash::TreeHash;
use scratchrs_model::layout::UsageLogFile;
use scratchrs_testkit::{OWNER, fill};

use crate::{LockTimeout, now, own_fault, place, say, typed};

const LOCK_TIMEOUT: Duration = Duration::from_secs(120);

#[derive(Subcommand)]
pub(crate) enum CollectionTask {
    /// Collects without a grace period.
    Collect {
        depot: String,
        /// The further depots of the stack.
        #[arg(long)]
        behind: Vec<String>,
        /// How often, or until a file exists.
        #[arg(long, default_value_t = 1)]
        times: usize,
        #[arg(long)]
        until: Option<PathBuf>,
        #[arg(long)]
        max_size: Option<u64>,
        #[arg(long)]
        all_depots: bool,
        #[arg(long)]
        evict_in_use: bool,
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        timeout: LockTimeout,
    },
    /// Uses spaces and artifacts in rounds, for the project in a directory, and fails if an item in
    /// use is missing or torn.
    Use {
        depot: String,
        project: PathBuf,
        #[arg(long, default_value_t = 1)]
        rounds: u64,
        /// Runs until a file exists.
        #[arg(long)]
        until: Option<PathBuf>,
    },
}

pub(crate) fn perform(task: CollectionTask) -> Result<(), String> {
    match task {
        CollectionTask::Collect {
            depot,
            behind,
            times,
            until,
            max_size,
            all_depots,
            evict_in_use,
            dry_run,
            timeout,
        } => {
            let lock_timeout = timeout.duration();
            let policy = Policy { collect_delay: TimeDelta::zero(), scratch_cleanup_period: None };
            let depots = std::iter::once(depot).chain(behind).map(DepotPath::new).collect();
            let options = Options {
                depots,
                policy,
                all_depots,
                max_size,
                evict_in_use,
                dry_run,
                lock_timeout,
                ignore_roots: Vec::new(),
            };
            collect(&options, times, until.as_deref())
        }
        CollectionTask::Use { depot, project, rounds, until } => {
            let mut user = User::new(depot, &project)?;
            let mut round = 0;
            while round < rounds || until.as_ref().is_some_and(|end| !end.exists()) {
                user.round(round).map_err(|error| format!("round {round}: {error}"))?;
                round += 1;
            }
            say("used", &round.to_string())
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the edge where the clock is read")]
fn collect(options: &Options, times: usize, until: Option<&Path>) -> Result<(), String> {
    let (mut count, mut gone) = (0, 0);
    while until.map_or(count < times, |end| !end.exists()) {
        let moment = Moment { now: now(), clock: SystemTime::now() };
        let report = gc::collect(options, moment, &Progress::default()).map_err(typed)?;
        for note in report.notes {
            say("noted", &format!("{:?} {}: {}", note.consequence, note.path, note.diagnostic))?;
        }
        for failure in report.failures {
            say("failed", &format!("{}: {}", failure.path, failure.message))?;
        }
        // With other processes, many items are in use for a moment.
        for spared in report.spared.iter().filter(|_| until.is_none()) {
            say("spared", &format!("{}: {}", spared.path, spared.message))?;
        }
        count += 1;
        gone += report.gone.len();
    }
    say("collected", &format!("{gone} in {count}"))
}

/// A project, with the items that it uses.
struct User {
    depot: DepotPath,
    stack: Stack,
    /// The suffix of its names.
    name: String,
    project: String,
    bindings: String,
    /// A file that binds `x` to an artifact on a server, while it exists.
    installs: PathBuf,
    install_text: String,
    /// Its files in spaces, with their contents.
    files: BTreeMap<String, String>,
    bound: BTreeMap<String, TreeHash>,
}

impl User {
    fn new(depot: String, project: &Path) -> Result<Self, String> {
        let text = |name: &str| project.join(name).to_string_lossy().into_owned();
        let offered = fs::read_to_string(project.join("Offered.toml")).map_err(own_fault)?;
        let installs = project.join("installs/Artifacts.toml");
        fs::create_dir_all(project.join("installs")).map_err(own_fault)?;
        Ok(Self {
            stack: Stack::new([&depot], None).map_err(typed)?,
            depot: DepotPath::new(depot),
            name: project.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            project: text("Project.toml"),
            bindings: text("Artifacts.toml"),
            installs,
            install_text: offered,
            files: BTreeMap::new(),
            bound: BTreeMap::new(),
        })
    }

    fn round(&mut self, round: u64) -> Result<(), String> {
        self.fill_space(&format!("own-{}-{}", self.name, round % 3), round)?;
        self.fill_space("shared", round)?;
        self.generate(&format!("generated-{}", self.name), round % 3)?;
        self.generate("generated-shared", 0)?;
        self.create(round)?;
        self.install(round)?;
        self.check()?;
        // If this does not remove it, a collection may.
        match round % 4 {
            1 => {
                let name = format!("a{}", round % 2);
                artifact::unbind(&self.bindings, &name, None, LOCK_TIMEOUT).map_err(typed)?;
                self.bound.remove(&name);
            }
            2 => {
                let key = format!("own-{}-{}", self.name, round % 3);
                let space = scratch::path(place(&self.depot), OWNER, &key).map_err(typed)?;
                self.files.remove(&self.file_in(&space));
                scratch::delete(place(&self.depot), OWNER, &key).map_err(typed)?;
            }
            _ => {}
        }
        self.check()
    }

    /// Its file in a space, which others may use too.
    fn file_in(&self, space: &str) -> String {
        format!("{space}/{}", self.name)
    }

    fn track(&self, space: &str) -> Result<(), String> {
        let usage = SpaceUsage { space, project: &self.project };
        let tracked = usage::track(place(&self.depot), usage, now(), LOCK_TIMEOUT);
        match tracked.map_err(typed)?.removed_records.first() {
            None => Ok(()),
            Some(skipped) => Err(format!("the log is torn: {}", skipped.message)),
        }
    }

    /// A space is protected once its use is logged: before that, a collection may delete it.
    fn fill_space(&mut self, key: &str, round: u64) -> Result<(), String> {
        let space = scratch::get(place(&self.depot), OWNER, key).map_err(typed)?;
        self.track(&space)?;
        scratch::get(place(&self.depot), OWNER, key).map_err(typed)?;
        let file = self.file_in(&space);
        fs::write(&file, round.to_string()).map_err(own_fault)?;
        self.files.insert(file, round.to_string());
        Ok(())
    }

    fn generate(&mut self, key: &str, version: u64) -> Result<(), String> {
        let content = format!("{key} {version}");
        let version = version.to_string();
        let ask = || -> Result<String, String> {
            loop {
                let place = place(&self.depot);
                let begun = generation::begin(place, OWNER, key, Some(&version), now());
                match begun.map_err(typed)? {
                    generation::Begun::Ready(space) => return Ok(space),
                    generation::Begun::Busy { .. } => {
                        std::thread::sleep(Duration::from_millis(2));
                    }
                    generation::Begun::Generate(generation) => {
                        fill(generation.directory(), &content, || Ok(())).map_err(own_fault)?;
                        return generation.publish().map_err(typed);
                    }
                }
            }
        };
        let space = ask()?;
        self.track(&space)?;
        // A collection may have held the lock of the log before.
        let space = ask()?;
        for file in ["first", "below/second"] {
            let found = fs::read_to_string(format!("{space}/{file}"));
            if found.as_ref().ok() != Some(&content) {
                return Err(format!("`{space}/{file}` holds {found:?}"));
            }
        }
        Ok(())
    }

    fn create(&mut self, round: u64) -> Result<(), String> {
        let progress = Progress::default();
        let creation = artifact::begin(&self.stack).map_err(typed)?;
        let content = format!("{} {}", self.name, round % 5);
        fill(creation.directory(), &content, || Ok(())).map_err(own_fault)?;
        let hash = creation.publish(&self.stack, &progress).map_err(typed)?.hash;
        let name = format!("a{}", round % 2);
        let options = BindOptions { force: true, ..BindOptions::default() };
        let file = &self.bindings;
        artifact::bind(&self.stack, file, &name, hash, options, now(), LOCK_TIMEOUT)
            .map_err(typed)?;
        self.bound.insert(name, hash);
        self.age(hash)
    }

    fn install(&mut self, round: u64) -> Result<(), String> {
        if round % 3 == 2 {
            fs::remove_file(&self.installs).map_err(own_fault)?;
            self.bound.remove("x");
            return Ok(());
        }
        fs::write(&self.installs, &self.install_text).map_err(own_fault)?;
        let file = self.installs.to_string_lossy();
        let log = UsageLogFile::Artifacts;
        usage::track_files(&self.depot, log, &[&file], now(), LOCK_TIMEOUT).map_err(typed)?;
        let hash = crate::artifact::install(self.depot.as_str(), &file, "x", &Progress::default())?;
        self.bound.insert("x".to_owned(), hash);
        self.age(hash)
    }

    /// Ends the grace period of an unreferenced artifact: from now on, only its binding protects
    /// it.
    fn age(&self, hash: TreeHash) -> Result<(), String> {
        let record = format!("{}/artifacts/{hash}@tree", self.depot);
        let aged = || -> io::Result<()> {
            let record = fs::File::options().write(true).open(record)?;
            let hour_ago = record.metadata()?.modified()? - Duration::from_secs(3600);
            record.set_modified(hour_ago)
        };
        match aged() {
            // A collection has deleted it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            aged => aged.map_err(own_fault),
        }
    }

    /// Checks that all items in use exist and are complete.
    fn check(&self) -> Result<(), String> {
        for (file, content) in &self.files {
            let found = fs::read_to_string(file);
            if found.as_ref().ok() != Some(content) {
                return Err(format!("`{file}` holds {found:?}, not {content:?}"));
            }
        }
        for (name, hash) in &self.bound {
            let path = format!("{}/artifacts/{hash}", self.depot);
            match artifact::verify_tree(&path, *hash, &Progress::default()).map_err(typed)? {
                Verdict::Sound(_) => {}
                verdict => return Err(format!("`{name}` is {verdict:?}")),
            }
        }
        Ok(())
    }
}
