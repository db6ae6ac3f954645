//! A depot of one's own, and the program run in it.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

#[cfg(unix)]
pub(crate) use scratchrs_testkit::skip;
use scratchrs_testkit::{in_quotes, native};

/// The package that owns spaces in the tests.
pub(crate) const UUID: &str = "7876af07-990d-54b4-ab0e-23690620f79a";
pub(crate) const GLOBAL: &str = "00000000-0000-0000-0000-000000000000";

/// The variable with the home.
pub(crate) const HOME: &str = if cfg!(windows) { "USERPROFILE" } else { "HOME" };

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
        lab.set(HOME, "[ROOT]/home");
        #[cfg(windows)]
        lab.environment.push(("SystemRoot", std::env::var("SystemRoot").unwrap()));
        lab.set("JULIA_DEPOT_PATH", "[ROOT]/depot");
        lab
    }

    /// Sets a variable of the program's environment, which has no others. Depots are separated by colons here.
    pub(crate) fn set(&mut self, name: &'static str, value: &str) {
        self.unset(name);
        let separator = if cfg!(windows) && name == "JULIA_DEPOT_PATH" { ";" } else { ":" };
        self.environment.push((name, self.real(&value.replace(':', separator))));
    }

    pub(crate) fn unset(&mut self, name: &str) {
        self.environment.retain(|(known, _)| *known != name);
    }

    /// What a tool of Unix says in the lab's directory, where it finds a repository of git of its own.
    #[cfg(unix)]
    pub(crate) fn tool(&self, program: &str, arguments: &[&str]) -> String {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.path("")).env("GIT_DIR", self.path("git"));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(native(name))
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Writes the log of uses.
    pub(crate) fn write_log(&self, text: &str) {
        self.write("depot/logs/scratch_usage.toml", self.toml(text));
    }

    /// A file of TOML with `[ROOT]` in texts for the lab's directory.
    pub(crate) fn toml(&self, text: &str) -> String {
        let root = self.root();
        with_paths(text, "[ROOT]", |below| in_quotes(native(&format!("{root}{below}"))))
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
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            permissions.set_mode(permissions.mode() | 0o200);
        }
        #[cfg(windows)]
        #[expect(clippy::permissions_set_readonly_false, reason = "an attribute of the file here")]
        permissions.set_readonly(false);
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

    fn root(&self) -> &str {
        self.root.path().to_str().unwrap()
    }

    fn real(&self, text: &str) -> String {
        with_paths(text, "[ROOT]", |below| native(&format!("{}{below}", self.root())))
    }

    /// An output with `[ROOT]` for the lab's directory, and with slashes in the paths below it.
    pub(crate) fn neutral(&self, bytes: &[u8]) -> String {
        let mut text = std::str::from_utf8(bytes).expect("the program speaks UTF-8").to_owned();
        // In TOML and JSON, a backslash is escaped.
        for (root, separator) in [(in_quotes(self.root()), r"\\"), (self.root().to_owned(), r"\")] {
            let slashed = |below: &str| match cfg!(windows) {
                true => format!("[ROOT]{}", below.replace(separator, "/")),
                false => format!("[ROOT]{below}"),
            };
            text = with_paths(&text, &root, slashed);
        }
        text
    }
}

/// The text with each path that begins with `root` replaced; `path` gets what follows the root.
fn with_paths(text: &str, root: &str, path: impl Fn(&str) -> String) -> String {
    let mut parts = text.split(root);
    let mut replaced = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| "\n`\"';".contains(c));
        let (below, rest) = part.split_at(end.unwrap_or(part.len()));
        replaced += &path(below);
        replaced += rest;
    }
    replaced
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
