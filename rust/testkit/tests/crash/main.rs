//! Killed at any system call, the depot has the old state or the new.
//!
//! Each scenario runs once to list the system calls that change the disk, and then once for each of
//! them, killed before it: that gives every state that a killed process can leave. Then the
//! operation is repeated by a process that does not wait for locks, and all files of the depot must
//! be as without the kill.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a failed setup fails the test")]
#![expect(clippy::disallowed_methods, reason = "tests prepare files themselves")]

mod artifacts;
mod collectable;
mod collection;

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use scratchrs_model::usage_log::UsageLog;
use scratchrs_testkit::strace::{self, Call};
use scratchrs_testkit::{DepotLab, Worker, projects_by_space, report, skip};

const SIGKILL: i32 = 9;

/// An operation during which a process is killed.
struct Scenario {
    name: &'static str,
    /// Prepares the depot.
    prepare: fn(&DepotLab),
    /// The arguments of the worker; the depot is inserted after the first one.
    task: &'static [&'static str],
    /// The exit code of a worker that is not killed.
    code: i32,
    /// Permanent faults, such as missing features of a file system, given the calls of a run
    /// without them.
    faults: fn(&[Call]) -> Vec<String>,
    /// Parts of the depot, each of which always has its old or its new state.
    observe: fn(&DepotLab) -> Vec<String>,
    /// Whether a process killed at the call leaves a lock that only its age distinguishes from that
    /// of a live one.
    ages: fn(&Call) -> bool,
}

const NOTHING_SPECIAL: Scenario = Scenario {
    name: "",
    prepare: |_| {},
    task: &[],
    code: 0,
    faults: |_| Vec::new(),
    observe: |_| Vec::new(),
    ages: |_| false,
};

fn worker() -> Worker {
    Worker::new(env!("CARGO_BIN_EXE_scratchrs-worker"))
}

/// The results of a run without a kill.
struct Course {
    faults: Vec<String>,
    calls: Vec<Call>,
    before: Vec<String>,
    after: Vec<String>,
    end: String,
}

impl Scenario {
    fn command(&self, lab: &DepotLab) -> Command {
        let (verb, rest) = self.task.split_first().unwrap();
        worker().command([verb, lab.depot()].iter().chain(rest))
    }

    fn lab(&self) -> DepotLab {
        let lab = DepotLab::new();
        (self.prepare)(&lab);
        lab
    }

    fn course(&self) -> Course {
        let lab = self.lab();
        let (_, calls) = strace::changes(&self.command(&lab), &[], lab.root());
        let faults = (self.faults)(&calls);
        let lab = self.lab();
        let before = (self.observe)(&lab);
        let (output, mut calls) = strace::changes(&self.command(&lab), &faults, lab.root());
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(self.code), "{}: {said}", self.name);
        // A call that fails changes nothing: the kill at the next call covers the same state.
        calls
            .retain(|call| !faults.iter().any(|fault| fault.contains(&format!("={}:", call.name))));
        let after = (self.observe)(&lab);
        Course { faults, calls, before, after, end: end_state(&lab) }
    }

    fn run(&self) {
        if let Some(why) = strace::missing() {
            return skip(self.name, &why);
        }
        let course = self.course();
        assert!(course.calls.len() > 2, "{}: the trace shows {:?}", self.name, course.calls);
        let failures: Vec<String> =
            course.calls.iter().filter_map(|call| self.kill_at(call, &course).err()).collect();
        let count = course.calls.len();
        assert!(failures.is_empty(), "{} of {count}:\n{}", failures.len(), failures.join("\n"));
        report(&format!("{}: killed at {count} system calls", self.name));
    }

    fn kill_at(&self, call: &Call, course: &Course) -> Result<(), String> {
        let faults: Vec<_> = course.faults.iter().cloned().chain([call.kill()]).collect();
        let attempt = || {
            let lab = self.lab();
            let known = projects_by_space(&log_in_any_state(&lab));
            let output = strace::run(&self.command(&lab), &faults);
            (output.status.signal() == Some(SIGKILL)).then_some((lab, known))
        };
        // The work is divided among threads, so this thread may make fewer calls than before.
        const ATTEMPTS: usize = 10;
        let killed = (0..ATTEMPTS).find_map(|_| attempt());
        let (lab, known) =
            killed.unwrap_or_else(|| panic!("{}: not killed at {call:?}", self.name));
        let left = lab.tree();
        let fault = |what: &str| {
            let now = lab.tree();
            Err(format!(
                "{}, killed at `{}`: {what}. It left:\n{left}\nNow there is:\n{now}",
                self.name, call.text
            ))
        };
        let seen = (self.observe)(&lab);
        for (part, seen) in seen.iter().enumerate() {
            if *seen != course.before[part] && *seen != course.after[part] {
                return fault(&format!("part {part} is neither old nor new: {seen}"));
            }
        }
        let now = projects_by_space(&log_in_any_state(&lab));
        for (space, projects) in &known {
            // Records of evicted items are removed.
            let is_evicted = self.task.contains(&"--evict-in-use");
            if !is_evicted && now.get(space).is_none_or(|now| !projects.is_subset(now)) {
                return fault(&format!("the record of {space} is lost"));
            }
        }
        if (self.ages)(call) {
            age_locks(&lab);
        }
        let output = self.command(&lab).output().unwrap();
        if output.status.code() != Some(self.code) {
            let said = String::from_utf8_lossy(&output.stderr);
            return fault(&format!("the next one ends with {}: {said}", output.status));
        }
        if end_state(&lab) != course.end {
            return fault(&format!("the end is not\n{}", course.end));
        }
        Ok(())
    }
}

