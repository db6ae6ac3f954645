//! The store, beside OhMyArtifacts.jl, and alone with many files of few contents.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use scratchrs_core::store::{BindOptions, CreateOptions, Creation, Store, bind, end_session};
use scratchrs_fs::{LinkMode, Progress};
use scratchrs_model::time::DepotTime;
use sha2::{Digest, Sha256};

use crate::artifact;
use crate::console;
use crate::environment::Environment;
use crate::julia::{self, Julia};
use crate::program;

const SCRIPT: &str = include_str!("store.jl");
/// Our package, and the peer with the same interface.
const MODULES: [&str; 2] = ["ScratchRS", "OhMyArtifacts"];

/// The arguments of `cargo xtask bench store`.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// A directory with checkouts of OhMyArtifacts.jl, Scratch.jl and Pidfile.jl, under these
    /// names; without it, only the many files are measured.
    #[arg(long, value_name = "DIRECTORY")]
    packages: Option<PathBuf>,
    /// The number of files created one by one.
    #[arg(long, default_value_t = 1000)]
    files: u32,
    /// The number of measurements of each, in turns; the median counts.
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// A Julia to measure with [default: the first one found, of 1.10 or later].
    #[arg(long, value_name = "VERSION")]
    julia: Option<String>,
    /// A working directory on each file system to measure [default: `target`, and `/dev/shm` if it
    /// exists].
    #[arg(long = "directory", value_name = "DIRECTORY")]
    directories: Vec<PathBuf>,
}

/// Many files in trees, measured in this process.
#[derive(clap::Args)]
pub(super) struct Measure {
    /// The operation.
    work: Work,
    /// The working directory.
    directory: PathBuf,
    /// The number of trees.
    trees: u32,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Work {
    /// The trees are created and bound.
    Store,
    /// The unavoidable work: the files are hashed, moved to the paths of their hashes and linked,
    /// and their directories are deleted.
    Least,
}

impl Work {
    fn name(self) -> &'static str {
        match self {
            Self::Store => "store",
            Self::Least => "least",
        }
    }
}

/// The number of files of a tree.
const FILES: u32 = 1000;
/// The number of their directories.
const PARTS: u32 = 10;
/// The number of different contents.
const CONTENTS: u32 = 4000;

/// Runs the command.
pub(super) fn run(environment: &Environment, arguments: &Arguments) -> Result<()> {
    let mut directories = arguments.directories.clone();
    if directories.is_empty() {
        directories.push(environment.target.clone());
        directories.extend(Some(PathBuf::from("/dev/shm")).filter(|memory| memory.is_dir()));
    }
    for directory in directories {
        let own = directory.join(format!("scratchrs-bench-{}", std::process::id()));
        fs::create_dir_all(&own)
            .with_context(|| format!("could not create `{}`", own.display()))?;
        spread(&own);
        println(&format!("in {}", directory.display()));
        let measured = match &arguments.packages {
            Some(packages) => next_to_the_peer(environment, arguments, packages, &own),
            None => Ok(()),
        };
        let measured = measured.and_then(|()| alone(environment, arguments, &own));
        scratchrs_fs::remove(&own)?;
        measured?;
    }
    Ok(())
}

/// Makes ext4 place each new directory in `directory` in another part of the disk. Creating files
/// is slow where many were deleted recently, so the deletions of one run would slow down the next.
fn spread(directory: &Path) {
    let mut command = Command::new("chattr");
    command.arg("+T").arg(directory);
    // Other file systems have no such flag, and do not need it.
    let _ = program::output(command);
}

fn next_to_the_peer(
    environment: &Environment,
    arguments: &Arguments,
    packages: &Path,
    directory: &Path,
) -> Result<()> {
    let packages = fs::canonicalize(packages)
        .with_context(|| format!("`{}` not found", packages.display()))?;
    let julias = julia::find(environment);
    let is_wanted = |julia: &&Julia| {
        let version = julia.version.to_string();
        arguments.julia.as_ref().is_none_or(|wanted| version.starts_with(wanted))
    };
    let julia = julias.iter().find(is_wanted).context("no such Julia was found")?;
    let depot = directory.join("depot");
    artifact::build(environment, std::slice::from_ref(&depot), &julias)?;
    let run = |module: &str, depots: &[&Path], files: u32| {
        let mut command = julia.command(&depot);
        // The last ones are bundled with Julia.
        let depots = [depots, &[Path::new("")]].concat();
        command.env("JULIA_DEPOT_PATH", std::env::join_paths(depots)?);
        // Julia's libraries first: a checkout must not precede the bundled one.
        let paths = [Path::new("@stdlib"), &environment.root, &packages];
        command.env("JULIA_LOAD_PATH", std::env::join_paths(paths)?);
        command.args(["-e", SCRIPT, module, &files.to_string()]);
        program::output(command)
    };
    for module in MODULES {
        // So that both are compiled.
        run(module, &[&depot], 1)?;
    }
    let mut times: Vec<(String, [Vec<f64>; 2])> = Vec::new();
    for round in 0..arguments.rounds {
        // In turns, so that other load of the machine affects both.
        for (index, module) in MODULES.into_iter().enumerate() {
            let own = directory.join(format!("{module}-{round}"));
            for line in run(module, &[&own, &depot], arguments.files)?.lines() {
                let (what, time) = line.rsplit_once(' ').context("BUG: a line without a number")?;
                let time: f64 = time.parse().context("BUG: a line without a number")?;
                if !times.iter().any(|(known, _)| known == what) {
                    times.push((what.to_owned(), [Vec::new(), Vec::new()]));
                }
                let known = times.iter_mut().find(|(known, _)| known == what);
                known.context("BUG: it was just added")?.1[index].push(time);
            }
            super::settle()?;
        }
    }
    println(&format!("  {} files, Julia {}", arguments.files, julia.version));
    println(&format!("  {:<24}{:>12}{:>16}{:>8}", "", "ScratchRS", "OhMyArtifacts", "ratio"));
    for (what, times) in times {
        let [ours, theirs] = times.map(median);
        let ratio = theirs / ours;
        println(&format!("  {what:<24}{ours:>10.3} s{theirs:>14.3} s{ratio:>7.1}x"));
    }
    Ok(())
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_unstable_by(f64::total_cmp);
    let middle = times.len() / 2;
    match times.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => times[middle],
        _ => (times[middle - 1] + times[middle]) / 2.0,
    }
}

