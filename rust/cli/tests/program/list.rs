//! `scratchrs list`.

use serde_json::json;

use crate::lab::{GLOBAL, Lab, Run, UUID, json};

const UNKNOWN: &str = "11111111-2222-3333-4444-555555555555";

/// Three spaces: of a known package, of an unknown one, of none.
fn lab() -> Lab {
    let lab = Lab::new();
    lab.write(&format!("depot/scratchspaces/{UUID}/cache/deep/data"), "x".repeat(10 * 1024));
    lab.write(&format!("depot/scratchspaces/{UUID}/cache@generated.toml"), "not a space");
    lab.write(&format!("depot/scratchspaces/{UNKNOWN}/b/data"), "x");
    lab.write(&format!("depot/scratchspaces/{GLOBAL}/a/data"), "");
    lab.write("depot/scratchspaces/CACHEDIR.TAG", "not a package");
    lab.write_log(&format!(
        "[[\"[ROOT]/depot/scratchspaces/{UUID}/cache\"]]\n\
         parent_projects = [\"[ROOT]/env/Project.toml\", \"[ROOT]/Mine/Project.toml\"]\n\
         time = 9999-12-31T01:02:03.004Z\n\
         [[\"[ROOT]/depot/scratchspaces/{UNKNOWN}/b\"]]\n\
         parent_projects = [\"[ROOT]/gone/Project.toml\"]\n\
         time = 9999-12-30T00:00:00.1Z\n"
    ));
    lab
}

#[test]
fn a_table() {
    assert_eq!(
        lab().run(&["scratch", "list"]),
        Run {
            code: 0,
            stdout: "\
package                               key        size  last used      used by
(global)                              a       0 bytes  never logged   nothing
11111111-2222-3333-4444-555555555555  b        1 byte  on 9999-12-30  nothing
Mine                                  cache  10.0 KiB  on 9999-12-31  2 projects
"
            .to_owned(),
            stderr: "3 scratch spaces in `[ROOT]/depot/scratchspaces` (10.0 KiB)\n".to_owned(),
        }
    );
}

#[test]
fn the_details() {
    let run = lab().run(&["scratch", "list", "-v"]);
    assert_eq!(
        run.stdout,
        format!(
            "\
package                               key        size  last used      used by
(global)                              a       0 bytes  never logged   nothing
    [ROOT]/depot/scratchspaces/{GLOBAL}/a
{UNKNOWN}  b        1 byte  on 9999-12-30  nothing
    [ROOT]/depot/scratchspaces/{UNKNOWN}/b
    used by [ROOT]/gone/Project.toml (missing)
Mine                                  cache  10.0 KiB  on 9999-12-31  2 projects
    [ROOT]/depot/scratchspaces/{UUID}/cache
    used by [ROOT]/Mine/Project.toml
    used by [ROOT]/env/Project.toml
"
        )
    );
}

#[test]
fn all_fields_in_json() {
    let mine = json!({
        "owner": UUID,
        "package": "Mine",
        "key": "cache",
        "path": format!("[ROOT]/depot/scratchspaces/{UUID}/cache"),
        "bytes": 10240,
        "last_used": "9999-12-31T01:02:03.004Z",
        "parent_projects": ["[ROOT]/Mine/Project.toml", "[ROOT]/env/Project.toml"],
    });
    let lab = lab();
    assert_eq!(
        json(&lab.result(&["scratch", "list", "--json"])),
        json!({
            "directory": "[ROOT]/depot/scratchspaces",
            "spaces": [
                {
                    "owner": GLOBAL,
                    "package": null,
                    "key": "a",
                    "path": format!("[ROOT]/depot/scratchspaces/{GLOBAL}/a"),
                    "bytes": 0,
                    "last_used": null,
                    "parent_projects": [],
                },
                {
                    "owner": UNKNOWN,
                    "package": null,
                    "key": "b",
                    "path": format!("[ROOT]/depot/scratchspaces/{UNKNOWN}/b"),
                    "bytes": 1,
                    "last_used": "9999-12-30T00:00:00.100Z",
                    "parent_projects": ["[ROOT]/gone/Project.toml"],
                },
                mine,
            ],
            "bytes": 10241,
            "skipped": [],
            "notes": [],
        })
    );
    let answer = json(&lab.result(&["scratch", "list", "--json", "--uuid", UUID]));
    assert_eq!((&answer["spaces"], &answer["bytes"]), (&json!([mine]), &json!(10240)));
}

#[test]
fn an_empty_list_is_one_sentence() {
    let lab = Lab::new();
    let nothing = |arguments: &[&str], stderr: &str| {
        let expected = Run { code: 0, stdout: String::new(), stderr: format!("{stderr}\n") };
        assert_eq!(lab.run(arguments), expected);
    };
    lab.write("depot/other", "");
    nothing(&["scratch", "list"], "No scratch spaces in `[ROOT]/depot/scratchspaces`");
    nothing(
        &["scratch", "list", "--uuid", UUID],
        &format!("No scratch spaces of package {UUID} in `[ROOT]/depot/scratchspaces`"),
    );
    assert_eq!(json(&lab.result(&["scratch", "list", "--json"]))["spaces"], json!([]));
}

// Windows allows none.
#[test]
#[cfg(unix)]
fn control_characters_of_names_are_escaped() {
    let lab = Lab::new();
    lab.write(&format!("depot/scratchspaces/{UUID}/\x1b[31mred\nline/data"), "");
    let run = lab.run(&["scratch", "list"]);
    assert!(run.stdout.contains("\\u{1b}[31mred\\nline"), "{}", run.stdout);
    assert_eq!(run.stdout.lines().count(), 2);
}

#[test]
fn colour_is_printed_on_request() {
    let lab = lab();
    let plain = lab.run(&["scratch", "list"]);
    let coloured = lab.run(&["scratch", "list", "--color", "always"]);
    assert!(coloured.stdout.starts_with("\x1b[1mpackage"), "{:?}", coloured.stdout);
    let stripped = coloured.stdout.replace("\x1b[1m", "").replace("\x1b[0m", "");
    assert_eq!(stripped, plain.stdout);
}

#[test]
fn lists_are_sorted_on_request() {
    let lab = Lab::new();
    for (key, bytes) in [("b", 10), ("a", 20), ("c", 30)] {
        lab.write(&format!("depot/scratchspaces/{UUID}/{key}/file"), "x".repeat(bytes));
    }
    let keys = |arguments: &[&str]| {
        let answer = json(&lab.result(&[&["scratch", "list", "--json"], arguments].concat()));
        let spaces = answer["spaces"].as_array().unwrap().clone();
        spaces.iter().map(|space| space["key"].as_str().unwrap().to_owned()).collect::<String>()
    };
    assert_eq!(keys(&[]), "abc");
    assert_eq!(keys(&["--sort", "name"]), "abc");
    assert_eq!(keys(&["--sort", "size"]), "cab");
    assert_eq!(lab.run(&["scratch", "list", "--sort", "colour"]).code, 2);
    let labels = |order| {
        let answer = json(&lab.result(&["status", "--json", "--sort", order]));
        let entries = answer["entries"].as_array().unwrap().clone();
        entries.iter().map(|entry| entry["bytes"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!((labels("size"), labels("name")), (vec![30, 20, 10], vec![20, 10, 30]));
}
