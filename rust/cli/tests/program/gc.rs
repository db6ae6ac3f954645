//! `scratchrs gc`, `status` and `why`.

use scratchrs_testkit::in_quotes;
use serde_json::json;

use crate::lab::{Lab, Run, UUID, json};

const HASH: &str = "1111111111111111111111111111111111111111";
const OTHER: &str = "2222222222222222222222222222222222222222";

/// An artifact that a file binds, one that none does, and a space without a usage record.
fn lab() -> Lab {
    let lab = Lab::new();
    lab.write(&format!("depot/artifacts/{HASH}/file"), "x".repeat(2048));
    lab.write(&format!("depot/artifacts/{OTHER}/file"), "x".repeat(1024));
    lab.write(&format!("depot/scratchspaces/{UUID}/cache/file"), "x");
    lab.write("Mine/Artifacts.toml", format!("[iris]\ngit-tree-sha1 = \"{HASH}\"\n"));
    let file = lab.path("Mine/Artifacts.toml");
    let log = format!("[[\"{}\"]]\ntime = 2024-01-02T03:04:05.006Z\n", in_quotes(file));
    lab.write("depot/logs/artifact_usage.toml", log);
    lab
}

#[test]
fn a_dry_run_and_a_collection() {
    let lab = lab();
    let run = lab.run(&["gc", "--dry-run", "--collect-delay", "0"]);
    let expected = "      \
      Active 0 manifests, 1 artifact file, 0 scratch spaces
  Would free 1.0 KiB
             artifacts      1     1.0 KiB   unreachable
             spaces         1      1 byte   unreachable
             Nothing was deleted.
";
    assert_eq!(run.stdout.trim_start(), expected.trim_start());
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    assert!(lab.exists(&format!("depot/artifacts/{OTHER}")));
    let run = lab.run(&["gc", "--collect-delay", "0"]);
    assert!(run.stdout.ends_with("Freed 1.0 KiB: 1 artifact, 1 space\n"), "{}", run.stdout);
    assert!(!lab.exists(&format!("depot/artifacts/{OTHER}")));
    assert!(lab.exists(&format!("depot/artifacts/{HASH}/file")));
    assert!(!lab.exists("depot/scratchspaces/7876af07-990d-54b4-ab0e-23690620f79a"));
}

/// The debug log has the decision on each item, each root that does not count, and each deletion, with reasons.
#[test]
fn the_debug_log_gives_the_reason_of_each_decision() {
    let mut lab = lab();
    let record = |path: &str| format!("[[\"{path}\"]]\ntime = 2024-01-02T03:04:05.006Z\n");
    let log = "depot/logs/artifact_usage.toml";
    let file = in_quotes(lab.path("Mine/Artifacts.toml"));
    lab.write(log, record(&file) + &record("/nowhere/Artifacts.toml"));
    lab.set("SCRATCHRS_LOG", "debug");
    let lines = |lab: &Lab, arguments: &[&str]| -> Vec<String> {
        let run = lab.run(arguments);
        assert_eq!(run.code, 0, "{}", run.stderr);
        let lines = run.stderr.lines().filter_map(|line| line.strip_prefix("debug: "));
        lines.map(str::to_owned).collect()
    };
    let assert_has = |lines: &[String], expected: &str| {
        let count = lines.iter().filter(|line| line.starts_with(expected)).count();
        assert_eq!(count, 1, "{expected}\n{lines:#?}");
    };
    let kept = format!(
        "keeping `[ROOT]/depot/artifacts/{HASH}`: referenced by the artifact file `[ROOT]/Mine/Artifacts.toml`"
    );
    let orphan = format!("[ROOT]/depot/artifacts/{OTHER}");
    let found = lines(&lab, &["gc", "--collect-delay", "7d"]);
    for expected in [
        &kept,
        &format!("keeping `{orphan}` until "),
        "`/nowhere/Artifacts.toml` does not exist: it references nothing",
        "dropping `/nowhere/Artifacts.toml` from `[ROOT]/depot/logs/artifact_usage.toml`",
    ] {
        assert_has(&found, expected);
    }
    lab.write("Mine/Manifest.toml", "[[deps");
    let manifest = lab.path("Mine/Manifest.toml");
    lab.write("depot/logs/manifest_usage.toml", record(&in_quotes(manifest)));
    let collect = ["gc", "--collect-delay", "0"];
    let found = lines(&lab, &[&collect[..], &["--dry-run"]].concat());
    let deletable = "unreachable for longer than the collection delay";
    for expected in [
        &kept,
        &format!("`{orphan}` is deletable: {deletable}"),
        "`[ROOT]/Mine/Manifest.toml` is unreadable, everything in packages and clones is kept: ",
    ] {
        assert_has(&found, expected);
    }
    assert!(!found.iter().any(|line| line.starts_with("deleting")), "{found:#?}");
    // As if a process had just created it.
    lab.write(&format!("depot/artifacts/{OTHER}@tree"), "");
    let found = lines(&lab, &collect);
    assert_has(&found, &format!("keeping `{orphan}`: it was made just now"));
    std::fs::remove_file(lab.path(&format!("depot/artifacts/{OTHER}@tree"))).unwrap();
    let found = lines(&lab, &collect);
    assert_has(&found, &format!("deleting `{orphan}`: {deletable}"));
    lab.set("SCRATCHRS_LOG", "");
    assert!(!lab.run(&collect).stderr.contains("debug: "));
}

