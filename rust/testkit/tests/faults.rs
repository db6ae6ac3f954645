//! System calls fail: the operation reports an error or does without; the previous state is kept,
//! and the next operation is not blocked.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a failed setup fails the test")]
#![expect(clippy::disallowed_methods, reason = "tests prepare files themselves")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::OnceLock;

use scratchrs_model::hash::TreeHash;
use scratchrs_model::usage_log::UsageLog;
use scratchrs_testkit::strace::{self, Call};
use scratchrs_testkit::{
    DepotLab, Disk, FileSystem, ServedArtifact, Worker, projects_by_space, report, skip,
};

fn worker() -> Worker {
    Worker::new(env!("CARGO_BIN_EXE_scratchrs-worker"))
}

struct Scenario {
    name: &'static str,
    prepare: fn(&DepotLab),
    task: &'static [&'static str],
}

const SCENARIOS: &[Scenario] = &[
    Scenario { name: "first record", prepare: |_| {}, task: TRACK },
    Scenario { name: "append", prepare: sound_log, task: TRACK },
    Scenario { name: "repair a log", prepare: torn_log, task: TRACK },
    Scenario { name: "condense", prepare: sound_log, task: &["condense", "--timeout", "0"] },
    Scenario { name: "get", prepare: |_| {}, task: &["get", "key"] },
    Scenario { name: "generate", prepare: |_| {}, task: &["generate", "key", "--no-wait"] },
    Scenario { name: "regenerate", prepare: old_version, task: REGENERATE },
    Scenario { name: "delete", prepare: old_version, task: &["delete", "key"] },
    Scenario { name: "clear", prepare: old_version, task: &["clear", "--all"] },
    Scenario { name: "create", prepare: |_| {}, task: &["create-artifact"] },
    Scenario { name: "bind", prepare: bindings, task: BIND },
    Scenario { name: "install", prepare: bindings, task: INSTALL },
    Scenario { name: "remove", prepare: an_artifact, task: &["remove-artifact", ONE] },
];

const ONE: &str = "1111111111111111111111111111111111111111";
const BIND: &[&str] = &["bind", "project/Artifacts.toml", "iris", ONE];
const INSTALL: &[&str] = &["install", "project/Artifacts.toml", "x"];

fn served() -> &'static ServedArtifact {
    static SERVED: OnceLock<ServedArtifact> = OnceLock::new();
    SERVED.get_or_init(|| ServedArtifact::new(20))
}

fn bindings(lab: &DepotLab) {
    lab.write("project/Artifacts.toml", &served().binding("x", "/x.tar.gz"));
}

fn an_artifact(lab: &DepotLab) {
    lab.write(&format!("artifacts/{ONE}/below/file"), "content");
    lab.write(&format!("artifacts/{ONE}@tree"), "its record");
}

const TRACK: &[&str] = &["track", "--project", "/new/Project.toml", "--timeout", "0"];
const REGENERATE: &[&str] = &["generate", "key", "--no-wait", "--version", "2", "--content", "new"];

fn sound_log(lab: &DepotLab) {
    let record = "parent_projects = [\"/old/Project.toml\"]\ntime = 2024-01-02T03:04:05.006Z\n";
    let text = format!("[[\"{}\"]]\n{record}[[\"/other\"]]\n{record}", lab.space("space-0"));
    lab.write("logs/scratch_usage.toml", &text);
}

fn torn_log(lab: &DepotLab) {
    sound_log(lab);
    lab.write("logs/scratch_usage.toml", &(lab.usage_log_text() + "[[\"/torn"));
}

fn old_version(lab: &DepotLab) {
    worker().succeed(["generate", lab.depot(), "key", "--version", "1", "--content", "old"]);
}

/// The usage in the log, and the contents of the space, artifacts and bindings.
type State = (String, String);

