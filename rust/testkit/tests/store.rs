//! The store with many processes at once, killed processes, and failing system calls.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a failed setup fails the test")]
#![expect(clippy::disallowed_methods, reason = "tests prepare files themselves")]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use scratchrs_core::store::{ArtifactKind, Store, bindings, status, verify};
use scratchrs_fs::{LinkMode, Progress};
use scratchrs_testkit::strace::{self, Call};
use scratchrs_testkit::{DepotLab, OWNER, Worker, report, skip};

const SIGKILL: i32 = 9;

fn worker() -> Worker {
    Worker::new(env!("CARGO_BIN_EXE_scratchrs-worker"))
}

fn store(lab: &DepotLab) -> Store {
    Store::of(lab.place()).unwrap()
}

fn file(lab: &DepotLab) -> String {
    store(lab).layout().bindings(OWNER, None)
}

/// Bound contents exist and are correct, and no content is stored twice.
fn check(lab: &DepotLab) -> Result<usize, String> {
    let store = store(lab);
    let found = status(&store).map_err(|error| error.to_string())?;
    if !found.missing.is_empty() || !found.unreadable.is_empty() {
        return Err(format!("bound and not there: {:?} {:?}", found.missing, found.unreadable));
    }
    let verified = verify(&store, &Progress::default()).map_err(|error| error.to_string())?;
    if !verified.corrupt.is_empty() {
        return Err(format!("corrupt: {:?}", verified.corrupt));
    }
    Ok(found.artifacts.iter().map(|artifact| artifact.bound_by.len()).sum())
}

/// The leftovers and locks in the store.
fn leftovers(lab: &DepotLab) -> Vec<String> {
    let root = PathBuf::from(store(lab).root());
    let names = |directory: &str| -> Vec<String> {
        let tree = lab.tree_below(root.join(directory));
        tree.lines().map(|line| format!("{directory}/{line}")).collect()
    };
    let mut left = names("work");
    let logs = names("logs");
    left.extend(logs.into_iter().filter(|line| {
        line.starts_with("logs/.my_artifact_usage_lock") || line.starts_with("logs/.scratchrs-")
    }));
    let artifacts = names("artifacts");
    left.extend(artifacts.into_iter().filter(|line| line.contains("@removing-")));
    left
}

/// 1,000 trees that share files: 16 processes create 63 each, two processes create each tree, and
/// one more collects without delay all the time.
#[test]
fn many_processes_create_overlapping_trees_while_orphans_are_collected() {
    const PROCESSES: usize = 16;
    const TREES: usize = 63;
    let lab = DepotLab::new();
    let done = lab.root().join("done");
    let until = done.display().to_string();
    let worker = worker();
    let mut collector = worker.start(["store-collect", lab.depot(), "--until", &until]);
    let mut makers: Vec<_> = (0..PROCESSES)
        .map(|process| {
            let first = (process / 2 * TREES).to_string();
            let prefix = format!("process-{process}-tree-");
            let trees = TREES.to_string();
            worker.start([
                "store-trees",
                lab.depot(),
                "--prefix",
                &prefix,
                "--first",
                &first,
                "--count",
                &trees,
                "--files",
                "20",
                "--contents",
                "200",
            ])
        })
        .collect();
    for maker in &mut makers {
        let mut bound = 0;
        while let line = maker.line()
            && !line.is_empty()
        {
            bound += usize::from(line.starts_with("bound"));
        }
        assert_eq!(bound, TREES);
        assert!(maker.ends_well());
    }
    fs::write(&done, "").unwrap();
    let mut collections = 0;
    while let line = collector.line()
        && !line.is_empty()
    {
        assert!(!line.starts_with("failed"), "{line}");
        collections += 1;
    }
    assert!(collections > 1 && collector.ends_well());
    assert_eq!(check(&lab), Ok(PROCESSES * TREES));
    assert_eq!(leftovers(&lab), Vec::<String>::new());
    let found = status(&store(&lab)).unwrap();
    assert_eq!(found.files, 200, "each content once");
    assert!(found.trees as usize <= PROCESSES * TREES / 2);
    let variants = lab.tree_below(Path::new(found.root.as_str()).join("variants"));
    assert_eq!(variants, "");
    if found.artifacts.iter().all(|artifact| artifact.link != Some(LinkMode::Copy)) {
        let sizes = |artifact: &scratchrs_core::store::Artifact| match artifact.kind {
            ArtifactKind::File => artifact.bytes,
            ArtifactKind::Tree => 0,
        };
        assert_eq!(found.bytes, found.artifacts.iter().map(sizes).sum::<u64>());
    }
    report(&format!(
        "{} trees of {} contents, {} bytes saved",
        found.trees, found.files, found.saved_bytes
    ));
}