/// The report names the file, the place and what can be done about it.
#[test]
fn an_unreadable_root_keeps_what_it_may_reference() {
    let lab = lab();
    let torn = format!("[iris]\ngit-tree-sha1 = \"{}", &HASH[..20]);
    lab.write("Mine/Artifacts.toml", &torn);
    let file = lab.path("Mine/Artifacts.toml").display().to_string();
    let gc = ["gc", "--dry-run", "--collect-delay", "0"];
    let run = lab.run(&gc);
    let skipped = "\
     Skipped 1 unreadable file: everything that it may reference is kept. Repair or delete it, or pass \
     `--ignore-root PATH`\n               [ROOT]/Mine/Artifacts.toml:2:";
    assert!(run.stdout.contains(skipped.trim_start()), "{}", run.stdout);
    assert!(!run.stdout.contains("artifacts"), "{}", run.stdout);
    let json_of = |more: &[&str]| json(&lab.result(&[&gc[..], &["--json"], more].concat()));
    let answer = json_of(&[]);
    assert_eq!(answer["skipped"][0]["consequence"], json!("held"));
    assert_eq!(answer["skipped"][0]["line"], json!(2));
    assert_eq!(answer["gone"].as_array().unwrap().len(), 1, "the space, which it cannot reference");
    let answer = json_of(&["--ignore-root", &file]);
    assert_eq!((&answer["skipped"], answer["gone"].as_array().unwrap().len()), (&json!([]), 3));
    let why = lab.result(&["why", HASH]);
    assert!(why.contains("Mine/Artifacts.toml"), "{why}");
    let why = lab.result(&["why", HASH, "--ignore-root", &file]);
    assert!(!why.contains("Mine/Artifacts.toml"), "{why}");
    let status = json(&lab.result(&["status", "--json", "--ignore-root", &file]));
    assert_eq!(status["skipped"], json!([]));
}

#[test]
fn json_is_the_report() {
    let lab = lab();
    let answer = json(&lab.result(&["gc", "--collect-delay", "0", "--json"]));
    assert_eq!(answer["gone"][0]["path"], json!(format!("[ROOT]/depot/artifacts/{OTHER}")));
    assert_eq!((&answer["bytes"], &answer["dry_run"]), (&json!(1025), &json!(false)));
    let answer = json(&lab.result(&["status", "--json"]));
    assert_eq!(answer["entries"][0]["label"], json!("iris"));
    let answer = json(&lab.result(&["why", "iris", "--json"]));
    assert_eq!(answer["found"][0]["causes"][0]["name"], json!("iris"));
}

#[test]
fn text_is_a_table_and_a_tree() {
    let lab = lab();
    let status = lab.result(&["status"]);
    assert!(
        status.starts_with("[ROOT]/depot   3.0 KiB on disk   1.0 KiB reclaimable\n"),
        "{status}"
    );
    assert!(status.contains("iris"), "{status}");
    let why = lab.result(&["why", "iris"]);
    assert!(why.contains("└─ bound as `iris` by [ROOT]/Mine/Artifacts.toml"), "{why}");
    let why = lab.result(&["why", "cache"]);
    assert!(why.contains("└─ unreachable"), "{why}");
    let expected = Run::failed(
        3,
        "error: no package, clone, artifact, scratch space or name in the store `nothing` in `[ROOT]/depot`\n\
         hint: `scratchrs status --all` lists all items\n",
    );
    assert_eq!(lab.run(&["why", "nothing"]), expected);
}

#[test]
fn invalid_durations_and_sizes_are_refused() {
    let lab = lab();
    for (arguments, message) in [
        (["--collect-delay", "soon"], "invalid duration `soon`: expected "),
        (["--collect-delay", "7"], "invalid duration `7`: expected "),
        (["--collect-delay=-7d", "-n"], "invalid duration `-7d`: expected "),
        (["--max-size", "much"], "invalid size `much`: expected "),
        (["--max-size", "50"], "invalid size `50`: expected "),
    ] {
        let run = lab.run(&[&["gc"][..], &arguments].concat());
        assert_eq!(run.code, 2);
        assert!(run.stderr.contains(message), "{}", run.stderr);
    }
}

#[test]
fn everything_with_a_hash_is_verified() {
    let lab = lab();
    let run = lab.run(&["verify"]);
    assert_eq!(run.code, 1);
    assert!(run.stdout.contains(&format!("corrupt {HASH}")), "{run:?}");
    assert!(
        run.stderr.contains("error: 2 of 2 artifacts do not match their hashes; 0 files"),
        "{run:?}"
    );
    let answer = json(&lab.run(&["verify", "--json"]).stdout);
    assert_eq!(answer["artifacts"]["corrupt"][0]["hash"], json!(HASH));
    assert_eq!(answer["store"]["corrupt"], json!([]));
    assert_eq!(
        lab.run(&["gc", "--collect-delay", "0", "--ignore-root", "[ROOT]/Mine/Artifacts.toml"])
            .code,
        0
    );
    let sound = lab.run(&["verify"]);
    assert!(
        sound.code == 0 && sound.stderr.starts_with("0 artifacts match their hashes\n"),
        "{sound:?}"
    );
}
