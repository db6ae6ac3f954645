//! Which depot it is: `--depot`, JULIA_DEPOT_PATH, `~/.julia`.

use crate::lab::{Lab, Run, UUID};

fn depot(lab: &Lab, arguments: &[&str]) -> String {
    let path =
        lab.result(&[&["scratch", "path", "cache", "--project", "Mine"], arguments].concat());
    let ending = format!("/scratchspaces/{UUID}/cache\n");
    let depot = path.strip_suffix(&ending).unwrap();
    let log = format!("{}/logs/scratch_usage.toml", depot.replace("[ROOT]/", ""));
    assert!(lab.exists(&log), "uses are logged in the same depot");
    depot.to_owned()
}

#[test]
fn the_first_depot_is_used() {
    let mut lab = Lab::new();
    for (value, expected) in [
        (None, "[ROOT]/home/.julia"),
        (Some(":[ROOT]/a"), "[ROOT]/home/.julia"),
        (Some(":"), "[ROOT]/home/.julia"),
        (Some("[ROOT]/a:[ROOT]/b"), "[ROOT]/a"),
        (Some("[ROOT]/a:"), "[ROOT]/a"),
        // On Windows, `~` is a name as any other, also for Julia.
        (Some("~/own"), if cfg!(windows) { "[ROOT]/~/own" } else { "[ROOT]/home/own" }),
        (Some("relative/../depot"), "[ROOT]/depot"),
        (Some("[ROOT]//with space/é/"), "[ROOT]/with space/é"),
    ] {
        match value {
            Some(value) => lab.set("JULIA_DEPOT_PATH", value),
            None => lab.unset("JULIA_DEPOT_PATH"),
        }
        assert_eq!(depot(&lab, &[]), expected, "{value:?}");
    }
    assert_eq!(depot(&lab, &["--depot", "chosen"]), "[ROOT]/chosen");
    assert!(!lab.exists("b"));
}

#[test]
fn no_depot_is_an_error() {
    let mut lab = Lab::new();
    lab.set("JULIA_DEPOT_PATH", "");
    for command in [
        &["scratch", "path", "cache"][..],
        &["scratch", "list"],
        &["scratch", "delete", "cache"],
        &["scratch", "clear", "--all"],
    ] {
        assert_eq!(
            lab.run(command),
            Run::failed(
                2,
                "error: no depot: JULIA_DEPOT_PATH is empty\n\
                 hint: unset JULIA_DEPOT_PATH to use ~/.julia, or pass a depot: `--depot /path`\n"
            )
        );
    }
    assert_eq!(
        lab.run(&["scratch", "list", "--depot", ""]),
        Run::failed(2, "error: `--depot` is empty\n")
    );
    assert_eq!(depot(&lab, &["--depot", "chosen"]), "[ROOT]/chosen");
}

#[test]
#[cfg(unix)]
fn a_depot_is_text() {
    use std::os::unix::ffi::OsStrExt;

    let lab = Lab::new();
    let mut command = lab.command(env!("CARGO_BIN_EXE_scratchrs"), &["scratch", "list"]);
    let value = std::ffi::OsStr::from_bytes(b"/depot\xff");
    let run = lab.finish(command.env("JULIA_DEPOT_PATH", value));
    let message = "error: JULIA_DEPOT_PATH is not UTF-8: `/depot\u{fffd}`\n";
    assert_eq!(run, Run::failed(2, message));
}
