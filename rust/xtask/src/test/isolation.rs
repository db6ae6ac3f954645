//! Checks that tests access no depots but their own, and no network.
//!
//! The Julia tests and the installations run under strace. The Rust tests use strace themselves; they get a home
//! and a depot that must not change.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::environment::Environment;

/// System calls that connect, run a program, or access a path.
const CALLS: &str =
    "--trace=connect,execve,open,openat,creat,mkdir,rename,renameat,renameat2,unlink,rmdir";

/// The directories of the system, which every program reads.
const SYSTEM: [&str; 8] = ["/bin", "/dev", "/etc", "/lib", "/lib64", "/proc", "/sys", "/usr"];

/// The depots of the user, which no test may access.
pub(super) fn depots_of_user(environment: &Environment) -> Vec<PathBuf> {
    let named = environment.depot_path.iter().flat_map(std::env::split_paths);
    let home = environment.home.iter().map(|home| home.join(".julia"));
    named.filter(|path| path.is_absolute()).chain(home).collect()
}

/// A home and a depot that tests must not change.
pub(super) struct Decoy {
    root: PathBuf,
    before: Vec<PathBuf>,
}

impl Decoy {
    /// Creates it, replacing that of an earlier run.
    pub(super) fn set_up(target: &Path) -> Result<Self> {
        let root = target.join("test-decoy");
        scratchrs_fs::remove(&root)?;
        for directory in ["home", "depot/scratchspaces/00000000-0000-0000-0000-000000000000/key"] {
            scratchrs_fs::create_dir_all(&root.join(directory))?;
        }
        let before = listed(&root)?;
        Ok(Self { root, before })
    }

    /// The option of Cargo that makes tests use it instead of the home of the user.
    pub(super) fn option(&self) -> String {
        let home = self.root.join("home");
        let depot = self.root.join("depot");
        let runner = format!(
            "[\"env\", \"HOME={}\", \"JULIA_DEPOT_PATH={}\"]",
            home.display(),
            depot.display()
        );
        format!("target.'cfg(unix)'.runner={runner}")
    }

    /// Checks that nothing changed.
    pub(super) fn check(&self) -> Result<()> {
        let after = listed(&self.root)?;
        ensure!(
            after == self.before,
            "tests changed a home or a depot that is not theirs: there is now {after:?}"
        );
        Ok(())
    }
}

/// All entries below a directory.
fn listed(root: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut rest = vec![root.to_owned()];
    while let Some(directory) = rest.pop() {
        for entry in fs::read_dir(&directory)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                rest.push(entry.path());
            }
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

/// Why processes can't be traced here; `None` if they can.
pub(super) fn missing() -> Option<String> {
    let mut strace = Command::new("strace");
    strace.args(["-f", "--seccomp-bpf", "-o", "/dev/null", "true"]).stdin(Stdio::null());
    match strace.output() {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Some(format!("strace: {error}")),
    }
}

/// `command`, whose calls are written to `log`.
pub(super) fn traced(command: &Command, log: &Path) -> Command {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qqq", "--seccomp-bpf", "-s", "512", CALLS, "-o"]).arg(log).arg("--");
    strace.arg(command.get_program()).args(command.get_args());
    if let Some(directory) = command.get_current_dir() {
        strace.current_dir(directory);
    }
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => strace.env(name, value),
            None => strace.env_remove(name),
        };
    }
    strace
}

/// Checks that a traced command accessed no other machine and nothing in the directories `forbidden`.
pub(super) fn check(log: &Path, forbidden: &[PathBuf]) -> Result<()> {
    report("other depots or machines", log, &violations(&read(log)?, forbidden))
}

/// Checks that a traced command accessed no other machine, and no file but those of the system and in the
/// directories `allowed`.
pub(super) fn check_within(log: &Path, allowed: &[PathBuf]) -> Result<()> {
    report("files elsewhere or other machines", log, &accesses_outside(&read(log)?, allowed))
}

fn read(log: &Path) -> Result<String> {
    let trace = fs::read(log).with_context(|| format!("could not read `{}`", log.display()))?;
    Ok(String::from_utf8_lossy(&trace).into_owned())
}

fn report(what: &str, log: &Path, found: &[String]) -> Result<()> {
    let shown = &found[..found.len().min(20)];
    ensure!(
        found.is_empty(),
        "tests accessed {what} {} times, see `{}`:\n{}",
        found.len(),
        log.display(),
        shown.join("\n")
    );
    Ok(())
}

