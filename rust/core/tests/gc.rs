//! Collections: kept and deleted items, and depots in invalid states.

#![expect(clippy::unwrap_used, reason = "what cannot be set up ends the test")]
#![expect(clippy::disallowed_methods, reason = "tests prepare files themselves")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use chrono::TimeDelta;
use scratchrs_core::ErrorCode;
use scratchrs_core::gc::{
    self, Category, CauseKind, Consequence, Explained, Moment, Options, Report, Standing,
};
use scratchrs_core::store;
use scratchrs_fs::{Attempt, PidLock, Policy as LockPolicy, Progress};
use scratchrs_model::collection::Policy;
use scratchrs_model::depot_path::DepotPath;
use scratchrs_model::slug::Slug;
use scratchrs_model::time::DepotTime;
#[cfg(unix)]
use scratchrs_testkit::set_mode;
use scratchrs_testkit::{DepotLab, in_quotes, native, symlink};

const UUID: &str = "7876af07-990d-54b4-ab0e-23690620f79a";
const TREE: &str = "46e44e869b4d90b96bd8ed1fdcf32244fddfb6cc";
const HASH: &str = "1111111111111111111111111111111111111111";
const OTHER: &str = "2222222222222222222222222222222222222222";

#[expect(clippy::disallowed_methods, reason = "the files of the test are made now")]
fn moment() -> Moment {
    let now = DepotTime::from_local(chrono::Local::now().naive_local());
    Moment { now, clock: SystemTime::now() }
}

fn options(lab: &DepotLab) -> Options {
    Options {
        depots: vec![lab.place().depot.clone()],
        policy: Policy { collect_delay: TimeDelta::zero(), scratch_cleanup_period: None },
        all_depots: false,
        evict_in_use: false,
        max_size: None,
        dry_run: false,
        lock_timeout: Duration::from_secs(10),
        ignore_roots: Vec::new(),
    }
}

fn collect(options: &Options) -> Report {
    gc::collect(options, moment(), &Progress::default()).unwrap()
}

/// A depot in which a manifest outside references a package, which references an artifact and a
/// space; and an unreachable item of each kind.
fn lab() -> DepotLab {
    let lab = DepotLab::new();
    let slug = Slug::of(UUID.parse().unwrap(), TREE.parse().unwrap());
    let package = format!("packages/Example/{}", slug.as_str());
    let outside = lab.root().join("work");
    fs::create_dir(&outside).unwrap();
    fs::write(
        outside.join("Manifest.toml"),
        format!("[[Example]]\ngit-tree-sha1 = \"{TREE}\"\nuuid = \"{UUID}\"\n"),
    )
    .unwrap();
    lab.write(&format!("{package}/Project.toml"), "");
    lab.write(&format!("{package}/Artifacts.toml"), &format!("[a]\ngit-tree-sha1 = \"{HASH}\"\n"));
    lab.write(&format!("artifacts/{HASH}/file"), "kept");
    lab.write(&format!("scratchspaces/{UUID}/kept/file"), "kept");
    lab.write("packages/Example/abcde/file", "gone");
    lab.write(&format!("artifacts/{OTHER}/file"), "gone");
    lab.write(&format!("scratchspaces/{UUID}/gone/file"), "gone");
    lab.write("clones/123/config", "");
    let log = |name: &str, key: &Path, more: &str| {
        let text = format!("[[\"{}\"]]\n{more}time = 2024-01-01T00:00:00.000Z\n", in_quotes(key));
        lab.write(&format!("logs/{name}_usage.toml"), &text);
    };
    log("manifest", &outside.join("Manifest.toml"), "");
    log("artifact", &lab.path(&format!("{package}/Artifacts.toml")), "");
    let project = lab.path(&format!("{package}/Project.toml"));
    let parents = format!("parent_projects = [\"{}\"]\n", in_quotes(project));
    log("scratch", &lab.path(&format!("scratchspaces/{UUID}/kept")), &parents);
    lab
}

/// The paths of the deleted items, relative to the depot.
fn gone(lab: &DepotLab, report: &Report) -> Vec<String> {
    let below = |path: &String| path.strip_prefix(lab.depot()).unwrap()[1..].replace('\\', "/");
    let mut gone: Vec<_> = report.gone.iter().map(|gone| below(&gone.path)).collect();
    gone.sort();
    gone
}

fn all_that_can_go() -> Vec<String> {
    vec![
        format!("artifacts/{OTHER}"),
        "clones/123".to_owned(),
        "packages/Example/abcde".to_owned(),
        format!("scratchspaces/{UUID}/gone"),
    ]
}

#[test]
fn a_dry_run_says_what_a_collection_does_and_touches_nothing() {
    let lab = lab();
    let before = lab.tree();
    let options = options(&lab);
    let dry = collect(&Options { dry_run: true, ..options.clone() });
    assert_eq!(lab.tree(), before);
    assert_eq!(gone(&lab, &dry), all_that_can_go());
    assert_eq!((dry.manifests, dry.artifact_files, dry.spaces), (1, 1, 1));
    let report = collect(&options);
    assert_eq!(gone(&lab, &report), all_that_can_go());
    assert_eq!(report.size_of_gone(None), dry.size_of_gone(None));
    assert!(report.failures.is_empty(), "{:?}", report.failures);
    let names = lab.names();
    assert!(all_that_can_go().iter().all(|path| !names.contains(&format!("{path}/"))));
    assert!(names.iter().any(|name| name.ends_with("kept/file")));
    assert!(!names.contains(&"packages/Example/abcde/".to_owned()));
    assert!(collect(&options).gone.is_empty(), "the second time there is nothing to do");
}

#[test]
fn an_orphan_waits_and_is_written_down() {
    let lab = lab();
    let mut options = options(&lab);
    options.policy.collect_delay = TimeDelta::days(7);
    let report = collect(&options);
    assert!(report.gone.is_empty());
    assert_eq!(report.waiting.len(), 4);
    let orphans: toml::Table =
        fs::read_to_string(lab.path("logs/orphaned.toml")).unwrap().parse().unwrap();
    let expected = all_that_can_go().into_iter().map(|path| lab.path(&path));
    let expected: Vec<_> = expected.map(|path| path.to_str().unwrap().to_owned()).collect();
    assert_eq!(orphans.keys().cloned().collect::<Vec<_>>(), expected);
    options.policy.collect_delay = TimeDelta::milliseconds(1);
    assert_eq!(gone(&lab, &collect(&options)), all_that_can_go());
}

