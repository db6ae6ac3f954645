//! The peak memory of a child process, which runs an ignored test of the same binary.

use std::fs;
use std::path::Path;
use std::process::Command;

/// Runs an ignored test, which ends with [`print_peak`], in a child process with this working directory.
/// Returns its peak in KiB.
pub fn peak_of(child: &str, directory: &Path) -> u64 {
    let program = std::env::current_exe().expect("the path of this program");
    let output = Command::new(program)
        .args(["--exact", child, "--ignored", "--nocapture"])
        .current_dir(directory)
        .output()
        .expect("a child process");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let peak = text.lines().find_map(|line| line.strip_prefix("peak ")?.parse().ok());
    peak.expect("the peak of the child")
}

/// Prints the peak of this process for its parent.
#[expect(clippy::print_stdout, reason = "it is how a child answers")]
pub fn print_peak() {
    let status = fs::read_to_string("/proc/self/status").expect("the status of this process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("its peak");
    println!("\npeak {}", line.trim().trim_end_matches(" kB"));
}
