//! `scratchrs delete` and `scratchrs clear`, without a terminal.

use std::fs;

use scratchrs_testkit::symlink;
use serde_json::json;

use crate::lab::{GLOBAL, Lab, Run, UUID, json};

/// Two spaces of a package, one of none.
fn lab() -> Lab {
    let lab = Lab::new();
    for (owner, key, text) in [(UUID, "cache", "1234"), (UUID, "other", "1"), (GLOBAL, "cache", "")]
    {
        lab.write(&format!("depot/scratchspaces/{owner}/{key}/data"), text);
    }
    lab
}

fn said(stderr: &str) -> Run {
    Run { code: 0, stdout: String::new(), stderr: stderr.to_owned() }
}

#[test]
fn a_space_is_deleted() {
    let lab = lab();
    let path = format!("[ROOT]/depot/scratchspaces/{UUID}/cache");
    let arguments = ["scratch", "delete", "cache", "--project", "Mine", "--yes"];
    assert_eq!(lab.run(&arguments), said(&format!("Deleted `{path}` (4 bytes)\n")));
    assert!(!lab.exists(&format!("depot/scratchspaces/{UUID}/cache")));
    assert!(lab.exists(&format!("depot/scratchspaces/{UUID}/other/data")));
    assert!(lab.exists(&format!("depot/scratchspaces/{GLOBAL}/cache/data")));
    assert_eq!(
        lab.run(&arguments),
        Run::failed(
            3,
            &format!(
                "error: scratch space `cache` of `Mine` does not exist: `{path}`\n\
                 hint: `scratchrs scratch list` lists the existing spaces\n"
            )
        )
    );
    let by_uuid = lab.run(&["scratch", "delete", "cache", "--uuid", UUID]);
    let message =
        format!("error: scratch space `cache` of package {UUID} does not exist: `{path}`");
    assert_eq!((by_uuid.code, by_uuid.stderr.lines().next()), (3, Some(message.as_str())));
}

#[test]
fn deleted_spaces_in_json() {
    let lab = lab();
    let item = |owner: &str, key: &str, bytes: u64| {
        let path = format!("[ROOT]/depot/scratchspaces/{owner}/{key}");
        json!({"owner": owner, "package": null, "key": key, "path": path, "bytes": bytes})
    };
    let answer = |arguments: &[&str]| json(&lab.result(arguments));
    assert_eq!(
        answer(&["scratch", "delete", "cache", "--uuid", UUID, "--yes", "--json"]),
        json!({"removed": [item(UUID, "cache", 4)], "bytes": 4, "notes": []})
    );
    assert_eq!(
        answer(&["scratch", "clear", "--all", "-y", "--json"]),
        json!({
            "removed": [item(GLOBAL, "cache", 0), item(UUID, "other", 1)], "bytes": 1, "notes": []
        })
    );
    assert_eq!(
        answer(&["scratch", "clear", "--all", "--json"]),
        json!({"removed": [], "bytes": 0, "notes": []})
    );
}

#[test]
fn nothing_is_deleted_without_a_yes() {
    let lab = lab();
    let path = format!("[ROOT]/depot/scratchspaces/{UUID}");
    for (arguments, what) in [
        (&["scratch", "delete", "cache", "--uuid", UUID][..], format!("`{path}/cache` (4 bytes)")),
        (&["scratch", "clear", "--uuid", UUID], format!("2 scratch spaces in `{path}` (5 bytes)")),
        (
            &["scratch", "clear", "--all"],
            "3 scratch spaces in `[ROOT]/depot/scratchspaces` (5 bytes)".to_owned(),
        ),
    ] {
        let error = format!(
            "error: can't ask without a terminal: Delete {what}?\n\
             hint: pass `--yes` to delete without asking\n"
        );
        assert_eq!(lab.run(arguments), Run::failed(2, &error));
    }
    assert_eq!(
        json(&lab.result(&["scratch", "list", "--json"]))["spaces"].as_array().unwrap().len(),
        3
    );
}

#[test]
fn the_spaces_of_a_package_are_deleted() {
    let lab = lab();
    let directory = format!("[ROOT]/depot/scratchspaces/{UUID}");
    let arguments = ["scratch", "clear", "--project", "Mine", "--yes"];
    assert_eq!(
        lab.run(&arguments),
        said(&format!("Deleted 2 scratch spaces in `{directory}` (5 bytes)\n"))
    );
    assert!(!lab.exists(&format!("depot/scratchspaces/{UUID}")));
    assert!(lab.exists(&format!("depot/scratchspaces/{GLOBAL}/cache/data")));
    assert_eq!(lab.run(&arguments), said(&format!("No scratch spaces in `{directory}`\n")));
}

#[test]
fn all_spaces_are_deleted() {
    let lab = lab();
    lab.write("depot/artifacts/kept", "");
    assert_eq!(
        lab.run(&["scratch", "clear", "--all", "--yes"]),
        said("Deleted 3 scratch spaces in `[ROOT]/depot/scratchspaces` (5 bytes)\n")
    );
    assert!(!lab.exists("depot/scratchspaces"));
    assert!(lab.exists("depot/artifacts/kept"));
}

#[test]
fn clear_needs_a_package_or_all() {
    let mut lab = lab();
    lab.set("JULIA_PROJECT", "[ROOT]/Mine");
    assert_eq!(lab.run(&["scratch", "clear", "--yes"]).code, 2);
    assert_eq!(lab.run(&["scratch", "clear", "--yes", "--all", "--uuid", UUID]).code, 2);
    assert_eq!(
        lab.run(&["scratch", "clear", "--yes", "--project", "env"]),
        Run::failed(
            2,
            "error: the project `[ROOT]/env/Project.toml` has no UUID, and so no scratch spaces of its own\n\
             hint: `--uuid 00000000-0000-0000-0000-000000000000` selects the global spaces\n"
        )
    );
    assert_eq!(
        json(&lab.result(&["scratch", "list", "--json"]))["spaces"].as_array().unwrap().len(),
        3
    );
}

#[test]
fn a_link_is_deleted_without_its_target() {
    let lab = lab();
    lab.write("elsewhere/data", "1234");
    let link = format!("depot/scratchspaces/{UUID}/linked");
    symlink(lab.path("elsewhere"), lab.path(&link));
    assert_eq!(
        lab.run(&["scratch", "delete", "linked", "--uuid", UUID, "--yes"]),
        said(&format!("Deleted the link `[ROOT]/{link}` (its target is kept)\n"))
    );
    symlink(lab.path("elsewhere"), lab.path(&link));
    let directory = format!("[ROOT]/depot/scratchspaces/{UUID}");
    assert_eq!(
        lab.run(&["scratch", "clear", "--uuid", UUID, "--yes"]),
        said(&format!("Deleted 3 scratch spaces in `{directory}` (5 bytes)\n"))
    );
    assert_eq!(fs::read_to_string(lab.path("elsewhere/data")).unwrap(), "1234");
}
