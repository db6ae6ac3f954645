//! No collection deletes an artifact for ten minutes after a process has reported it as present,
//! even if no file binds it.

#![expect(clippy::unwrap_used, reason = "a failed setup fails the test")]
#![expect(clippy::disallowed_methods, reason = "tests prepare files themselves")]

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};

use chrono::TimeDelta;
use scratchrs_archive::Links;
use scratchrs_core::artifact::{
    self, InstallBegun, InstallOptions, Presence, Stack, Verdict, Wanted,
};
use scratchrs_core::gc::{self, Moment, Options, Report};
use scratchrs_core::{Error, usage};
use scratchrs_fetch::Settings;
use scratchrs_fs::{Attempt, PidLock, Policy, Progress};
use scratchrs_model::collection;
use scratchrs_model::hash::TreeHash;
use scratchrs_model::layout::UsageLogFile;
use scratchrs_model::time::DepotTime;
use scratchrs_testkit::{DepotLab, FOO, in_quotes};

fn foo() -> TreeHash {
    FOO.parse().unwrap()
}

fn stack(lab: &DepotLab) -> Stack {
    Stack::new([lab.depot()], None).unwrap()
}

#[expect(clippy::disallowed_methods, reason = "the collections of the test happen now")]
fn moment() -> Moment {
    let now = DepotTime::from_local(chrono::Local::now().naive_local());
    Moment { now, clock: SystemTime::now() }
}

fn collect(lab: &DepotLab) -> Report {
    let options = Options {
        depots: vec![lab.place().depot.clone()],
        policy: collection::Policy {
            collect_delay: TimeDelta::zero(),
            scratch_cleanup_period: None,
        },
        all_depots: false,
        evict_in_use: false,
        max_size: None,
        dry_run: false,
        lock_timeout: Duration::from_secs(60),
        ignore_roots: Vec::new(),
    };
    gc::collect(&options, moment(), &Progress::default()).unwrap()
}

fn make_foo(directory: &Path) {
    fs::create_dir_all(directory).unwrap();
    fs::write(directory.join("foo"), "foo").unwrap();
}

/// A depot with an unbound artifact that is a day old, with its record, or without one like those
/// of Pkg.
fn old_artifact(has_record: bool) -> DepotLab {
    let lab = DepotLab::new();
    make_foo(&lab.path(&format!("artifacts/{FOO}")));
    if has_record {
        artifact::verify(&stack(&lab), foo(), &Progress::default()).unwrap();
        age_record(&lab);
    }
    lab
}

fn age_record(lab: &DepotLab) {
    let record = File::options().write(true).open(record(lab)).unwrap();
    record.set_modified(moment().clock - Duration::from_secs(24 * 60 * 60)).unwrap();
}

fn record(lab: &DepotLab) -> PathBuf {
    lab.path(&format!("artifacts/{FOO}@tree"))
}

fn exists(lab: &DepotLab) -> bool {
    lab.path(&format!("artifacts/{FOO}/foo")).exists()
}

fn wanted() -> Wanted {
    Wanted {
        name: "foo".to_owned(),
        hash: foo(),
        downloads: vec![],
        unhashed: vec![],
        bound_in: None,
        invalid: Vec::new(),
    }
}

fn install(stack: &Stack, wanted: &Wanted) -> Result<artifact::Installed, Error> {
    let settings = Settings::new([("JULIA_PKG_SERVER", "")], moment().clock);
    let options = InstallOptions { settings: &settings, links: Links::Made, now: moment().now };
    artifact::install(stack, wanted, options, &Progress::default())
}

/// Each operation that reports the artifact as present.
type Way = fn(&Stack);
const REPORTS: &[(&str, Way)] = &[
    ("create", |stack| {
        let creation = artifact::begin(stack).unwrap();
        make_foo(creation.directory());
        assert!(!creation.publish(stack, &Progress::default()).unwrap().is_new);
    }),
    ("install", |stack| assert!(!install(stack, &wanted()).unwrap().is_new)),
    ("begin_install", |stack| {
        let begun = artifact::begin_install(stack, foo(), Duration::ZERO).unwrap();
        assert!(matches!(begun, InstallBegun::Ready(_)));
    }),
    ("confirm", |stack| {
        let presence = artifact::confirm(stack, foo(), Duration::ZERO).unwrap();
        assert!(matches!(presence, Presence::Present(_)));
    }),
];

#[test]
fn a_reported_artifact_survives_the_next_collection() {
    for has_record in [true, false] {
        let lab = old_artifact(has_record);
        collect(&lab);
        assert!(!exists(&lab), "an artifact that was not reported is deleted");
        for (way, report) in REPORTS {
            let lab = old_artifact(has_record);
            report(&stack(&lab));
            let collected = collect(&lab);
            assert!(exists(&lab), "{way}, {has_record}");
            assert_eq!(collected.spared.len(), 1, "{way}: {:?}", collected.spared);
            // The marker of one without a record says nothing about its content.
            let verdict = artifact::verify(&stack(&lab), foo(), &Progress::default()).unwrap();
            assert!(matches!(verdict, Verdict::Sound(_)), "{way}: {verdict:?}");
            assert!(fs::metadata(record(&lab)).unwrap().len() > 0, "{way}");
            age_record(&lab);
            collect(&lab);
            assert!(!exists(&lab) && !record(&lab).exists(), "{way}: ten minutes later");
        }
    }
}

