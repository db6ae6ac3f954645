//! The operations of a Julia session on a depot, in a process that tests can kill.
//!
//! It prints a line for each step, which tests can wait for. Errors go to stderr as `<code>
//! <message>`, with exit code 1.

#![expect(clippy::disallowed_methods, reason = "a tool for development, not a part of ScratchRS")]

mod artifact;
mod collection;
mod store;

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use scratchrs_core::generation::{self, Begun};
use scratchrs_core::usage::{self, SpaceUsage};
use scratchrs_core::{Error, Place, scratch};
use scratchrs_model::depot_path::DepotPath;
use scratchrs_model::time::DepotTime;
use scratchrs_model::usage_log::Record;
use scratchrs_testkit::server::Server;
use scratchrs_testkit::{DepotLab, OWNER, fill};

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    #[command(flatten)]
    Artifact(artifact::ArtifactTask),
    #[command(flatten)]
    Collection(collection::CollectionTask),
    #[command(flatten)]
    Store(store::StoreTask),
    /// Logs usage of spaces, under the lock.
    Track {
        depot: String,
        #[command(flatten)]
        uses: Uses,
        #[command(flatten)]
        timeout: LockTimeout,
    },
    /// Logs usage of spaces as Scratch.jl does: one write at the end of the file, no lock.
    ScratchAppend {
        depot: String,
        #[command(flatten)]
        uses: Uses,
    },
    /// Condenses the log, once, or until a file exists.
    Condense {
        depot: String,
        #[arg(long)]
        until: Option<PathBuf>,
        #[command(flatten)]
        timeout: LockTimeout,
    },
    /// Creates a space.
    Get { depot: String, key: String },
    /// Generates a space, in one process only.
    Generate(Generate),
    /// Removes a space.
    Delete { depot: String, key: String },
    /// Removes the spaces of the package, or of all packages.
    Clear {
        depot: String,
        #[arg(long)]
        all: bool,
    },
    /// Serves a directory, with faults selected by the URLs, until standard input ends.
    Serve {
        directory: PathBuf,
        /// Serves over TLS, and writes the certificate to trust to this file.
        #[arg(long, value_name = "FILE")]
        authority: Option<PathBuf>,
    },
}

#[derive(Args)]
struct Uses {
    /// The project file that uses the spaces.
    #[arg(long)]
    project: String,
    /// The number of spaces.
    #[arg(long, default_value_t = 1)]
    spaces: u64,
    /// The number of uses.
    #[arg(long, default_value_t = 1)]
    accesses: u64,
    /// Seed for the choice of the spaces.
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

#[derive(Args)]
struct LockTimeout {
    /// How long to wait for a lock.
    #[arg(long = "timeout", default_value_t = 120_000, value_name = "MILLISECONDS")]
    milliseconds: u64,
}

#[derive(Args)]
struct Generate {
    depot: String,
    key: String,
    #[arg(long)]
    version: Option<String>,
    /// The content of the files; none are generated if it is empty.
    #[arg(long, default_value = "content")]
    content: String,
    /// Waits for a line of input half way.
    #[arg(long)]
    hold: bool,
    /// Fails half way.
    #[arg(long)]
    fail: bool,
    /// Fails at once if another process is generating.
    #[arg(long)]
    no_wait: bool,
    /// A file to which every run of a generator appends a line.
    #[arg(long)]
    tally: Option<PathBuf>,
}

fn main() -> ExitCode {
    let failed = match perform(Arguments::parse().task) {
        Ok(()) => return ExitCode::SUCCESS,
        Err(failed) => failed,
    };
    let _ = writeln!(io::stderr(), "{failed}");
    ExitCode::FAILURE
}

fn perform(task: Task) -> Result<(), String> {
    match task {
        Task::Artifact(task) => artifact::perform(task),
        Task::Collection(task) => collection::perform(task),
        Task::Store(task) => store::run(&task),
        Task::Track { depot, uses, timeout } => {
            track(place(&DepotPath::new(depot)), &uses, &timeout)
        }
        Task::ScratchAppend { depot, uses } => scratch_append(&depot, &uses).map_err(own_fault),
        Task::Condense { depot, until, timeout } => {
            condense(place(&DepotPath::new(depot)), until.as_deref(), &timeout)
        }
        Task::Get { depot, key } => {
            say("got", &scratch::get(place(&DepotPath::new(depot)), OWNER, &key).map_err(typed)?)
        }
        Task::Generate(task) => generate(&task),
        Task::Delete { depot, key } => {
            scratch::delete(place(&DepotPath::new(depot)), OWNER, &key).map_err(typed)
        }
        Task::Clear { depot, all } => {
            scratch::clear(place(&DepotPath::new(depot)), (!all).then_some(OWNER)).map_err(typed)
        }
        Task::Serve { directory, authority } => {
            serve(&directory, authority.as_deref()).map_err(own_fault)
        }
    }
}

pub(crate) fn place(depot: &DepotPath) -> Place<'_> {
    Place { depot, directory: None }
}

