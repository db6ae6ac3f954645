//! System calls of a collection fail: no item in use is lost, no file is torn, the report names the
//! failure, and the next collection completes the work.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a failed setup fails the test")]
#![expect(clippy::disallowed_methods, reason = "tests prepare files themselves")]

#[path = "crash/collectable.rs"]
mod collectable;

use std::fs;
use std::process::{Command, Output};

use scratchrs_model::layout::UsageLogFile;
use scratchrs_model::orphans::Orphans;
use scratchrs_model::usage_log::UsageLog;
use scratchrs_testkit::strace::{self, Call};
use scratchrs_testkit::{DepotLab, Worker, report, skip};

fn worker() -> Worker {
    Worker::new(env!("CARGO_BIN_EXE_scratchrs-worker"))
}

fn command(lab: &DepotLab, more: &[&str]) -> Command {
    worker().command(["collect", lab.depot()].iter().chain(more))
}

fn prepared() -> DepotLab {
    let lab = DepotLab::new();
    collectable::depot(&lab);
    lab
}

/// The results of a run without a fault.
struct Course {
    options: &'static [&'static str],
    before: Vec<String>,
    after: Vec<String>,
    calls: Vec<Call>,
    /// The tree after it, and after the next one.
    left: Vec<String>,
    end: Vec<String>,
}

impl Course {
    fn of(options: &'static [&'static str]) -> Self {
        let lab = prepared();
        let before = collectable::items(&lab);
        let (output, calls) = strace::changes(&command(&lab, options), &[], lab.root());
        assert!(output.status.success() && failures(&output).is_empty(), "{output:?}");
        let (after, left) = (collectable::items(&lab), lab.names());
        worker().succeed(["collect", lab.depot()].iter().chain(options));
        Self { options, before, after, calls, left, end: lab.names() }
    }

    fn fail_at(&self, call: &Call, error: &str, fault: String) -> Result<(), String> {
        let lab = prepared();
        let output = strace::run(&command(&lab, self.options), &[fault]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let failures = failures(&output);
        let is_told = failures.iter().any(|failure| failure.contains(&format!("({error})")));
        match output.status.code() {
            Some(0) => {}
            Some(1) if said.starts_with("Io ") && said.contains(&format!("({error})")) => {}
            _ => return Err(format!("ends with {}: {said}", output.status)),
        }
        let items = collectable::items(&lab);
        let states = self.before.iter().zip(&self.after);
        if items.iter().zip(states).any(|(item, (old, new))| item != old && item != new) {
            return Err(format!("an item is neither unchanged nor deleted: {items:#?}"));
        }
        check_logs(&lab)?;
        let left = lab.names();
        let more: Vec<_> = left.iter().filter(|name| !self.left.contains(name)).collect();
        // Stale locks are broken, and records without an artifact are ignored.
        let is_lock_in =
            |name: &String, group: &str| name.starts_with(group) && name.ends_with(".pid");
        let matters = |name: &&String| match name.ends_with('/') {
            true => !more.iter().any(|lock| is_lock_in(lock, name)),
            false => !name.ends_with(".pid") && !name.ends_with("@tree"),
        };
        if output.status.success() && !is_told && more.iter().copied().any(|name| matters(&name)) {
            return Err(format!("leaves {more:?}, and says nothing: {failures:?}"));
        }
        if !failures.is_empty() && !is_told {
            return Err(format!("`{}` says {failures:?}", call.text));
        }
        // The first of these completes the work, the second one finds no orphan.
        let arguments = [self.options, &["--times", "2"]].concat();
        let again = command(&lab, &arguments).output().unwrap();
        if !again.status.success() || !self::failures(&again).is_empty() {
            return Err(format!("is in the way of the next one: {again:?}"));
        }
        match (lab.names(), collectable::items(&lab)) {
            (names, items) if names == self.end && items == self.after => Ok(()),
            (names, _) => Err(format!("the end is {names:?}")),
        }
    }
}

/// The failures in a report.
fn failures(output: &Output) -> Vec<String> {
    let said = String::from_utf8_lossy(&output.stdout);
    said.lines().filter(|line| line.starts_with("failed ")).map(str::to_owned).collect()
}

