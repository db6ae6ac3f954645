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

    /// A command that runs it, with captured output.
    pub fn command<I: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = I>) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs it to its end.
    pub fn run<I: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = I>) -> Output {
        self.command(arguments).output().expect("the worker starts")
    }

    /// Runs it to its end, which must be successful, and returns its output.
    pub fn succeed<I: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = I>) -> String {
        let arguments: Vec<I> = arguments.into_iter().collect();
        let output = self.run(&arguments);
        let arguments: Vec<_> = arguments.iter().map(AsRef::as_ref).collect();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "worker {arguments:?}: {}: {stderr}", output.status);
        String::from_utf8(output.stdout).expect("the output is UTF-8")
    }

    /// Starts it for an interactive test. Its stderr is that of the test.
    pub fn start<I: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = I>) -> Running {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command.spawn().expect("the worker starts");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let input = child.stdin.take();
        Running { child, output, input }
    }
}

/// A running worker, killed when this value is dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    output: BufReader<ChildStdout>,
    input: Option<ChildStdin>,
}

impl Running {
    /// The id of its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its next line of output; empty at its end.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("the output is UTF-8");
        line.trim_end().to_owned()
    }

    /// Lets a paused worker continue.
    pub fn proceed(&mut self) {
        let input = self.input.as_mut().expect("an open pipe");
        input.write_all(b"\n").expect("a running worker");
    }

    /// Closes its standard input.
    pub fn close(&mut self) {
        self.input = None;
    }

    /// Kills it with SIGKILL, and does not reap it, so that it stays in the process table as a
    /// zombie.
    pub fn kill(&mut self) {
        self.child.kill().expect("the worker can be killed");
    }

    /// Waits for its end, and returns whether it was successful.
    pub fn ends_well(&mut self) -> bool {
        self.child.wait().expect("a child process").success()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
