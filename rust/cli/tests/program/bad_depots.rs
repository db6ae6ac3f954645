//! Depots in which something is not as it should be.

use std::fs;

use scratchrs_testkit::symlink;
use serde_json::json;

#[cfg(unix)]
use crate::lab::skip;
use crate::lab::{Lab, Run, UUID, json};

const PATH: [&str; 5] = ["scratch", "path", "cache", "--project", "Mine"];
const DELETE: [&str; 5] = ["scratch", "delete", "cache", "--project", "Mine"];
const IN_THE_WAY: &str = "hint: move away the file that is in the way, or use another depot\n";

#[test]
fn the_depot_is_a_file() {
    let lab = Lab::new();
    lab.write("depot", "");
    let message = "the depot `[ROOT]/depot` is not a directory";
    let refused = Run::failed(2, &format!("error: {message}\n"));
    for command in [&PATH[..], &["scratch", "list"]] {
        assert_eq!(lab.run(command), refused);
    }
    let run = lab.run(&[&PATH[..], &["--json"]].concat());
    let error = json!({"code": "invalid_input", "message": message, "path": null, "hint": null});
    assert_eq!(json(&run.stderr), json!({ "error": error }));
}

#[test]
fn a_link_to_nothing_is_in_the_way() {
    let lab = Lab::new();
    let space = format!("depot/scratchspaces/{UUID}/cache");
    fs::create_dir_all(lab.path(&space).parent().unwrap()).unwrap();
    symlink("nowhere", lab.path(&space));
    let error = format!(
        "error: can't create the directory `[ROOT]/{space}`: \
         a symbolic link to nothing is in the way\n{IN_THE_WAY}"
    );
    assert_eq!(lab.run(&PATH), Run::failed(1, &error));
    assert_eq!(lab.run(&[&PATH[..], &["--no-create"]].concat()).code, 3);
    let delete = lab.run(&["scratch", "delete", "cache", "--project", "Mine", "--yes"]);
    let said = format!("Deleted the link `[ROOT]/{space}` (its target is kept)\n");
    assert_eq!(delete, Run { code: 0, stdout: String::new(), stderr: said });
    lab.result(&PATH);
}

/// A log whose third line is incomplete.
const TORN: &str = "[[\"[ROOT]/x\"]]\nparent_projects = [\"/p\"]\ntime = 2026-10-1";

#[test]
fn a_torn_log_is_read_and_healed() {
    let lab = Lab::new();
    lab.write_log(TORN);
    let run = lab.run(&["scratch", "list"]);
    assert_eq!(
        run.stderr,
        "note: the usage log `[ROOT]/depot/logs/scratch_usage.toml` is damaged (repaired by the next \
         use):\n  line 3: the line is torn: `time = 2026-10-1`\n\
         No scratch spaces in `[ROOT]/depot/scratchspaces`\n"
    );
    let answer = json(&lab.result(&["scratch", "list", "--json"]));
    let fault =
        json!([{"line": 3, "column": null, "message": "the line is torn: `time = 2026-10-1`"}]);
    assert_eq!(answer["skipped"], fault);

    let run = lab.run(&PATH);
    assert_eq!(run.stdout, format!("[ROOT]/depot/scratchspaces/{UUID}/cache\n"));
    assert_eq!(
        run.stderr,
        "note: the usage log `[ROOT]/depot/logs/scratch_usage.toml` is damaged (repaired now):\n  \
         line 3: the line is torn: `time = 2026-10-1`\n"
    );
    assert!(lab.log().contains("[[\"[ROOT]/x\"]]\nparent_projects = [\"/p\"]\ntime = [TIME]\n"));
    lab.result(&PATH);

    lab.write_log(TORN);
    let answer = json(&lab.result(&[&PATH[..], &["--json"]].concat()));
    assert_eq!((&answer["healed"], &answer["notes"]), (&fault, &json!([])));
}

#[test]
fn an_empty_log_is_a_log() {
    let lab = Lab::new();
    lab.write_log("");
    lab.result(&PATH);
    assert_eq!(lab.log().matches("[[").count(), 1);
}

