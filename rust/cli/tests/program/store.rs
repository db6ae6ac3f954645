//! `scratchrs store`.

use std::fs;

use scratchrs_testkit::{set_mode, symlink};
use serde_json::{Value, json};

use crate::lab::{Lab, Run, json};

const STORE: &str = "depot/scratchspaces/8df67668-ca49-459c-97b7-c4421c9c1418/store";
/// The blob "hi" by SHA-256, as git and Pkg have it.
const HI: &str = "a4e13f7dfd8345eae550125113b9d9bcd4b0f781037c02afb133fd98f5f973ae";

fn lab() -> Lab {
    let mut lab = Lab::new();
    lab.set("JULIA_PROJECT", "[ROOT]/env");
    lab.write("one/a", "hi");
    lab.write("one/b/run", "#!/bin/sh\n");
    set_mode(lab.path("one/b/run"), 0o755);
    lab.write("two/a", "hi");
    lab.write("hi", "hi");
    lab
}

fn store(lab: &Lab, arguments: &[&str]) -> Run {
    lab.run(&[&["store"], arguments].concat())
}

fn answer(lab: &Lab, arguments: &[&str]) -> Value {
    let run = store(lab, &[arguments, &["--json"]].concat());
    assert_eq!(run.stderr, "", "{arguments:?}");
    json(&run.stdout)
}

#[test]
fn contents_are_stored_once_and_bound_to_a_name() {
    let lab = lab();
    let added = store(&lab, &["add", "hi", "hi"]);
    let path = format!("[ROOT]/{STORE}/artifacts/a4/{HI}");
    let said = format!("Stored `{path}`\n");
    assert_eq!(added, Run { code: 0, stdout: format!("{HI}\n"), stderr: said });
    assert!(lab.exists("hi"), "it is a copy");
    let log = format!(
        "[[\"[ROOT]/{STORE}\"]]\nparent_projects = [\"[ROOT]/env/Project.toml\"]\ntime = [TIME]\n"
    );
    assert_eq!(lab.log(), log, "the store stays as long as the project");
    for tree in ["one", "two"] {
        assert_eq!(store(&lab, &["add", tree, tree, "--link", "hardlink"]).code, 0);
    }
    assert_eq!(lab.result(&["store", "get", "hi"]), format!("{path}\n"));
    let one = answer(&lab, &["get", "one"]);
    let directory = one["path"].as_str().unwrap();
    assert_eq!(
        fs::read_to_string(
            format!("{directory}/a").replace("[ROOT]", lab.path("").to_str().unwrap())
        )
        .unwrap(),
        "hi"
    );
    let list = answer(&lab, &["list"]);
    assert_eq!((list["files"].as_u64(), list["trees"].as_u64()), (Some(2), Some(2)));
    // On Windows, files of trees may be executed, and so they are not the file that is stored alone.
    assert_eq!(list["saved_bytes"], if cfg!(windows) { 2 } else { 4 });
    let again = answer(&lab, &["add", "two", "other", "--project", "Mine"]);
    assert_eq!(again["is_new"], false);
    assert!(
        again["file"]
            .as_str()
            .unwrap()
            .ends_with("/7876af07-990d-54b4-ab0e-23690620f79a/Artifacts.toml")
    );
    assert_eq!(store(&lab, &["get", "other"]).code, 3);
    assert_eq!(lab.result(&["store", "get", "other", "--project", "Mine"]).lines().count(), 1);
    let verified = store(&lab, &["verify"]);
    let (files, bytes) = if cfg!(windows) { (3, 14) } else { (2, 12) };
    let said = format!("{files} files and 2 trees are intact ({bytes} bytes read)\n");
    assert_eq!(verified, Run::failed(0, &said));
    assert!(
        !lab.exists(&format!("{STORE}/work"))
            || fs::read_dir(lab.path(&format!("{STORE}/work"))).unwrap().count() == 0
    );
}

#[test]
fn contents_without_a_project_are_kept_while_they_are_bound() {
    let lab = Lab::new();
    lab.write("hi", "hi");
    let said = format!("Stored `[ROOT]/{STORE}/artifacts/a4/{HI}`\n");
    let added = store(&lab, &["add", "hi", "hi"]);
    assert_eq!(added, Run { code: 0, stdout: format!("{HI}\n"), stderr: said });
    assert_eq!(lab.run(&["gc", "--collect-delay", "0"]).code, 0);
    assert_eq!(store(&lab, &["get", "hi"]).code, 0);
}

