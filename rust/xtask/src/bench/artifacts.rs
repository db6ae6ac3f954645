//! `cargo xtask bench artifacts`: hashing, packing and unpacking, beside the usual programs and
//! Pkg.
//!
//! Each of our measurements runs in its own process, with a release build, so that peak memory is
//! separate. Data and results are in `target/bench-artifacts`. All data are read once before, so
//! that both sides find them in the page cache; written data are synced between two measurements.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result};
use scratchrs_archive::{Compression, UnpackOptions};
use scratchrs_fs::Progress;

use super::{Best, best, in_turns, ours, peak_memory, settle, timed};
use crate::console;
use crate::debian;
use crate::environment::Environment;
use crate::julia::{self, Julia};
use crate::program;

const PKG: &str = include_str!("artifacts.jl");

/// The arguments of `cargo xtask bench artifacts`.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The size of the large file, and of the packed tree, in MiB.
    #[arg(long, default_value_t = 1024)]
    size: u64,
    /// The number of files of the packed tree.
    #[arg(long, default_value_t = 20_000)]
    files: u64,
    /// The number of files of the tree of small files.
    #[arg(long, default_value_t = 100_000)]
    small: u64,
    /// The number of measurements of each; the best one counts.
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// Leave out Pkg, which takes some minutes.
    #[arg(long)]
    without_pkg: bool,
}

