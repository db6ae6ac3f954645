//! Locks and the order of system calls: lock files that vanish while they are examined, locks that
//! another process breaks or that cannot be removed, and the order in which files are synced.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a failed setup fails the test")]
#![expect(clippy::disallowed_methods, reason = "tests prepare files themselves")]

use std::cell::Cell;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use scratchrs_testkit::strace;
use scratchrs_testkit::{DepotLab, Worker, skip};

const LOG: &str = "logs/scratch_usage.toml";
const LOCK: &str = "logs/scratch_usage.toml.pid";

fn worker() -> Worker {
    Worker::new(env!("CARGO_BIN_EXE_scratchrs-worker"))
}

fn command(arguments: &[&str]) -> Command {
    worker().command(arguments)
}

fn said(output: &Output) -> String {
    let said = [&output.stdout[..], &output.stderr].concat();
    String::from_utf8_lossy(&said).into_owned()
}

/// Whether the test cannot run here.
fn is_skipped(about: &str) -> bool {
    let missing = strace::missing();
    if let Some(why) = &missing {
        skip(about, why);
    }
    missing.is_some()
}

/// On a network file system, another machine can remove the lock between two of our calls. The lock
/// is then free, whichever call fails.
#[test]
fn a_lock_that_vanishes_while_it_is_examined_is_free() {
    if is_skipped("locks that vanish") {
        return;
    }
    // One call fails, or it and all later calls of the same name.
    const CALLS: &[&str] =
        &["openat", "statx", "read", "flock", "linkat", "unlink", "openat,statx", "openat,read"];
    let mut count = 0;
    for task in ["track", "collect"] {
        for (call, error) in CALLS.iter().flat_map(|call| [(call, "ENOENT"), (call, "ESTALE")]) {
            for ordinal in 1..=4 {
                let lab = DepotLab::new();
                lab.write(LOCK, &format!("{} {}", i32::MAX, host()));
                let task: &[&str] = match task {
                    "track" => &["track", lab.depot(), "--project", "/p", "--timeout", "0"],
                    _ => &["collect", lab.depot()],
                };
                let faults = call.split(',');
                let faults: Vec<String> = faults
                    .map(|call| format!("inject={call}:error={error}:when={ordinal}"))
                    .collect();
                let lock = lab.path(LOCK);
                let (output, text) = strace::trace(&command(task), "all", Some(&lock), &faults);
                if !text.contains("INJECTED") {
                    continue;
                }
                count += 1;
                let said = said(&output);
                let case = format!("{task:?} {call} {error} {ordinal}: {said}\n{text}");
                assert!(output.status.success() && !said.contains("failed "), "{case}");
                if task[0] == "track" {
                    assert!(fs::read_to_string(lab.path(LOG)).unwrap().contains("/p"), "{case}");
                }
            }
        }
    }
    assert!(count > 40, "the calls have other names by now: {count}");
}

