//! `scratchrs report`.

use std::fs;

use scratchrs_testkit::in_quotes;
#[cfg(unix)]
use scratchrs_testkit::symlink;
use serde_json::{Value, json};

use crate::lab::{GLOBAL, Lab, Run, UUID, json};

/// Text that must be escaped in the page.
#[cfg(unix)]
const HOSTILE: &str = "</script><script>alert(\"x\")<!-- & \u{1b}\u{2028}'/* the data */";

/// A package, an artifact and two spaces, one of which a project keeps.
fn lab() -> Lab {
    let lab = Lab::new();
    lab.write("depot/packages/Mine/abcde/src/Mine.jl", "module Mine end");
    lab.write("depot/artifacts/0123456789012345678901234567890123456789/data", "x".repeat(3000));
    lab.write(&format!("depot/scratchspaces/{UUID}/cache/data"), "x".repeat(2000));
    lab.write(&format!("depot/scratchspaces/{GLOBAL}/empty/data"), "");
    fs::create_dir(lab.path("pages")).unwrap();
    lab.write_log(&format!(
        "[[\"[ROOT]/depot/scratchspaces/{UUID}/cache\"]]\n\
         parent_projects = [\"[ROOT]/Mine/Project.toml\"]\n\
         time = 9999-12-31T01:02:03.004Z\n"
    ));
    lab
}

const REPORT: [&str; 3] = ["report", "--html", "pages/depot.html"];

/// The page, after the program has written it.
fn page(lab: &Lab) -> String {
    let run = lab.run(&REPORT);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{}", run.stderr);
    lab.read("pages/depot.html")
}

/// What the page has in it, as a browser finds it: up to the first end of a script.
fn data(page: &str) -> Value {
    let (_, rest) = page.split_once("<script id=\"data\" type=\"application/json\">").unwrap();
    json(rest.split_once("</script>").unwrap().0)
}

/// `status --json` and the page's data, without what only one of them has, or what time changes.
fn without_times(mut value: Value) -> Value {
    for field in ["generated", "version", "notes"] {
        value.as_object_mut().unwrap().remove(field);
    }
    for entry in value["entries"].as_array_mut().unwrap() {
        entry["until"] = json!(entry["until"].is_string());
        if entry["is_orphan"] == true {
            entry["last_used"] = json!(entry["last_used"].is_string());
        }
    }
    value
}

#[test]
fn the_page_has_the_data_of_status() {
    let lab = lab();
    let page = data(&page(&lab));
    let status = json(&lab.result(&["status", "--json"]));
    assert_eq!(page["entries"].as_array().unwrap().len(), 4);
    assert_eq!(without_times(page), without_times(status));
}

#[test]
fn the_page_loads_no_other_resources() {
    let page = page(&lab());
    assert!(page.starts_with("<!DOCTYPE html>"));
    assert_eq!(page.matches("</html>").count(), 1);
    for resource in ["http:", "https:", " src=", "@import", "url(", "fetch(", "<link rel=\"style"] {
        assert!(!page.contains(resource), "{resource}");
    }
    for place in ["/* the style */", "/* the script */", "/* the data */"] {
        assert!(!page.contains(place), "{place}");
    }
    assert!(page.contains("default-src 'none'"));
}

// Windows allows none of these characters in a name.
#[test]
#[cfg(unix)]
fn names_open_and_close_nothing() {
    let lab = lab();
    let tame = page(&lab);
    // With the slashes, only a depot's path can hold all of it.
    lab.write(&format!("{HOSTILE}/scratchspaces/{UUID}/\"a\n</data"), "x");
    lab.result(&[&REPORT[..], &["--json", "--depot", HOSTILE]].concat());
    let page = lab.read("pages/depot.html");
    assert_eq!(page.matches("<script").count(), tame.matches("<script").count());
    assert_eq!(page.matches("</script").count(), tame.matches("</script").count());
    assert!(!page.contains("<!-- &") && !page.contains('\u{1b}'));
    let entry = &data(&page)["entries"][0];
    assert_eq!(entry["label"], json!(format!("{UUID}/\"a\n<")));
    assert!(entry["path"].as_str().unwrap().contains(HOSTILE), "{entry}");
}

#[test]
fn it_answers_programs_with_the_path_and_the_totals() {
    let lab = lab();
    let answer = json(&lab.result(&[&REPORT[..], &["--json"]].concat()));
    let status = json(&lab.result(&["status", "--json"]));
    let reclaimable = status["kinds"].as_array().unwrap().iter();
    let reclaimable: u64 = reclaimable.map(|kind| kind["reclaimable"].as_u64().unwrap()).sum();
    assert_eq!(
        answer,
        json!({
            "path": "[ROOT]/pages/depot.html",
            "depots": ["[ROOT]/depot"],
            "bytes": status["bytes"],
            "freed": status["freed"],
            "reclaimable": reclaimable,
            "entries": 4,
            "skipped": 0,
            "notes": [],
        })
    );
}

