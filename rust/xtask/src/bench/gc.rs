//! `cargo xtask bench gc`: collections of a depot, beside `Pkg.gc` and `rm -rf`.
//!
//! The depot resembles one that is shared by many users: each manifest lists packages, each package
//! has an `Artifacts.toml` for eight platforms, and the artifacts for one of these are installed.
//! All of it is in use; for a sweep, the logs are emptied.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, ensure};
use scratchrs_core::gc::{self, Moment, Options};
use scratchrs_fs::Progress;
use scratchrs_model::collection::Policy;
use scratchrs_model::depot_path::DepotPath;
use scratchrs_model::hash::TreeHash;
use scratchrs_model::slug::Slug;
use scratchrs_model::time::DepotTime;
use uuid::Uuid;

use super::{Best, best, in_turns, ours, peak_memory, settle, timed};
use crate::console;
use crate::environment::Environment;
use crate::julia::{self, Julia};
use crate::program;

const PKG: &str = include_str!("gc.jl");

/// The number of packages in a manifest.
const PACKAGES_OF_MANIFEST: usize = 30;
/// The number of artifacts of a package for a platform.
const ARTIFACTS_OF_PACKAGE: usize = 2;
/// The number of versions of a package.
const VERSIONS: usize = 4;
/// The number of spaces of a package.
const SPACES_OF_PACKAGE: usize = 5;
const PLATFORMS: [(&str, &str); 8] = [
    ("x86_64", "linux"),
    ("aarch64", "linux"),
    ("i686", "linux"),
    ("powerpc64le", "linux"),
    ("x86_64", "macos"),
    ("aarch64", "macos"),
    ("x86_64", "windows"),
    ("i686", "windows"),
];
/// The last use of all items.
const USED: &str = "2026-01-01T00:00:00Z";

/// The arguments of `cargo xtask bench gc`.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The number of manifests.
    #[arg(long, default_value_t = 5_000)]
    manifests: usize,
    /// The number of artifacts.
    #[arg(long, default_value_t = 20_000)]
    artifacts: usize,
    /// The number of scratch spaces.
    #[arg(long, default_value_t = 5_000)]
    spaces: usize,
    /// The number of files of each package, artifact and space.
    #[arg(long, default_value_t = 8)]
    files: usize,
    /// The number of measurements of each; the best one counts.
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// The directory for the depots.
    #[arg(long, value_name = "DIRECTORY")]
    directory: Option<PathBuf>,
}

/// One collection, measured in this process.
#[derive(clap::Args)]
pub(super) struct Measure {
    depot: PathBuf,
    /// Whether to delete unreachable items without a grace period.
    #[arg(long)]
    sweep: bool,
}

/// Collects, and prints the seconds and the peak memory of this process in KiB.
#[expect(clippy::disallowed_methods, reason = "this is the edge where the clock is read")]
pub(super) fn measure(arguments: &Measure) -> Result<()> {
    let delay = if arguments.sweep { 0 } else { 7 };
    let options = Options {
        depots: vec![DepotPath::new(arguments.depot.display().to_string())],
        policy: Policy {
            collect_delay: chrono::TimeDelta::days(delay),
            scratch_cleanup_period: None,
        },
        all_depots: false,
        evict_in_use: false,
        max_size: None,
        dry_run: !arguments.sweep,
        lock_timeout: Duration::from_secs(30),
        ignore_roots: Vec::new(),
    };
    let now = USED.parse().ok().and_then(|time| DepotTime::from_toml(&time));
    let moment = Moment { now: now.context("BUG: no time")?, clock: SystemTime::now() };
    let start = Instant::now();
    let report = gc::collect(&options, moment, &Progress::default())?;
    let seconds = start.elapsed().as_secs_f64();
    let failures = &report.failures;
    ensure!(
        failures.is_empty(),
        "{} items could not be deleted: {:?}",
        failures.len(),
        failures[0]
    );
    ensure!(report.gone.is_empty() != arguments.sweep, "{} items were deleted", report.gone.len());
    console::result(format_args!("{seconds} {}", peak_memory().unwrap_or(0)));
    Ok(())
}