/// The text of the log, torn or not.
fn log_in_any_state(lab: &DepotLab) -> UsageLog {
    UsageLog::read(&fs::read(lab.usage_log_file()).unwrap_or_default()).0
}

/// All entries of the depot; of the logs, their contents without times.
fn end_state(lab: &DepotLab) -> String {
    let tree = below(lab, &without_times(&lab.tree()));
    let rest = tree.lines().filter(|line| !line.contains("scratch_usage.toml: "));
    let log = projects_by_space(&lab.usage_log());
    let log = log.iter().map(|(space, projects)| below(lab, &format!("{space} {projects:?}")));
    rest.map(str::to_owned).chain(log).collect::<Vec<_>>().join("\n")
}

/// A text with each time in it, as the logs have them, replaced by `now`.
fn without_times(text: &str) -> String {
    const TIME: &str = "time = ";
    let mut parts = text.split(TIME);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let end = part.find('Z').map_or(0, |end| end + 1);
        format!("{text}{TIME}now{}", &part[end..])
    })
}

fn below(lab: &DepotLab, path: &str) -> String {
    path.replace(lab.depot(), "")
}

/// Makes the locks stale for a peer.
fn age_locks(lab: &DepotLab) {
    for name in lab.names().iter().filter(|name| name.ends_with(".pid")) {
        let lock = lab.path(name);
        let status = Command::new("touch").args(["-d", "1 hour ago"]).arg(lock).status().unwrap();
        assert!(status.success());
    }
}

// Usage logs.

fn sound_log(lab: &DepotLab) {
    let record = |key: &str| {
        format!(
            "[[\"{}\"]]\nparent_projects = [\"/old/Project.toml\"]\ntime = 2024-01-02T03:04:05.006Z\n",
            lab.space(key)
        )
    };
    lab.write("logs/scratch_usage.toml", &(record("space-0") + &record("other")));
}

fn torn_log(lab: &DepotLab) {
    sound_log(lab);
    let torn = format!("{}[[\"{}", lab.usage_log_text(), lab.space("torn"));
    lab.write("logs/scratch_usage.toml", &torn);
}

/// The exact text of the log, except for the time of the added record.
fn log_text(lab: &DepotLab) -> Vec<String> {
    let text = below(lab, &lab.usage_log_text());
    let lines = text.lines().map(|line| match line.strip_prefix("time = ") {
        Some(time) if !time.starts_with("2024-") => "time = now",
        _ => line,
    });
    vec![lines.collect::<Vec<_>>().join("\n")]
}

const TRACK: &[&str] = &["track", "--project", "/new/Project.toml", "--timeout", "0"];

const TRACKING: Scenario =
    Scenario { prepare: sound_log, task: TRACK, observe: log_text, ..NOTHING_SPECIAL };

#[test]
fn the_first_record_of_a_depot() {
    Scenario { name: "first record", prepare: |_| {}, ..TRACKING }.run();
}

#[test]
fn a_record_is_appended() {
    Scenario { name: "append", ..TRACKING }.run();
}

#[test]
fn a_torn_log_is_repaired() {
    Scenario { name: "repair", prepare: torn_log, ..TRACKING }.run();
}

