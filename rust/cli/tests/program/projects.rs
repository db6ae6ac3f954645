//! The owner of a space: `--uuid`, `--project`, JULIA_PROJECT.

use std::fs;

use crate::lab::{GLOBAL, Lab, Run, UUID};

const OTHER: &str = "11111111-2222-3333-4444-555555555555";

fn owner(lab: &Lab, arguments: &[&str]) -> String {
    let path = lab.result(&[&["scratch", "path", "cache"], arguments].concat());
    let rest = path.strip_prefix("[ROOT]/depot/scratchspaces/").unwrap();
    rest.strip_suffix("/cache\n").unwrap().to_owned()
}

#[test]
fn julia_project_toml_comes_first() {
    let lab = Lab::new();
    lab.write("Mine/JuliaProject.toml", format!("uuid = \"{OTHER}\"\n"));
    assert_eq!(owner(&lab, &["--project", "Mine"]), OTHER);
    assert!(lab.log().contains("[ROOT]/Mine/JuliaProject.toml"));
    assert_eq!(owner(&lab, &["--project", "Mine/Project.toml"]), UUID);
}

#[test]
fn a_project_has_the_forms_that_julia_knows() {
    let lab = Lab::new();
    lab.write("home/Own/Project.toml", format!("uuid = \"{OTHER}\"\n"));
    lab.write("depot/environments/v1.11/Project.toml", "");
    for (project, expected, file) in [
        ("Mine", UUID, "[ROOT]/Mine/Project.toml"),
        ("./Mine/", UUID, "[ROOT]/Mine/Project.toml"),
        ("env/../Mine", UUID, "[ROOT]/Mine/Project.toml"),
        ("[ROOT]/Mine", UUID, "[ROOT]/Mine/Project.toml"),
        ("~/Own", OTHER, "[ROOT]/home/Own/Project.toml"),
        ("env", GLOBAL, "[ROOT]/env/Project.toml"),
        ("@v1.11", GLOBAL, "[ROOT]/depot/environments/v1.11/Project.toml"),
    ] {
        let _ = fs::remove_dir_all(lab.path("depot/logs"));
        assert_eq!(owner(&lab, &["--project", project]), expected, "{project}");
        assert!(lab.log().contains(&format!("[\"{file}\"]")), "{project}: {}", lab.log());
    }
}

#[test]
fn the_environment_names_a_project_where_no_option_does() {
    let mut lab = Lab::new();
    lab.write("Other/Project.toml", format!("uuid = \"{OTHER}\"\n"));
    lab.set("JULIA_PROJECT", "[ROOT]/Other");
    assert_eq!(owner(&lab, &[]), OTHER);
    assert_eq!(owner(&lab, &["--project", "Mine"]), UUID);
    assert_eq!(owner(&lab, &["--uuid", UUID]), UUID);
    assert_eq!(
        lab.log().matches("[\"[ROOT]/Other/Project.toml\"]").count(),
        2,
        "also a use of another package's space is on behalf of the project"
    );
    lab.set("JULIA_PROJECT", "@.");
    fs::create_dir_all(lab.path("Mine/src/deep")).unwrap();
    let mut command = lab.command(env!("CARGO_BIN_EXE_scratchrs"), &["scratch", "path", "cache"]);
    let run = lab.finish(command.current_dir(lab.path("Mine/src/deep")));
    assert_eq!(run.stdout, format!("[ROOT]/depot/scratchspaces/{UUID}/cache\n"));
}

#[test]
fn a_missing_project_of_the_environment_is_ignored() {
    let mut lab = Lab::new();
    lab.set("JULIA_PROJECT", "[ROOT]/nowhere");
    let run = lab.run(&["scratch", "path", "cache"]);
    assert_eq!(run.code, 0);
    assert_eq!(run.stdout, format!("[ROOT]/depot/scratchspaces/{GLOBAL}/cache\n"));
    assert_eq!(
        run.stderr.lines().next(),
        Some("note: JULIA_PROJECT is `[ROOT]/nowhere`, which has no project file")
    );
    lab.set("JULIA_PROJECT", "");
    let run = lab.run(&["scratch", "path", "cache"]);
    assert!(run.stderr.starts_with("note: this use is not logged"), "{}", run.stderr);
}

#[test]
fn an_invalid_project_is_refused() {
    let lab = Lab::new();
    for (project, message) in [
        ("", "error: `--project` is empty\n"),
        (
            "nowhere",
            "error: no project file at `nowhere`\n\
             hint: pass a `Project.toml`, or a directory with one\n",
        ),
        (
            "@v#.#",
            "error: can't find the project `@v#.#`: the version of Julia for `#` is unknown\n\
             hint: pass the version, as in `@v1.11`\n",
        ),
    ] {
        for command in [
            &["scratch", "path", "cache"][..],
            &["scratch", "delete", "cache"],
            &["scratch", "clear"],
        ] {
            let run = lab.run(&[command, &["--project", project]].concat());
            assert_eq!(run, Run::failed(2, message), "{command:?} {project}");
        }
    }
    assert!(!lab.exists("depot"));
}

#[test]
fn a_project_file_may_be_damaged() {
    let lab = Lab::new();
    lab.write("Mine/Project.toml", format!("uuid = \"{UUID}\"\nname = \"Mine\n[deps\n"));
    assert_eq!(owner(&lab, &["--project", "Mine"]), UUID);
    lab.write(
        "Mine/Project.toml",
        [b"name = \"\xff\"\nuuid = \"", UUID.as_bytes(), b"\"\n"].concat(),
    );
    assert_eq!(owner(&lab, &["--project", "Mine"]), UUID);
}