/// Runs the command.
pub(super) fn run(environment: &Environment, arguments: &Arguments) -> Result<()> {
    let program = super::shipped(environment)?;
    let directory = match &arguments.directory {
        Some(directory) => directory.clone(),
        None => environment.target.join("bench-gc"),
    };
    let julias = julia::find(environment);
    console::result("| depot | what | peer | its time | ours | ratio | budget | our memory |");
    console::result("|---|---|---|---|---|---|---|---|");
    for part in [4, 2, 1] {
        let depot = World {
            manifests: arguments.manifests / part,
            artifacts: arguments.artifacts / part,
            spaces: arguments.spaces / part,
            files: arguments.files,
            directory: directory.clone(),
        };
        let bench = Bench { program: &program, depot, rounds: arguments.rounds };
        // The growth with the size is measured for ours only.
        bench.run(if part == 1 { &julias } else { &[] })?;
    }
    scratchrs_fs::remove(&directory)?;
    Ok(())
}

struct Bench<'a> {
    program: &'a Path,
    depot: World,
    rounds: u32,
}

impl Bench<'_> {
    fn run(&self, julias: &[Julia]) -> Result<()> {
        let depot = self.depot.path();
        self.depot.write()?;
        settle()?;
        let dry_run = || ours(self.program, |command| command.arg("measure-gc").arg(&depot));
        if julias.is_empty() {
            self.show("dry run", None, best(self.rounds, dry_run)?);
        }
        for julia in julias {
            let peer = || self.pkg(julia);
            let [best, theirs] = in_turns(self.rounds, dry_run, peer)?;
            let peer = format!("`Pkg.gc` of Julia {}", julia.version);
            self.show("dry run", Some((&peer, theirs, 0.02)), best);
        }
        let sweep = || {
            self.depot.write()?;
            self.depot.forget()?;
            settle()?;
            ours(self.program, |command| command.arg("measure-gc").arg(&depot).arg("--sweep"))
        };
        let rm = || {
            self.depot.write()?;
            settle()?;
            let mut command = Command::new("rm");
            command.arg("-rf");
            command.args(["packages", "artifacts", "scratchspaces"].map(|name| depot.join(name)));
            timed(command)
        };
        let [best, theirs] = in_turns(self.rounds, sweep, rm)?;
        self.show("sweep", Some(("`rm -rf`", theirs, 1.0)), best);
        Ok(())
    }

    fn pkg(&self, julia: &Julia) -> Result<Best> {
        let mut command = julia.command(&self.depot.path());
        command.args(["-e", PKG]);
        let seconds = program::output(command)?.trim().parse();
        Ok(Best { seconds: seconds.context("BUG: not a number")?, peak: 0 })
    }

    fn show(&self, what: &str, peer: Option<(&str, Best, f64)>, ours: Best) {
        let World { manifests, artifacts, spaces, .. } = self.depot;
        let depot = format!("{manifests} manifests, {artifacts} artifacts, {spaces} spaces");
        let (seconds, memory) = (ours.seconds, ours.peak / 1024);
        let peer = match peer {
            None => format!("| | {seconds:.3} s | | |"),
            Some((peer, theirs, budget)) => {
                let ratio = seconds / theirs.seconds;
                format!("{peer} | {:.3} s | {seconds:.3} s | {ratio:.3} | {budget}", theirs.seconds)
            }
        };
        console::result(format_args!("| {depot} | {what} | {peer} | {memory} MiB |"));
    }
}

/// A depot and the projects that use it.
struct World {
    directory: PathBuf,
    manifests: usize,
    artifacts: usize,
    spaces: usize,
    files: usize,
}

impl World {
    fn path(&self) -> PathBuf {
        self.directory.join("depot")
    }

    /// Writes it again.
    fn write(&self) -> Result<()> {
        let depot = self.path();
        scratchrs_fs::remove(&self.directory)?;
        let packages = self.artifacts / ARTIFACTS_OF_PACKAGE;
        let mut artifact_files = String::new();
        for package in 0..packages {
            let path = self.write_package(package)?;
            log(&mut artifact_files, &path.join("Artifacts.toml"), "");
        }
        let mut manifests = String::new();
        for project in 0..self.manifests {
            let directory = self.directory.join(format!("projects/{project}"));
            fs::create_dir_all(&directory)?;
            let manifest = directory.join("Manifest.toml");
            fs::write(&manifest, self.manifest(project))?;
            fs::write(directory.join("Project.toml"), "")?;
            log(&mut manifests, &manifest, "");
        }
        let mut spaces = String::new();
        for space in 0..self.spaces {
            let path = depot.join("scratchspaces");
            let path = path.join(uuid(space / SPACES_OF_PACKAGE).to_string());
            let path = path.join(format!("space-{}", space % SPACES_OF_PACKAGE));
            self.write_files(&path)?;
            let project = self.directory.join(format!("projects/{}", space % self.manifests));
            let project = project.join("Project.toml");
            log(&mut spaces, &path, &format!("parent_projects = [{:?}]\n", project));
        }
        let logs = depot.join("logs");
        fs::create_dir_all(&logs)?;
        fs::write(logs.join("artifact_usage.toml"), artifact_files)?;
        fs::write(logs.join("manifest_usage.toml"), manifests)?;
        fs::write(logs.join("scratch_usage.toml"), spaces)?;
        Ok(())
    }

