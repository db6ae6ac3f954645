//! The store, next to OhMyArtifacts.jl; and alone, with many files of which few differ.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use scratchrs_archive::content_record;
use scratchrs_core::store::{BindOptions, CreateOptions, Creation, Store, bind, end_session};
use scratchrs_fs::{LinkMode, Linker, Watch};
use scratchrs_model::store::record::Kind;
use scratchrs_model::time::DepotTime;

use crate::artifact;
use crate::console;
use crate::environment::Environment;
use crate::julia::{self, Julia};
use crate::program;

const SCRIPT: &str = include_str!("store.jl");

/// What `cargo xtask bench store` takes.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// A directory with checkouts of OhMyArtifacts.jl, Scratch.jl and Pidfile.jl, under these names.
    #[arg(long, value_name = "DIRECTORY")]
    packages: PathBuf,
    /// How many files are made one by one.
    #[arg(long, default_value_t = 1000)]
    files: u32,
    /// How often; the best counts.
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// A Julia to measure with [default: the first that is found, of 1.10 or later].
    #[arg(long, value_name = "VERSION")]
    julia: Option<String>,
}

/// Many files in trees, measured in this process.
#[derive(clap::Args)]
pub(super) struct Measure {
    /// A directory to work in.
    directory: PathBuf,
    /// How many trees.
    trees: u32,
}

/// How many files a tree has.
const FILES: u32 = 1000;
/// How many contents there are for all of them.
const CONTENTS: u32 = 4000;

/// Runs the command.
pub(super) fn run(environment: &Environment, arguments: &Arguments) -> Result<()> {
    next_to_the_peer(environment, arguments)?;
    alone(environment, arguments)
}

fn next_to_the_peer(environment: &Environment, arguments: &Arguments) -> Result<()> {
    let packages = fs::canonicalize(&arguments.packages)
        .with_context(|| format!("there is no `{}`", arguments.packages.display()))?;
    let julias = julia::find(environment);
    let is_wanted = |julia: &&Julia| {
        let version = julia.version.to_string();
        arguments.julia.as_ref().is_none_or(|wanted| version.starts_with(wanted))
    };
    let julia = julias.iter().find(is_wanted).context("there is no such Julia")?;
    let depot = environment.target.join("bench-depots").join(julia.version.to_string());
    artifact::build(environment, std::slice::from_ref(&depot), &julias)?;
    let mut best: Vec<(String, [f64; 2])> = Vec::new();
    for _ in 0..arguments.rounds {
        // In turns, so that what else the machine does hits both alike.
        for (index, module) in ["ScratchRS", "OhMyArtifacts"].into_iter().enumerate() {
            for leftover in ["scratchspaces", "logs"] {
                scratchrs_fs::remove(&depot.join(leftover))?;
            }
            let mut command = julia.command(&depot);
            // The libraries of Julia first: a checkout of one of them is not to stand before it.
            let mut load_path = std::ffi::OsString::from("@stdlib:");
            load_path.push(&environment.root);
            load_path.push(":");
            load_path.push(&packages);
            command.env("JULIA_LOAD_PATH", load_path);
            command.args(["-e", SCRIPT, module, &arguments.files.to_string()]);
            for line in program::output(command)?.lines() {
                let (what, time) = line.rsplit_once(' ').context("BUG: a line without a number")?;
                let time: f64 = time.parse().context("BUG: a line without a number")?;
                match best.iter_mut().find(|(known, _)| known == what) {
                    Some((_, times)) => times[index] = times[index].min(time),
                    None => best.push((what.to_owned(), [time, f64::INFINITY])),
                }
            }
        }
    }
    println(&format!("{} files, Julia {}", arguments.files, julia.version));
    println(&format!("  {:<24}{:>12}{:>16}{:>8}", "", "ScratchRS", "OhMyArtifacts", "ratio"));
    for (what, [ours, theirs]) in best {
        let ratio = theirs / ours;
        println(&format!("  {what:<24}{ours:>10.3} s{theirs:>14.3} s{ratio:>7.1}x"));
    }
    Ok(())
}

