//! Operations without the privileges of the superuser.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a failed setup fails the test")]
#![expect(clippy::disallowed_methods, reason = "tests prepare files themselves")]

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::process::{Command, Output};

use scratchrs_testkit::{DepotLab, Worker, skip};

/// The number of `nobody`.
const NOBODY: u32 = 65534;

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Runs the worker as the owner of the depot: the user `nobody`, or the current one if it is not
/// root.
fn run(lab: &DepotLab, verb: &str, more: &[&str]) -> Option<Output> {
    let worker = Worker::new(env!("CARGO_BIN_EXE_scratchrs-worker"));
    let mut command = worker.command([verb, lab.depot()].iter().chain(more));
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    match command.output() {
        Ok(output) => Some(output),
        Err(error) => {
            skip("an ordinary user", &format!("may not run the worker: {error}"));
            None
        }
    }
}

fn succeed(lab: &DepotLab, verb: &str, more: &[&str]) -> Option<String> {
    let output = run(lab, verb, more)?;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{verb} {more:?}: {said}");
    Some(String::from_utf8(output.stdout).unwrap())
}

fn lab() -> DepotLab {
    let lab = DepotLab::new();
    if is_root() {
        chown(lab.root(), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    lab
}

fn allow(lab: &DepotLab, mode: &str) {
    let status = Command::new("chmod").args(["-R", mode, lab.depot()]).status().unwrap();
    assert!(status.success());
}

#[test]
fn read_only_directories_are_removed() {
    let lab = lab();
    for task in [&["delete", "key"][..], &["clear"], &["clear", "--all"]] {
        if succeed(&lab, "generate", &["key"]).is_none() {
            return;
        }
        for directory in ["below", ""] {
            let directory = std::path::Path::new(&lab.space("key")).join(directory);
            fs::set_permissions(directory, fs::Permissions::from_mode(0o500)).unwrap();
        }
        succeed(&lab, task[0], &task[1..]);
        assert!(!lab.names().iter().any(|name| name.contains("key")), "{:?}", lab.names());
    }
}

/// A generator may leave read-only files; the next version replaces them.
#[test]
fn a_read_only_space_is_generated_again() {
    let lab = lab();
    if succeed(&lab, "generate", &["key", "--version", "1"]).is_none() {
        return;
    }
    let below = std::path::Path::new(&lab.space("key")).join("below");
    fs::set_permissions(below, fs::Permissions::from_mode(0o500)).unwrap();
    succeed(&lab, "generate", &["key", "--version", "2", "--content", "new"]);
    assert!(lab.tree().contains("below/second: new"));
    assert!(!lab.names().iter().any(|name| name.contains("@building")), "{:?}", lab.names());
}

#[test]
fn a_read_only_depot_serves_its_spaces() {
    let lab = lab();
    let project = ["--project", "/a/Project.toml"];
    if succeed(&lab, "generate", &["key"]).is_none() {
        return;
    }
    succeed(&lab, "track", &project);
    let before = lab.tree();
    allow(&lab, "a-w");
    assert!(succeed(&lab, "generate", &["key"]).unwrap().starts_with("ready"));
    assert!(succeed(&lab, "get", &["key"]).unwrap().starts_with("got"));
    assert!(succeed(&lab, "track", &project).unwrap().starts_with("read-only"));
    for (verb, more) in [
        ("get", &["new"][..]),
        ("generate", &["new"]),
        ("generate", &["key", "--version", "2"]),
        ("condense", &[]),
        ("delete", &["key"]),
    ] {
        let output = run(&lab, verb, more).unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{verb}: {said}");
        assert!(said.starts_with("Io ") && said.contains("(EACCES)"), "{verb}: {said}");
    }
    assert_eq!(lab.tree(), before);
    // A generator that was killed before the depot became read-only.
    allow(&lab, "u+w");
    fs::write(format!("{}@generating.pid", lab.space("key")), "").unwrap();
    allow(&lab, "a-w");
    assert!(succeed(&lab, "generate", &["key"]).unwrap().starts_with("ready"));
    allow(&lab, "u+w");
}

#[test]
fn a_read_only_depot_serves_artifacts_but_accepts_none() {
    let lab = lab();
    let Some(created) = succeed(&lab, "create-artifact", &[]) else { return };
    let hash = created.trim().rsplit('/').next().unwrap().to_owned();
    let file = lab.root().join("Artifacts.toml").to_str().unwrap().to_owned();
    let before = lab.tree();
    allow(&lab, "a-w");
    // Usage cannot be logged.
    succeed(&lab, "bind", &[&file, "x", &hash]);
    assert!(succeed(&lab, "install", &[&file, "x"]).unwrap().starts_with("ready"));
    let other = "1".repeat(40);
    succeed(&lab, "bind", &[&file, "y", &other]);
    for (verb, more) in [
        ("create-artifact", &["--content", "new"][..]),
        ("remove-artifact", &[&hash]),
        ("install", &[&file, "y"]),
    ] {
        let output = run(&lab, verb, more).unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{verb}: {said}");
        assert!(said.starts_with("Io ") && said.contains("(EACCES)"), "{verb}: {said}");
    }
    assert_eq!(lab.tree(), before);
    allow(&lab, "u+w");
    succeed(&lab, "remove-artifact", &[&hash]);
    assert_eq!(lab.tree(), "artifacts/\nscratchrs/\nscratchrs/building/\n");
}

/// Everything that they might reference is kept, and the report names them.
#[test]
fn unreadable_roots_keep_everything_that_they_might_reference() {
    let lab = lab();
    let item = format!("packages/Example/{}/file", "a".repeat(5));
    let artifact = format!("artifacts/{}/file", "1".repeat(40));
    let space = "scratchspaces/7876af07-990d-54b4-ab0e-23690620f79a/key/file";
    let roots = ["packages", "artifacts", "scratchspaces"];
    let items = [item.as_str(), &artifact, space];
    let logs = ["manifest", "artifact", "scratch"];
    let open = |path: &str, mode| {
        fs::set_permissions(lab.path(path), fs::Permissions::from_mode(mode)).unwrap();
    };
    // The root itself, its directory, and the log that lists it.
    for closed in ["work/root.toml", "work", "logs/[log]_usage.toml"] {
        for (index, log) in logs.into_iter().enumerate() {
            // An existing project is a reference, readable or not.
            if (log, closed) == ("scratch", "work/root.toml") {
                continue;
            }
            let root = lab.path("work/root.toml").display().to_string();
            lab.write("work/root.toml", "");
            items.iter().for_each(|item| lab.write(item, ""));
            for log in logs {
                let _ = fs::remove_file(lab.path(&format!("logs/{log}_usage.toml")));
            }
            let time = "time = 2024-01-02T03:04:05.006Z\n";
            let key = lab.path(space.trim_end_matches("/file")).display().to_string();
            let record = match log {
                "scratch" => format!("[[\"{key}\"]]\nparent_projects = [\"{root}\"]\n{time}"),
                _ => format!("[[\"{root}\"]]\n{time}"),
            };
            lab.write(&format!("logs/{log}_usage.toml"), &record);
            if is_root() {
                let owner = format!("{NOBODY}:{NOBODY}");
                let owned = Command::new("chown").args(["-R", &owner, lab.depot()]).status();
                assert!(owned.unwrap().success());
            }
            let closed = closed.replace("[log]", log);
            open(&closed, 0);
            let said = succeed(&lab, "collect", &[]);
            open(&closed, 0o755);
            let Some(said) = said else { return };
            let names = lab.names();
            for (other, item) in items.iter().enumerate() {
                let is_kept = names.iter().any(|name| name == item);
                assert_eq!(is_kept, other == index, "{closed}, {}: {said}", roots[other]);
            }
            let is_told = said.contains("noted Unreadable ") && said.contains("(EACCES)");
            // A project in an unreadable directory may still exist.
            assert!(is_told || log == "scratch" && closed == "work", "{closed}: {said}");
        }
    }
}

#[test]
fn a_read_only_depot_is_not_collected() {
    let lab = lab();
    if succeed(&lab, "generate", &["key"]).is_none() {
        return;
    }
    let before = lab.tree();
    allow(&lab, "a-w");
    succeed(&lab, "collect", &["--dry-run"]);
    let output = run(&lab, "collect", &[]).unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.starts_with("Io ") && said.contains("(EACCES)"), "{said}");
    assert_eq!(lab.tree(), before);
    allow(&lab, "u+w");
    succeed(&lab, "collect", &[]);
    assert!(!lab.names().iter().any(|name| name.contains("key")), "{:?}", lab.names());
}

/// A read-only depot after that of the lab, like those bundled with a Julia, optionally with an
/// unreferenced artifact.
struct Behind {
    lab: DepotLab,
    artifact: String,
}

impl Behind {
    fn new(has_artifact: bool) -> Self {
        let behind =
            Self { lab: DepotLab::new(), artifact: format!("artifacts/{}", "2".repeat(40)) };
        behind.lab.write("compiled/v1.10/file", "");
        if has_artifact {
            behind.lab.write(&format!("{}/file", behind.artifact), "x");
        }
        fs::set_permissions(behind.lab.root(), fs::Permissions::from_mode(0o755)).unwrap();
        allow(&behind.lab, "a-w");
        behind
    }

    /// Collects the stack of the lab's depot and this one without a grace period.
    fn collect(&self, lab: &DepotLab, more: &[&str]) -> Option<Output> {
        run(lab, "collect", &[&["--all-depots", "--behind", self.lab.depot()], more].concat())
    }
}

impl Drop for Behind {
    fn drop(&mut self) {
        allow(&self.lab, "u+w");
    }
}

#[test]
fn collection_of_a_stack_stops_at_read_only_depots() {
    for has_artifact in [false, true] {
        let behind = Behind::new(has_artifact);
        let before = behind.lab.tree();
        let lab = lab();
        if succeed(&lab, "generate", &["key"]).is_none() {
            return;
        }
        for more in [&["--dry-run"][..], &[]] {
            let output = behind.collect(&lab, more).unwrap();
            let said = String::from_utf8(output.stdout).unwrap();
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{more:?}: {errors}");
            assert!(!said.contains("failed ") && said.contains("collected 1 in 1"), "{said}");
            let note = format!(
                "noted Passed {}: is not writable, and has 1 item that nothing references\n",
                behind.lab.depot()
            );
            assert_eq!(said.contains(&note), has_artifact, "{more:?}: {said}");
            assert_eq!(said.contains("noted "), has_artifact, "{more:?}: {said}");
        }
        assert!(!lab.names().iter().any(|name| name.contains("key")), "{:?}", lab.names());
        assert_eq!(behind.lab.tree(), before);
    }
}

#[test]
fn the_first_depot_of_a_stack_has_to_be_writable() {
    let (lab, behind) = (lab(), Behind::new(true));
    if succeed(&lab, "generate", &["key"]).is_none() {
        return;
    }
    let before = lab.tree();
    allow(&lab, "a-w");
    let output = behind.collect(&lab, &[]).unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.starts_with("Io ") && said.contains("(EACCES)"), "{said}");
    assert_eq!(lab.tree(), before);
    allow(&lab, "u+w");
}