    /// Makes all items in it unreachable.
    fn forget(&self) -> Result<()> {
        scratchrs_fs::remove(&self.path().join("logs"))?;
        Ok(())
    }

    fn write_package(&self, package: usize) -> Result<PathBuf> {
        let depot = self.path();
        let slug = Slug::of(uuid(package / VERSIONS), tree(package)).as_str().to_owned();
        let path = depot.join("packages").join(name(package / VERSIONS)).join(slug);
        self.write_files(&path)?;
        let mut bindings = String::new();
        for number in 0..ARTIFACTS_OF_PACKAGE {
            let artifact = package * ARTIFACTS_OF_PACKAGE + number;
            for (platform, (arch, os)) in PLATFORMS.into_iter().enumerate() {
                let hash = tree(1_000_000 * (platform + 1) + artifact);
                let sha256 = format!("{hash}{hash}");
                write!(
                    bindings,
                    "[[part{number}]]\narch = \"{arch}\"\ngit-tree-sha1 = \"{hash}\"\nlazy = true\n\
                     os = \"{os}\"\n\n    [[part{number}.download]]\n    sha256 = \"{}\"\n    \
                     url = \"https://example.org/{}/{hash}.tar.gz\"\n",
                    &sha256[..64],
                    name(package),
                )?;
            }
            let hash = tree(1_000_000 + artifact).to_string();
            self.write_files(&depot.join("artifacts").join(hash))?;
        }
        fs::write(path.join("Artifacts.toml"), bindings)?;
        Ok(path)
    }

    fn write_files(&self, directory: &Path) -> Result<()> {
        fs::create_dir_all(directory.join("src"))?;
        for file in 0..self.files {
            let below = if file % 2 == 0 { "src" } else { "." };
            fs::write(directory.join(below).join(format!("file-{file}")), "some text\n")?;
        }
        Ok(())
    }

    fn manifest(&self, project: usize) -> String {
        let packages = self.artifacts / ARTIFACTS_OF_PACKAGE;
        let mut numbers: Vec<usize> = (0..PACKAGES_OF_MANIFEST)
            .map(|number| (project * 7 + number * 101) % (packages / VERSIONS))
            .collect();
        numbers.sort_by_key(|number| name(*number));
        numbers.dedup();
        let mut text = "# This file is machine-generated - editing it directly is not advised\n\n\
                        julia_version = \"1.10.8\"\nmanifest_format = \"2.0\"\n\
                        project_hash = \"da39a3ee5e6b4b0d3255bfef95601890afd80709\"\n"
            .to_owned();
        for (index, number) in numbers.iter().enumerate() {
            let version = project % VERSIONS;
            let deps: Vec<String> = numbers[..index.min(4)].iter().map(|n| name(*n)).collect();
            let deps = if deps.is_empty() { String::new() } else { format!("deps = {deps:?}\n") };
            let _ = write!(
                text,
                "\n[[deps.{}]]\n{deps}git-tree-sha1 = \"{}\"\nuuid = \"{}\"\n\
                 version = \"1.{version}.0\"\n",
                name(*number),
                tree(number * VERSIONS + version),
                uuid(*number),
            );
        }
        text
    }
}

/// Writes the usage record of a path.
fn log(text: &mut String, path: &Path, more: &str) {
    // The `Debug` form of a path is a TOML string.
    let _ = write!(text, "[[{path:?}]]\ntime = {USED}\n{more}");
}

fn name(package: usize) -> String {
    format!("Package{package:05}_jll")
}

fn uuid(package: usize) -> Uuid {
    Uuid::from_u128(0x1234_5678_9abc_4def_8123_0000_0000_0000 + package as u128)
}

fn tree(number: usize) -> TreeHash {
    let mut bytes = [0xa5; 20];
    // The first digits differ, as in hashes.
    let mixed = (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bytes[..8].copy_from_slice(&mixed.to_be_bytes());
    bytes[8..16].copy_from_slice(&(number as u64).to_be_bytes());
    TreeHash(bytes)
}