fn host() -> String {
    let output = Command::new("hostname").output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A depot with unreachable items of each kind: their names, and the names of their locks.
fn unreachable(lab: &DepotLab) -> Vec<(String, String)> {
    let uuid = scratchrs_testkit::OWNER;
    let items = [
        (format!("artifacts/{}", "1".repeat(40)), ".pid"),
        (format!("artifacts/{}", "2".repeat(40)), ".pid"),
        ("packages/Example/abcde".to_owned(), ".pid"),
        (format!("scratchspaces/{uuid}/key"), "@generating.pid"),
    ];
    let items = items.map(|(item, suffix)| {
        lab.write(&format!("{item}/file"), "content");
        let lock = format!("{item}{suffix}");
        (item, lock)
    });
    items.into()
}

/// The positions in a trace of the lines with all of `texts`.
fn positions(trace: &str, texts: &[&str]) -> Vec<usize> {
    let lines = trace.lines().enumerate();
    lines
        .filter(|(_, line)| texts.iter().all(|text| line.contains(text)))
        .map(|(at, _)| at)
        .collect()
}

#[test]
fn a_sweep_renames_each_item_under_its_own_lock() {
    if is_skipped("locks of a sweep") {
        return;
    }
    let lab = DepotLab::new();
    let items = unreachable(&lab);
    let collect = command(&["collect", lab.depot()]);
    let (output, trace) = strace::trace(&collect, "linkat,renameat2,unlink", None, &[]);
    assert!(output.status.success(), "{output:?}");
    for (item, lock) in items {
        let (item, lock) = (lab.path(&item), lab.path(&lock));
        let locked = positions(&trace, &["linkat(", &format!("\"{}\"", lock.display())]);
        // The rename is relative to the handle of the directory.
        let (directory, name) = (item.parent().unwrap(), item.file_name().unwrap());
        let renamed = [format!("<{}>", directory.display()), format!("\"{}\", ", name.display())];
        let renamed = positions(&trace, &["renameat2(", &renamed[0], &renamed[1]]);
        let released = positions(&trace, &["unlink(", &format!("\"{}\"", lock.display())]);
        let ([locked], [renamed], [released]) = (&locked[..], &renamed[..], &released[..]) else {
            panic!("{}: {locked:?}, {renamed:?}, {released:?}\n{trace}", item.display());
        };
        assert!(locked < renamed && renamed < released, "{}\n{trace}", item.display());
        assert!(!item.exists() && !lock.exists());
    }
    // The lock of the log has the names of all items; they have no lock files of their own.
    assert!(positions(&trace, &["linkat("]).len() >= 7);
}

#[test]
fn a_lock_that_cannot_be_removed_is_reported() {
    if is_skipped("locks that stay") {
        return;
    }
    let lab = DepotLab::new();
    for (item, lock) in unreachable(&lab) {
        let fault = "inject=unlink:error=EIO".to_owned();
        let collect = command(&["collect", lab.depot()]);
        let lock = lab.path(&lock);
        lab.write(&format!("{item}/file"), "content");
        let (output, trace) = strace::trace(&collect, "all", Some(&lock), &[fault]);
        let said = said(&output);
        let expected = format!("can't remove the lock `{}`", lock.display());
        assert!(output.status.success() && said.contains(&expected), "{said}\n{trace}");
        assert!(!lab.path(&item).exists(), "{said}");
        // The process of the lock is dead now.
        let again = worker().succeed(["collect", lab.depot()]);
        assert!(!again.contains("failed ") && !lock.exists(), "{again}");
    }
}

/// A sweep is suspended for so long that Pkg breaks its lock, which is stale, and writes the log.
#[test]
fn a_sweep_that_lost_its_lock_does_not_replace_the_log() {
    if is_skipped("a broken lock") {
        return;
    }
    let lab = DepotLab::new();
    let space = lab.space("key");
    lab.write(&format!("scratchspaces/{}/key/file", scratchrs_testkit::OWNER), "content");
    lab.write("project/Project.toml", "");
    let record = |project: &str, time: &str| {
        format!("[[\"{space}\"]]\nparent_projects = [\"{project}\"]\ntime = {time}\n")
    };
    // Nothing references the space, and the log is to be condensed.
    let gone = record("/gone/Project.toml", "2024-01-02T03:04:05.006Z");
    lab.write(LOG, &(gone.clone() + &gone));
    let trace = tempfile::NamedTempFile::new().unwrap();
    let stop = "inject=fdatasync:signal=STOP".to_owned();
    let collect = command(&["collect", lab.depot()]);
    let mut collect = strace::tracing(&collect, "fdatasync", None, trace.path(), &[stop]);
    let mut child = collect.spawn().unwrap();
    // The process stops after each of these calls, until the test continues it. The test waits
    // until the trace has the line of the stop, with the thread that made the call.
    let resumed = Cell::new(0);
    let stopped = || {
        let text = fs::read_to_string(trace.path()).unwrap();
        let caller = text.split_whitespace().next()?.to_owned();
        let is_stop =
            |line: &&str| line.starts_with(&caller) && line.ends_with("--- stopped by SIGSTOP ---");
        (text.lines().filter(is_stop).count() > resumed.get()).then_some(caller)
    };
    let resume = |caller: &str| {
        resumed.set(resumed.get() + 1);
        // It may have ended meanwhile.
        let _ = Command::new("kill").args(["-CONT", caller]).output();
    };
    // The new log is written, but not renamed yet.
    let is_about_to_replace = || {
        let mut names = fs::read_dir(lab.path("logs")).into_iter().flatten().flatten();
        names.any(|entry| {
            entry.file_name().to_string_lossy().starts_with(".scratchrs-scratch_usage.toml-")
        })
    };
    loop {
        assert!(child.try_wait().unwrap().is_none(), "it has ended");
        match stopped() {
            Some(_) if is_about_to_replace() => break,
            Some(caller) => resume(&caller),
            None => {}
        }
    }
    fs::remove_file(lab.path(LOCK)).unwrap();
    let project = lab.path("project/Project.toml").display().to_string();
    let used = record(&project, "2026-01-02T03:04:05.006Z");
    fs::write(lab.path("new"), &used).unwrap();
    fs::rename(lab.path("new"), lab.path(LOG)).unwrap();
    while child.try_wait().unwrap().is_none() {
        if let Some(caller) = stopped() {
            resume(&caller);
        }
    }
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(Path::new(&space).join("file").exists(), "{output:?}");
    assert_eq!(fs::read_to_string(lab.path(LOG)).unwrap(), used);
    assert!(!lab.path(LOCK).exists());
}

/// After a power failure, a record never exists without its content.
#[test]
fn generated_content_is_on_the_disk_before_its_record() {
    if is_skipped("the order of syncs") {
        return;
    }
    for old in [None, Some("old")] {
        let lab = DepotLab::new();
        if let Some(content) = old {
            let version = ["--version", "1", "--content", content];
            worker().succeed(["generate", lab.depot(), "key"].iter().chain(&version));
        }
        let generate = command(&["generate", lab.depot(), "key", "--version", "2"]);
        let names = "fsync,fdatasync,syncfs,rename,renameat,renameat2";
        let (output, trace) = strace::trace(&generate, names, None, &[]);
        assert!(output.status.success(), "{output:?}");
        let space = lab.space("key");
        let records = positions(&trace, &["rename", "key@generated.toml\""]);
        let into_place = ["rename", "key@building-", &format!("\"{space}\""), " = 0"];
        let published = positions(&trace, &into_place);
        // The record with the identity of the directory, and the one without `pending`.
        let ([.., identified, settled], [published]) = (&records[..], &published[..]) else {
            panic!("{records:?} {published:?}\n{trace}");
        };
        let synced = positions(&trace, &["fsync(", "key@building-"]);
        let files = fs::read_dir(&space).unwrap().count();
        assert!(synced.len() > files && synced.iter().all(|at| at < identified), "{trace}");
        assert!(identified < published && published < settled, "{trace}");
        // The rename of the space is synced before the record without the identity is written.
        let parent = Path::new(&space).parent().unwrap().display().to_string();
        let named = positions(&trace, &["fsync(", &format!("<{parent}>")]);
        assert!(named.iter().any(|at| published < at && at < settled), "{trace}");
    }
}
