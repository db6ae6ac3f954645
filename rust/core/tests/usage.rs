//! The usage logs of files. Concurrent processes are tested in `scratchrs-testkit`.

#![expect(clippy::unwrap_used, reason = "a failed setup fails the test")]
#![expect(clippy::disallowed_methods, reason = "tests prepare files themselves")]

use std::fs;
use std::time::Duration;

use scratchrs_core::usage::{self, Tracked};
use scratchrs_model::layout::UsageLogFile::{Artifacts, Manifests};
use scratchrs_model::time::DepotTime;
use scratchrs_testkit::DepotLab;

fn time(text: &str) -> DepotTime {
    DepotTime::from_toml(&text.parse().unwrap()).unwrap()
}

fn now() -> DepotTime {
    time("2026-11-24T12:00:00")
}

fn file(lab: &DepotLab, name: &str) -> String {
    let path = lab.root().join(name);
    fs::write(&path, "").unwrap();
    path.to_str().unwrap().to_owned()
}

/// As by `Pkg.Types.write_env_usage` of Julia 1.10.
#[test]
fn a_log_has_one_record_for_each_file_sorted() {
    let lab = DepotLab::new();
    let (one, two) = (file(&lab, "a.toml"), file(&lab, "b.toml"));
    let entry =
        |path: &str, time: &str| format!("[[\"{}\"]]\ntime = {time}\n", path.replace('\\', r"\\"));
    let (early, late) = ("2024-01-02T03:04:05.006Z", "2025-01-02T03:04:05.006Z");
    let log = entry(&two, early) + &entry(&two, late) + &entry("/gone", early);
    lab.write("logs/artifact_usage.toml", &log);
    let tracked = usage::track_files(lab.place().depot, Artifacts, &[&one], now(), Duration::ZERO);
    assert_eq!(tracked.unwrap(), Tracked { recorded: true, removed_records: vec![] });
    let text = fs::read_to_string(lab.path("logs/artifact_usage.toml")).unwrap();
    let entries =
        [entry("/gone", early), entry(&one, "2026-11-24T12:00:00.000Z"), entry(&two, late)];
    assert_eq!(text, entries.join("\n"));
}

#[test]
fn a_torn_log_is_repaired_and_keeps_its_valid_records() {
    let lab = DepotLab::new();
    let one = file(&lab, "a.toml");
    lab.write("logs/manifest_usage.toml", "[[\"/kept\"]]\ntime = 2024-01-02T03:04:05Z\n[[\"/to");
    let tracked = usage::track_files(lab.place().depot, Manifests, &[&one], now(), Duration::ZERO);
    assert_eq!(tracked.unwrap().removed_records.len(), 1);
    let (log, skipped) = usage::read_log(lab.place().depot, Manifests).unwrap();
    let paths: Vec<&str> = log.iter().map(|(path, _)| path).collect();
    assert_eq!((paths, skipped), (vec!["/kept", one.as_str()], vec![]));
}

#[test]
fn the_use_of_a_missing_file_is_not_logged() {
    let lab = DepotLab::new();
    let tracked =
        usage::track_files(lab.place().depot, Artifacts, &["/gone"], now(), Duration::ZERO);
    assert_eq!(tracked.unwrap(), Tracked::default());
    assert_eq!(lab.tree(), "");
}
