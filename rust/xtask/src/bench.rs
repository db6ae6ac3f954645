//! `cargo xtask bench`: measurements beside a peer, on the same data, in the same run.

mod artifacts;
mod gc;
#[cfg(unix)]
mod products;
mod readers;
mod store;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use scratchrs_model::project;

use crate::artifact;
use crate::console;
use crate::debian;
use crate::environment::Environment;
use crate::julia::{self, Julia};
use crate::program;

const SCRATCH: &str = include_str!("bench/scratch.jl");

/// The arguments of `cargo xtask bench`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    what: Benchmark,
}

#[derive(clap::Subcommand)]
enum Benchmark {
    /// Hashing, packing and unpacking, beside openssl, tar with pigz, and Pkg.
    Artifacts(artifacts::Arguments),
    /// Collections, beside `Pkg.gc` and `rm -rf`.
    Gc(gc::Arguments),
    #[command(hide = true)]
    Measure(artifacts::Measure),
    #[command(hide = true)]
    MeasureGc(gc::Measure),
    #[command(hide = true)]
    MeasureReader(readers::Measure),
    #[command(hide = true)]
    MeasureStore(store::Measure),
    /// Loading a package with products, beside JLLWrappers.
    #[cfg(unix)]
    Products(products::Arguments),
    /// All text readers, on the worst known inputs, at growing sizes.
    Readers(readers::Arguments),
    /// The store, beside OhMyArtifacts.jl, and alone with 100,000 files.
    Store(store::Arguments),
    /// Scratch spaces, and the first calls of a session, beside Scratch.jl, Artifacts and Pkg.
    Scratch {
        /// A checkout of Scratch.jl.
        #[arg(long, value_name = "DIRECTORY")]
        scratch_jl: PathBuf,
        /// The number of sessions of each; the best one counts.
        #[arg(long, default_value_t = 7)]
        sessions: u32,
    },
}

/// Runs the command.
pub(crate) fn run(environment: &Environment, arguments: &Arguments) -> Result<()> {
    match &arguments.what {
        Benchmark::Artifacts(arguments) => artifacts::run(environment, arguments),
        Benchmark::Gc(arguments) => gc::run(environment, arguments),
        Benchmark::Measure(arguments) => artifacts::measure(arguments),
        Benchmark::MeasureGc(arguments) => gc::measure(arguments),
        Benchmark::MeasureReader(arguments) => readers::measure(arguments),
        Benchmark::MeasureStore(arguments) => store::measure(arguments),
        #[cfg(unix)]
        Benchmark::Products(arguments) => products::run(environment, arguments),
        Benchmark::Readers(arguments) => readers::run(environment, arguments),
        Benchmark::Store(arguments) => store::run(environment, arguments),
        Benchmark::Scratch { scratch_jl, sessions } => scratch(environment, scratch_jl, *sessions),
    }
}

/// This program as a release build.
fn shipped(environment: &Environment) -> Result<PathBuf> {
    let mut build = environment.cargo(["build", "--quiet", "--release", "--package"]);
    build.arg("scratchrs-xtask");
    program::run(build)?;
    Ok(environment.target.join("release/scratchrs-xtask"))
}

/// The time and memory of a measurement.
#[derive(Clone, Copy)]
struct Best {
    seconds: f64,
    /// In KiB; zero if unknown.
    peak: u64,
}

impl Best {
    fn with(self, other: Self) -> Self {
        Self { seconds: self.seconds.min(other.seconds), peak: self.peak.max(other.peak) }
    }
}

/// Measures both in turns, so that other load of the machine affects both.
fn in_turns(
    rounds: u32,
    ours: impl Fn() -> Result<Best>,
    theirs: impl Fn() -> Result<Best>,
) -> Result<[Best; 2]> {
    let mut best = [ours()?, theirs()?];
    for _ in 1..rounds {
        best = [best[0].with(ours()?), best[1].with(theirs()?)];
    }
    Ok(best)
}

/// The best of some rounds.
fn best(rounds: u32, measure: impl Fn() -> Result<Best>) -> Result<Best> {
    (1..rounds).try_fold(measure()?, |best, _| Ok(best.with(measure()?)))
}