/// With a grace period, an artifact that only a deletable package binds is kept this time: the next
/// collection finds that the package is deleted.
#[test]
fn what_goes_is_decided_once() {
    let lab = lab();
    fs::remove_file(lab.root().join(native("work/Manifest.toml"))).unwrap();
    let slug = Slug::of(UUID.parse().unwrap(), TREE.parse().unwrap());
    let package = format!("packages/Example/{}", slug.as_str());
    let artifact = format!("artifacts/{HASH}");
    let since = |path: &str| format!("\"{}\" = 2024-01-01T00:00:00Z\n", in_quotes(lab.path(path)));
    lab.write("logs/orphaned.toml", &(since(&package) + &since(&artifact)));
    let mut options = options(&lab);
    options.policy.collect_delay = TimeDelta::days(7);
    assert_eq!(gone(&lab, &collect(&options)), [package]);
    assert!(lab.path(&artifact).exists());
}

/// The items that an unreadable root might reference, in the order of the kinds.
fn all_but(kinds: &[&str]) -> Vec<String> {
    let is_of = |path: &String| kinds.iter().any(|kind| path.starts_with(kind));
    all_that_can_go().into_iter().filter(|path| !is_of(path)).collect()
}

/// Invalid texts, as after crashes and merges, or by editors and servers.
fn damaged(text: &str) -> Vec<(&'static str, Vec<u8>)> {
    let utf16 = |bom: &str, bytes: fn(u16) -> [u8; 2]| {
        format!("{bom}{text}").encode_utf16().flat_map(bytes).collect::<Vec<u8>>()
    };
    vec![
        ("empty", Vec::new()),
        ("cut in the last word", text.as_bytes()[..text.len() - 22].to_vec()),
        ("cut in the first line", text.as_bytes()[..2].to_vec()),
        ("UTF-16, little endian", utf16("\u{feff}", u16::to_le_bytes)),
        ("UTF-16, big endian", utf16("\u{feff}", u16::to_be_bytes)),
        ("UTF-16 without a mark", utf16("", u16::to_le_bytes)),
        ("UTF-16, big endian, without a mark", utf16("", u16::to_be_bytes)),
        ("zeros", vec![0; text.len()]),
        ("zeros at the end", [text.as_bytes(), &[0; 512]].concat()),
        ("zeros at the beginning", [&[0; 512], text.as_bytes()].concat()),
        ("a page", b"<!DOCTYPE html>\n<html><body>404</body></html>\n".to_vec()),
        ("JSON", b"{\"deps\": {\"Example\": []}}\n".to_vec()),
        ("compressed", b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x4b\x04\x00".to_vec()),
        ("line ends of an old Mac", text.replace('\n', "\r").into_bytes()),
        ("another encoding", [b"# caf\xe9\n", text.as_bytes()].concat()),
        ("a line without sense", format!("{text}x = = 1\n").into_bytes()),
        ("a line without end", format!("{text}[[Broken").into_bytes()),
        ("a string without end", format!("{text}x = \"\"\"\n").into_bytes()),
        ("half a conflict", format!("<<<<<<< HEAD\n{text}").into_bytes()),
    ]
}

#[test]
fn a_manifest_that_is_not_understood_keeps_all_packages_and_clones() {
    let lab = lab();
    let manifest = lab.root().join(native("work/Manifest.toml"));
    let text = fs::read_to_string(&manifest).unwrap();
    for (state, bytes) in damaged(&text) {
        fs::write(&manifest, bytes).unwrap();
        let report = collect(&Options { dry_run: true, ..options(&lab) });
        assert_eq!(gone(&lab, &report), all_but(&["packages", "clones"]), "{state}");
        let note =
            report.notes.iter().find(|note| note.consequence == Consequence::Unreadable).unwrap();
        assert_eq!(note.path, manifest.to_str().unwrap(), "{state}");
    }
    // Megabytes with a torn last line.
    let entry = "\n[[Other]]\nuuid = \"00000000-0000-0000-0000-000000000001\"\n";
    fs::write(&manifest, text + &entry.repeat((4 << 20) / entry.len()) + "torn = ").unwrap();
    let report = collect(&Options { dry_run: true, ..options(&lab) });
    assert_eq!(gone(&lab, &report), all_but(&["packages", "clones"]));
    // The same in a run that deletes, also in the next one.
    let log = lab.path("logs/manifest_usage.toml");
    let known = fs::read_to_string(&log).unwrap();
    assert_eq!(gone(&lab, &collect(&options(&lab))), all_but(&["packages", "clones"]));
    assert_eq!(fs::read_to_string(log).unwrap(), known);
}

#[test]
fn an_artifact_file_that_is_not_understood_keeps_all_artifacts() {
    let lab = lab();
    let slug = Slug::of(UUID.parse().unwrap(), TREE.parse().unwrap());
    let file = lab.path(&format!("packages/Example/{}/Artifacts.toml", slug.as_str()));
    let text = fs::read_to_string(&file).unwrap();
    for (state, bytes) in damaged(&text) {
        fs::write(&file, bytes).unwrap();
        let report = collect(&Options { dry_run: true, ..options(&lab) });
        assert_eq!(gone(&lab, &report), all_but(&["artifacts"]), "{state}");
        let note =
            report.notes.iter().find(|note| note.consequence == Consequence::Unreadable).unwrap();
        assert_eq!(note.path, file.to_str().unwrap(), "{state}");
    }
    assert_eq!(gone(&lab, &collect(&options(&lab))), all_but(&["artifacts"]));
}

/// Every line is understood: the references of all definitions and all sides are kept, and no
/// others.
#[test]
fn repetitions_and_conflicts_do_not_block_a_collection() {
    let lab = lab();
    let manifest = lab.root().join(native("work/Manifest.toml"));
    let text = fs::read_to_string(&manifest).unwrap();
    let other = text.replace(TREE, &"9".repeat(40));
    for text in [
        format!("{text}{other}"),
        format!("{other}git-tree-sha1 = \"{TREE}\"\n"),
        format!("<<<<<<< HEAD\n{text}=======\n{other}>>>>>>> other\n"),
        format!("<<<<<<< HEAD\n{other}||||||| base\n=======\n{text}>>>>>>> other\n"),
    ] {
        fs::write(&manifest, &text).unwrap();
        let report = collect(&Options { dry_run: true, ..options(&lab) });
        assert_eq!(gone(&lab, &report), all_that_can_go(), "{text}\n{:?}", report.notes);
    }
    let note = collect(&options(&lab)).notes.remove(0);
    assert_eq!((note.consequence, note.diagnostic.line), (Consequence::Faulty, Some(1)));
}

/// An ignored root counts as missing, by any path; its record stays in the log.
#[test]
fn a_root_can_be_ignored() {
    let lab = lab();
    let manifest = lab.root().join(native("work/Manifest.toml"));
    let slug = Slug::of(UUID.parse().unwrap(), TREE.parse().unwrap());
    let package = format!("packages/Example/{}", slug.as_str());
    let text = fs::read_to_string(&manifest).unwrap();
    let mut paths = vec!["work/Manifest.toml"];
    if cfg!(unix) {
        symlink("work", lab.root().join("link"));
        paths.extend(["link/Manifest.toml", "link/../work/./Manifest.toml"]);
    } else {
        paths.extend(["WORK/manifest.TOML", "other/../work/./Manifest.toml"]);
    }
    let ignoring = |path: &Path| Options {
        ignore_roots: vec![path.to_str().unwrap().to_owned()],
        dry_run: true,
        policy: Policy { collect_delay: TimeDelta::zero(), scratch_cleanup_period: None },
        ..options(&lab)
    };
    let all: Vec<String> = [
        "artifacts/1111111111111111111111111111111111111111",
        "artifacts/2222222222222222222222222222222222222222",
        "clones/123",
    ]
    .map(str::to_owned)
    .into();
    for text in [&text[..text.len() - 5], &text] {
        fs::write(&manifest, text).unwrap();
        for path in &paths {
            let report = collect(&ignoring(&lab.root().join(path)));
            let gone = gone(&lab, &report);
            assert!(gone.contains(&package), "{path}: {gone:?}");
            assert_eq!(gone[..3], all, "{path}");
            assert!(report.notes.is_empty(), "{:?}", report.notes);
        }
        let report = collect(&ignoring(&lab.root().join("work/Other.toml")));
        assert!(!gone(&lab, &report).contains(&package));
    }
    let known = fs::read(lab.path("logs/manifest_usage.toml")).unwrap();
    collect(&Options { dry_run: false, ..ignoring(&manifest) });
    assert!(!lab.path(&package).exists());
    assert_eq!(fs::read(lab.path("logs/manifest_usage.toml")).unwrap(), known);
    // A project that alone references a space.
    let lab = self::lab();
    let project = lab.path(&format!("{package}/Project.toml"));
    let options =
        Options { ignore_roots: vec![project.to_str().unwrap().to_owned()], ..options(&lab) };
    collect(&options);
    assert!(!lab.path(&format!("scratchspaces/{UUID}/kept")).exists());
}

/// The former content of such a log is unknown.
#[test]
fn a_log_that_is_something_else_keeps_all_of_its_kinds() {
    let lab = lab();
    let path = lab.path("logs/artifact_usage.toml");
    let text = fs::read_to_string(&path).unwrap();
    for (state, bytes) in damaged(&text) {
        // A collection reads the valid records of a torn log, and removes the invalid text.
        let is_torn = ["empty", "cut", "line", "string", "end", "conflict", "encoding", "zeros at"];
        let is_torn = is_torn.iter().any(|word| state.contains(word)) && !state.contains("UTF");
        if is_torn {
            continue;
        }
        fs::write(&path, bytes).unwrap();
        let report = collect(&Options { dry_run: true, ..options(&lab) });
        assert_eq!(gone(&lab, &report), all_but(&["artifacts"]), "{state}");
    }
    // The use of another file is logged meanwhile: the unreadable file is copied first.
    let before = fs::read(&path).unwrap();
    let file = lab.path("other/Artifacts.toml");
    lab.write("other/Artifacts.toml", "# none\n");
    let log = scratchrs_model::layout::UsageLogFile::Artifacts;
    let paths = [file.to_str().unwrap()];
    let now = moment().now;
    scratchrs_core::usage::track_files(lab.place().depot, log, &paths, now, Duration::ZERO)
        .unwrap();
    let aside = lab.path("logs/artifact_usage.toml.unreadable");
    assert_eq!(fs::read(&aside).unwrap(), before);
    let report = collect(&options(&lab));
    assert_eq!(gone(&lab, &report), all_but(&["artifacts"]));
    let note =
        report.notes.iter().find(|note| note.consequence == Consequence::Unreadable).unwrap();
    assert_eq!(note.path, aside.to_str().unwrap());
    // The user has repaired the log.
    fs::remove_file(&aside).unwrap();
    fs::write(&path, text).unwrap();
    let left = vec![format!("artifacts/{OTHER}")];
    assert_eq!(gone(&lab, &collect(&options(&lab))), left);
}

#[test]
fn a_manifest_of_an_unknown_format_keeps_what_it_names() {
    let lab = lab();
    let manifest = lab.root().join(native("work/Manifest.toml"));
    let first = fs::read_to_string(&manifest).unwrap();
    let second = first.replace("[[Example]]", "[[deps.Example]]");
    for format in ["\"9.0\"", "\"2.99\"", "\"new\"", "3", "{ major = 9 }"] {
        for text in [&first, &second] {
            fs::write(&manifest, format!("manifest_format = {format}\n{text}")).unwrap();
            let report = collect(&Options { dry_run: true, ..options(&lab) });
            assert_eq!(gone(&lab, &report), all_that_can_go(), "{format}: {:?}", report.notes);
        }
    }
}

/// A root that is a cycle of links cannot be read: all items that it might reference are kept.
#[test]
fn a_root_that_is_a_link_to_itself_is_reported() {
    let lab = lab();
    let manifest = lab.root().join(native("work/Manifest.toml"));
    fs::remove_file(&manifest).unwrap();
    symlink("Manifest.toml", &manifest);
    let report = collect(&options(&lab));
    let note = report.notes.iter().find(|note| note.path == manifest.to_str().unwrap());
    let is_kept = lab.path("packages/Example/abcde").exists();
    assert_eq!(
        note.map(|note| note.consequence == Consequence::Unreadable),
        is_kept.then_some(true)
    );
}

#[test]
fn a_log_with_huge_lines_is_read_and_healed() {
    let lab = lab();
    let path = lab.path("logs/manifest_usage.toml");
    let text = fs::read_to_string(&path).unwrap();
    let long = "x".repeat(2 << 20);
    for line in [format!("{long}\n"), format!("[[\"{long}\"]]\n"), format!("a = \"{long}\n")] {
        fs::write(&path, line + &text).unwrap();
        let report = collect(&Options { dry_run: true, ..options(&lab) });
        assert_eq!(gone(&lab, &report), all_that_can_go());
        for note in &report.notes {
            assert!(
                note.diagnostic.message.len() < 1000,
                "{} bytes",
                note.diagnostic.message.len()
            );
        }
    }
    collect(&options(&lab));
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

/// A depot that several machines share: the files that another machine has logged are missing here.
#[test]
fn paths_of_another_machine_keep_nothing_and_do_no_harm() {
    let lab = lab();
    let time = "time = 2999-01-01T00:00:00.000Z\n";
    for (log, more) in [("manifest", ""), ("artifact", ""), ("scratch", PARENTS)] {
        let path = lab.path(&format!("logs/{log}_usage.toml"));
        let mut text = fs::read_to_string(&path).unwrap();
        let far = "/very-far-away/".repeat(1000);
        for elsewhere in
            ["C:\\\\Users\\\\ada\\\\Manifest.toml", "/nfs/home/ada/x.toml", "", "../x", &far]
        {
            text += &format!("[[\"{elsewhere}\"]]\n{more}{time}");
        }
        fs::write(path, text).unwrap();
    }
    const PARENTS: &str =
        "parent_projects = [\"D:\\\\a\\\\Project.toml\", \"/nfs/Project.toml\"]\n";
    let report = collect(&options(&lab));
    assert_eq!(gone(&lab, &report), all_that_can_go(), "{:?}", report.notes);
    assert!(report.failures.is_empty(), "{:?}", report.failures);
}

/// The depot is deleted while the collection waits for the lock of a log. Windows moves no directory with open files.
#[test]
#[cfg(unix)]
fn a_depot_that_vanishes_under_way_is_left_alone() {
    let lab = lab();
    let lock = lab.path("logs/manifest_usage.toml.pid");
    let policy = scratchrs_fs::Policy::unrefreshed(Duration::from_secs(60));
    let held = scratchrs_fs::PidLock::try_acquire(&lock, policy).unwrap();
    assert!(matches!(held, scratchrs_fs::Attempt::Acquired(_)));
    let options = Options { lock_timeout: Duration::from_secs(60), ..options(&lab) };
    let progress = Progress::default();
    let away = lab.root().join("away");
    let collected = std::thread::scope(|scope| {
        let collection = scope.spawn(|| gc::collect(&options, moment(), &progress));
        while progress.state().stage != "Removing" {
            std::thread::yield_now();
        }
        fs::rename(lab.depot(), &away).unwrap();
        collection.join().unwrap()
    });
    match collected {
        Ok(report) => assert!(report.gone.is_empty(), "{:?}", report.gone),
        Err(error) => assert!(error.to_string().contains("(ENOENT)"), "{error}"),
    }
    assert!(!Path::new(lab.depot()).exists(), "it is not made again");
    for path in all_that_can_go() {
        assert!(away.join(&path).exists(), "{path}");
    }
}

#[test]
fn what_is_torn_in_a_log_is_reported_and_healed() {
    let lab = lab();
    let path = lab.path("logs/manifest_usage.toml");
    let text = fs::read_to_string(&path).unwrap();
    let future = text.replace("2024", "2999");
    fs::write(&path, format!("[[\"/torn\ntime = 3\n{future}\n[[\"/gone\"]]\n")).unwrap();
    let report = collect(&options(&lab));
    assert_eq!(gone(&lab, &report), all_that_can_go());
    assert!(report.notes.iter().any(|note| note.consequence == Consequence::Healed));
    assert_eq!(fs::read_to_string(&path).unwrap(), future);
    assert!(collect(&options(&lab)).notes.is_empty());
}

/// What may be in the place of a log, and what makes it.
type Obstacle = (&'static str, fn(&Path));

const DIRECTORY: Obstacle = ("a directory", |path| fs::create_dir(path).unwrap());

#[cfg(unix)]
const OBSTACLES: &[Obstacle] = &[
    DIRECTORY,
    ("a FIFO", |path| {
        let made = std::process::Command::new("mkfifo").arg(path).status();
        assert!(made.unwrap().success());
    }),
    ("a socket", |path| drop(std::os::unix::net::UnixListener::bind(path).unwrap())),
];

#[cfg(not(unix))]
const OBSTACLES: &[Obstacle] = &[DIRECTORY];

/// A log that is not a regular file might have any record: all items that it might reference are
/// kept, and opening it neither blocks nor replaces it.
#[test]
fn something_else_in_the_place_of_a_log_keeps_what_it_may_reference() {
    for (kind, make) in OBSTACLES {
        for (log, kept) in
            [("manifest", "packages/"), ("artifact", "artifacts/"), ("scratch", "scratchspaces/")]
        {
            let lab = lab();
            let path = lab.path(&format!("logs/{log}_usage.toml"));
            fs::remove_file(&path).unwrap();
            make(&path);
            let report = collect(&options(&lab));
            let gone = gone(&lab, &report);
            assert!(gone.iter().all(|item| !item.starts_with(kept)), "{kind}: {gone:?}");
            let is_told = report.notes.iter().any(|note| {
                note.consequence == Consequence::Unreadable
                    && note.path == path.to_str().unwrap()
                    && note
                        .diagnostic
                        .message
                        .ends_with(&format!("it is {kind}, not a regular file"))
            });
            assert!(is_told, "{kind}: {:?}", report.notes);
            assert!(!fs::symlink_metadata(&path).unwrap().is_file());
        }
    }
}

/// The lock of a package is one of a killed sweep, or of a running Pkg.
#[test]
fn the_lock_of_a_package_goes_with_its_process() {
    let lab = DepotLab::new();
    let host = hostname::get().unwrap().into_string().unwrap();
    for (package, pid) in [("Dead", i32::MAX as u32), ("Alive", std::process::id())] {
        lab.write(&format!("packages/{package}/abcde/file"), "");
        lab.write(&format!("packages/{package}/abcde.pid"), &format!("{pid} {host}"));
        lab.write(&format!("packages/{package}Only/fghij.pid"), &format!("{pid} {host}"));
    }
    let report = collect(&options(&lab));
    assert_eq!(report.spared.len(), 1, "{:?}", report.spared);
    let packages = lab.names().into_iter().filter(|name| name.starts_with("packages/"));
    let packages: Vec<_> = packages.filter(|name| !name.ends_with('/')).collect();
    let left = ["Alive/abcde/file", "Alive/abcde.pid", "AliveOnly/fghij.pid"];
    assert_eq!(packages, left.map(|name| format!("packages/{name}")));
    assert!(!lab.path("packages/Dead").exists() && !lab.path("packages/DeadOnly").exists());
}

#[test]
fn links_are_not_followed() {
    let lab = lab();
    let outside = lab.root().join("outside");
    fs::create_dir_all(outside.join("key")).unwrap();
    fs::write(outside.join("key/file"), "kept").unwrap();
    symlink(&outside, lab.path(&format!("artifacts/{}", "3".repeat(40))));
    symlink(&outside, lab.path("scratchspaces/11111111-2222-3333-4444-555555555555"));
    symlink("circle", lab.path("packages/circle"));
    symlink("..", lab.path(&format!("artifacts/{OTHER}/circle")));
    let report = collect(&options(&lab));
    assert_eq!(gone(&lab, &report).len(), 5, "{:?}", report.gone);
    assert!(outside.join("key/file").exists());
    assert!(report.notes.iter().any(|note| note.consequence == Consequence::Passed));
}

#[test]
#[cfg(unix)]
fn read_only_trees_and_names_that_are_not_unicode_go() {
    use std::os::unix::ffi::OsStrExt;
    let lab = lab();
    let tree = lab.path(&format!("artifacts/{OTHER}"));
    fs::create_dir_all(tree.join("deep")).unwrap();
    fs::write(tree.join("deep/file"), "").unwrap();
    for directory in [tree.join("deep"), tree.clone()] {
        set_mode(directory, 0o500);
    }
    let odd = lab.path("artifacts").join(std::ffi::OsStr::from_bytes(b"\xff"));
    fs::create_dir(&odd).unwrap();
    let report = collect(&options(&lab));
    assert_eq!(report.gone.len(), 5);
    assert!(!odd.exists() && !tree.exists());
}

/// Windows ignores the case of names.
#[test]
#[cfg(windows)]
fn paths_in_another_case_reference_the_same_items() {
    let lab = lab();
    for log in ["manifest", "artifact", "scratch"] {
        let path = lab.path(&format!("logs/{log}_usage.toml"));
        let in_capitals = |line: &str| match line.split_once('"') {
            Some((key, path)) => format!("{key}\"{}\n", path.to_uppercase()),
            None => format!("{line}\n"),
        };
        let text: String = fs::read_to_string(&path).unwrap().lines().map(in_capitals).collect();
        fs::write(&path, text).unwrap();
    }
    let depots = vec![DepotPath::new(lab.depot().to_lowercase())];
    let report = collect(&Options { depots, ..options(&lab) });
    assert_eq!(report.gone.len(), all_that_can_go().len(), "{:?}", report.gone);
    assert!(all_that_can_go().iter().all(|path| !lab.path(path).exists()));
}

#[test]
fn a_depot_that_is_named_twice_is_one() {
    let lab = lab();
    let link = lab.root().join("link");
    symlink(lab.depot(), &link);
    for depots in [
        [lab.depot().to_owned(), link.to_str().unwrap().to_owned()],
        [link.to_str().unwrap().to_owned(), format!("{}/", lab.depot())],
    ] {
        let options = Options {
            depots: depots.map(DepotPath::new).into(),
            all_depots: true,
            dry_run: true,
            ..options(&lab)
        };
        assert_eq!(collect(&options).gone.len(), 4);
    }
}

#[test]
fn an_invalid_depot_is_refused() {
    let lab = DepotLab::new();
    let refusal = |options: &Options| {
        let error = gc::collect(options, moment(), &Progress::default()).unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidInput);
        error.to_string()
    };
    let missing = options(&lab);
    assert_eq!(refusal(&missing), format!("the depot `{}` does not exist", lab.depot()));
    assert!(!Path::new(lab.depot()).exists());

    fs::create_dir(lab.depot()).unwrap();
    let file = lab.root().join("file").to_str().unwrap().to_owned();
    fs::write(&file, "").unwrap();
    let depots = vec![DepotPath::new(lab.depot()), DepotPath::new(&file)];
    let behind = Options { depots, ..options(&lab) };
    assert_eq!(refusal(&behind), format!("the depot `{file}` is not a directory"));

    // Julia's own depots may be missing behind the first one.
    let depots = vec![DepotPath::new(lab.depot()), DepotPath::new(format!("{file}-missing"))];
    let report = collect(&Options { depots, ..options(&lab) });
    assert!(report.gone.is_empty() && report.failures.is_empty());
}

#[test]
fn what_killed_processes_left_goes() {
    let lab = lab();
    for name in [
        format!("artifacts/{OTHER}@removing-1-0/file"),
        format!("scratchrs/building/{OTHER}@building-1/file"),
        "packages/Gone@removing-1-0/file".to_owned(),
        format!("scratchspaces/{UUID}/kept@building-1/file"),
        format!("scratchspaces/{UUID}/lost@generated.toml"),
        format!("artifacts/{}@tree", "3".repeat(40)),
        "scratchspaces/11111111-2222-3333-4444-555555555555/key@removing-1-0/file".to_owned(),
    ] {
        lab.write(&name, "");
    }
    let report = collect(&options(&lab));
    assert_eq!(gone(&lab, &report), all_that_can_go());
    assert_eq!(report.leftovers, 6);
    let owners = fs::read_dir(lab.path("scratchspaces")).unwrap().count();
    assert_eq!(owners, 1, "what was the last of a package goes with its directory");
    let left = lab.names().into_iter().filter(|name| name.contains('@')).collect::<Vec<_>>();
    assert_eq!(left, [""; 0]);
}

#[test]
fn a_partial_download_is_deleted_once_it_is_old() {
    let lab = lab();
    for (name, hours) in [("@download-0a1b2c3d", 25), ("@download-00000001", 23)] {
        for suffix in ["", ".resume"] {
            let name = format!("artifacts/{HASH}{name}{suffix}");
            lab.write(&name, "part");
            let file = fs::File::options().write(true).open(lab.path(&name)).unwrap();
            file.set_modified(moment().clock - Duration::from_secs(hours * 60 * 60)).unwrap();
        }
    }
    assert_eq!(collect(&options(&lab)).leftovers, 2);
    let left = lab.names().into_iter().filter(|name| name.contains("@download")).count();
    assert_eq!(left, 2, "a recent one can be resumed");
}

#[test]
fn what_is_being_made_is_in_use() {
    let lab = lab();
    let stack = scratchrs_core::artifact::Stack::new([lab.depot()], None).unwrap();
    let creation = scratchrs_core::artifact::begin(&stack).unwrap();
    fs::write(creation.directory().join("file"), "new").unwrap();
    collect(&options(&lab));
    let created = creation.publish(&stack, &Progress::default()).unwrap();
    let report = collect(&options(&lab));
    assert!(Path::new(&created.path).exists(), "it could not be bound yet");
    assert_eq!(report.spared.len(), 1);
}

#[test]
fn a_depot_becomes_as_small_as_it_is_to_be() {
    let lab = lab();
    let mut options = options(&lab);
    options.policy.collect_delay = TimeDelta::days(7);
    let report = collect(&Options { max_size: Some(0), ..options.clone() });
    let evicted = [format!("artifacts/{OTHER}"), format!("scratchspaces/{UUID}/gone")];
    assert_eq!(gone(&lab, &report), evicted);
    let report = collect(&Options { max_size: Some(0), evict_in_use: true, ..options });
    let evicted = [format!("artifacts/{HASH}"), format!("scratchspaces/{UUID}/kept")];
    assert_eq!(gone(&lab, &report), evicted);
}

#[test]
fn why_something_is_there() {
    let lab = lab();
    let options = options(&lab);
    for query in ["a", HASH, &format!("{}/artifacts/{HASH}/file", lab.depot())] {
        let found = gc::why(query, &options, moment(), &Progress::default()).unwrap().found;
        assert_eq!(found.len(), 1, "{query}");
        assert_eq!(found[0].label, "a");
        let cause = &found[0].causes[0];
        assert_eq!(cause.package.as_deref(), Some("Example"));
        assert!(cause.because[0].path.ends_with(&native("work/Manifest.toml")));
    }
    let found = gc::why("gone", &options, moment(), &Progress::default()).unwrap().found;
    assert!(found[0].causes.is_empty());
    let nothing = gc::why("nothing", &options, moment(), &Progress::default()).unwrap();
    assert_eq!(nothing, Explained::default());
    let status = gc::status(&options, moment(), &Progress::default()).unwrap();
    assert_eq!(status.entries.len(), 7);
    assert_eq!(status.shares.iter().map(|share| share.count).sum::<usize>(), 7);
}

/// A depot with a store: a file of bindings that a project uses, with a tree and one of its
/// contents; and an unbound file.
fn with_store() -> (DepotLab, store::Store, PathBuf) {
    let lab = lab();
    let store = store::Store::of(lab.place()).unwrap();
    let project = lab.root().join("Project.toml");
    fs::write(&project, "").unwrap();
    let lock_timeout = Duration::from_secs(10);
    let owner = UUID.parse().unwrap();
    let options = store::OpenOptions { version: None, project: project.to_str() };
    let now = moment().now;
    let file = store::open_bindings(&store, owner, options, now, lock_timeout).unwrap().path;
    let make = |files: &[(&str, &str)], returned: Option<&str>| {
        let creation = store::Creation::begin(&store, lock_timeout).unwrap();
        for (name, content) in files {
            fs::write(creation.directory().join(name), content).unwrap();
        }
        creation
            .finish(returned, store::CreateOptions::default(), &Progress::default())
            .unwrap()
            .hash
    };
    let tree = make(&[("a", "shared"), ("b", "twelve bytes")], None);
    let shared = make(&[("a", "shared")], Some("a"));
    make(&[("a", "unbound.")], Some("a"));
    for (name, hash) in [("tree", tree), ("shared", shared)] {
        let options = store::BindOptions::default();
        store::bind(&store, &file, name, hash, options, now, lock_timeout).unwrap();
    }
    store::end_session(Some(&store)).unwrap();
    (lab, store, project)
}

#[test]
fn a_store_is_collected_with_its_depot() {
    let (lab, store, project) = with_store();
    let of_store = |report: &Report| -> Vec<String> {
        let gone = report.gone.iter().filter(|gone| gone.kind == Category::Store);
        gone.map(|gone| gone.path.clone()).collect()
    };
    let before = lab.tree();
    let mut options = options(&lab);
    let dry = collect(&Options { dry_run: true, ..options.clone() });
    assert_eq!(lab.tree(), before, "nothing is touched");
    let rows: u64 = Category::ALL.iter().map(|kind| dry.size_of_gone(Some(*kind)).bytes).sum();
    assert_eq!(dry.size_of_gone(None).bytes, rows);
    assert_eq!((dry.store.count, dry.store.bytes), (1, 8));
    options.policy.collect_delay = TimeDelta::days(7);
    let report = collect(&options);
    assert_eq!((report.store.count, report.store.waiting), (0, 1));
    let waiting = report.waiting.iter().find(|waiting| waiting.kind == Category::Store).unwrap();
    assert_eq!(waiting.until, waiting.since.after(TimeDelta::days(7)));
    options.policy.collect_delay = TimeDelta::zero();
    assert_eq!(of_store(&collect(&options)), of_store(&dry));
    // No option deletes a store in use.
    let max_size = Options {
        max_size: Some(0),
        evict_in_use: true,
        policy: Policy {
            collect_delay: TimeDelta::zero(),
            scratch_cleanup_period: Some(TimeDelta::zero()),
        },
        ..options.clone()
    };
    collect(&max_size);
    assert!(store::bound_hash(&bindings(&store), "tree").unwrap().is_some());
    assert_eq!(store::verify(&store, &Progress::default()).unwrap().corrupt, []);
    // Without its project, it is deleted: first the bound contents, and then the space.
    fs::remove_file(project).unwrap();
    let dry = collect(&Options { dry_run: true, ..options.clone() });
    assert_eq!((dry.store.abandoned, dry.store.count), (1, 3));
    let report = collect(&options);
    assert_eq!((of_store(&report), report.store.abandoned), (of_store(&dry), 1));
    assert!(!Path::new(&bindings(&store)).exists());
    collect(&options);
    assert!(!Path::new(store.root()).exists());
}

fn bindings(store: &store::Store) -> String {
    store.layout().bindings(UUID.parse().unwrap(), None)
}

/// The names that only a deleted package uses are deleted with it, and a dry run reports them.
#[test]
fn a_package_that_goes_takes_its_names_along() {
    let (lab, store, project) = with_store();
    fs::remove_file(project).unwrap();
    let package = lab.path("packages/Example/abcde/Project.toml");
    lab.write("packages/Example/abcde/Project.toml", "");
    let options = store::OpenOptions { version: None, project: package.to_str() };
    let lock_timeout = Duration::from_secs(10);
    store::open_bindings(&store, UUID.parse().unwrap(), options, moment().now, lock_timeout)
        .unwrap();
    let options = self::options(&lab);
    let dry = collect(&Options { dry_run: true, ..options.clone() });
    assert_eq!((dry.store.abandoned, dry.store.count), (1, 4));
    let report = collect(&options);
    assert_eq!((report.store.abandoned, report.store.count), (1, 4));
    assert_eq!(report.size_of_gone(None), dry.size_of_gone(None));
}

/// A store can be used under one path of its depot, and collected under another.
#[test]
fn a_store_is_the_same_by_any_path() {
    let (lab, store, project) = with_store();
    let link = lab.root().join("link");
    symlink(lab.depot(), &link);
    let link = link.to_str().unwrap();
    // Bound by a file that is logged under the link, and under a missing path, and that a project
    // in a package uses.
    let log = store.layout().uses();
    let text = fs::read_to_string(&log).unwrap();
    let respell = |other: &str| fs::write(&log, text.replace(lab.depot(), other)).unwrap();
    let mut options = options(&lab);
    for other in [link, "/nowhere/.julia", lab.depot()] {
        respell(other);
        options.policy.collect_delay = TimeDelta::zero();
        let dry = collect(&Options { dry_run: true, ..options.clone() });
        assert_eq!((dry.store.count, dry.store.bytes), (1, 8), "{other}");
    }
    respell(link);
    // The grace period of an orphan continues under another path.
    options.policy.collect_delay = TimeDelta::days(7);
    assert_eq!(collect(&options).store.waiting, 1);
    let orphans = store.layout().orphanages();
    let waiting = fs::read_to_string(&orphans).unwrap();
    let (path, _) = waiting.rsplit_once(" = ").unwrap();
    let entry =
        |since: &str| format!("{} = {since}\n", path.replace(lab.depot(), "/nowhere/.julia"));
    let recent = moment().now.after(-TimeDelta::days(6));
    for (since, count) in [(recent.to_string(), 0), ("2024-01-01T00:00:00Z".to_owned(), 1)] {
        let dry = Options { dry_run: true, ..options.clone() };
        // An old content would be deletable if its grace period were unknown.
        let item = path.trim_matches('"').to_owned();
        let file = fs::File::open(&item).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        fs::write(&orphans, entry(&since)).unwrap();
        assert_eq!(collect(&dry).store.count, count, "{since}");
    }
    // The names of a deleted package are deleted, under any path that the store has for it.
    fs::remove_file(project).unwrap();
    lab.write("packages/Example/abcde/Project.toml", "");
    let lock_timeout = Duration::from_secs(10);
    let package = format!("{link}/packages/Example/abcde/Project.toml");
    let open = store::OpenOptions { version: None, project: Some(&package) };
    store::open_bindings(&store, UUID.parse().unwrap(), open, moment().now, lock_timeout).unwrap();
    options.policy.collect_delay = TimeDelta::zero();
    let dry = collect(&Options { dry_run: true, ..options.clone() });
    let report = collect(&options);
    assert_eq!((dry.store.abandoned, dry.store.count), (1, 4));
    assert_eq!((report.store.abandoned, report.store.count), (1, 4));
}

#[test]
fn a_store_that_does_not_read_hides_nothing_else() {
    let (lab, store, _) = with_store();
    fs::remove_file(store.layout().uses()).unwrap();
    fs::create_dir(store.layout().uses()).unwrap();
    let options = options(&lab);
    let why = |query: &str| gc::why(query, &options, moment(), &Progress::default()).unwrap();
    for (query, count) in [(HASH, 1), (store.root(), 1), ("tree", 0)] {
        let Explained { found, notes } = why(query);
        assert_eq!((found.len(), notes.len()), (count, 1), "{query}");
        assert_eq!(
            (notes[0].path.as_str(), notes[0].consequence),
            (store.root(), Consequence::Passed)
        );
    }
    let status = gc::status(&options, moment(), &Progress::default()).unwrap();
    assert_eq!(status.notes, why("tree").notes);
}

#[test]
fn why_something_is_in_the_store() {
    let (lab, store, project) = with_store();
    let options = options(&lab);
    let why = |query: &str| gc::why(query, &options, moment(), &Progress::default()).unwrap().found;
    let found = why("tree");
    assert_eq!((found.len(), found[0].kind, found[0].label.as_str()), (1, Category::Store, "tree"));
    assert_eq!(found[0].standing, Standing::Kept);
    let cause = &found[0].causes[0];
    assert_eq!((cause.what, cause.package.as_deref()), (CauseKind::Binding, Some("Example")));
    assert_eq!(cause.because[0].path, project.display().to_string());
    let tree = store::bound_hash(&bindings(&store), "tree").unwrap().unwrap();
    assert_eq!(why(&tree.to_string()), found);
    assert_eq!(why(&format!("{}/b", store.path(tree))), found);
    // The contents of a tree exist because of it.
    let shared = why("shared");
    assert_eq!(
        shared[0].causes.iter().map(|cause| cause.what).collect::<Vec<_>>(),
        [CauseKind::Binding, CauseKind::Tree]
    );
    assert_eq!(shared[0].causes[1].because[0].name.as_deref(), Some("tree"));
    // The store exists because of its files of names.
    let space = why(store.root());
    assert_eq!((space.len(), space[0].kind), (1, Category::Space));
    assert_eq!(space[0].causes.last().unwrap().what, CauseKind::Bindings);
    fs::remove_file(project).unwrap();
    let mut options = options.clone();
    options.policy.collect_delay = TimeDelta::days(7);
    let found = gc::why("tree", &options, moment(), &Progress::default()).unwrap().found;
    assert!(matches!(found[0].standing, Standing::Waiting));
    assert_eq!(found[0].causes[0].what, CauseKind::AbandonedBinding);
    let status = gc::status(&options, moment(), &Progress::default()).unwrap();
    let share = status.shares.iter().find(|share| share.kind == Category::Store).unwrap();
    assert_eq!((share.count, share.reclaimable.bytes), (3, 6 + 12 + 8));
    let entries = status.entries.iter().filter(|entry| entry.kind == Category::Store);
    assert_eq!(entries.map(|entry| entry.size.bytes).sum::<u64>(), 6 + 12 + 8);
    assert_eq!(status.saved, 6, "the file and the tree have it once");
}

/// While a collection waits for the locks, a process logs the use of a deleted space, which it is
/// about to create again. Its time is later than that of the collection.
#[test]
fn a_use_that_was_logged_since_the_collection_began_stays_in_the_log() {
    let lab = lab();
    let project = lab.root().join("Project.toml");
    fs::write(&project, "").unwrap();
    let space = lab.path(&format!("scratchspaces/{UUID}/about-to-be"));
    let begun = moment();
    let minute = TimeDelta::minutes(1);
    let record = |time: DepotTime| {
        format!(
            "[[\"{}\"]]\nparent_projects = [\"{}\"]\ntime = {time}\n",
            in_quotes(&space),
            in_quotes(&project)
        )
    };
    for (age, stays) in [(-minute, true), (minute, true), (minute * 120, false)] {
        let time = DepotTime::from_local(begun.now.local() - age);
        lab.write("logs/scratch_usage.toml", &record(time));
        gc::collect(&options(&lab), begun, &Progress::default()).unwrap();
        let log = fs::read_to_string(lab.path("logs/scratch_usage.toml")).unwrap();
        assert_eq!(log.contains("about-to-be"), stays, "{age}");
    }
}

/// A dry run reports the same as the collection after it, also for items that a collection spares:
/// new ones, and those that a process is working on.
#[test]
fn a_dry_run_spares_what_a_collection_spares() {
    let lab = lab();
    let hold = |name: &str| {
        let policy = LockPolicy::refreshed(Duration::from_secs(20));
        match PidLock::try_acquire(&lab.path(name), policy).unwrap() {
            Attempt::Acquired(lock) => lock,
            Attempt::Held(holder) => panic!("{holder:?}"),
        }
    };
    let new = "3333333333333333333333333333333333333333";
    lab.write(&format!("artifacts/{new}/file"), "new");
    lab.write(&format!("artifacts/{new}@tree"), "");
    let locked = "4444444444444444444444444444444444444444";
    lab.write(&format!("artifacts/{locked}/file"), "locked");
    lab.write(&format!("scratchspaces/{UUID}/generated/file"), "generated");
    lab.write("packages/Example/abcdf/file", "installed");
    let _locks = [
        hold(&format!("artifacts/{locked}.pid")),
        hold(&format!("scratchspaces/{UUID}/generated@generating.pid")),
        hold("packages/Example/abcdf.pid"),
    ];
    // The lock of a dead process is broken.
    lab.write("packages/Example/abcde.pid", "");
    let stale = fs::File::options().write(true).open(lab.path("packages/Example/abcde.pid"));
    stale.unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();

    let options = options(&lab);
    let before = lab.tree();
    let status = gc::status(&options, moment(), &Progress::default()).unwrap();
    let dry = collect(&Options { dry_run: true, ..options.clone() });
    let why = |item: &str| gc::why(item, &options, moment(), &Progress::default()).unwrap();
    for item in [new, locked, "generated", "abcdf"] {
        let found = &why(item).found[0];
        assert_eq!(
            (found.standing, found.causes[0].what),
            (Standing::Kept, CauseKind::InUse),
            "{item}"
        );
    }
    assert_eq!(why("abcde").found[0].standing, Standing::Deletable);
    assert_eq!(lab.tree(), before, "nothing was touched");
    let report = collect(&options);
    assert_eq!(gone(&lab, &dry), all_that_can_go());
    assert_eq!(gone(&lab, &report), all_that_can_go());
    let spared = |report: &Report| {
        let mut spared = report.spared.clone();
        spared.sort_by(|a, b| a.path.cmp(&b.path));
        spared
    };
    assert_eq!(spared(&dry).len(), 4);
    assert_eq!(spared(&dry), spared(&report));
    assert_eq!(status.reclaimable().bytes, report.size_of_gone(None).bytes);
    assert!(lab.path(&format!("artifacts/{new}@tree")).exists());
}

/// Directories that other collections remove meanwhile are not errors.
#[test]
fn directories_may_vanish_while_they_are_listed() {
    let lab = lab();
    let is_done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_done.load(std::sync::atomic::Ordering::Relaxed) {
                for number in 0..50 {
                    lab.write(&format!("packages/Vanishing{number}/abcde/file"), "");
                }
                for number in 0..50 {
                    let _ = fs::remove_dir_all(lab.path(&format!("packages/Vanishing{number}")));
                }
            }
        });
        let mut dry = (0..100).map(|_| collect(&Options { dry_run: true, ..options(&lab) }));
        let faulty = dry.find(|dry| !dry.failures.is_empty() || !dry.notes.is_empty());
        is_done.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(faulty.is_none(), "{:?}", faulty.map(|dry| (dry.failures, dry.notes)));
    });
}