/// The log of the depot has no user of the scratch space of the store: two collections of the depot
/// without a grace period remove it whenever nothing is bound, while processes begin to use it.
#[test]
fn a_store_is_not_removed_while_processes_begin_to_use_it() {
    const PROCESSES: usize = 6;
    let lab = DepotLab::new();
    fs::create_dir(lab.path("")).unwrap();
    let done = lab.root().join("done");
    let until = done.display().to_string();
    let worker = worker();
    let collect = ["collect", lab.depot(), "--until", &until];
    let mut collectors = [worker.start(collect), worker.start(collect)];
    let mut users: Vec<_> = (0..PROCESSES)
        .map(|process| {
            let file = lab.root().join(format!("{process}.toml")).display().to_string();
            worker.start(["store-churn", lab.depot(), &file, "--rounds", "40"])
        })
        .collect();
    for user in &mut users {
        while !user.line().is_empty() {}
        assert!(user.ends_well());
    }
    fs::write(&done, "").unwrap();
    let mut removed = 0;
    for collector in &mut collectors {
        let said = collector.line();
        let counts = said.strip_prefix("collected ").unwrap_or_else(|| panic!("{said}"));
        removed += counts.split(' ').next().unwrap().parse::<usize>().unwrap();
        assert!(collector.ends_well());
    }
    assert!(removed > 0, "nothing was removed meanwhile");
    worker.succeed(["collect", lab.depot(), "--times", "2"]);
    assert!(!Path::new(store(&lab).root()).exists());
    report(&format!("{removed} items were deleted meanwhile"));
}

#[derive(Clone, Copy)]
struct Scenario {
    name: &'static str,
    prepare: fn(&DepotLab),
    task: &'static [&'static str],
}

const SCENARIOS: &[Scenario] = &[
    Scenario { name: "first tree", prepare: |_| {}, task: &["store-trees"] },
    Scenario { name: "tree of symbolic links", prepare: |_| {}, task: SYMLINKS },
    Scenario { name: "tree of copies", prepare: one_tree, task: COPIES },
    Scenario { name: "tree with known files", prepare: one_tree, task: SECOND },
    Scenario { name: "file", prepare: one_tree, task: &["store-file", "file", "content 1"] },
    Scenario { name: "unbind", prepare: one_tree, task: &["store-unbind", "tree-0"] },
    Scenario { name: "collect", prepare: orphans, task: &["store-collect"] },
];

const SYMLINKS: &[&str] = &["store-trees", "--link", "symlink"];
const COPIES: &[&str] = &["store-trees", "--link", "copy"];
const SECOND: &[&str] = &["store-trees", "--first", "1"];

fn one_tree(lab: &DepotLab) {
    worker().succeed(["store-trees", lab.depot()]);
}

fn orphans(lab: &DepotLab) {
    worker().succeed(["store-trees", lab.depot(), "--count", "3"]);
    worker().succeed(["store-unbind", lab.depot(), "tree-1"]);
    worker().succeed(["store-unbind", lab.depot(), "tree-2"]);
}

impl Scenario {
    fn lab(&self) -> DepotLab {
        let lab = DepotLab::new();
        (self.prepare)(&lab);
        lab
    }

    fn command(&self, lab: &DepotLab) -> Command {
        let (verb, rest) = self.task.split_first().unwrap();
        worker().command([verb, lab.depot()].iter().chain(rest))
    }

    fn calls(&self) -> (Vec<Call>, BTreeSet<String>) {
        let lab = self.lab();
        let (output, calls) = strace::changes(&self.command(&lab), &[], lab.root());
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {said}", self.name);
        (calls, names(&lab))
    }

