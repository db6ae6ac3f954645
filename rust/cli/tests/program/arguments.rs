//! Help, completions, and arguments that are not understood.

use std::process::Stdio;

use serde_json::json;

use crate::lab::{Lab, UUID, json};

#[test]
fn help_has_examples_and_exit_codes() {
    let lab = Lab::new();
    for arguments in [&["--help"][..], &["-h"]] {
        let help = lab.result(arguments);
        for part in
            ["\nExamples:\n  scratchrs path", "\nExit codes:\n  0  done", "JULIA_DEPOT_PATH"]
        {
            assert!(help.contains(part), "{part} is not in {help}");
        }
    }
    for command in ["path", "list", "delete", "clear", "hash", "completions"] {
        let help = lab.result(&[command, "--help"]);
        let examples = format!("\nExamples:\n  scratchrs {command} ");
        assert!(help.contains(&examples), "{help}");
        assert!(help.contains("\nWith --json: {"), "{help}");
    }
    assert_eq!(lab.result(&["--version"]), concat!("scratchrs ", env!("CARGO_PKG_VERSION"), "\n"));
    assert!(!lab.exists("depot"));
}

#[test]
fn invalid_arguments() {
    let lab = Lab::new();
    for (arguments, message, hint) in [
        (&["lits"][..], "unrecognized subcommand 'lits'", "a similar subcommand exists: 'list'"),
        (
            &["path"],
            "the following required arguments were not provided: <KEY>",
            "`scratchrs --help` lists the commands and options",
        ),
        (
            &["path", "cache", "--uuid", "7876af07"],
            "invalid value '7876af07' for '--uuid <UUID>': expected a UUID such as \
             7876af07-990d-54b4-ab0e-23690620f79a",
            "`scratchrs --help` lists the commands and options",
        ),
    ] {
        let run = lab.run(arguments);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{arguments:?}");
        let first = message.split(": <").next().unwrap();
        assert!(run.stderr.starts_with(&format!("error: {first}")), "{}", run.stderr);
        let run = lab.run(&[arguments, &["--json"]].concat());
        let error =
            json!({"code": "invalid_input", "message": message, "path": null, "hint": hint});
        assert_eq!((run.code, json(&run.stderr)), (2, json!({ "error": error })));
    }
    assert_eq!(lab.run(&[]).code, 2);
}

#[test]
fn every_shell_gets_completions() {
    let lab = Lab::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = lab.result(&["completions", shell]);
        for word in ["delete", "no-create", "completions"] {
            assert!(script.contains(word), "{word} for {shell}");
        }
        let answer = json(&lab.result(&["completions", shell, "--json"]));
        assert_eq!(answer, json!({"shell": shell, "script": script, "notes": []}));
    }
    assert_eq!(lab.run(&["completions", "cmd"]).code, 2);
}

/// The reader is closed before the program starts, so that no run is too fast for the test.
#[test]
fn a_closed_pipe_is_not_an_error() {
    let lab = Lab::new();
    for arguments in [
        &["path", "cache", "--uuid", UUID, "--project", "Mine"][..],
        &["list"],
        &["list", "--json"],
        &["completions", "bash"],
        &["--help"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = lab.command(env!("CARGO_BIN_EXE_scratchrs"), arguments);
        let child = command.stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
        let output = child.wait_with_output().unwrap();
        let stderr = lab.neutral(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {stderr}");
        assert!(!stderr.contains("panic"), "{stderr}");
    }
}

#[test]
#[cfg(unix)]
fn a_full_disk_is_an_error() {
    let lab = Lab::new();
    let Ok(full) = std::fs::OpenOptions::new().write(true).open("/dev/full") else {
        return crate::lab::skip("a_full_disk_is_an_error", "there is no /dev/full");
    };
    let mut command = lab.command(env!("CARGO_BIN_EXE_scratchrs"), &["completions", "bash"]);
    let output = command.stdout(full).stderr(Stdio::piped()).spawn().unwrap().wait_with_output();
    let output = output.unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        lab.neutral(&output.stderr),
        "error: can't write to standard output: No space left on device (os error 28)\n"
    );
}