#[test]
fn an_existing_page_is_replaced_atomically() {
    let lab = lab();
    lab.write("pages/depot.html", "older");
    // What a process that was killed has left.
    lab.write("pages/.scratchrs-depot.html-abcdef", "half");
    let older = fs::File::open(lab.path("pages/depot.html")).unwrap();
    assert!(page(&lab).ends_with("</html>\n"));
    // A reader of the older page can read on.
    assert_eq!(std::io::read_to_string(older).unwrap(), "older");
    assert_eq!(fs::read_dir(lab.path("pages")).unwrap().count(), 1);
}

#[test]
fn an_empty_depot_has_an_empty_page_and_a_missing_one_none() {
    let lab = Lab::new();
    fs::create_dir(lab.path("pages")).unwrap();
    for command in
        [&["report", "--html", "pages/page.html"][..], &["status"], &["gc"], &["why", "x"]]
    {
        let refused = Run::failed(2, "error: the depot `[ROOT]/depot` does not exist\n");
        assert_eq!(lab.run(command), refused, "{command:?}");
    }
    assert!(!lab.exists("depot") && !lab.exists("pages/page.html"));
    fs::create_dir(lab.path("depot")).unwrap();
    assert_eq!(data(&page(&lab))["entries"], json!([]));
}

#[test]
fn an_invalid_path_of_a_page_is_refused() {
    let lab = lab();
    let refused = |file: &str, why: &str| {
        let run = lab.run(&["report", "--html", file]);
        let expected =
            Run::failed(1, &format!("error: can't write the page `[ROOT]/pages/{why}\n"));
        assert_eq!(run, expected);
    };
    refused(
        "pages/nowhere/depot.html",
        "nowhere/depot.html`: its directory does not exist\n\
         hint: create the directory, or pass another file",
    );
    fs::create_dir(lab.path("pages/directory")).unwrap();
    refused(
        "pages/directory",
        "directory`: it is a directory\nhint: pass a file: `--html depot.html`",
    );
    #[cfg(unix)]
    {
        symlink("nowhere", lab.path("pages/link"));
        refused("pages/link", "link`: it is not a regular file\nhint: pass another file");
        use std::os::unix::fs::FileTypeExt;
        assert!(lab.command("mkfifo", &["[ROOT]/pages/pipe"]).status().unwrap().success());
        refused("pages/pipe", "pipe`: it is not a regular file\nhint: pass another file");
        assert!(fs::metadata(lab.path("pages/pipe")).unwrap().file_type().is_fifo());
    }
    assert_eq!(lab.run(&["report", "--html", ""]).code, 2);
    assert_eq!(lab.run(&["report"]).code, 2);
}

#[test]
fn errors_of_the_file_system_are_reported() {
    let lab = lab();
    // Longer than any name may be, for root, too.
    let run = lab.run(&["report", "--html", &"x".repeat(300)]);
    assert_eq!(run.code, 1);
    assert!(cfg!(windows) || run.stderr.contains("ENAMETOOLONG"), "{}", run.stderr);
    assert!(run.stderr.contains("hint: pass a writable file"), "{}", run.stderr);
}

#[test]
fn an_artifact_belongs_to_the_package_that_binds_it() {
    let lab = lab();
    let file = "depot/packages/Binder/abcde/Artifacts.toml";
    let hash = "0123456789012345678901234567890123456789";
    lab.write(file, format!("[iris]\ngit-tree-sha1 = \"{hash}\"\n"));
    let log = format!("[[\"{}\"]]\ntime = 9999-12-31T01:02:03.004Z\n", in_quotes(lab.path(file)));
    lab.write("depot/logs/artifact_usage.toml", log);
    let data = data(&page(&lab));
    let entries = data["entries"].as_array().unwrap().iter();
    let mut packages: Vec<_> =
        entries.map(|entry| (entry["label"].as_str().unwrap(), &entry["package"])).collect();
    packages.sort_by_key(|(label, _)| *label);
    assert_eq!(
        packages,
        [
            ("(global)/empty", &json!("(global)")),
            ("7876af07-990d-54b4-ab0e-23690620f79a/cache", &json!(UUID)),
            ("Binder", &json!("Binder")),
            ("Mine", &json!("Mine")),
            ("iris", &json!("Binder")),
        ]
    );
}