#[test]
fn a_reported_artifact_in_another_depot_survives_too() {
    for (way, report) in REPORTS {
        let (first, second) = (DepotLab::new(), old_artifact(true));
        let stack = Stack::new([first.depot(), second.depot()], None).unwrap();
        report(&stack);
        collect(&second);
        assert!(exists(&second), "{way}");
        assert!(!exists(&first), "{way}");
    }
}

/// An artifact is reported before the collection reads its record, or not at all.
#[test]
fn concurrent_collections_and_reports_agree() {
    for round in 0..60 {
        let lab = old_artifact(round % 2 == 0);
        let stack = stack(&lab);
        let is_present = thread::scope(|scope| {
            let collection = scope.spawn(|| collect(&lab));
            let report = scope.spawn(|| {
                // At another moment in each round.
                (0..round * 40).for_each(|_| thread::yield_now());
                match artifact::confirm(&stack, foo(), Duration::from_secs(60)).unwrap() {
                    Presence::Present(_) => true,
                    Presence::Missing => false,
                    Presence::Busy(holder) => panic!("{holder:?} holds it for a minute"),
                }
            });
            collection.join().unwrap();
            report.join().unwrap()
        });
        assert_eq!(exists(&lab), is_present, "round {round}");
    }
}

/// A creation waits for the lock of the artifact, and can be cancelled meanwhile.
#[test]
fn a_creation_waits_for_the_lock_of_the_artifact() {
    let lab = DepotLab::new();
    let stack = stack(&lab);
    let lock = lab.path(&format!("artifacts/{FOO}.pid"));
    for is_there in [false, true] {
        if is_there {
            make_foo(&lab.path(&format!("artifacts/{FOO}")));
        }
        let creation = artifact::begin(&stack).unwrap();
        make_foo(creation.directory());
        let policy = Policy::refreshed(Duration::from_secs(20));
        let held = PidLock::try_acquire(&lock, policy).unwrap();
        assert!(matches!(held, Attempt::Acquired(_)));
        let progress = Progress::default();
        let result = thread::scope(|scope| {
            let creating = scope.spawn(|| creation.publish(&stack, &progress));
            while !progress.state().stage.starts_with("Waiting for artifact") {
                assert!(!creating.is_finished(), "it does not wait for the lock");
                thread::yield_now();
            }
            progress.cancel();
            creating.join().unwrap()
        });
        assert!(matches!(result, Err(Error::Cancelled)), "{result:?}");
        assert_eq!(exists(&lab), is_there);
        drop(held);
    }
}

/// As `scratchrs artifact install` and `ensure_artifact_installed` do.
#[test]
fn the_use_of_a_file_of_bindings_is_logged_even_if_the_artifact_is_installed() {
    let lab = old_artifact(true);
    lab.write("Artifacts.toml", &format!("[foo]\ngit-tree-sha1 = \"{FOO}\"\n"));
    let file = lab.path("Artifacts.toml").to_str().unwrap().to_owned();
    let wanted = Wanted { bound_in: Some((file.clone(), Some(1))), ..wanted() };
    install(&stack(&lab), &wanted).unwrap();
    let (log, _) = usage::read_log(lab.place().depot, UsageLogFile::Artifacts).unwrap();
    assert_eq!(log.records(&file).len(), 1);
    age_record(&lab);
    collect(&lab);
    assert!(exists(&lab), "it is bound");
    // A session that asks all the time logs it once a day.
    let log_daily =
        |now| artifact::log_use_daily(&stack(&lab), &file, now, Duration::ZERO).unwrap();
    let path = lab.path("logs/artifact_usage.toml");
    fs::write(&path, "").unwrap();
    assert!(log_daily(moment().now).recorded);
    assert_eq!(fs::read_to_string(&path).unwrap(), "");
    let tomorrow = DepotTime::from_local(moment().now.local() + TimeDelta::days(1));
    assert!(log_daily(tomorrow).recorded);
    assert!(fs::read_to_string(&path).unwrap().contains(&in_quotes(file)));
}

#[test]
fn a_log_that_cannot_be_written_is_a_warning() {
    let lab = old_artifact(true);
    lab.write("Artifacts.toml", "");
    let file = lab.path("Artifacts.toml").to_str().unwrap().to_owned();
    fs::create_dir_all(lab.path("logs/artifact_usage.toml")).unwrap();
    let wanted = Wanted { bound_in: Some((file, Some(1))), ..wanted() };
    let installed = install(&stack(&lab), &wanted).unwrap();
    let [warning] = &installed.warnings[..] else { panic!("{installed:?}") };
    assert!(warning.starts_with("the use is not recorded: can't read `"), "{warning}");
}