/// The output of a measurement in a process of its own, selected by `arguments`.
fn ours(program: &Path, arguments: impl FnOnce(&mut Command) -> &mut Command) -> Result<Best> {
    let mut command = Command::new(program);
    arguments(command.arg("bench"));
    let output = program::output(command)?;
    let numbers = output.trim().split_once(' ').context("BUG: not two numbers")?;
    settle()?;
    Ok(Best { seconds: numbers.0.parse()?, peak: numbers.1.parse()? })
}

/// The run time of a command.
fn timed(command: Command) -> Result<Best> {
    let start = Instant::now();
    program::output(command)?;
    let seconds = start.elapsed().as_secs_f64();
    settle()?;
    Ok(Best { seconds, peak: 0 })
}

/// Waits until all written data are on the disk.
fn settle() -> Result<()> {
    program::run(Command::new("sync"))
}

/// The peak memory of this process in KiB; `None` if the system does not report it.
fn peak_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

fn scratch(environment: &Environment, scratch_jl: &Path, sessions: u32) -> Result<()> {
    let peer = Package::at(scratch_jl)?;
    let ours = Package::at(&environment.root)?;
    let mut julias = julia::find(environment);
    if debian::is_debian() {
        julias.push(julia::private(environment)?);
    }
    ensure!(!julias.is_empty(), "no Julia to measure with was found");
    for julia in &julias {
        let depot = environment.target.join("bench-depots").join(julia.version.to_string());
        artifact::build(environment, std::slice::from_ref(&depot), &julias)?;
        // Spaces and logs of an earlier run would turn cold calls into warm ones.
        for leftover in ["scratchspaces", "logs"] {
            scratchrs_fs::remove(&depot.join(leftover))?;
        }
        let mut best = [BTreeMap::new(), BTreeMap::new()];
        // In turns, so that other load of the machine affects both.
        for _ in 0..sessions {
            for (package, best) in [&peer, &ours].into_iter().zip(&mut best) {
                measure(julia, &depot, package, best)?;
                scratchrs_fs::remove(&depot.join("scratchspaces"))?;
            }
        }
        show(julia, &peer, &ours, &best);
    }
    Ok(())
}

/// A package to measure.
struct Package {
    directory: PathBuf,
    name: String,
    uuid: String,
}

impl Package {
    fn at(directory: &Path) -> Result<Self> {
        let directory = fs::canonicalize(directory)
            .with_context(|| format!("`{}` not found", directory.display()))?;
        let file = directory.join("Project.toml");
        let text = fs::read_to_string(&file)
            .with_context(|| format!("`{}` is not a package", directory.display()))?;
        let identity = project::identity(&text);
        let (Some(name), Some(uuid)) = (identity.name, identity.uuid) else {
            anyhow::bail!("`{}` has no package name", file.display());
        };
        Ok(Self { directory, name, uuid: uuid.to_string() })
    }

    fn is_ours(&self) -> bool {
        self.name == "ScratchRS"
    }
}

/// An artifact that is installed.
const ARTIFACT: &str = "ab00000000000000000000000000000000000001";

/// What is measured as the first call of a session: the module of the peer, and the call, on [`ARTIFACT`] and on the
/// file that binds it.
const FIRST_CALLS: [(&str, &str); 4] = [
    ("Artifacts", "artifact_path(Base.SHA1(\"HASH\"))"),
    ("Artifacts", "artifact_hash(\"thing\", FILE)"),
    ("Pkg.Artifacts", "ensure_artifact_installed(\"thing\", FILE)"),
    ("Pkg.Artifacts", "create_artifact(directory -> touch(joinpath(directory, \"file\")))"),
];

