//! A special file in the place of each file that the program opens: the program neither blocks nor
//! reads without end, and names the file.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use scratchrs_testkit::symlink;

use crate::lab::{Lab, skip};

/// The time limit of a command, far more than any needs. It only ends a failed test.
const LIMIT: &str = "60";
const OWNER: &str = "8df67668-ca49-459c-97b7-c4421c9c1418";

/// The commands for each file, in this order. `[HASH]` is an installed artifact, and `[OTHER]` a
/// missing one that can be downloaded.
const COMMANDS: &[&[&str]] = &[
    &["scratch", "path", "key", "--project", "Mine"],
    &["scratch", "list"],
    &["status"],
    &["report"],
    &["why", "key"],
    &["hash", "tree.tar.gz"],
    &["artifact", "list"],
    &["artifact", "list", "--file", "Mine/Artifacts.toml"],
    &["artifact", "path", "here", "--file", "Mine/Artifacts.toml"],
    &["artifact", "verify"],
    &["verify"],
    &["artifact", "install", "here", "--file", "Mine/Artifacts.toml"],
    &["artifact", "install", "there", "--file", "Mine/Artifacts.toml"],
    &["artifact", "bind", "again", "[HASH]", "--force", "--file", "Mine/Artifacts.toml"],
    &["artifact", "unbind", "again", "--file", "Mine/Artifacts.toml"],
    &["artifact", "create", "tree"],
    &["artifact", "repair"],
    &["store", "list"],
    &["store", "get", "name"],
    &["store", "add", "tree/file", "other"],
    &["store", "remove", "other"],
    &["store", "verify"],
    &["gc", "--dry-run"],
    &["gc", "--collect-delay", "0"],
    &["scratch", "delete", "key", "--project", "Mine", "--yes"],
];

/// Files that exist only temporarily, and are opened at these paths.
const PASSING: &[&str] = &[
    "depot/logs/manifest_usage.toml.pid",
    "depot/logs/artifact_usage.toml.pid",
    "depot/logs/scratch_usage.toml.pid",
    "depot/artifacts/[HASH].pid",
    "depot/artifacts/[OTHER].pid",
    "depot/artifacts/Overrides.toml",
    "depot/scratchspaces/[STORE]/store.toml",
    "depot/scratchspaces/[STORE]/logs/.my_artifact_usage_lock",
    "Mine/Artifacts.toml.pid",
];

/// Files that the program can open, but does not need.
fn is_dispensable(name: &str) -> bool {
    // The records of artifacts and trees.
    name.ends_with("@tree") || name.contains("/trees/")
        // Content of artifacts and spaces. Hashing has its own error for it.
        || name.starts_with("depot/artifacts/") && name.ends_with("/file")
        || name.contains("/key/") || name.contains("/store/artifacts/")
        // A project file is found as by Julia, and a special file is not one.
        || name.ends_with("/Project.toml")
        // The input of a command, which has its own error.
        || name.starts_with("tree/")
        // Each collection rewrites it, and only OhMyArtifacts reads it.
        || name.ends_with("my_artifact_usage.toml")
}

struct Scene {
    lab: Lab,
    hash: String,
    other: String,
}

impl Scene {
    fn new() -> Self {
        let lab = Lab::new();
        lab.write("tree/file", "content");
        let hash = lab.run(&["artifact", "create", "tree"]).stdout.trim().to_owned();
        lab.write("tree/file", "other");
        let other = lab.result(&["hash", "tree", "--only", "git-tree-sha1"]).trim().to_owned();
        let scene = Self { lab, hash, other };
        let tar = scene.lab.tool("tar", &["czf", "tree.tar.gz", "-C", "tree", "."]);
        assert_eq!(tar, "");
        let sha256 = scene.lab.result(&["hash", "tree.tar.gz", "--only", "sha256"]);
        let file = format!(
            "[here]\ngit-tree-sha1 = \"{}\"\n\n[there]\ngit-tree-sha1 = \"{}\"\n\n    \
             [[there.download]]\n    sha256 = \"{}\"\n    url = \"file://{}\"\n",
            scene.hash,
            scene.other,
            sha256.trim(),
            scene.lab.path("tree.tar.gz").display(),
        );
        scene.lab.write("Mine/Artifacts.toml", file);
        scene.lab.write("Mine/Manifest.toml", "");
        let root = scene.lab.path("");
        for (log, file) in [("manifest", "Manifest.toml"), ("artifact", "Artifacts.toml")] {
            let path = root.join("Mine").join(file);
            let text = format!("[[\"{}\"]]\ntime = 2024-01-02T03:04:05.006Z\n", path.display());
            scene.lab.write(&format!("depot/logs/{log}_usage.toml"), text);
        }
        scene.lab.write("depot/logs/orphaned.toml", "");
        for arguments in [
            &["scratch", "path", "key", "--project", "Mine"][..],
            &["store", "add", "tree", "name"],
            &["store", "add", "tree/file", "file"],
        ] {
            assert_eq!(scene.lab.run(arguments).code, 0, "{arguments:?}");
        }
        scene
    }