#[test]
fn a_log_is_condensed() {
    Scenario {
        name: "condense",
        prepare: |lab| {
            sound_log(lab);
            lab.write("logs/scratch_usage.toml", &lab.usage_log_text().repeat(2));
        },
        task: &["condense", "--timeout", "0"],
        ..TRACKING
    }
    .run();
}

/// File systems without unnamed files: a lock is empty for a moment, and a process killed in that
/// moment leaves one that looks like that of a live Julia process. It is broken when it is stale.
#[test]
fn a_record_is_appended_without_unnamed_files() {
    Scenario {
        name: "append without O_TMPFILE",
        faults: without_unnamed_files,
        ages: is_signature,
        ..TRACKING
    }
    .run();
}

#[test]
fn a_record_is_appended_without_file_locks() {
    let faults = |_: &[Call]| vec!["inject=flock:error=EOPNOTSUPP".to_owned()];
    Scenario { name: "append without flock", faults, ..TRACKING }.run();
}

fn without_unnamed_files(calls: &[Call]) -> Vec<String> {
    // One fails anyway if the directory is missing.
    let works = |call: &&Call| call.text.contains("O_TMPFILE") && !call.text.contains(" = -1 ");
    let nameless = calls.iter().filter(works);
    match nameless.collect::<Vec<_>>()[..] {
        [call] => vec![call.fail("EOPNOTSUPP")],
        [first, second] => {
            // After the first failure, the file is opened by its name: one more `openat`.
            let last = second.ordinal + usize::from(second.name == "openat");
            let step = last - first.ordinal;
            vec![format!("{}..{last}+{step}", first.fail("EOPNOTSUPP"))]
        }
        _ => panic!("strace can let two of them fail"),
    }
}

fn is_signature(call: &Call) -> bool {
    call.name == "write" && call.text.contains(".pid>")
}

// Generated spaces.

/// The space; on file systems that cannot exchange two directories, it is missing for a moment.
fn space(lab: &DepotLab) -> Vec<String> {
    let space = lab.space("key");
    let aside = format!("{space}@replaced");
    let place = [space, aside].into_iter().find(|path| fs::symlink_metadata(path).is_ok());
    vec![place.map_or("none".to_owned(), |path| format!("there\n{}", lab.tree_below(path)))]
}

fn generated(lab: &DepotLab) {
    worker().succeed(["generate", lab.depot(), "key", "--version", "1", "--content", "old"]);
}

const GENERATE: &[&str] = &["generate", "key", "--no-wait"];
const REGENERATE: &[&str] = &["generate", "key", "--no-wait", "--version", "2", "--content", "new"];
const FAIL: &[&str] = &["generate", "key", "--no-wait", "--version", "2", "--fail"];

const GENERATING: Scenario = Scenario { task: GENERATE, observe: space, ..NOTHING_SPECIAL };

#[test]
fn a_space_is_generated() {
    Scenario { name: "generate", ..GENERATING }.run();
}

#[test]
fn a_generated_space_replaces_an_empty_one() {
    let prepare = |lab: &DepotLab| {
        worker().succeed(["get", lab.depot(), "key"]);
    };
    Scenario { name: "generate over an empty space", prepare, ..GENERATING }.run();
}

#[test]
fn a_space_is_generated_in_another_version() {
    let name = "regenerate";
    Scenario { name, prepare: generated, task: REGENERATE, ..GENERATING }.run();
}

#[test]
fn a_space_is_generated_in_another_version_without_exchange() {
    Scenario {
        name: "regenerate without renameat2",
        prepare: generated,
        task: REGENERATE,
        faults: |_| vec!["inject=renameat2:error=EINVAL".to_owned()],
        ..GENERATING
    }
    .run();
}

#[test]
fn a_space_is_generated_in_another_version_without_unnamed_files() {
    Scenario {
        name: "regenerate without O_TMPFILE",
        prepare: generated,
        task: REGENERATE,
        faults: without_unnamed_files,
        ages: is_signature,
        ..GENERATING
    }
    .run();
}

#[test]
fn an_empty_space_is_generated() {
    Scenario {
        name: "generate nothing",
        prepare: generated,
        task: &["generate", "key", "--no-wait", "--version", "2", "--content", ""],
        ..GENERATING
    }
    .run();
}

#[test]
fn a_generator_fails() {
    Scenario { name: "fail", task: FAIL, code: 1, ..GENERATING }.run();
}

