//! A depot of one's own, and the program run in it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

pub(crate) use scratchrs_testkit::skip;

/// The package that owns spaces in the tests.
pub(crate) const UUID: &str = "7876af07-990d-54b4-ab0e-23690620f79a";
pub(crate) const GLOBAL: &str = "00000000-0000-0000-0000-000000000000";

/// A directory with a depot, a home and a project in it, and nothing of the world around it.
pub(crate) struct Lab {
    root: tempfile::TempDir,
    environment: Vec<(&'static str, String)>,
}

/// What a run of the program came to, with `[ROOT]` for the lab's directory.
#[derive(Debug, PartialEq)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Lab {
    pub(crate) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let mut lab = Self { root, environment: Vec::new() };
        lab.write("Mine/Project.toml", format!("name = \"Mine\"\nuuid = \"{UUID}\"\n"));
        lab.write("env/Project.toml", "[deps]\n");
        fs::create_dir(lab.path("home")).unwrap();
        lab.set("HOME", "[ROOT]/home");
        lab.set("JULIA_DEPOT_PATH", "[ROOT]/depot");
        lab
    }

    /// Sets a variable of the program's environment, which has no others.
    pub(crate) fn set(&mut self, name: &'static str, value: &str) {
        self.unset(name);
        self.environment.push((name, self.real(value)));
    }

    pub(crate) fn unset(&mut self, name: &str) {
        self.environment.retain(|(known, _)| *known != name);
    }

    /// What a tool says in the lab's directory, where it finds a repository of git of its own.
    pub(crate) fn tool(&self, program: &str, arguments: &[&str]) -> String {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.path("")).env("GIT_DIR", self.path("git"));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Writes the log of uses.
    pub(crate) fn write_log(&self, text: &str) {
        self.write("depot/logs/scratch_usage.toml", self.real(text));
    }

    /// The log of uses, with `[ROOT]` for the lab's directory and `[TIME]` for times.
    pub(crate) fn log(&self) -> String {
        let text = self.read("depot/logs/scratch_usage.toml");
        let time = |line: &str| match line.split_once("time = ") {
            Some(_) => "time = [TIME]\n".to_owned(),
            None => format!("{line}\n"),
        };
        text.lines().map(time).collect()
    }

    pub(crate) fn read(&self, name: &str) -> String {
        self.neutral(&fs::read(self.path(name)).unwrap_or_default())
    }

    /// Lets a file or directory be written to.
    pub(crate) fn set_writable(&self, name: &str) {
        let path = self.path(name);
        let mut permissions = fs::metadata(&path).unwrap().permissions();
        permissions.set_mode(permissions.mode() | 0o200);
        fs::set_permissions(path, permissions).unwrap();
    }

    pub(crate) fn exists(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    /// Runs the program with `arguments`, `[ROOT]` in them standing for the lab's directory,
    /// in that directory.
    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        self.finish(&mut self.command(env!("CARGO_BIN_EXE_scratchrs"), arguments))
    }

    /// As [`Lab::run`], which has to succeed and to say nothing beside the result.
    pub(crate) fn result(&self, arguments: &[&str]) -> String {
        let run = self.run(arguments);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{arguments:?}");
        run.stdout
    }

    /// A command in the lab's environment and directory, without a terminal to answer questions.
    pub(crate) fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments.iter().map(|argument| self.real(argument)));
        command.env_clear().envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.current_dir(self.root.path()).stdin(Stdio::null());
        command
    }

    pub(crate) fn finish(&self, command: &mut Command) -> Run {
        let Output { status, stdout, stderr } = command.output().unwrap();
        let code = status.code().expect("it is not killed by a signal");
        Run { code, stdout: self.neutral(&stdout), stderr: self.neutral(&stderr) }
    }

    fn real(&self, text: &str) -> String {
        text.replace("[ROOT]", self.root.path().to_str().unwrap())
    }

    pub(crate) fn neutral(&self, bytes: &[u8]) -> String {
        let text = std::str::from_utf8(bytes).expect("the program speaks UTF-8");
        text.replace(self.root.path().to_str().unwrap(), "[ROOT]")
    }
}

impl Run {
    pub(crate) fn failed(code: i32, stderr: &str) -> Self {
        Self { code, stdout: String::new(), stderr: stderr.to_owned() }
    }
}

/// The JSON value of an output.
pub(crate) fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}"))
}
