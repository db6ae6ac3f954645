//! Killing a process at a chosen system call, or making the call fail, with strace.
//!
//! The trace of a first run lists the calls that change a directory. As nothing else changes the
//! disk, killing the process before each of them gives every state that a killed process can leave.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The calls that change a file system. Those with `?` are missing on some machines.
const CHANGING: &[&str] = &[
    "?chmod",
    "?creat",
    "?link",
    "?mkdir",
    "?open",
    "?rename",
    "?rmdir",
    "?symlink",
    "?truncate",
    "?unlink",
    "copy_file_range",
    "fallocate",
    "fchmod",
    "fchmodat",
    "fdatasync",
    "fsync",
    "ftruncate",
    "linkat",
    "mkdirat",
    "openat",
    "pwrite64",
    "?renameat",
    "renameat2",
    "sendfile",
    "symlinkat",
    "unlinkat",
    "utimensat",
    "write",
    "writev",
];

/// A system call of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Its name.
    pub name: String,
    /// The number of calls of this name so far, this one included.
    pub ordinal: usize,
    /// The call as strace prints it.
    pub text: String,
}

impl Call {
    /// The fault that kills the process instead of this call.
    pub fn kill(&self) -> String {
        format!("inject={}:signal=KILL:when={}", self.name, self.ordinal)
    }

    /// The fault that makes this call fail.
    pub fn fail(&self, error: &str) -> String {
        self.fail_times(error, 1)
    }

    /// The fault that makes this call and the next ones of its name fail, `count` in total.
    pub fn fail_times(&self, error: &str, count: usize) -> String {
        let last = match count {
            1 => String::new(),
            _ => format!("..{}", self.ordinal + count - 1),
        };
        format!("inject={}:error={error}:when={}{last}", self.name, self.ordinal)
    }

    /// The errors that this call can return in practice.
    pub fn errors(&self) -> &'static [&'static str] {
        match self.name.as_str() {
            "write" => &["ENOSPC", "EIO", "EDQUOT"],
            "fdatasync" | "fsync" => &["EIO", "ENOSPC"],
            "open" | "openat" | "mkdir" | "mkdirat" => &["ENOSPC", "EROFS", "EACCES", "EDQUOT"],
            "link" | "linkat" => &["EIO", "EACCES", "EPERM"],
            "rename" | "renameat" | "renameat2" => &["EIO", "EACCES", "EROFS", "EXDEV"],
            _ => &["EIO", "EACCES", "EROFS"],
        }
    }
}

/// Why processes cannot be traced here; `None` if they can.
pub fn missing() -> Option<String> {
    match Command::new("strace").args(["-f", "-o", "/dev/null", "true"]).output() {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Some(format!("strace: {error}")),
    }
}

/// Runs `command` with `faults` (arguments of `-e` of strace), and returns its output.
pub fn run(command: &Command, faults: &[String]) -> Output {
    let options = ["-o".to_owned(), "/dev/null".to_owned()];
    output_on_one_processor(traced(command, &options, faults))
}

/// Runs `command` with `faults` as [`run`] does, and also returns its calls that change entries
/// below `directory`, in order.
pub fn changes(command: &Command, faults: &[String], directory: &Path) -> (Output, Vec<Call>) {
    let log = tempfile::NamedTempFile::new().expect("a file");
    let path = |path: &Path| path.to_str().expect("the path is Unicode").to_owned();
    let mut options = vec!["-o".to_owned(), path(log.path())];
    // File descriptors with their paths; written bytes are left out.
    options.extend(["-y", "-s0"].map(str::to_owned));
    let output = output_on_one_processor(traced(command, &options, faults));
    let text = fs::read_to_string(log.path()).expect("the trace");
    let below = path(directory);
    let mut calls = parse(&text);
    calls.retain(|call| call.text.contains(&below) && is_change(call));
    (output, calls)
}

/// The trace of `command` with `faults`: its calls of these names, of all threads, in order, each
/// line with the number of the thread. With a `path`, only calls that use it.
pub fn trace(
    command: &Command,
    names: &str,
    path: Option<&Path>,
    faults: &[String],
) -> (Output, String) {
    let log = tempfile::NamedTempFile::new().expect("a file");
    let output = tracing(command, names, path, log.path(), faults).output().expect("strace starts");
    (output, fs::read_to_string(log.path()).expect("the trace"))
}