fn accesses_outside(trace: &str, allowed: &[PathBuf]) -> Vec<String> {
    let is_allowed = |path: &Path| {
        let mut directories =
            SYSTEM.iter().map(Path::new).chain(allowed.iter().map(PathBuf::as_path));
        path.is_relative() || directories.any(|directory| path.starts_with(directory))
    };
    let is_outside = |line: &&str| {
        if line.contains(" connect(") {
            return leaves_the_machine(line);
        }
        let path = line.split('"').nth(1);
        !line.contains(" = -1 E") && path.is_some_and(|path| !is_allowed(Path::new(path)))
    };
    trace.lines().filter(is_outside).map(str::to_owned).collect()
}

fn violations(trace: &str, forbidden: &[PathBuf]) -> Vec<String> {
    let forbidden: Vec<String> =
        forbidden.iter().map(|path| format!("\"{}", path.display())).collect();
    let is_violation = |line: &&str| {
        if line.contains(" connect(") {
            return leaves_the_machine(line);
        }
        // The path itself, or an entry below it.
        forbidden.iter().any(|path| {
            let mut rest = line.split(path.as_str()).skip(1);
            rest.any(|rest| rest.starts_with(['"', '/']))
        })
    };
    trace.lines().filter(is_violation).map(str::to_owned).collect()
}

fn leaves_the_machine(connect: &str) -> bool {
    let between = |before: &str, after: &str| {
        let rest = connect.split_once(before)?.1;
        Some(rest.split_once(after)?.0.to_owned())
    };
    if connect.contains("sa_family=AF_INET,") {
        return !between("inet_addr(\"", "\"").is_some_and(|address| address.starts_with("127."));
    }
    if connect.contains("sa_family=AF_INET6,") {
        let address = between("inet_pton(AF_INET6, \"", "\"");
        return !address.is_some_and(|it| it == "::1" || it.starts_with("::ffff:127."));
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tests_leave_elsewhere_is_seen() {
        let target = tempfile::tempdir().unwrap();
        let decoy = Decoy::set_up(target.path()).unwrap();
        decoy.check().unwrap();
        fs::create_dir(decoy.root.join("depot/logs")).unwrap();
        assert!(decoy.check().is_err());
        Decoy::set_up(target.path()).unwrap().check().unwrap();
    }

    #[test]
    fn what_leaves_the_machine_or_the_tests_is_seen() {
        let fine = r#"
7 connect(3, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("127.0.0.1")}, 16) = 0
7 connect(3, {sa_family=AF_INET6, sin6_port=htons(80), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, "::1", &sin6_addr), sin6_scope_id=0}, 28) = 0
7 connect(3, {sa_family=AF_UNIX, sun_path="/var/run/nscd/socket"}, 110) = -1 ENOENT
7 openat(AT_FDCWD, "/home/ada/.juliaup/config", O_RDONLY) = 3
7 openat(AT_FDCWD, "/tmp/home/ada/.julia/registries", O_RDONLY) = 3
"#;
        let forbidden = ["/home/ada/.julia".into(), "/depot".into()];
        assert_eq!(violations(fine, &forbidden), [""; 0]);
        for line in [
            r#"7 connect(3, {sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("10.0.0.1")}, 16) = 0"#,
            r#"7 connect(3, {sa_family=AF_INET6, sin6_port=htons(443), inet_pton(AF_INET6, "2001:db8::1", &sin6_addr)}, 28) = 0"#,
            r#"7 openat(AT_FDCWD, "/home/ada/.julia/registries", O_RDONLY) = -1 ENOENT"#,
            r#"7 mkdir("/depot", 0777) = 0"#,
        ] {
            assert_eq!(violations(line, &forbidden), [line]);
        }
    }

    #[test]
    fn what_is_not_of_the_system_or_allowed_is_seen() {
        let allowed = ["/opt/julia".into(), "/tmp/lab".into()];
        let fine = r#"
7 execve("/usr/bin/env", ["env", "-i", "/work/x"], 0x7ffd /* 30 vars */) = 0
7 openat(AT_FDCWD, "/opt/julia/lib/libjulia.so", O_RDONLY|O_CLOEXEC) = 3
7 openat(AT_FDCWD, "/work/ScratchRS/Project.toml", O_RDONLY) = -1 ENOENT (No such file or directory)
7 openat(5, "Project.toml", O_RDONLY) = 6
7 +++ exited with 0 +++
"#;
        assert_eq!(accesses_outside(fine, &allowed), [""; 0]);
        for line in [
            r#"7 openat(AT_FDCWD, "/opt/julia-1.12/bin/julia", O_RDONLY|O_CLOEXEC) = 3"#,
            r#"7 execve("/root/.cargo/bin/cargo", ["cargo"], 0x7ffd /* 30 vars */) = 0"#,
            r#"7 openat(AT_FDCWD, "/work/ScratchRS/Project.toml", O_RDONLY <unfinished ...>"#,
            r#"7 connect(3, {sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("10.0.0.1")}, 16) = 0"#,
        ] {
            assert_eq!(accesses_outside(line, &allowed), [line]);
        }
    }
}
