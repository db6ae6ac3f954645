//! The output on a terminal, which `script` creates.

use std::io::Write;
use std::process::Stdio;

use crate::lab::{Lab, UUID, skip};

/// The output on a terminal of 50 columns without the input `typed`, and the exit code. `None`
/// without `script`, or with one that cannot leave out the input (util-linux before 2.36).
fn on_terminal(lab: &Lab, arguments: &str, typed: &str) -> Option<(String, i32)> {
    let program = env!("CARGO_BIN_EXE_scratchrs");
    let line = format!("stty cols 50 rows 20 && {program} {arguments}");
    let script = |line: &str| {
        let mut command =
            lab.command("script", &["-q", "-e", "-E", "never", "-c", line, "/dev/null"]);
        command.env("PATH", "/usr/bin:/bin").env("SHELL", "/bin/sh").env("TERM", "xterm");
        command
    };
    if !script("true").output().is_ok_and(|output| output.status.success()) {
        return None;
    }
    let mut command = script(&line);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().ok()?;
    child.stdin.take()?.write_all(typed.as_bytes()).ok()?;
    let output = child.wait_with_output().ok()?;
    let shown = lab.neutral(&output.stdout).replace("\r\n", "\n");
    Some((shown, output.status.code()?))
}

fn lab() -> Lab {
    let lab = Lab::new();
    lab.write(&format!("depot/scratchspaces/{UUID}/cache/data"), "1234");
    lab
}

#[test]
fn deletion_asks_for_confirmation() {
    let lab = lab();
    let path = format!("[ROOT]/depot/scratchspaces/{UUID}/cache");
    let question = format!("Delete `{path}` (4 bytes)? [y/N] ");
    let delete = format!("delete cache --uuid {UUID} --color never");
    let Some((shown, code)) = on_terminal(&lab, &delete, "n\n") else {
        return skip("deletion_asks_for_confirmation", "there is no `script`");
    };
    assert_eq!((shown, code), (format!("{question}Nothing was deleted\n"), 1));
    assert!(lab.exists(&format!("depot/scratchspaces/{UUID}/cache/data")));
    let (shown, code) = on_terminal(&lab, &delete, "y\n").unwrap();
    assert_eq!((shown, code), (format!("{question}Deleted `{path}` (4 bytes)\n"), 0));
    assert!(!lab.exists(&format!("depot/scratchspaces/{UUID}/cache")));
}

#[test]
fn a_table_fits_the_terminal() {
    let lab = lab();
    let Some((shown, _)) = on_terminal(&lab, "list --color never 2>/dev/null", "") else {
        return skip("a_table_fits_the_terminal", "there is no `script`");
    };
    assert_eq!(
        shown,
        "package      key       size  last used     used by\n\
         7876af07-9…  cache  4 bytes  never logged  nothing\n"
    );
}

#[test]
fn a_terminal_gets_colour_unless_it_is_disabled() {
    let mut lab = lab();
    let Some((shown, _)) = on_terminal(&lab, "list 2>/dev/null", "") else {
        return skip("a_terminal_gets_colour", "there is no `script`");
    };
    assert!(shown.starts_with("\x1b[1mpackage"), "{shown:?}");
    lab.set("NO_COLOR", "1");
    let (shown, _) = on_terminal(&lab, "list 2>/dev/null", "").unwrap();
    assert!(shown.starts_with("package"), "{shown:?}");
}