#[test]
fn a_table_shows_the_bound_names() {
    let lab = lab();
    assert_eq!(store(&lab, &["list"]).stdout, "");
    store(&lab, &["add", "hi", "a name"]);
    let run = store(&lab, &["list"]);
    let lines: Vec<_> = run.stdout.lines().map(str::trim_end).collect();
    assert_eq!(lines.len(), 2, "{run:?}");
    assert!(lines[1].starts_with("\"a name\"") && lines[1].contains("2 bytes"), "{run:?}");
    assert!(run.stderr.contains("1 file and 0 trees in"), "{run:?}");
}

#[test]
fn only_unbound_contents_are_collected() {
    let lab = lab();
    store(&lab, &["add", "one", "one"]);
    store(&lab, &["add", "hi", "hi"]);
    assert_eq!(store(&lab, &["remove", "one"]).code, 0);
    assert_eq!(store(&lab, &["remove", "one"]).code, 3);
    let collect = |delay| {
        let report = json(&lab.result(&["gc", "--collect-delay", delay, "--json"]));
        (report["store"]["count"].clone(), report["store"]["waiting"].clone())
    };
    assert_eq!(collect("7d"), (json!(0), json!(2)));
    assert_eq!(collect("0"), (json!(2), json!(0)));
    assert_eq!(store(&lab, &["get", "hi"]).code, 0);
}

#[test]
fn errors_of_the_store_are_reported() {
    let lab = lab();
    let missing = store(&lab, &["add", "nothing", "x"]);
    let said = "error: there is neither a file nor a directory `[ROOT]/nothing`\n";
    assert_eq!(missing, Run::failed(3, said));
    store(&lab, &["add", "hi", "hi"]);
    let taken = store(&lab, &["add", "one", "hi"]);
    assert_eq!(taken.code, 1);
    assert!(taken.stderr.starts_with("error: \"hi\" is already bound in"), "{taken:?}");
    assert_eq!(store(&lab, &["add", "one", "hi", "--force"]).code, 0);
    let absent = store(&lab, &["get", &"0".repeat(64)]);
    assert_eq!(absent.code, 3);
    assert_eq!(store(&lab, &["get", "x"]).code, 3);
    assert_eq!(store(&lab, &["add", "one", "y", "--link", "junction"]).code, 2);
}

#[test]
fn a_link_to_nothing_is_not_stored() {
    let lab = lab();
    symlink("nowhere", lab.path("one/dangling"));
    let dangling = store(&lab, &["add", "one", "y"]);
    assert!(
        dangling.code == 2 && dangling.stderr.contains("leads to a missing file"),
        "{dangling:?}"
    );
}

#[test]
fn corruption_is_found() {
    let lab = lab();
    store(&lab, &["add", "hi", "hi"]);
    let content = format!("{STORE}/artifacts/a4/{HI}");
    lab.set_writable(&content);
    lab.write(&content, "ho");
    let run = store(&lab, &["verify"]);
    assert_eq!(run.code, 1);
    assert!(
        run.stdout.starts_with(&format!("corrupt [ROOT]/{content}\n  its content has the hash")),
        "{run:?}"
    );
    assert!(run.stdout.contains("affects \"hi\" in"), "{run:?}");
    let corrupt = json(&store(&lab, &["verify", "--json"]).stdout);
    assert_eq!(corrupt["corrupt"][0]["bound_by"][0]["name"], "hi");
}

/// A store as OhMyArtifacts.jl lays it out.
#[test]
fn the_store_of_the_peer_is_listed_and_adopted() {
    let lab = lab();
    let none = store(&lab, &["adopt"]);
    assert_eq!(none.code, 3);
    let peer = "depot/scratchspaces/cf8be1f4-309d-442e-839d-29d2a0af6cb7/0.3";
    lab.write(&format!("{peer}/artifacts/a4/{HI}"), "hi");
    let file = format!("{peer}/7876af07-990d-54b4-ab0e-23690620f79a/Artifacts.toml");
    lab.write(&file, format!("[x]\nisdir = false\nsha256 = \"{HI}\"\n"));
    let list = answer(&lab, &["list", "--store", peer]);
    assert_eq!(
        (list["files"].as_u64(), &list["artifacts"][0]["bound_by"][0]["name"]),
        (Some(1), &Value::from("x"))
    );
    let get = ["store", "get", "x", "--project", "Mine"];
    let there = format!("[ROOT]/{peer}/artifacts/a4/{HI}\n");
    assert_eq!(lab.result(&[&get[..], &["--store", peer]].concat()), there);
    assert_eq!(store(&lab, &["adopt"]), Run::failed(0, "Adopted 1 artifact and 1 name\n"));
    assert_eq!(lab.result(&["store", "get", "x", "--project", "Mine"]).lines().count(), 1);
}

