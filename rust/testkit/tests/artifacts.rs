//! Processes that need the same artifact at the same time.

#![expect(clippy::unwrap_used, reason = "a failed setup fails the test")]
#![expect(clippy::disallowed_methods, reason = "tests prepare files themselves")]

use std::fs;

use scratchrs_testkit::{DepotLab, Running, ServedArtifact, Worker};

const PROCESSES: usize = 16;

fn worker() -> Worker {
    Worker::new(env!("CARGO_BIN_EXE_scratchrs-worker"))
}

/// A depot with a file that binds `x` to an artifact at `path` of a server.
fn lab(served: &ServedArtifact, path: &str) -> DepotLab {
    let lab = DepotLab::new();
    lab.write("Artifacts.toml", &served.binding("x", path));
    lab
}

/// The names of files and directories beside artifacts.
fn names(lab: &DepotLab) -> Vec<String> {
    scratchrs_fs::names(&lab.path("artifacts")).unwrap()
}

fn begin(lab: &DepotLab) -> Running {
    let mut running = worker().start(["install", lab.depot(), "Artifacts.toml", "x", "--hold"]);
    assert_eq!(running.line(), "holding");
    running
}

fn installed(served: &ServedArtifact) -> [String; 2] {
    [served.hash.to_string(), format!("{}@tree", served.hash)]
}

#[test]
fn one_of_sixteen_processes_downloads_for_all() {
    let served = ServedArtifact::new(1 << 20);
    let lab = lab(&served, "/x.tar.gz");
    let mut processes: Vec<Running> = (0..PROCESSES).map(|_| begin(&lab)).collect();
    processes.iter_mut().for_each(Running::proceed);
    let said: Vec<String> = processes.iter_mut().map(Running::line).collect();
    assert!(processes.iter_mut().all(Running::ends_well));
    let path = lab.path(&format!("artifacts/{}", served.hash));
    let count = |what: &str| {
        let line = format!("{what} {}", path.display());
        said.iter().filter(|said| **said == line).count()
    };
    assert_eq!((count("installed"), count("ready")), (1, PROCESSES - 1), "{said:?}");
    assert_eq!(served.requests(), ["/x.tar.gz"]);
    assert_eq!(names(&lab), installed(&served));
}

#[test]
fn a_waiting_process_resumes_the_download_of_a_killed_one() {
    let served = ServedArtifact::new(1 << 20);
    let lab = lab(&served, "/@stall:400000:1/x.tar.gz");
    let mut first = begin(&lab);
    first.proceed();
    served.server.wait_for_request();
    let download = format!("{}@download-", served.hash);
    let part = || {
        let names = names(&lab);
        let is_part = |name: &&String| name.starts_with(&download) && !name.ends_with(".resume");
        let part = names.iter().find(is_part);
        part.map_or(0, |name| fs::metadata(lab.path(&format!("artifacts/{name}"))).unwrap().len())
    };
    while part() < 300_000 {
        std::thread::yield_now();
    }
    let mut second = begin(&lab);
    second.proceed();
    first.kill();
    assert!(second.line().starts_with("installed "));
    assert!(second.ends_well());
    assert_eq!(names(&lab), installed(&served));
    let requests = served.server.received();
    assert_eq!(requests.len(), 2);
    assert!(requests[1].header("range").is_some(), "{:?}", requests[1]);
}

#[test]
fn sixteen_processes_create_one_artifact() {
    let lab = DepotLab::new();
    let command = || worker().command(["create-artifact", lab.depot()]).spawn().unwrap();
    let processes: Vec<_> = (0..PROCESSES).map(|_| command()).collect();
    for process in processes {
        let output = process.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let names = names(&lab);
    assert_eq!(names.len(), 2, "{names:?}");
    assert_eq!(names[1], format!("{}@tree", names[0]));
}

#[test]
fn sixteen_processes_bind_in_one_file() {
    let lab = DepotLab::new();
    fs::create_dir(lab.path("")).unwrap();
    let hash = "1".repeat(40);
    let bind = |number: usize| {
        let name = format!("artifact-{number:02}");
        let arguments = ["bind", lab.depot(), "Artifacts.toml", &name, &hash];
        worker().command(arguments).args(["--timeout", "120000"]).spawn().unwrap()
    };
    let processes: Vec<_> = (0..PROCESSES).map(bind).collect();
    for process in processes {
        let output = process.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let text = fs::read_to_string(lab.path("Artifacts.toml")).unwrap();
    let headers: Vec<&str> = text.lines().filter(|line| line.starts_with('[')).collect();
    assert!(headers.len() == PROCESSES && headers.is_sorted(), "{text}");
}
