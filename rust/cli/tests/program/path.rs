//! `scratchrs path`.

use serde_json::json;

use crate::lab::{GLOBAL, Lab, Run, UUID, json};

#[test]
fn a_space_is_created_and_its_use_logged() {
    let lab = Lab::new();
    let expected = format!("[ROOT]/depot/scratchspaces/{UUID}/cache\n");
    assert_eq!(lab.result(&["scratch", "path", "cache", "--project", "Mine"]), expected);
    assert!(lab.path(&format!("depot/scratchspaces/{UUID}/cache")).is_dir());
    let record = format!(
        "[[\"[ROOT]/depot/scratchspaces/{UUID}/cache\"]]\n\
         parent_projects = [\"[ROOT]/Mine/Project.toml\"]\ntime = [TIME]\n"
    );
    assert_eq!(lab.log(), record);
    assert_eq!(
        lab.result(&["scratch", "path", "cache", "--project", "Mine/Project.toml"]),
        expected
    );
    assert_eq!(lab.log().matches("[[").count(), 2, "each use is recorded");
    assert!(!lab.exists("depot/logs/scratch_usage.toml.pid"));
}

#[test]
fn the_result_in_json() {
    let lab = Lab::new();
    assert_eq!(
        json(&lab.result(&["scratch", "path", "cache", "--project", "Mine", "--json"])),
        json!({
            "path": format!("[ROOT]/depot/scratchspaces/{UUID}/cache"),
            "owner": UUID,
            "key": "cache",
            "project": "[ROOT]/Mine/Project.toml",
            "recorded": true,
            "healed": [],
            "notes": [],
        })
    );
}

const NOTE: &str = "this use is not logged without a project: a collection may delete the space";

#[test]
fn without_a_project_the_space_is_global_and_its_use_not_logged() {
    let lab = Lab::new();
    assert_eq!(
        lab.run(&["scratch", "path", "free"]),
        Run {
            code: 0,
            stdout: format!("[ROOT]/depot/scratchspaces/{GLOBAL}/free\n"),
            stderr: format!(
                "note: {NOTE}\nhint: pass a project: `--project .`, or set JULIA_PROJECT\n"
            ),
        }
    );
    assert!(!lab.exists("depot/logs"));
    let answer = json(&lab.result(&["scratch", "path", "free", "--json"]));
    assert_eq!(answer["recorded"], false);
    assert_eq!(answer["project"], serde_json::Value::Null);
    assert_eq!(answer["notes"], json!([NOTE]));
}

#[test]
fn a_uuid_chooses_the_owner_and_a_project_the_user() {
    let lab = Lab::new();
    let upper = UUID.to_uppercase();
    assert_eq!(
        lab.result(&["scratch", "path", "cache", "--uuid", &upper, "--project", "env"]),
        format!("[ROOT]/depot/scratchspaces/{UUID}/cache\n")
    );
    assert!(lab.log().contains("parent_projects = [\"[ROOT]/env/Project.toml\"]"));
}

#[test]
fn tracking_can_be_switched_off() {
    let mut lab = Lab::new();
    lab.set("JULIA_SCRATCH_TRACK_ACCESS", "0");
    lab.result(&["scratch", "path", "cache", "--project", "Mine"]);
    lab.result(&["scratch", "path", "cache"]);
    assert!(!lab.exists("depot/logs"));
    lab.set("JULIA_SCRATCH_TRACK_ACCESS", "1");
    lab.result(&["scratch", "path", "cache", "--project", "Mine"]);
    assert!(lab.exists("depot/logs"));
}

#[test]
fn without_create_nothing_changes() {
    let lab = Lab::new();
    lab.write("depot/other", "");
    let arguments = ["scratch", "path", "cache", "--project", "Mine", "--no-create"];
    let missing = lab.run(&arguments);
    assert_eq!(
        missing,
        Run::failed(
            3,
            &format!(
                "error: scratch space `cache` of `Mine` does not exist: \
                 `[ROOT]/depot/scratchspaces/{UUID}/cache`\n\
                 hint: omit `--no-create` to create it\n"
            )
        )
    );
    assert!(!lab.exists("depot/scratchspaces"));
    lab.result(&["scratch", "path", "cache", "--project", "Mine"]);
    let log = lab.log();
    assert_eq!(
        lab.result(&arguments),
        format!("[ROOT]/depot/scratchspaces/{UUID}/cache\n"),
        "an existing space is printed"
    );
    assert_eq!(lab.log(), log);
}

#[test]
fn an_error_in_json_is_one_object() {
    let lab = Lab::new();
    lab.write("depot/other", "");
    let run = lab.run(&["scratch", "path", "cache", "--no-create", "--json"]);
    assert_eq!((run.code, run.stdout.as_str()), (3, ""));
    let path = format!("[ROOT]/depot/scratchspaces/{GLOBAL}/cache");
    assert_eq!(
        json(&run.stderr),
        json!({"error": {
            "code": "not_found",
            "message": format!("scratch space `cache` in the global namespace does not exist: `{path}`"),
            "path": path,
            "hint": "omit `--no-create` to create it",
        }})
    );
}

#[test]
fn invalid_keys_are_refused_before_anything_is_created() {
    let lab = Lab::new();
    let long = "k".repeat(300);
    for (key, message) in [
        (
            "",
            "invalid key \"\": a key has at least one character, of letters, digits, `-`, `_` and `.`",
        ),
        ("a/b", "invalid key \"a/b\": a key has letters, digits, `-`, `_` and `.` only"),
        ("a\n", "invalid key \"a\\n\": a key has letters, digits, `-`, `_` and `.` only"),
        ("é", "invalid key \"é\": a key has letters, digits, `-`, `_` and `.` only"),
        (".", "invalid key \".\": it would name another directory"),
        ("..", "invalid key \"..\": it would name another directory"),
        (
            &long,
            "invalid key \"kkkkkkkkkkkkkkkkkkkk…\": it has 300 bytes, and file systems allow 255",
        ),
    ] {
        let refused = Run::failed(2, &format!("error: {message}\n"));
        assert_eq!(lab.run(&["scratch", "path", key]), refused);
        assert_eq!(lab.run(&["scratch", "delete", key, "--depot", "home"]), refused);
        let run = lab.run(&["scratch", "path", key, "--json"]);
        let expected = json!({"error": {
            "code": "invalid_input", "message": message, "path": null, "hint": null
        }});
        assert_eq!((run.code, json(&run.stderr)), (2, expected));
    }
    assert!(!lab.exists("depot"));
    lab.result(&["scratch", "path", "--project", "Mine", "--", "-._a"]);
}