#[expect(clippy::disallowed_methods, reason = "this is the edge where the clock is read")]
pub(crate) fn now() -> DepotTime {
    DepotTime::from_local(chrono::Local::now().naive_local())
}

pub(crate) fn typed(error: Error) -> String {
    format!("{:?} {error}", error.code())
}

pub(crate) fn own_fault(error: io::Error) -> String {
    format!("Worker {error}")
}

pub(crate) fn say(what: &str, about: &str) -> Result<(), String> {
    let mut output = io::stdout();
    writeln!(output, "{what} {about}").and_then(|()| output.flush()).map_err(own_fault)
}

impl Uses {
    /// The keys of the spaces, in the order of their use.
    fn keys(&self) -> impl Iterator<Item = String> {
        // Knuth's linear congruential generator; its upper bits are the good ones.
        let next = |state: &mut u64| {
            *state =
                state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(0x1405_7B7E_F767_814F);
            Some(*state >> 33)
        };
        let mut state = self.seed;
        let numbers = std::iter::from_fn(move || next(&mut state)).take(self.accesses as usize);
        let spaces = self.spaces;
        numbers.map(move |number| format!("space-{}", number % spaces))
    }
}

impl LockTimeout {
    fn duration(&self) -> Duration {
        Duration::from_millis(self.milliseconds)
    }
}

fn serve(directory: &Path, authority: Option<&Path>) -> io::Result<()> {
    let server = match authority {
        Some(file) => {
            let server = Server::start_tls(directory);
            std::fs::write(file, server.authority())?;
            server
        }
        None => Server::start(directory),
    };
    say("serving", &server.url("")).map_err(io::Error::other)?;
    io::copy(&mut io::stdin(), &mut io::sink()).map(drop)
}

fn track(place: Place<'_>, uses: &Uses, timeout: &LockTimeout) -> Result<(), String> {
    for key in uses.keys() {
        let space = scratch::path(place, OWNER, &key).map_err(typed)?;
        let usage = SpaceUsage { space: &space, project: &uses.project };
        let tracked = usage::track(place, usage, now(), timeout.duration());
        let tracked = tracked.map_err(typed)?;
        say(if tracked.recorded { "recorded" } else { "read-only" }, &space)?;
        for skipped in tracked.removed_records {
            say("removed-record", &skipped.message)?;
        }
    }
    Ok(())
}

fn scratch_append(depot: &str, uses: &Uses) -> io::Result<()> {
    let lab = DepotLab::at(Path::new(depot).parent().unwrap_or(Path::new("/")));
    for key in uses.keys() {
        let space = lab.space(&key);
        let record = Record::of_project(now(), &uses.project).to_text(&space);
        let mut log = OpenOptions::new().append(true).create(true).open(lab.usage_log_file())?;
        // One write, as by Julia's buffer.
        let written = log.write(record.as_bytes())?;
        assert_eq!(written, record.len(), "the record is written at once");
        say("recorded", &space).map_err(io::Error::other)?;
    }
    Ok(())
}

fn condense(place: Place<'_>, until: Option<&Path>, timeout: &LockTimeout) -> Result<(), String> {
    let mut count = 0;
    loop {
        let removed = usage::condense(place, now(), timeout.duration()).map_err(typed)?;
        count += 1;
        for skipped in removed {
            say("removed-record", &skipped.message)?;
        }
        if until.is_none_or(Path::exists) {
            return say("condensed", &count.to_string());
        }
        // Locks are not fair: without a pause, this process would get the lock again before others.
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn generate(task: &Generate) -> Result<(), String> {
    let mut waits = false;
    loop {
        let version = task.version.as_deref();
        let begun = generation::begin(
            place(&DepotPath::new(&task.depot)),
            OWNER,
            &task.key,
            version,
            now(),
        );
        match begun.map_err(typed)? {
            Begun::Ready(space) => return say("ready", &space),
            Begun::Busy { holder, .. } if task.no_wait => {
                return Err(format!("Busy {:?}", holder.pid));
            }
            Begun::Busy { holder, .. } => {
                if !std::mem::replace(&mut waits, true) {
                    say("busy", &holder.pid.unwrap_or_default().to_string())?;
                }
                std::thread::sleep(Duration::from_millis(5));
            }
            Begun::Generate(generation) => {
                say("generating", &generation.directory().display().to_string())?;
                run_generator(task, generation.directory()).map_err(own_fault)?;
                return say("generated", &generation.publish().map_err(typed)?);
            }
        }
    }
}

fn run_generator(task: &Generate, directory: &Path) -> io::Result<()> {
    if let Some(tally) = &task.tally {
        OpenOptions::new().append(true).create(true).open(tally)?.write_all(b"generated\n")?;
    }
    fill(directory, &task.content, || {
        if task.hold {
            say("holding", "").map_err(io::Error::other)?;
            io::stdin().read_line(&mut String::new())?;
        }
        if task.fail {
            return Err(io::Error::other("the generator fails"));
        }
        Ok(())
    })
}
