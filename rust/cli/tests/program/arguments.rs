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
            ["\nExamples:\n  scratchrs status", "\nExit codes:\n  0  done", "JULIA_DEPOT_PATH"]
        {
            assert!(help.contains(part), "{part} is not in {help}");
        }
    }
    for command in [
        &["scratch", "path"][..],
        &["scratch", "list"],
        &["scratch", "delete"],
        &["scratch", "clear"],
        &["verify"],
        &["hash"],
        &["completions"],
    ] {
        let help = lab.result(&[command, &["--help"]].concat());
        let examples = format!("\nExamples:\n  scratchrs {}", command.join(" "));
        assert!(help.contains(&examples), "{help}");
        assert!(help.contains("\nWith --json: {"), "{help}");
    }
    assert_eq!(lab.result(&["help", "gc"]), lab.result(&["gc", "--help"]));
    let version = concat!("scratchrs ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(
        (lab.result(&["--version"]), lab.result(&["version"])),
        (version.into(), version.into())
    );
    assert!(!lab.exists("depot"));
}

/// Scripts use the names that these commands had first.
#[test]
fn former_names_of_commands_work_and_are_not_listed() {
    let lab = Lab::new();
    let arguments = ["cache", "--uuid", UUID, "--project", "Mine"];
    let space = format!("[ROOT]/depot/scratchspaces/{UUID}/cache");
    assert_eq!(lab.result(&[&["path"][..], &arguments].concat()), format!("{space}\n"));
    assert_eq!(lab.run(&["list"]), lab.run(&["scratch", "list"]));
    assert_eq!(lab.run(&[&["delete", "--yes"][..], &arguments].concat()).code, 0);
    assert_eq!(lab.run(&["clear", "--all", "--yes"]).code, 0);
    let help = lab.result(&["--help"]);
    assert!(!help.contains("\n  delete") && help.contains("\n  scratch"), "{help}");
}

#[test]
fn quiet_commands_print_results_and_errors_only() {
    let lab = Lab::new();
    lab.write("depot/artifacts/1111111111111111111111111111111111111111/file", "x");
    // Without a project, the use is not logged, which is noted.
    let path = lab.result(&["scratch", "path", "cache", "--quiet"]);
    assert_eq!(path, "[ROOT]/depot/scratchspaces/00000000-0000-0000-0000-000000000000/cache\n");
    assert!(lab.result(&["-q", "gc", "--dry-run", "--collect-delay", "0"]).contains("Would free"));
    assert_eq!(lab.result(&["gc", "-q", "--collect-delay", "0"]), "");
    assert!(!lab.exists("depot/artifacts/1111111111111111111111111111111111111111"));
    assert_eq!(lab.result(&["verify", "-q"]), "");
    assert_eq!(lab.result(&["scratch", "clear", "--all", "--yes", "-q"]), "");
    assert_eq!(json(&lab.result(&["gc", "-q", "--json"]))["gone"], json!([]));
    let run = lab.run(&["why", "nothing", "-q"]);
    assert!(run.code == 3 && run.stderr.starts_with("error: "), "{run:?}");
}

/// A typing error must not look like an empty depot.
#[test]
fn a_depot_that_does_not_exist_is_an_error_of_commands_that_create_nothing() {
    let lab = Lab::new();
    lab.write("file", "");
    for command in [
        &["status"][..],
        &["why", "iris"],
        &["gc"],
        &["report", "--html", "depot.html"],
        &["verify"],
        &["scratch", "list"],
        &["scratch", "path", "cache", "--no-create"],
        &["scratch", "delete", "cache", "--yes"],
        &["scratch", "clear", "--all", "--yes"],
        &["artifact", "list"],
        &["artifact", "verify"],
        &["store", "list"],
        &["store", "get", "iris"],
        &["store", "verify"],
        &["store", "remove", "iris"],
    ] {
        for (depot, problem) in [("missing", "does not exist"), ("file", "is not a directory")] {
            let run = lab.run(&[command, &["--depot", depot]].concat());
            assert_eq!(run.code, 2, "{command:?}: {run:?}");
            assert!(run.stderr.contains(&format!("`{depot}` {problem}\n")), "{command:?}: {run:?}");
        }
        assert!(!lab.exists("missing"), "{command:?}");
    }
    for command in [&["scratch", "path", "cache"][..], &["artifact", "create", "Mine"]] {
        let run = lab.run(&[command, &["--depot", "file"]].concat());
        assert!(run.code == 2 && run.stderr.contains("is not a directory"), "{command:?}: {run:?}");
        assert_eq!(lab.run(&[command, &["--depot", "new"]].concat()).code, 0, "{command:?}");
    }
}

#[test]
fn invalid_arguments() {
    let lab = Lab::new();
    for (arguments, message, hint) in [
        (&["lits"][..], "unrecognized subcommand 'lits'", "a similar subcommand exists: 'list'"),
        (
            &["scratch", "path"],
            "the following required arguments were not provided: <KEY>",
            "`scratchrs --help` lists the commands and options",
        ),
        (
            &["scratch", "path", "cache", "--uuid", "7876af07"],
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
        &["scratch", "path", "cache", "--uuid", UUID, "--project", "Mine"][..],
        &["scratch", "list"],
        &["scratch", "list", "--json"],
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