fn state(lab: &DepotLab) -> State {
    let bytes = fs::read(lab.usage_log_file()).unwrap_or_default();
    let log = format!("{:?}", projects_by_space(&UsageLog::read(&bytes).0));
    let space = lab.space("key");
    let space = match fs::symlink_metadata(&space) {
        Ok(_) => format!("there\n{}", lab.tree_below(space)),
        Err(_) => "none".to_owned(),
    };
    let artifacts = scratchrs_fs::names(&lab.path("artifacts")).unwrap();
    let artifacts = artifacts.iter().filter(|name| name.parse::<TreeHash>().is_ok());
    let artifacts = artifacts.map(|name| lab.tree_below(lab.path(&format!("artifacts/{name}"))));
    let bound = fs::read_to_string(lab.path("project/Artifacts.toml")).unwrap_or_default();
    let content = [space].into_iter().chain(artifacts).chain([bound]).collect::<Vec<_>>();
    (log.replace(lab.depot(), ""), content.join("\n"))
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

    /// One fault for each call and each error that it may return.
    fn run(&self) -> (usize, Vec<String>) {
        let lab = self.lab();
        let before = state(&lab);
        let (_, calls) = strace::changes(&self.command(&lab), &[], lab.root());
        let after = state(&lab);
        let end = lab.names();
        let faults =
            calls.iter().flat_map(|call| call.errors().iter().map(move |error| (call, error)));
        let faults: Vec<_> = faults.collect();
        let failures = faults.iter().filter_map(|(call, error)| {
            let failed = self.fail_at(call, error, [&before, &after], &end).err()?;
            Some(format!("{}, {error} from `{}`: {failed}", self.name, call.text))
        });
        (faults.len(), failures.collect())
    }

    fn fail_at(
        &self,
        call: &Call,
        error: &str,
        states: [&State; 2],
        end: &[String],
    ) -> Result<(), String> {
        let lab = self.lab();
        let at_first = lab.names();
        let output = strace::run(&self.command(&lab), &[call.fail(error)]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let (log, space) = state(&lab);
        let left = lab.names();
        match output.status.code() {
            Some(0) => {}
            // Julia gets the code, the path and the system's name of the error.
            Some(1) if said.starts_with("Io ") && said.contains(&format!("({error})")) => {}
            // Errors of the generator itself are not checked.
            Some(1) if said.starts_with("Worker ") => {}
            _ => return Err(format!("ends with {}: {said}", output.status)),
        }
        if !states.iter().any(|state| state.0 == log)
            || !states.iter().any(|state| state.1 == space)
        {
            return Err(format!("the state is neither old nor new: {log} {space}"));
        }
        // Files that can't be removed stay, under a temporary name.
        let removes = ["unlink", "unlinkat", "rmdir", "rename"].contains(&call.name.as_str())
            || call.text.contains("@removing-");
        let new = left.iter().filter(|name| !at_first.contains(name) && !name.ends_with('/'));
        let is_empty_log = |name: &String| *name == LOG && lab.usage_log_text().is_empty();
        let is_done = |name: &String| output.status.success() && end.contains(name);
        // A partial download is kept for the next one, and usage is logged before the use.
        let may_stay = |name: &String| is_download(name) || name == "logs/artifact_usage.toml";
        let is_left = |name: &String| !is_done(name) && !is_empty_log(name) && !may_stay(name);
        let new: Vec<_> = new.filter(|name| is_left(name)).collect();
        let companions = left.iter().filter(|name| is_companion(name)).collect();
        for beside in [new, companions] {
            if !removes && !beside.is_empty() {
                return Err(format!("leaves {beside:?}"));
            }
        }
        let again = self.command(&lab).output().unwrap();
        if !again.status.success() {
            let said = String::from_utf8_lossy(&again.stderr);
            return Err(format!("is in the way of the next one: {said}"));
        }
        // An artifact may do without a record.
        let is_of_record = call.text.contains("@tree");
        let counts = |name: &&String| {
            let may_stay = removes && (is_companion(name) || is_download(name));
            // Where it cannot be created, artifacts are built beside their place.
            let is_site = name.starts_with("scratchrs/");
            !(may_stay || is_site || is_of_record && name.ends_with("@tree"))
        };
        let names = lab.names();
        if !names.iter().filter(counts).eq(end.iter().filter(counts)) {
            return Err(format!("the end is {:?}", lab.names()));
        }
        Ok(())
    }
}

const LOG: &str = "logs/scratch_usage.toml";

/// Whether a file or directory is one of our temporary ones.
fn is_companion(name: &str) -> bool {
    ["@building", "@removing", "@replaced", ".pid", ".scratchrs-"]
        .iter()
        .any(|part| name.contains(part))
}

fn is_download(name: &str) -> bool {
    name.contains("@download-")
}

#[test]
fn every_call_fails_with_every_error() {
    if let Some(why) = strace::missing() {
        return skip("every call fails with every error", &why);
    }
    let mut failures = Vec::new();
    for scenario in SCENARIOS {
        let (count, mut faults) = scenario.run();
        report(&format!("{}: {count} faults", scenario.name));
        failures.append(&mut faults);
    }
    assert!(failures.is_empty(), "{}\n{}", failures.len(), failures.join("\n"));
}

/// All operations work on systems that lack a feature.
#[test]
fn missing_features_of_a_system_are_not_needed() {
    if let Some(why) = strace::missing() {
        return skip("missing features of a system are not needed", &why);
    }
    for scenario in SCENARIOS {
        let lab = scenario.lab();
        let (_, calls) = strace::changes(&scenario.command(&lab), &[], lab.root());
        let (expected, end) = (state(&lab), lab.names());
        let nameless = calls.iter().find(|call| call.text.contains("O_TMPFILE"));
        let nameless = nameless.map(|call| call.fail("EOPNOTSUPP"));
        // The C library decides which call `tempfile` makes for `renameat`.
        let exchange = "inject=renameat2:error=EINVAL";
        for faults in [
            vec!["inject=flock:error=ENOLCK".to_owned()],
            vec!["inject=flock:error=EOPNOTSUPP".to_owned()],
            vec![exchange.to_owned()],
            vec!["inject=linkat:error=EPERM".to_owned()],
            nameless.iter().cloned().collect(),
            nameless
                .iter()
                .cloned()
                .chain([exchange.to_owned(), "inject=flock:error=ENOLCK".to_owned()])
                .collect(),
        ] {
            let lab = scenario.lab();
            let output = strace::run(&scenario.command(&lab), &faults);
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{}, {faults:?}: {said}", scenario.name);
            assert_eq!(state(&lab), expected, "{}, {faults:?}", scenario.name);
            assert_eq!(lab.names(), end, "{}, {faults:?}", scenario.name);
        }
    }
}

const KIBIBYTES: usize = 64;
const PAGE: u64 = 4096;

/// Runs the task of a scenario in the depot below `root` on a disk.
fn run_on(disk: &Disk, root: &Path, scenario: &Scenario) -> Output {
    let depot = root.join("depot").display().to_string();
    let (verb, rest) = scenario.task.split_first().unwrap();
    let command = worker().command([verb, depot.as_str()].iter().chain(rest));
    disk.inside(&command).output().unwrap()
}

/// A log whose next record crosses the end of a page: on a full disk, the system writes only its
/// first part.
fn log_at_the_end_of_a_page(lab: &DepotLab) {
    sound_log(lab);
    let text = lab.usage_log_text();
    let comment = "#".repeat(4096 - 20 - text.len() - 1);
    lab.write("logs/scratch_usage.toml", &format!("{comment}\n{text}"));
}

#[test]
fn the_disk_is_full() {
    const NAME: &str = "the disk is full";
    let append =
        Scenario { name: "append over pages", prepare: log_at_the_end_of_a_page, task: TRACK };
    let mut refused = 0;
    let mut runs = 0;
    for scenario in SCENARIOS.iter().chain([&append]) {
        for pages in 0..8 {
            let lab = DepotLab::new();
            let disk = match Disk::new(lab.root(), FileSystem::Tmpfs(KIBIBYTES)) {
                Ok(disk) => disk,
                Err(why) => return skip(NAME, &why),
            };
            let outside = DepotLab::at(&disk.seen_from_outside());
            let prepared = DepotLab::new();
            (scenario.prepare)(&prepared);
            copy(&prepared, &outside);
            let before = (outside.usage_log_text(), state(&outside).1);
            disk.fill(pages * PAGE);
            let output = run_on(&disk, lab.root(), scenario);
            let said = String::from_utf8_lossy(&output.stderr);
            let about = format!("{}, {pages} pages left: {said}", scenario.name);
            runs += 1;
            if !output.status.success() {
                refused += 1;
                assert_eq!(output.status.code(), Some(1), "{about}");
                // After a partial write, the system has not reported the error.
                let is_full = ["(ENOSPC)", "no storage space", "there is room for"]
                    .iter()
                    .any(|words| said.contains(words));
                let is_download = said.starts_with("Download ") && said.contains("has room for");
                let is_typed = said.starts_with("Io ") && is_full || is_download;
                assert!(is_typed || said.starts_with("Worker "), "{about}");
                assert_eq!((outside.usage_log_text(), state(&outside).1), before, "{about}");
            }
            let left: Vec<_> =
                outside.names().into_iter().filter(|name| is_companion(name)).collect();
            assert!(left.is_empty(), "{about}leaves {left:?}");
            disk.empty();
            let output = run_on(&disk, lab.root(), scenario);
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{about}, and with free space: {said}");
        }
    }
    report(&format!("{NAME}: {refused} of {runs} were refused"));
    assert!(refused > 0);
}

/// Copies a depot, if it exists; its log still has the paths of the original.
fn copy(from: &DepotLab, to: &DepotLab) {
    if fs::exists(from.depot()).unwrap() {
        let copied = Command::new("cp").arg("-a").arg(from.depot()).arg(to.root()).status();
        assert!(copied.unwrap().success());
    }
}