    /// After a fault, bound contents are correct; the operation can be repeated; and then the
    /// result is as without the fault.
    fn recovers(
        &self,
        lab: &DepotLab,
        before: &BTreeSet<String>,
        after: &BTreeSet<String>,
    ) -> Result<(), String> {
        let seen = names(lab);
        if !before.is_subset(&seen) && !after.is_subset(&seen) {
            return Err(format!("names are lost: {seen:?}"));
        }
        check(lab)?;
        let output = self.command(lab).output().unwrap();
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!("the next one ends with {}: {said}", output.status));
        }
        if names(lab) != *after {
            return Err(format!("in the end, there is {:?} and not {after:?}", names(lab)));
        }
        worker().succeed(["store-collect", lab.depot()]);
        check(lab)?;
        let left = leftovers(lab);
        if left.is_empty() { Ok(()) } else { Err(format!("there is left {left:?}")) }
    }

    fn with_faults(
        &self,
        faults: impl Fn(&Call) -> Vec<String>,
        is_kill: bool,
    ) -> (usize, Vec<String>) {
        let (calls, after) = self.calls();
        assert!(calls.len() > 5, "{}: the trace shows {calls:?}", self.name);
        let mut failures = Vec::new();
        let mut count = 0;
        for call in &calls {
            for fault in faults(call) {
                count += 1;
                let lab = self.lab();
                let before = names(&lab);
                let output = strace::run(&self.command(&lab), std::slice::from_ref(&fault));
                let said = String::from_utf8_lossy(&output.stderr).into_owned();
                let is_expected = if is_kill {
                    output.status.signal() == Some(SIGKILL)
                } else {
                    matches!(output.status.code(), Some(0 | 1)) && !said.contains("panicked")
                };
                let result = if is_expected {
                    self.recovers(&lab, &before, &after)
                } else {
                    Err(format!("ends with {}: {said}", output.status))
                };
                failures.extend(result.err().map(|why| {
                    format!(
                        "{}, {fault} at `{}`: {why}\n{}",
                        self.name,
                        call.text,
                        lab.names().join("\n")
                    )
                }));
            }
        }
        (count, failures)
    }
}

fn names(lab: &DepotLab) -> BTreeSet<String> {
    match bindings(&file(lab)) {
        Ok(bindings) => bindings.iter().map(|(name, _)| name.to_owned()).collect(),
        Err(_) => BTreeSet::new(),
    }
}

fn run_all(
    scenarios: &[Scenario],
    faults: impl Fn(&Call) -> Vec<String> + Copy,
    is_kill: bool,
    what: &str,
) {
    if let Some(why) = strace::missing() {
        return skip(what, &why);
    }
    let mut all = Vec::new();
    for scenario in scenarios {
        let (count, failures) = scenario.with_faults(faults, is_kill);
        report(&format!("{}: {count} {what}", scenario.name));
        all.extend(failures);
    }
    assert!(all.is_empty(), "{}:\n{}", all.len(), all.join("\n\n"));
}

#[test]
fn killed_at_any_system_call_the_store_is_as_before_or_after() {
    run_all(SCENARIOS, |call| vec![call.kill()], true, "kills");
}

#[test]
fn failing_calls_are_errors_or_not_needed() {
    let faults = |call: &Call| -> Vec<String> {
        let errors: &[&str] = match call.name.as_str() {
            "write" => &["ENOSPC"],
            "open" | "openat" | "mkdir" | "mkdirat" => &["ENOSPC", "EACCES"],
            "link" | "linkat" => &["EPERM", "EMLINK"],
            "symlink" | "symlinkat" => &["EPERM"],
            "rename" | "renameat" | "renameat2" => &["EIO", "EINVAL"],
            _ => &["EIO"],
        };
        errors.iter().map(|error| call.fail(error)).collect()
    };
    // Operations with different system calls.
    let differs = |name: &str| ["first tree", "tree of copies", "collect"].contains(&name);
    let (scenarios, _): (Vec<_>, Vec<_>) =
        SCENARIOS.iter().copied().partition(|scenario| differs(scenario.name));
    run_all(&scenarios, faults, false, "faults");
}

/// A file system without links, such as vfat: creating links of both kinds always fails.
#[test]
fn a_store_works_without_links() {
    if let Some(why) = strace::missing() {
        return skip("a file system without links", &why);
    }
    for (link, expected) in [("", LinkMode::Copy), ("symlink", LinkMode::Copy)] {
        let lab = DepotLab::new();
        let mut arguments = vec!["store-trees", lab.depot(), "--count", "3", "--files", "6"];
        if !link.is_empty() {
            arguments.extend(["--link", link]);
        }
        // The lock of the store also works without links.
        let refused = ["link", "linkat", "symlink", "symlinkat"];
        let faults: Vec<String> =
            refused.iter().map(|call| format!("inject={call}:error=EPERM")).collect();
        let output = strace::run(&worker().command(&arguments), &faults);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        assert_eq!(check(&lab), Ok(3));
        let found = status(&store(&lab)).unwrap();
        let links: BTreeSet<_> =
            found.artifacts.iter().filter_map(|artifact| artifact.link).collect();
        assert_eq!(links, BTreeSet::from([expected]));
        worker().succeed(["store-collect", lab.depot()]);
        assert_eq!(leftovers(&lab), Vec::<String>::new());
    }
}