/// All lines of all logs are valid.
fn check_logs(lab: &DepotLab) -> Result<(), String> {
    for log in [UsageLogFile::Manifests, UsageLogFile::Artifacts, UsageLogFile::Scratch] {
        let bytes = fs::read(log.path(lab.place().depot)).unwrap_or_default();
        match UsageLog::read(&bytes).1.first() {
            None => {}
            Some(skipped) => return Err(format!("{log:?} is torn: {}", skipped.message)),
        }
    }
    let orphans = fs::read(lab.path("logs/orphaned.toml")).unwrap_or_default();
    match Orphans::read(&orphans).1.first() {
        None => Ok(()),
        Some(fault) => Err(format!("the orphans are torn: {fault}")),
    }
}

/// Makes each call fail, with up to this number of different errors.
fn every_call_fails(about: &str, options: &'static [&'static str], ways: usize) {
    if let Some(why) = strace::missing() {
        return skip(about, &why);
    }
    let course = Course::of(options);
    let faults: Vec<_> = course
        .calls
        .iter()
        .enumerate()
        .flat_map(|(index, call)| {
            let errors = call.errors().iter().cycle().skip(index);
            errors.take(ways.min(call.errors().len())).map(move |error| (call, error))
        })
        .collect();
    let failures = faults.iter().filter_map(|(call, error)| {
        let failed = course.fail_at(call, error, call.fail(error)).err()?;
        Some(format!("{error} from `{}`: {failed}", call.text))
    });
    let failures: Vec<_> = failures.collect();
    assert!(failures.is_empty(), "{}\n{}", failures.len(), failures.join("\n"));
    report(&format!("{about}: {} faults", faults.len()));
}

#[test]
fn every_call_of_a_collection_fails_with_every_error() {
    every_call_fails("collect", &[], usize::MAX);
}

#[test]
fn every_call_of_a_collection_to_a_size_fails() {
    every_call_fails(
        "collect to a size, items in use too",
        &["--max-size", "0", "--evict-in-use"],
        1,
    );
}

/// Removing each lock fails twice: the process that released it acquires it again.
#[test]
fn a_lock_that_cannot_be_removed_blocks_no_process() {
    const ABOUT: &str = "a lock that cannot be removed";
    if let Some(why) = strace::missing() {
        return skip(ABOUT, &why);
    }
    let course = Course::of(&["--timeout", "0"]);
    let locks: Vec<_> = course
        .calls
        .iter()
        .filter(|call| call.name.starts_with("unlink") && call.text.contains(".pid\""))
        .collect();
    assert!(locks.len() > 3, "{:?}", course.calls);
    for call in locks {
        let failed = course.fail_at(call, "EACCES", call.fail_times("EACCES", 2));
        assert_eq!(failed, Ok(()), "{}", call.text);
    }
}

/// Another collection removes a directory while it is listed, with the errors of local and network
/// file systems. No item in use is lost, and the next collection completes the work.
#[test]
fn a_directory_that_vanishes_while_it_is_listed_loses_nothing() {
    const ABOUT: &str = "a directory that vanishes while it is listed";
    if let Some(why) = strace::missing() {
        return skip(ABOUT, &why);
    }
    let course = Course::of(&[]);
    for error in ["ENOENT", "ESTALE"] {
        for ordinal in 1..=12 {
            let lab = prepared();
            let fault = format!("inject=getdents64:error={error}:when={ordinal}");
            // Only traced calls can fail.
            let faults = ["trace=getdents64".to_owned(), fault];
            let output = strace::run(&command(&lab, &[]), &faults);
            assert!(output.status.success(), "{error} {ordinal}: {output:?}");
            let items = collectable::items(&lab);
            for (item, (old, new)) in items.iter().zip(course.before.iter().zip(&course.after)) {
                assert!(item == old || item == new, "{error} {ordinal}: {item}");
            }
            worker().succeed(["collect", lab.depot(), "--times", "2"]);
            assert_eq!(collectable::items(&lab), course.after, "{error} {ordinal}");
        }
    }
}