fn alone(environment: &Environment, arguments: &Arguments) -> Result<()> {
    let mut build = environment.cargo(["build", "--quiet", "--release", "--package"]);
    build.arg("scratchrs-xtask");
    ensure!(build.status()?.success(), "the release build failed");
    let directory = environment.target.join("bench-depots/store");
    println(&format!("trees of {FILES} files with {CONTENTS} contents in all"));
    println(&format!(
        "  {:>8}{:>18}{:>14}{:>26}{:>8}",
        "files", "create and bind", "each", "hash, link and remove", "ratio"
    ));
    for trees in [25, 50, 100] {
        let mut best = [f64::INFINITY; 2];
        for _ in 0..arguments.rounds {
            scratchrs_fs::remove(&directory)?;
            fs::create_dir_all(&directory)?;
            let mut command = Command::new(environment.target.join("release/scratchrs-xtask"));
            command.args(["bench", "measure-store"]).arg(&directory).arg(trees.to_string());
            let output = program::output(command)?;
            let times = output.split_whitespace().map(str::parse::<f64>);
            let times = times.collect::<Result<Vec<_>, _>>()?;
            ensure!(times.len() == 2, "BUG: not two numbers");
            best = [best[0].min(times[0]), best[1].min(times[1])];
        }
        let [ours, least] = best;
        let files = trees * FILES;
        let each = ours / f64::from(files) * 1e6;
        let ratio = ours / least;
        println(&format!("  {files:>8}{ours:>16.3} s{each:>11.1} µs{least:>24.3} s{ratio:>7.2}x"));
    }
    scratchrs_fs::remove(&directory)?;
    Ok(())
}

fn println(line: &str) {
    console::result(line);
}

/// Does it, and prints how many seconds it took to create and bind the trees, and how many to hash
/// and link the same files and to remove what was linked, which anybody has to do.
pub(super) fn measure(arguments: &Measure) -> Result<()> {
    let Measure { directory, trees } = arguments;
    let now = "2026-01-01T00:00:00Z".parse().ok().and_then(|time| DepotTime::from_toml(&time));
    let now = now.context("BUG: no time")?;
    let root = directory.join("store").display().to_string();
    let store = Store::at(&root);
    let file = format!("{root}/Artifacts.toml");
    let watch = Watch::default();
    let mut ours = Duration::ZERO;
    for tree in 0..*trees {
        let begun = Instant::now();
        let creation = Creation::begin(&store)?;
        ours += begun.elapsed();
        write_tree(creation.directory(), tree)?;
        let begun = Instant::now();
        let options = CreateOptions { link: Some(LinkMode::Hardlink) };
        let hash = creation.finish(None, options, &watch)?.hash;
        let name = format!("tree {tree}");
        let options = BindOptions::default();
        bind(&store, &file, &name, hash, options, now, Duration::from_secs(30))?;
        ours += begun.elapsed();
    }
    end_session(None)?;
    let mut least = Duration::ZERO;
    let contents = directory.join("contents");
    fs::create_dir_all(&contents)?;
    for tree in 0..*trees {
        let source = directory.join(format!("source-{tree}"));
        write_tree(&source, tree)?;
        let begun = Instant::now();
        hash_and_link(&source, &contents, &directory.join(format!("linked-{tree}")))?;
        least += begun.elapsed();
    }
    console::result(format!("{} {}", ours.as_secs_f64(), least.as_secs_f64()));
    Ok(())
}

fn hash_and_link(source: &Path, contents: &Path, linked: &Path) -> Result<()> {
    let record = content_record(source, &Watch::default())?;
    for directory in 0..10 {
        fs::create_dir_all(linked.join(directory.to_string()))?;
    }
    let linker = Linker::new(Some(LinkMode::Hardlink));
    let done = scratchrs_fs::parallel_map(&record.entries, |entry| -> Result<()> {
        let Kind::File { hash, .. } = &entry.kind else { return Ok(()) };
        let path = std::str::from_utf8(&entry.path)?;
        let content = contents.join(hash.to_string());
        scratchrs_fs::move_new(&source.join(path), &content)?;
        linker.link(&content, &linked.join(path))?;
        Ok(())
    });
    done.into_iter().collect::<Result<()>>()?;
    scratchrs_fs::remove(source)?;
    Ok(())
}

/// A tree that has most of its files in common with others.
fn write_tree(directory: &Path, tree: u32) -> Result<()> {
    for part in 0..10 {
        fs::create_dir_all(directory.join(part.to_string()))?;
    }
    for file in 0..FILES {
        let content = (tree * 37 + file) % CONTENTS;
        let path = directory.join((file % 10).to_string()).join(format!("file-{file}"));
        fs::write(path, format!("content {content}\n").repeat(64))?;
    }
    Ok(())
}
