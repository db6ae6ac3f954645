//! Processes that use spaces and artifacts while others collect the same depot without a grace
//! period.

#![expect(clippy::unwrap_used, reason = "a failed setup fails the test")]
#![expect(clippy::disallowed_methods, reason = "tests prepare files themselves")]

use std::fs;
use std::time::Duration;

use scratchrs_model::layout::UsageLogFile;
use scratchrs_model::usage_log::UsageLog;
use scratchrs_testkit::{DepotLab, Running, ServedArtifact, Worker, report, symlink};

const USERS: usize = 8;
const COLLECTORS: usize = 2;
const ROUNDS: &str = "12";

fn worker() -> Worker {
    Worker::new(env!("CARGO_BIN_EXE_scratchrs-worker"))
}

/// The last line of a worker, which must succeed.
fn last_line(running: &mut Running) -> String {
    let mut last = String::new();
    loop {
        let line = running.line();
        if line.is_empty() {
            assert!(running.ends_well(), "after {last:?}");
            return last;
        }
        assert!(!line.starts_with("failed"), "{line}");
        last = line;
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the edge where the environment is read")]
fn seconds() -> Option<u64> {
    std::env::var("SCRATCHRS_RACE_SECONDS").ok().map(|seconds| seconds.parse().unwrap())
}

/// For longer: `SCRATCHRS_RACE_SECONDS=60 cargo test -p scratchrs-testkit --test collection`.
#[test]
fn items_in_use_survive_two_collectors_and_no_file_is_torn() {
    let lab = DepotLab::new();
    fs::create_dir(lab.path("")).unwrap();
    let served: Vec<_> = (0..USERS / 2).map(|number| ServedArtifact::new(20 + number)).collect();
    let end = |name: &str| lab.root().join(name).to_str().unwrap().to_owned();
    let (users_end, collectors_end) = (end("users-end"), end("collectors-end"));
    let seconds = seconds();
    // Half of them use another path of the depot.
    let link = end("link");
    symlink(lab.depot(), &link);
    let depot = |number: usize| if number.is_multiple_of(2) { lab.depot() } else { link.as_str() };
    let collect =
        |number: usize| worker().start(["collect", depot(number), "--until", &collectors_end]);
    let mut collectors: Vec<Running> = (0..COLLECTORS).map(collect).collect();
    let start = |number: usize| {
        let project = lab.root().join(format!("user{number}"));
        fs::create_dir(&project).unwrap();
        fs::write(project.join("Project.toml"), "").unwrap();
        let offered = served[number % served.len()].binding("x", "/x.tar.gz");
        fs::write(project.join("Offered.toml"), offered).unwrap();
        let depot = depot(number / 2);
        let mut arguments = vec!["use", depot, project.to_str().unwrap(), "--rounds", ROUNDS];
        if seconds.is_some() {
            arguments.extend(["--until", &users_end]);
        }
        worker().start(arguments)
    };
    let mut users: Vec<Running> = (0..USERS).map(start).collect();
    if let Some(seconds) = seconds {
        let clock = ends_after(seconds, users_end.clone());
        users.iter_mut().for_each(|user| report(&last_line(user)));
        clock.join().unwrap();
    } else {
        users.iter_mut().for_each(|user| assert!(last_line(user).starts_with("used ")));
    }
    fs::write(&collectors_end, "").unwrap();
    for collector in &mut collectors {
        let said = last_line(collector);
        let counts = said.strip_prefix("collected ").unwrap_or_else(|| panic!("{said}"));
        report(&format!("a collector removed {counts} collections"));
        assert_ne!(counts.split(' ').next(), Some("0"));
    }
    worker().succeed(["collect", lab.depot(), "--times", "2"]);
    for log in [UsageLogFile::Artifacts, UsageLogFile::Scratch] {
        let bytes = fs::read(log.path(lab.place().depot)).unwrap();
        assert_eq!(UsageLog::read(&bytes).1, []);
    }
    let is_left = |name: &String| {
        ["@removing", "@building", "@replaced", ".pid", "@download", ".scratchrs-"]
            .iter()
            .any(|part| name.contains(part))
    };
    let left: Vec<_> = lab.names().into_iter().filter(is_left).collect();
    assert_eq!(left, [""; 0]);
}

/// Ends the users after a while.
fn ends_after(seconds: u64, end: String) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_secs(seconds));
        fs::write(end, "").unwrap();
    })
}