    fn real(&self, name: &str) -> String {
        let store = format!("{OWNER}/store");
        name.replace("[HASH]", &self.hash)
            .replace("[OTHER]", &self.other)
            .replace("[STORE]", &store)
    }

    /// All regular files of the lab.
    fn files(&self) -> BTreeSet<String> {
        let mut files = BTreeSet::new();
        let mut directories = vec![self.lab.path("")];
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(directory).unwrap().flatten() {
                match entry.file_type().unwrap() {
                    kind if kind.is_dir() => directories.push(entry.path()),
                    kind if kind.is_file() => {
                        let path = entry.path();
                        let name = path.strip_prefix(self.lab.path("")).unwrap();
                        files.insert(name.to_str().unwrap().to_owned());
                    }
                    _ => {}
                }
            }
        }
        files
    }

    /// Runs all commands with `special` in the place of the file `name`, and returns their output.
    fn run_all(&self, name: &str, special: fn(&Path)) -> String {
        let path = self.lab.path(name);
        let mut said = String::new();
        for command in COMMANDS {
            // A collection may have deleted it, or replaced it with a file.
            let _ = fs::remove_file(&path);
            if fs::create_dir_all(path.parent().unwrap()).is_err() {
                continue;
            }
            special(&path);
            let command: Vec<String> = command.iter().map(|argument| self.real(argument)).collect();
            let program = env!("CARGO_BIN_EXE_scratchrs");
            let arguments: Vec<&str> = ["-k", "1", LIMIT, program]
                .into_iter()
                .chain(command.iter().map(String::as_str))
                .collect();
            let run = self.lab.finish(&mut self.lab.command("timeout", &arguments));
            assert_ne!(run.code, 124, "{name}: {command:?} waits for it");
            assert_ne!(run.code, 137, "{name}: {command:?} waits for it");
            said.push_str(&format!("{command:?} {}\n{}{}", run.code, run.stdout, run.stderr));
        }
        said
    }
}

fn make_fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// As root, the test uses its own device instead of `/dev/zero`, in case that the program replaces
/// it.
fn make_device(path: &Path) {
    let made = Command::new("mknod").arg(path).args(["c", "1", "5"]).output();
    if !made.is_ok_and(|output| output.status.success()) {
        symlink("/dev/zero", path);
    }
}

fn each_file_is_refused(is_meant: fn(&str) -> bool, special: fn(&Path), kind: &str) {
    if Command::new("timeout").arg("--version").output().is_err() {
        return skip("special files", "there is no `timeout`");
    }
    let template = Scene::new();
    let passing = PASSING.iter().map(|name| template.real(name));
    let names = template.files().into_iter().chain(passing);
    let names: Vec<String> = names.filter(|name| is_meant(name)).collect();
    let told = format!("it is {kind}, not a regular file");
    let silent = std::sync::Mutex::new(Vec::new());
    let next = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let next = || next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                while let Some(name) = names.get(next()) {
                    let scene = Scene::new();
                    let said = scene.run_all(name, special);
                    let is_named = said.lines().any(|line| {
                        line.contains(&told) && line.contains(&format!("[ROOT]/{name}"))
                    });
                    if !is_named && !is_dispensable(name) {
                        silent.lock().unwrap().push(format!("{name}:\n{said}"));
                    }
                }
            });
        }
    });
    let silent = silent.into_inner().unwrap();
    assert!(silent.is_empty(), "these are not named:\n{}", silent.join("\n\n"));
}

#[test]
fn a_fifo_in_place_of_any_file_is_reported_without_blocking() {
    each_file_is_refused(|_| true, make_fifo, "a FIFO");
}

#[test]
fn a_device_in_place_of_any_file_is_reported_without_reading() {
    // The other files are opened by the same functions, and each run takes some time.
    let is_log_or_lock = |name: &str| name.starts_with("depot/logs/") || name.starts_with("Mine/");
    each_file_is_refused(is_log_or_lock, make_device, "a character device");
}