#[test]
fn a_collection_of_the_depot_deletes_unbound_contents_and_keeps_the_store() {
    let lab = lab();
    store(&lab, &["add", "one", "one"]);
    store(&lab, &["add", "hi", "hi"]);
    store(&lab, &["remove", "one"]);
    // No user of the space is known.
    fs::remove_dir_all(lab.path("depot/logs")).ok();
    let gc = |more: &[&str]| {
        let run = lab.run(&[&["gc", "--collect-delay", "0", "--json"], more].concat());
        assert_eq!(run.code, 0, "{}", run.stderr);
        json(&run.stdout)
    };
    let share = serde_json::json!({
        "count": 2, "bytes": 10, "waiting": 0, "waiting_bytes": 0, "abandoned": 0
    });
    for more in [&["--dry-run"][..], &[]] {
        let answer = gc(more);
        assert_eq!(answer["store"], share, "{answer}");
        let gone = answer["gone"].as_array().unwrap();
        assert!(gone.len() == 2 && gone.iter().all(|gone| gone["kind"] == "store"), "{answer}");
        let sizes: u64 = gone.iter().map(|gone| gone["bytes"].as_u64().unwrap()).sum();
        assert_eq!((&answer["bytes"], sizes), (&10.into(), 10));
    }
    assert_eq!(gc(&[])["store"]["count"], Value::from(0));
    assert_eq!(store(&lab, &["get", "hi"]).code, 0);
    assert!(lab.exists(STORE));
    store(&lab, &["remove", "hi"]);
    fs::remove_dir_all(lab.path("depot/logs")).ok();
    gc(&[]);
    assert!(lab.exists(STORE), "it was used just now");
    fs::remove_file(lab.path(&format!("{STORE}/logs/my_artifact_users.log"))).unwrap();
    gc(&[]);
    assert!(!lab.exists(STORE), "nothing binds what is in it");
}

#[test]
fn why_skips_an_unreadable_store() {
    let lab = lab();
    store(&lab, &["add", "hi", "hi"]);
    let log = format!("{STORE}/logs/my_artifact_uses.log");
    fs::remove_file(lab.path(&log)).unwrap();
    fs::create_dir(lab.path(&log)).unwrap();
    let note = "note: 1 file left alone\n  ";
    let missing = lab.run(&["why", "hi"]);
    assert!(missing.code == 3 && missing.stderr.starts_with(note), "{missing:?}");
    assert!(missing.stderr.contains("my_artifact_uses.log") && missing.stderr.contains("error: "));
    let space = lab.run(&["why", STORE]);
    assert!(space.code == 0 && space.stderr.starts_with(note), "{space:?}");
    let space = json(&lab.result(&["why", STORE, "--json"]));
    assert_eq!(space["skipped"][0]["consequence"], "passed", "{space}");
}

#[test]
fn the_store_has_its_own_row() {
    let lab = lab();
    store(&lab, &["add", "one", "one"]);
    store(&lab, &["add", "hi", "hi"]);
    store(&lab, &["add", "hi", "hi again"]);
    store(&lab, &["remove", "one"]);
    let status = json(&lab.result(&["status", "--json"]));
    let share = status["kinds"].as_array().unwrap().iter().find(|kind| kind["kind"] == "store");
    assert_eq!(share.unwrap()["count"], Value::from(2), "{status}");
    assert!(share.unwrap()["reclaimable"].as_u64() < share.unwrap()["bytes"].as_u64());
    let sum: u64 = status["kinds"]
        .as_array()
        .unwrap()
        .iter()
        .map(|kind| kind["bytes"].as_u64().unwrap())
        .sum();
    assert_eq!(status["bytes"].as_u64(), Some(sum));
    let entries = status["entries"].as_array().unwrap();
    let hi = entries.iter().find(|entry| entry["label"] == "hi").unwrap();
    assert_eq!(
        (&hi["kind"], &hi["names"], &hi["bytes"]),
        (&"store".into(), &2.into(), &1.into()),
        "one has it too"
    );
    assert!(entries.iter().all(|entry| entry["kind"] == "store"), "its space is not shown again");
    let text = lab.result(&["status"]);
    assert!(text.contains("2 files\n") && text.contains("2 names"), "{text}");
    let why = lab.result(&["why", "hi again"]);
    assert!(why.contains("bound as `hi` by ") && why.contains("bound as `hi again` by "), "{why}");
    assert_eq!(lab.result(&["why", HI]), why);
    let list = answer(&lab, &["list"]);
    let path = list["artifacts"].as_array().unwrap().iter().find(|found| found["hash"] == HI);
    assert_eq!(lab.result(&["why", path.unwrap()["path"].as_str().unwrap()]), why);
    let run = lab.run(&["gc", "--dry-run", "--collect-delay", "0"]);
    assert!(run.stdout.contains("store          2"), "{}", run.stdout);
    let run = lab.run(&["gc", "--collect-delay", "0"]);
    assert!(run.stdout.contains(": 2 in the store\n"), "{}", run.stdout);
}