fn alone(environment: &Environment, arguments: &Arguments, directory: &Path) -> Result<()> {
    let mut build = environment.cargo(["build", "--quiet", "--release", "--package"]);
    build.arg("scratchrs-xtask");
    ensure!(build.status()?.success(), "the release build failed");
    println(&format!("  trees of {FILES} files with {CONTENTS} contents in all"));
    println(&format!(
        "  {:>8}{:>18}{:>14}{:>26}{:>8}",
        "files", "create and bind", "each", "hash, link and remove", "ratio"
    ));
    for trees in [25, 50, 100] {
        let mut times = [Vec::new(), Vec::new()];
        for round in 0..arguments.rounds {
            // Also in turns, each with its own directory and process.
            for (what, times) in [Work::Store, Work::Least].into_iter().zip(&mut times) {
                let own = directory.join(format!("{}-{trees}-{round}", what.name()));
                fs::create_dir_all(&own)?;
                let mut command = Command::new(environment.target.join("release/scratchrs-xtask"));
                command.args(["bench", "measure-store", what.name()]);
                command.arg(&own).arg(trees.to_string());
                let output = program::output(command)?;
                times.push(output.trim().parse().context("BUG: not a number")?);
            }
        }
        let [ours, least] = times.map(median);
        let files = trees * FILES;
        let each = ours / f64::from(files) * 1e6;
        let ratio = ours / least;
        println(&format!("  {files:>8}{ours:>16.3} s{each:>11.1} µs{least:>24.3} s{ratio:>7.2}x"));
    }
    Ok(())
}

fn println(line: &str) {
    console::result(line);
}

/// Runs it, and prints the seconds.
pub(super) fn measure(arguments: &Measure) -> Result<()> {
    let Measure { work, directory, trees } = arguments;
    let time = match work {
        Work::Store => create_and_bind(directory, *trees)?,
        Work::Least => hash_and_link(directory, *trees)?,
    };
    console::result(time.as_secs_f64());
    Ok(())
}

fn create_and_bind(directory: &Path, trees: u32) -> Result<Duration> {
    let now = "2026-01-01T00:00:00Z".parse().ok().and_then(|time| DepotTime::from_toml(&time));
    let now = now.context("BUG: no time")?;
    let root = directory.join("store").display().to_string();
    let store = Store::at(&root);
    let file = format!("{root}/Artifacts.toml");
    let progress = Progress::default();
    let mut time = Duration::ZERO;
    for tree in 0..trees {
        let begun = Instant::now();
        let creation = Creation::begin(&store, Duration::ZERO)?;
        time += begun.elapsed();
        write_tree(creation.directory(), tree)?;
        let begun = Instant::now();
        let options = CreateOptions { link: Some(LinkMode::Hardlink) };
        let hash = creation.finish(None, options, &progress)?.hash;
        let name = format!("tree {tree}");
        let options = BindOptions::default();
        bind(&store, &file, &name, hash, options, now, Duration::from_secs(30))?;
        time += begun.elapsed();
    }
    end_session(None)?;
    Ok(time)
}

/// Plain calls of the standard library, on all processors.
fn hash_and_link(directory: &Path, trees: u32) -> Result<Duration> {
    let contents = directory.join("contents");
    fs::create_dir_all(&contents)?;
    let known = Mutex::new(HashSet::new());
    let mut time = Duration::ZERO;
    for tree in 0..trees {
        let source = directory.join(format!("source-{tree}"));
        write_tree(&source, tree)?;
        let linked = directory.join(format!("linked-{tree}"));
        let begun = Instant::now();
        for part in 0..PARTS {
            fs::create_dir_all(linked.join(part.to_string()))?;
        }
        let files: Vec<_> = (0..FILES).map(place_in_tree).collect();
        let done = scratchrs_fs::parallel_map(&files, |file| -> Result<()> {
            let (from, to) = (source.join(file), linked.join(file));
            let hash = Sha256::digest(fs::read(&from)?);
            let name: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
            let content = contents.join(name);
            let is_new = known.lock().is_ok_and(|mut known| known.insert(hash));
            if is_new {
                fs::rename(&from, &content)?;
            }
            while let Err(error) = fs::hard_link(&content, &to) {
                // Another thread is about to move it there.
                ensure!(error.kind() == std::io::ErrorKind::NotFound, "{error}");
            }
            Ok(())
        });
        done.into_iter().collect::<Result<()>>()?;
        fs::remove_dir_all(&source)?;
        time += begun.elapsed();
    }
    Ok(time)
}

/// A tree that shares most of its files with others.
fn write_tree(directory: &Path, tree: u32) -> Result<()> {
    for part in 0..PARTS {
        fs::create_dir_all(directory.join(part.to_string()))?;
    }
    for file in 0..FILES {
        let content = (tree * 37 + file) % CONTENTS;
        fs::write(directory.join(place_in_tree(file)), format!("content {content}\n").repeat(64))?;
    }
    Ok(())
}

fn place_in_tree(file: u32) -> PathBuf {
    Path::new(&(file % PARTS).to_string()).join(format!("file-{file}"))
}