#[test]
fn a_generator_of_another_version_fails() {
    let name = "fail over a space";
    Scenario { name, prepare: generated, task: FAIL, code: 1, ..GENERATING }.run();
}

/// A request for the old version finds it if it exists, and generates it otherwise.
#[test]
fn the_record_matches_the_content_of_the_space() {
    let name = "regenerate, and ask for the old version";
    if let Some(why) = strace::missing() {
        return skip(name, &why);
    }
    for without_exchange in [false, true] {
        let faults = if without_exchange {
            |_: &[Call]| vec!["inject=renameat2:error=EINVAL".to_owned()]
        } else {
            |_: &[Call]| Vec::new()
        };
        let scenario =
            Scenario { name, prepare: generated, task: REGENERATE, faults, ..GENERATING };
        let course = scenario.course();
        let before = end_state(&scenario.lab());
        for call in &course.calls {
            let lab = scenario.lab();
            let faults: Vec<_> = course.faults.iter().cloned().chain([call.kill()]).collect();
            strace::run(&scenario.command(&lab), &faults);
            let is_old = space(&lab) == course.before;
            let ask = ["generate", lab.depot(), "key", "--no-wait", "--version", "1", "--fail"];
            let output = worker().run(ask);
            assert_eq!(output.status.success(), is_old, "killed at `{}`", call.text);
            let end = if is_old { &before } else { &course.end };
            assert_eq!(end_state(&lab), *end, "killed at `{}`", call.text);
        }
        report(&format!("{name}: killed at {} system calls", course.calls.len()));
    }
}

/// Repeated kills on one depot, also while the leftovers of the previous process are removed.
#[test]
fn generators_are_killed_one_after_the_other() {
    const KILLS: usize = 80;
    let name = "regenerate, killed again and again";
    if let Some(why) = strace::missing() {
        return skip(name, &why);
    }
    let scenario = Scenario { name, prepare: generated, task: REGENERATE, ..GENERATING };
    let course = scenario.course();
    let lab = scenario.lab();
    let mut state = space(&lab);
    let mut killed = 0;
    for round in 0..KILLS {
        let call = &course.calls[round * 17 % course.calls.len()];
        let version = format!("{}", round + 2);
        let content = format!("content of {version}");
        let arguments = [
            "generate",
            lab.depot(),
            "key",
            "--no-wait",
            "--version",
            &version,
            "--content",
            &content,
        ];
        let output = strace::run(&worker().command(arguments), &[call.kill()]);
        killed += usize::from(output.status.signal() == Some(SIGKILL));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() || said.is_empty(), "round {round}: {said}");
        let seen = space(&lab);
        let new = vec![format!("there\nbelow/\nbelow/second: {content}\nfirst: {content}\n")];
        assert!(seen == state || seen == new, "round {round}, {}:\n{}", call.text, lab.tree());
        state = seen;
    }
    assert!(killed > KILLS / 2, "{killed} of {KILLS} were killed");
    report(&format!("{name}: {killed} killed"));
    assert!(scenario.command(&lab).output().unwrap().status.success());
    assert_eq!(end_state(&lab), course.end);
}

// Removal.

fn two_packages(lab: &DepotLab) {
    generated(lab);
    lab.write("scratchspaces/93485645-17f1-6f3b-45bc-419db53815ea/sibling/below/file", "kept");
    lab.write("scratchspaces/00000000-0000-0000-0000-000000000000/other/below/file", "kept");
    sound_log(lab);
}

fn spaces(lab: &DepotLab) -> Vec<String> {
    let other = lab.path("scratchspaces/00000000-0000-0000-0000-000000000000/other");
    let places = [lab.space("key"), lab.space("sibling"), other.to_str().unwrap().to_owned()];
    let spaces = places.map(|path| match fs::symlink_metadata(&path) {
        Ok(_) => format!("there\n{}", lab.tree_below(path)),
        Err(_) => "none".to_owned(),
    });
    spaces.to_vec()
}

const REMOVING: Scenario = Scenario { prepare: two_packages, observe: spaces, ..NOTHING_SPECIAL };

#[test]
fn a_space_is_deleted() {
    Scenario { name: "delete", task: &["delete", "key"], ..REMOVING }.run();
}

#[test]
fn the_spaces_of_a_package_are_cleared() {
    Scenario { name: "clear a package", task: &["clear"], ..REMOVING }.run();
}

#[test]
fn all_spaces_are_cleared() {
    Scenario { name: "clear all", task: &["clear", "--all"], ..REMOVING }.run();
}
