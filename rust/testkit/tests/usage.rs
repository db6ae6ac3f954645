//! Many processes write to one usage log, and no record is torn or lost.

#![expect(clippy::unwrap_used, reason = "a failed setup fails the test")]
#![expect(clippy::disallowed_methods, reason = "tests prepare files themselves")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use scratchrs_testkit::{DepotLab, Running, Worker, projects_by_space, report};

fn worker() -> Worker {
    Worker::new(env!("CARGO_BIN_EXE_scratchrs-worker"))
}

/// A process that logs usage, each for its own project.
struct Writer {
    project: String,
    running: Running,
}

fn start(lab: &DepotLab, how: &str, number: u64, spaces: u64, accesses: u64) -> Writer {
    let project = format!("/projects/{how}-{number}/Project.toml");
    let [seed, spaces, accesses] = [number, spaces, accesses].map(|number| number.to_string());
    let arguments = [how, lab.depot(), "--project", &project, "--spaces", &spaces];
    let more = ["--accesses", &accesses, "--seed", &seed];
    let running = worker().start(arguments.iter().chain(&more));
    Writer { project, running }
}

/// The projects that use each space.
type Uses = BTreeMap<String, BTreeSet<String>>;

/// Waits for the end of the writers, and returns the records that they reported, and how often they
/// found invalid text in the log.
fn finish(writers: Vec<Writer>, accesses: u64) -> (Uses, usize) {
    let mut uses = Uses::new();
    let mut removed = 0;
    for mut writer in writers {
        let mut count = 0;
        loop {
            let line = writer.running.line();
            match line.split_once(' ') {
                Some(("recorded", space)) => {
                    uses.entry(space.to_owned()).or_default().insert(writer.project.clone());
                    count += 1;
                }
                Some(("removed-record", _)) => removed += 1,
                _ => break assert_eq!(line, ""),
            }
        }
        assert!(writer.running.ends_well());
        assert_eq!(count, accesses, "{}", writer.project);
    }
    (uses, removed)
}

/// A process that condenses the log until `finish` is called.
struct Condenser {
    running: Running,
    end: std::path::PathBuf,
}

fn condenser(lab: &DepotLab) -> Condenser {
    let end = lab.root().join("end");
    let running = worker().start(["condense", lab.depot(), "--until", end.to_str().unwrap()]);
    Condenser { running, end }
}

impl Condenser {
    fn finish(mut self) -> u64 {
        fs::write(&self.end, "").unwrap();
        let mut line = self.running.line();
        while line.starts_with("removed-record") {
            line = self.running.line();
        }
        let count = line.strip_prefix("condensed ").unwrap_or_else(|| panic!("said {line:?}"));
        assert!(self.running.ends_well());
        count.parse().unwrap()
    }
}

fn assert_nothing_beside_the_log(lab: &DepotLab) {
    assert_eq!(lab.names(), ["logs/", "logs/scratch_usage.toml"]);
}

#[test]
fn many_processes_lose_no_record() {
    // Under Wine, the lock changes hands some twenty times in a second.
    const PROCESSES: u64 = if cfg!(windows) { 8 } else { 32 };
    const ACCESSES: u64 = if cfg!(windows) { 150 } else { 500 };
    const SPACES: u64 = 40;
    let lab = DepotLab::new();
    let condenser = condenser(&lab);
    let writers = (0..PROCESSES).map(|number| start(&lab, "track", number, SPACES, ACCESSES));
    let writers = writers.collect();
    let (uses, removed) = finish(writers, ACCESSES);
    assert!(condenser.finish() > 0);
    assert_eq!(removed, 0, "a process saw a torn log");
    assert_eq!(projects_by_space(&lab.usage_log()), uses);
    assert_nothing_beside_the_log(&lab);
}

/// Scratch.jl takes no lock, so our lock cannot exclude it. Nevertheless:
///
/// - The log is not torn: at the end it is valid. In between, a reader can see a part of a peer's
///   write, which looks torn until the rest is written.
/// - No record of ours is lost: Scratch.jl appends and never rewrites. (`Pkg.gc` rewrites without
///   the lock, and records written meanwhile are lost: that is not tested here.)
/// - A record that Scratch.jl appends to the old file while we replace it is found after the bytes
///   that we had read, and appended to the new file.
///
/// This cannot be guaranteed: Scratch.jl opens the old file; we replace it, and read the bytes
/// appended to it; only then Scratch.jl writes, to a file without a name. The whole replacement has
/// to happen between the `open` and the `write` of the peer, some ten microseconds. In this test,
/// where one process only condenses, that affects no or a few records; in practice, where a log is
/// replaced once in a hundred uses, hardly any. Scratch.jl logs the use again the next day, or in
/// the next session. So this test checks that no record of the peers is invented and nearly all
/// exist, and reports the number of missing ones.
#[test]
fn peers_without_the_lock_tear_nothing() {
    const PROCESSES: u64 = 4;
    const ACCESSES: u64 = 200;
    // So many spaces that hardly any is used twice: a lost record is detected.
    const SPACES: u64 = 1_000_000;
    let lab = DepotLab::new();
    fs::create_dir_all(lab.path("logs")).unwrap();
    let condenser = condenser(&lab);
    let start =
        |how| (0..PROCESSES).map(|number| start(&lab, how, number, SPACES, ACCESSES)).collect();
    let (ours, peers) = (start("track"), start("scratch-append"));
    let ours = finish(ours, ACCESSES).0;
    let peers = finish(peers, ACCESSES).0;
    condenser.finish();
    let log = projects_by_space(&lab.usage_log());
    let pairs = |spaces: &Uses| -> BTreeSet<(String, String)> {
        let pairs = spaces.iter().flat_map(|(space, projects)| {
            projects.iter().map(|project| (space.clone(), project.clone()))
        });
        pairs.collect()
    };
    let (log, ours, peers) = (pairs(&log), pairs(&ours), pairs(&peers));
    assert_eq!(ours.difference(&log).count(), 0, "records of ours are lost");
    assert!(log.is_subset(&ours.union(&peers).cloned().collect()), "records are invented");
    let lost = peers.difference(&log).count();
    assert!(lost * 20 < peers.len(), "{lost} of {} records of the peers are lost", peers.len());
    let count = peers.len();
    report(&format!("{lost} of {count} records of peers went to a file that was being replaced"));
    assert_nothing_beside_the_log(&lab);
}