/// Runs a session for each way in, and keeps the best times.
fn measure(
    julia: &Julia,
    depot: &Path,
    package: &Package,
    best: &mut BTreeMap<String, f64>,
) -> Result<()> {
    let user = package_with_init(depot, package)?;
    let artifact_user = package_with_artifact(depot, package)?;
    let file = artifact_user.join("Artifacts.toml");
    let calls = FIRST_CALLS.map(|(peer, call)| {
        let module = if package.is_ours() { "ScratchRS.Artifacts" } else { peer };
        let call = call.replace("FILE", &format!("{:?}", file.display())).replace("HASH", ARTIFACT);
        [format!("using {module}"), call]
    });
    let mut sessions = vec![
        (&package.directory, vec![package.uuid.as_str()]),
        (&user, vec!["TakesSpace"]),
        (&artifact_user, vec!["TakesArtifact"]),
    ];
    for [load, call] in &calls {
        sessions.push((&package.directory, vec!["FirstCall", load, call]));
    }
    for (project, arguments) in sessions {
        let mut option = std::ffi::OsString::from("--project=");
        option.push(project);
        let mut command = julia.command(depot);
        // The package comes before the project that uses it, as there is no manifest.
        let mut load_path = package.directory.clone().into_os_string();
        load_path.push(":@:@stdlib");
        command.env("JULIA_LOAD_PATH", load_path).arg(option);
        command.args(["-e", SCRATCH, &package.name]).args(arguments);
        for line in program::output(command)?.lines() {
            let (what, time) = line.rsplit_once(' ').context("BUG: a line without a number")?;
            let time: f64 = time.parse().context("BUG: a line without a number")?;
            let known = best.entry(what.to_owned()).or_insert(time);
            *known = known.min(time);
        }
    }
    Ok(())
}

/// Writes a package that gets a space in `__init__`, like most users of Scratch.jl.
fn package_with_init(depot: &Path, package: &Package) -> Result<PathBuf> {
    let Package { name, uuid, .. } = package;
    let directory = depot.join("bench").join(name).join("TakesSpace");
    let own = "5f0d3c5e-8f0b-4f43-9d8c-0d3f7f1c9a11";
    let project =
        format!("name = \"TakesSpace\"\nuuid = \"{own}\"\n\n[deps]\n{name} = \"{uuid}\"\n");
    let source = format!(
        "module TakesSpace\nusing {name}\nspace = \"\"\n\
         __init__() = global space = @get_scratch!(\"space\")\nend\n"
    );
    write_files(&directory, &[("Project.toml", project), ("src/TakesSpace.jl", source)])?;
    Ok(directory)
}

/// Writes a package that gets the path of an artifact in `__init__`, as JLLs do: with Julia's own library for the
/// peer.
fn package_with_artifact(depot: &Path, package: &Package) -> Result<PathBuf> {
    let (module, name, uuid) = if package.is_ours() {
        ("ScratchRS.Artifacts", package.name.as_str(), package.uuid.as_str())
    } else {
        ("Artifacts", "Artifacts", "56f22d72-fd6d-98f1-02f0-08ddc0907c33")
    };
    let directory = depot.join("bench").join(&package.name).join("TakesArtifact");
    let own = "7c0a51f2-3a52-4d0e-9a55-6a1d3b8b6e02";
    let project =
        format!("name = \"TakesArtifact\"\nuuid = \"{own}\"\n\n[deps]\n{name} = \"{uuid}\"\n");
    let source = format!(
        "module TakesArtifact\nusing {module}\npath = \"\"\n\
         __init__() = global path = artifact\"thing\"\nend\n"
    );
    let bindings = format!("[thing]\ngit-tree-sha1 = \"{ARTIFACT}\"\n");
    write_files(
        &directory,
        &[
            ("Project.toml", project),
            ("src/TakesArtifact.jl", source),
            ("Artifacts.toml", bindings),
        ],
    )?;
    fs::create_dir_all(depot.join("artifacts").join(ARTIFACT))?;
    Ok(directory)
}

/// Writes the files that differ: Julia compiles a package again when one has changed.
fn write_files(directory: &Path, files: &[(&str, String)]) -> Result<()> {
    fs::create_dir_all(directory.join("src"))?;
    for (file, text) in files {
        let path = directory.join(file);
        if fs::read_to_string(&path).ok().as_ref() != Some(text) {
            fs::write(&path, text)?;
        }
    }
    Ok(())
}

fn show(julia: &Julia, peer: &Package, ours: &Package, best: &[BTreeMap<String, f64>; 2]) {
    let [theirs, times] = best;
    console::result(format_args!("\nJulia {}\n", julia.version));
    console::result(format_args!("| | {} | {} | ratio |\n|---|---|---|---|", peer.name, ours.name));
    for (what, time) in times {
        let Some(their) = theirs.get(what) else { continue };
        let ratio = time / their;
        console::result(format_args!(
            "| {what} | {} | {} | {ratio:.2} |",
            shown(*their),
            shown(*time)
        ));
    }
}

fn shown(seconds: f64) -> String {
    match seconds {
        s if s < 1e-3 => format!("{:.2} µs", s * 1e6),
        s => format!("{:.2} ms", s * 1e3),
    }
}