/// One of our operations, measured in this process.
#[derive(clap::Args)]
pub(super) struct Measure {
    what: What,
    /// The path to read.
    from: PathBuf,
    /// The path to write.
    to: Option<PathBuf>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum What {
    Hash,
    HashFile,
    Pack,
    PackZst,
    Unpack,
    Inspect,
}

/// Runs it, and prints the seconds and the peak memory of this process in KiB.
pub(super) fn measure(arguments: &Measure) -> Result<()> {
    let Measure { what, from, to } = arguments;
    let progress = Progress::default();
    let target = || to.as_deref().context("no path to write to was given");
    let start = Instant::now();
    match what {
        What::Hash => {
            scratchrs_archive::tree_hash(from, &progress)?;
        }
        What::HashFile => {
            scratchrs_archive::blob_hash(from, &progress)?;
        }
        What::Pack => {
            scratchrs_archive::pack(from, target()?, Compression::Gzip, &progress)?;
        }
        What::PackZst => {
            scratchrs_archive::pack(from, target()?, Compression::Zstandard, &progress)?;
        }
        What::Unpack => {
            let options = UnpackOptions::default();
            scratchrs_archive::unpack(File::open(from)?, target()?, &options, &progress)?;
        }
        What::Inspect => {
            scratchrs_archive::inspect(File::open(from)?, &progress)?;
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    console::result(format_args!("{seconds} {}", peak_memory().unwrap_or(0)));
    Ok(())
}

/// Runs the command.
pub(super) fn run(environment: &Environment, arguments: &Arguments) -> Result<()> {
    let bench = Bench {
        program: super::shipped(environment)?,
        directory: environment.target.join("bench-artifacts"),
        rounds: arguments.rounds,
    };
    console::status("Writing", bench.directory.display());
    bench.prepare(arguments)?;
    let mut table = Table::default();
    bench.measure_programs(&mut table)?;
    if !arguments.without_pkg {
        let mut julias = julia::find(environment);
        if debian::is_debian() {
            julias.push(julia::private(environment)?);
        }
        for julia in &julias {
            bench.measure_pkg(environment, julia, &mut table)?;
        }
    }
    table.show();
    Ok(())
}

struct Bench {
    /// This program as a release build.
    program: PathBuf,
    directory: PathBuf,
    rounds: u32,
}

impl Bench {
    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Writes the data, unless they exist from an earlier run.
    fn prepare(&self, arguments: &Arguments) -> Result<()> {
        let Arguments { size, files, small, .. } = arguments;
        let description = format!("{size} MiB, {files} files, {small} small ones\n");
        let stamp = self.path("description");
        if fs::read_to_string(&stamp).is_ok_and(|text| text == description) {
            return Ok(());
        }
        scratchrs_fs::remove(&self.directory)?;
        let bytes = size << 20;
        let mut contents = Contents::default();
        fs::create_dir_all(self.path("large"))?;
        contents.write(&self.path("large/file"), bytes)?;
        for index in 0..*files {
            // A few large and many small files, as in an artifact.
            let share = bytes / files;
            let length = match index % 100 {
                0 => share * 60,
                _ => share * 40 / 99,
            };
            contents.write(&self.path(&format!("tree/{}/{index}.dat", index / 200)), length)?;
        }
        for index in 0..*small {
            let length = 100 + index % 1900;
            contents.write(&self.path(&format!("small/{}/{index}.txt", index / 500)), length)?;
        }
        Ok(fs::write(stamp, description)?)
    }

    fn measure_programs(&self, table: &mut Table) -> Result<()> {
        let [large, tree, small] = ["large", "tree", "small"].map(|name| self.path(name));
        let file = self.path("large/file");
        let openssl = || {
            let mut command = Command::new("openssl");
            command.args(["sha1", "-r"]).arg(&file);
            command
        };
        let [ours, theirs] =
            in_turns(self.rounds, || self.ours("hash-file", &file, None), || timed(openssl()))?;
        table.add("hash of a large file", "openssl sha1", ours, theirs, 1.15);
        table.ours(
            "tree hash of a large file",
            best(self.rounds, || self.ours("hash", &large, None))?,
        );
        table.ours(
            "tree hash of small files",
            best(self.rounds, || self.ours("hash", &small, None))?,
        );
        table.ours("tree hash of the tree", best(self.rounds, || self.ours("hash", &tree, None))?);

        let [packed, pigz_packed] = ["ours.tar.gz", "theirs.tar.gz"].map(|name| self.path(name));
        let pigz = self.shell("tar -C \"$1\" -cf - . | pigz > \"$2\"", &tree, &pigz_packed);
        let [ours, pigz] =
            in_turns(self.rounds, || self.ours("pack", &tree, Some(&packed)), || timed(pigz()))?;
        table.add("pack the tree", "tar and pigz", ours, pigz, 1.0);
        let sizes = [&packed, &pigz_packed].map(|path| fs::metadata(path).map(|file| file.len()));
        let [ours, pigz] = sizes;
        console::status("Packed", format_args!("{} bytes; pigz: {} bytes", ours?, pigz?));

        let into = self.path("unpacked");
        let unpack = "pigz -dc \"$1\" | tar -C \"$2\" -xf -";
        let pigz = self.shell(unpack, &packed, &into);
        let [ours, pigz] = in_turns(
            self.rounds,
            || self.fresh(&into, || self.ours("unpack", &packed, Some(&into))),
            || self.fresh(&into, || timed(pigz())),
        )?;
        table.add("unpack and verify the tree", "pigz and tar", ours, pigz, 1.0);
        table.ours("check its archive", best(self.rounds, || self.ours("inspect", &packed, None))?);
        scratchrs_fs::remove(&into)?;
        Ok(())
    }

    fn measure_pkg(
        &self,
        environment: &Environment,
        julia: &Julia,
        table: &mut Table,
    ) -> Result<()> {
        let depot = environment.target.join("bench-depots").join(julia.version.to_string());
        scratchrs_fs::create_dir_all(&depot)?;
        let mut command = julia.command(&depot);
        command.args(["-e", PKG]).arg(&self.directory);
        console::status("Measuring", format_args!("Pkg of Julia {}", julia.version));
        let mut times: BTreeMap<String, f64> = BTreeMap::new();
        for line in program::output(command)?.lines() {
            let (what, time) = line.rsplit_once(' ').context("BUG: a line without a number")?;
            times.insert(what.to_owned(), time.parse().context("BUG: a line without a number")?);
        }
        let peer = format!("Pkg of Julia {}", julia.version);
        let budgets = [
            ("tree hash of small files", 0.1),
            ("tree hash of a large file", 1.0),
            ("pack the tree", 0.2),
            ("unpack and verify the tree", 0.2),
        ];
        for (what, budget) in budgets {
            let (Some(seconds), Some(ours)) = (times.get(what), table.best.get(what).copied())
            else {
                continue;
            };
            table.add(what, &peer, ours, Best { seconds: *seconds, peak: 0 }, budget);
        }
        Ok(())
    }

    fn ours(&self, what: &str, from: &Path, to: Option<&Path>) -> Result<Best> {
        ours(&self.program, |command| command.args(["measure", what]).arg(from).args(to))
    }

    /// A command of a shell, with two paths as its arguments.
    fn shell(&self, script: &str, one: &Path, other: &Path) -> impl Fn() -> Command {
        move || {
            let mut command = Command::new("bash");
            command.args(["-c", &format!("set -o pipefail; {script}"), "bash"]).args([one, other]);
            command
        }
    }

    /// Measures with `into` as an empty directory.
    fn fresh(&self, into: &Path, measure: impl Fn() -> Result<Best>) -> Result<Best> {
        scratchrs_fs::remove(into)?;
        fs::create_dir(into)?;
        settle()?;
        measure()
    }
}

/// Contents that compress about as well as programs and data.
struct Contents {
    state: u64,
}

impl Default for Contents {
    fn default() -> Self {
        Self { state: 1 }
    }
}

impl Contents {
    fn next(&mut self) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state
    }

    /// Writes a file of words, numbers, and incompressible bytes.
    fn write(&mut self, path: &Path, mut left: u64) -> Result<()> {
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        const WORDS: [&str; 8] =
            ["function ", "end\n", "artifact", "\0\0\0\0\0\0\0\0", "return ", "hash", ", ", "0x"];
        let mut file = BufWriter::new(File::create(path)?);
        while left > 0 {
            let number = self.next();
            let piece = match number % 8 {
                0 => number.to_le_bytes().to_vec(),
                1 => (number >> 48).to_string().into_bytes(),
                _ => WORDS[(number >> 8) as usize % WORDS.len()].as_bytes().to_vec(),
            };
            let length = (piece.len() as u64).min(left);
            file.write_all(&piece[..length as usize])?;
            left -= length;
        }
        file.flush()?;
        Ok(())
    }
}

/// The results.
#[derive(Default)]
struct Table {
    lines: Vec<String>,
    /// Our measurements.
    best: BTreeMap<String, Best>,
}

impl Table {
    fn add(&mut self, what: &str, peer: &str, ours: Best, theirs: Best, budget: f64) {
        self.ours(what, ours);
        let ratio = ours.seconds / theirs.seconds;
        self.lines.push(format!(
            "| {what} | {peer} | {:.2} s | {:.2} s | {ratio:.2} | {budget} | {} MiB |",
            theirs.seconds,
            ours.seconds,
            ours.peak / 1024
        ));
    }

    fn ours(&mut self, what: &str, ours: Best) {
        self.best.insert(what.to_owned(), ours);
    }

    fn show(&self) {
        console::result("| what | peer | its time | ours | ratio | budget | our memory |");
        console::result("|---|---|---|---|---|---|---|");
        for line in &self.lines {
            console::result(line);
        }
    }
}