/// The command that runs `command` as [`trace`] does, and writes the trace to the file `log`.
pub fn tracing(
    command: &Command,
    names: &str,
    path: Option<&Path>,
    log: &Path,
    faults: &[String],
) -> Command {
    let text = |path: &Path| path.to_str().expect("the path is Unicode").to_owned();
    let mut options = vec![format!("--trace={names}"), "-o".to_owned(), text(log)];
    options.extend(["-y", "-s0"].map(str::to_owned));
    options.extend(path.map(|path| format!("-P{}", text(path))));
    strace(command, &options, faults)
}

fn traced(command: &Command, options: &[String], faults: &[String]) -> Command {
    // Only calls that are traced can fail; `flock` changes nothing, but some systems lack it.
    let options = [&[format!("--trace=flock,{}", CHANGING.join(","))], options].concat();
    strace(command, &options, faults)
}

fn strace(command: &Command, options: &[String], faults: &[String]) -> Command {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qqq"]).args(options);
    strace.args(faults.iter().map(|fault| format!("-e{fault}"))).arg("--");
    strace.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        strace.env(name, value.unwrap_or(OsStr::new("")));
    }
    strace.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    strace
}

/// Runs `command` on one processor, where the first thread does all work that is shared among processors: strace
/// counts the calls of each thread separately, and how many of them each gets is never the same twice.
fn output_on_one_processor(mut command: Command) -> Output {
    let allowed = sched_getaffinity(None).expect("the processors of this thread");
    let first = (0..CpuSet::MAX_CPU).find(|cpu| allowed.is_set(*cpu));
    let mut one = CpuSet::new();
    one.set(first.expect("this thread runs on a processor"));
    // Processes inherit it from the thread that starts them.
    sched_setaffinity(None, &one).expect("a processor of this thread");
    let child = command.spawn();
    sched_setaffinity(None, &allowed).expect("the processors of this thread");
    child.expect("strace starts").wait_with_output().expect("strace ends")
}

/// The calls of the first thread: strace counts those of each thread separately.
fn parse(text: &str) -> Vec<Call> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    let mut first = None;
    let mut calls = Vec::new();
    for line in text.lines() {
        let Some((thread, call)) = line.split_once(' ') else { continue };
        if *first.get_or_insert(thread) != thread {
            continue;
        }
        let call = call.trim_start();
        let Some((name, _)) = call.split_once('(') else { continue };
        if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            continue;
        }
        let count = counts.entry(name).or_default();
        *count += 1;
        calls.push(Call { name: name.to_owned(), ordinal: *count, text: call.to_owned() });
    }
    calls
}

fn is_change(call: &Call) -> bool {
    let changes = ["O_CREAT", "O_TMPFILE", "O_TRUNC"];
    match call.name.as_str() {
        "flock" => false,
        "open" | "openat" => changes.iter().any(|flag| call.text.contains(flag)),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_the_first_thread_are_counted_by_name() {
        let text = "\
7 openat(AT_FDCWD, \"/lib/libc.so.6\", O_RDONLY|O_CLOEXEC) = 3</lib/libc.so.6>
7 openat(AT_FDCWD, \"/lab/log\", O_WRONLY|O_CREAT|O_APPEND|O_CLOEXEC, 0666) = 3</lab/log>
8 write(3</lab/log>, \"\"..., 9)       = 9
7 write(3</lab/log>, \"\"..., 9 <unfinished ...>
7 <... write resumed>)       = 9
7 --- SIGCHLD {si_signo=SIGCHLD} ---
7 unlink(\"/lab/log.pid\")       = 0
7 +++ exited with 0 +++
";
        let calls = parse(text);
        let found: Vec<_> =
            calls.iter().map(|call| (call.name.as_str(), call.ordinal, is_change(call))).collect();
        let expected =
            [("openat", 1, false), ("openat", 2, true), ("write", 1, true), ("unlink", 1, true)];
        assert_eq!(found, expected);
        assert_eq!(calls[1].kill(), "inject=openat:signal=KILL:when=2");
        assert_eq!(calls[3].fail("EIO"), "inject=unlink:error=EIO:when=1");
    }
}
