//! Running the program `scratchrs-worker`.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};

/// The program; tests pass `env!("CARGO_BIN_EXE_scratchrs-worker")`.
#[derive(Clone, Debug)]
pub struct Worker {
    program: PathBuf,
}

impl Worker {
    /// The worker in the file `program`.
    pub fn new(program: &str) -> Self {
        Self { program: program.into() }
    }

    /// A command that runs it, with what it says caught.
    pub fn command<I: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = I>) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs it to its end.
    pub fn run<I: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = I>) -> Output {
        self.command(arguments).output().expect("the worker starts")
    }

    /// Runs it to its end, which has to be a good one, and returns what it said.
    pub fn succeed<I: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = I>) -> String {
        let arguments: Vec<I> = arguments.into_iter().collect();
        let output = self.run(&arguments);
        let arguments: Vec<_> = arguments.iter().map(AsRef::as_ref).collect();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "worker {arguments:?}: {}: {said}", output.status);
        String::from_utf8(output.stdout).expect("the worker speaks UTF-8")
    }

    /// Starts it, to talk to it. Its errors go to the test's.
    pub fn start<I: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = I>) -> Running {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command.spawn().expect("the worker starts");
        let output = BufReader::new(child.stdout.take().expect("it is caught"));
        let input = child.stdin.take();
        Running { child, output, input }
    }
}

/// A worker that runs; killed if it still does when this value goes.
#[derive(Debug)]
pub struct Running {
    child: Child,
    output: BufReader<ChildStdout>,
    input: Option<ChildStdin>,
}

impl Running {
    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next line that it says, waiting for it; empty if it has ended.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("the worker speaks UTF-8");
        line.trim_end().to_owned()
    }

    /// Lets a worker that holds go on.
    pub fn proceed(&mut self) {
        let input = self.input.as_mut().expect("it is not closed");
        input.write_all(b"\n").expect("the worker listens");
    }

    /// Closes what it listens to.
    pub fn close(&mut self) {
        self.input = None;
    }

    /// Kills it without a warning, and leaves it to the system's table of processes, as a parent
    /// does that does not care for its children.
    pub fn kill(&mut self) {
        self.child.kill().expect("the worker can be killed");
    }

    /// Waits for its end; whether it was a good one.
    pub fn ends_well(&mut self) -> bool {
        self.child.wait().expect("the worker is ours").success()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