#[test]
fn a_log_that_is_not_utf8_is_healed() {
    let lab = Lab::new();
    lab.write(
        "depot/logs/scratch_usage.toml",
        b"\xff\xfe\n[[\"/x\"]]\nparent_projects = [\"/p\"]\ntime = 2024-01-02T03:04:05Z\n",
    );
    let run = lab.run(&PATH);
    assert_eq!(run.code, 0);
    assert!(run.stderr.ends_with("\n  line 1: the line is not UTF-8\n"), "{}", run.stderr);
    assert_eq!(lab.log().matches("[[").count(), 2);
}

#[test]
fn the_log_is_a_directory() {
    let lab = Lab::new();
    fs::create_dir_all(lab.path("depot/logs/scratch_usage.toml")).unwrap();
    let reason =
        "can't read `[ROOT]/depot/logs/scratch_usage.toml`: it is a directory, not a regular file";
    let run = lab.run(&PATH);
    let note = format!(
        "note: this use is not logged: {reason}\n\
         hint: move the directory away; the path is that of a file\n"
    );
    assert_eq!((run.code, run.stderr), (0, note), "the space is there all the same");
    let run = lab.run(&["scratch", "list"]);
    assert!(run.code == 0 && run.stderr.contains(reason), "{run:?}");
    assert!(run.stdout.contains("never logged"), "{run:?}");
    assert_eq!(lab.run(&[&DELETE[..], &["--yes"]].concat()).code, 0);
    assert!(!lab.exists("depot/logs/scratch_usage.toml.pid"), "the lock is given back");
}

/// Mounts the depot read-only, for the program alone.
#[cfg(unix)]
const READ_ONLY: &str =
    "mount --bind depot depot && mount -o remount,ro,bind depot && exec \"$0\" \"$@\"";

#[test]
#[cfg(unix)]
fn a_read_only_depot_is_read() {
    let lab = Lab::new();
    lab.result(&PATH);
    let log = lab.read("depot/logs/scratch_usage.toml");
    let read_only = |arguments: &[&str]| {
        let program = env!("CARGO_BIN_EXE_scratchrs");
        let shell = ["-m", "--", "sh", "-c", READ_ONLY, program];
        let mut command = lab.command("unshare", &[&shell, arguments].concat());
        lab.finish(command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"))
    };
    let may_mount = lab.command("unshare", &["-m", "true"]).output();
    if !may_mount.is_ok_and(|output| output.status.success()) {
        return skip("a_read_only_depot_is_read", "no permission to mount (`unshare -m`)");
    }
    assert_eq!(
        read_only(&PATH),
        Run {
            code: 0,
            stdout: format!("[ROOT]/depot/scratchspaces/{UUID}/cache\n"),
            stderr: "note: this use is not logged: the depot is read-only\n".to_owned(),
        }
    );
    let missing = format!(
        "error: can't create the directory `[ROOT]/depot/scratchspaces/{UUID}/new`: \
         read-only file system (EROFS)\n\
         hint: put a writable depot first in JULIA_DEPOT_PATH, or pass one: \
         `--depot /path`\n"
    );
    assert_eq!(
        read_only(&["scratch", "path", "new", "--project", "Mine"]),
        Run::failed(1, &missing)
    );
    assert_eq!(read_only(&["scratch", "list"]).code, 0);
    let delete = read_only(&["scratch", "delete", "cache", "--project", "Mine", "--yes"]);
    assert_eq!(delete.code, 1);
    assert!(delete.stderr.contains("read-only file system (EROFS)\nhint: "), "{}", delete.stderr);
    let dry = read_only(&["gc", "--dry-run"]);
    assert!(dry.code == 0 && dry.stdout.contains("Nothing was deleted."), "{dry:?}");
    let collect = read_only(&["gc"]);
    let refused = "error: can't create the lock `[ROOT]/depot/logs/manifest_usage.toml.pid`: \
                   read-only file system (EROFS)\nhint: collect as a user who may write";
    assert!(collect.code == 1 && collect.stderr.contains(refused), "{collect:?}");
    assert_eq!(lab.read("depot/logs/scratch_usage.toml"), log);
}
