//! Creating, verifying, archiving and removing artifacts. Kills and concurrent processes are tested
//! in `scratchrs-testkit`.

#![expect(clippy::unwrap_used, reason = "a failed setup fails the test")]
#![expect(clippy::disallowed_methods, reason = "tests prepare files themselves")]

use std::fs;
use std::path::Path;
#[cfg(unix)]
use std::thread;
use std::time::Duration;

use scratchrs_archive::{Change, Compression};
use scratchrs_core::ErrorCode;
use scratchrs_core::artifact::{self, Created, Stack, Verdict};
use scratchrs_fs::Progress;
use scratchrs_model::hash::TreeHash;
use scratchrs_testkit::{DepotLab, FOO, set_mode, symlink};

fn foo() -> TreeHash {
    FOO.parse().unwrap()
}

fn stack(lab: &DepotLab) -> Stack {
    Stack::new([lab.depot()], None).unwrap()
}

fn progress() -> Progress {
    Progress::default()
}

fn create(stack: &Stack, fill: impl FnOnce(&Path)) -> Created {
    let creation = artifact::begin(stack).unwrap();
    fill(creation.directory());
    creation.publish(stack, &progress()).unwrap()
}

fn fill_foo(directory: &Path) {
    fs::write(directory.join("foo"), "foo").unwrap();
}

/// The names in the directory of artifacts.
fn names(lab: &DepotLab) -> Vec<String> {
    let below = |name: String| name.strip_prefix("artifacts/").map(str::to_owned);
    lab.names().into_iter().filter_map(below).filter(|name| !name.is_empty()).collect()
}

#[cfg(unix)]
fn mode(path: impl AsRef<Path>) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn an_artifact_is_created_once() {
    let lab = DepotLab::new();
    let stack = stack(&lab);
    let created = create(&stack, fill_foo);
    let path = lab.path(&format!("artifacts/{FOO}")).to_str().unwrap().to_owned();
    assert_eq!(created, Created { hash: foo(), path: path.clone(), is_new: true });
    assert_eq!(stack.find(foo()).unwrap(), Some(path.clone()));
    let expected = [format!("{FOO}/"), format!("{FOO}/foo"), format!("{FOO}@tree")];
    assert_eq!(names(&lab), expected);
    let again = create(&stack, fill_foo);
    assert_eq!(again, Created { hash: foo(), path, is_new: false });
    assert_eq!(names(&lab), expected);
}

#[test]
#[cfg(unix)]
fn files_of_an_artifact_cannot_be_written_to() {
    let lab = DepotLab::new();
    fs::create_dir_all(lab.path("artifacts")).unwrap();
    set_mode(lab.path("artifacts"), 0o775);
    let created = create(&stack(&lab), |directory| {
        let program = directory.join("bin/program");
        fs::create_dir(directory.join("bin")).unwrap();
        fs::write(&program, "").unwrap();
        set_mode(&program, 0o755);
        fs::write(directory.join("file"), "").unwrap();
        set_mode(directory.join("file"), 0o664);
        symlink("/nowhere", directory.join("link"));
    });
    let at = |name: &str| Path::new(&created.path).join(name);
    assert_eq!((mode(at("bin/program")), mode(at("file"))), (0o555, 0o444));
    assert_eq!(mode(at("bin")) & 0o200, 0o200);
    assert_eq!(mode(&created.path), 0o775, "the mode of the directory of artifacts");
}

#[test]
fn an_artifact_of_another_depot_is_not_created_again() {
    let lab = DepotLab::new();
    let other = lab.root().join("other");
    let outer = Stack::new([other.to_str().unwrap()], None).unwrap();
    let path = create(&outer, fill_foo).path;
    let both = Stack::new([lab.depot(), other.to_str().unwrap()], None).unwrap();
    assert_eq!(create(&both, fill_foo), Created { hash: foo(), path, is_new: false });
    assert_eq!(names(&lab), [""; 0]);
}

#[test]
fn an_abandoned_creation_leaves_nothing() {
    let lab = DepotLab::new();
    let stack = stack(&lab);
    artifact::begin(&stack).unwrap().abandon().unwrap();
    drop(artifact::begin(&stack).unwrap());
    let creation = artifact::begin(&stack).unwrap();
    fs::remove_dir(creation.directory()).unwrap();
    let error = creation.publish(&stack, &progress()).unwrap_err();
    assert_eq!(error.code(), ErrorCode::NotFound);
    let creation = artifact::begin(&stack).unwrap();
    let cancelled = progress();
    cancelled.cancel();
    fill_foo(creation.directory());
    assert_eq!(creation.publish(&stack, &cancelled).unwrap_err().code(), ErrorCode::Cancelled);
    #[cfg(unix)]
    {
        let creation = artifact::begin(&stack).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(creation.directory().join("socket"));
        assert_eq!(creation.publish(&stack, &progress()).unwrap_err().code(), ErrorCode::Format);
    }
    assert_eq!(names(&lab), [""; 0]);
}

#[test]
fn creations_have_separate_directories_and_dead_ones_are_removed() {
    let lab = DepotLab::new();
    let stack = stack(&lab);
    lab.write("artifacts/@building-17-0.pid", "2147483647 ");
    for place in ["artifacts", "scratchrs/building"] {
        lab.write(&format!("{place}/@building-17-0/left"), "");
        lab.write(&format!("{place}/@building-18-0@removing-3-0/left"), "");
    }
    let dead = fs::File::options().write(true).open(lab.path("artifacts/@building-17-0.pid"));
    let dead = dead.unwrap();
    let written = dead.metadata().unwrap().modified().unwrap();
    dead.set_modified(written - Duration::from_secs(3600)).unwrap();
    drop(dead);
    let one = artifact::begin(&stack).unwrap();
    let two = artifact::begin(&stack).unwrap();
    assert_ne!(one.directory(), two.directory());
    assert!(one.directory().is_dir());
    one.abandon().unwrap();
    two.abandon().unwrap();
    assert_eq!(names(&lab), [""; 0]);
    assert_eq!(fs::read_dir(lab.path("scratchrs/building")).unwrap().count(), 0);
}

/// Deletes what `Pkg.gc` of Julia 1.13 deletes in `artifacts` if no file binds an artifact.
fn delete_directories(artifacts: &Path) {
    for entry in fs::read_dir(artifacts).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            fs::remove_dir_all(path).unwrap();
        }
    }
}

#[test]
fn what_is_being_created_is_no_garbage_for_pkg() {
    let lab = DepotLab::new();
    let stack = stack(&lab);
    let creation = artifact::begin(&stack).unwrap();
    fill_foo(creation.directory());
    delete_directories(&lab.path("artifacts"));
    let created = creation.publish(&stack, &progress()).unwrap();
    assert_eq!(fs::read_to_string(Path::new(&created.path).join("foo")).unwrap(), "foo");
}

#[test]
fn artifacts_are_built_beside_their_place_where_they_cannot_be_moved_there() {
    let lab = DepotLab::new();
    lab.write("scratchrs", "a file in the way");
    let creation = artifact::begin(&stack(&lab)).unwrap();
    assert_eq!(creation.directory().parent(), Some(&*lab.path("artifacts")));
    creation.abandon().unwrap();
    let replacement = lab.path("elsewhere").to_str().unwrap().to_owned();
    let replaced = Stack::new([lab.depot()], Some(&replacement)).unwrap();
    let creation = artifact::begin(&replaced).unwrap();
    assert_eq!(creation.directory().parent(), Some(Path::new(&replacement)));
}

#[test]
fn corruption_is_found_file_by_file() {
    let lab = DepotLab::new();
    let stack = stack(&lab);
    let created = create(&stack, |directory| {
        for name in ["changed", "gone", "same"] {
            fs::write(directory.join(name), name).unwrap();
            set_mode(directory.join(name), 0o644);
        }
    });
    let verify = || artifact::verify(&stack, created.hash, &progress()).unwrap();
    assert_eq!(verify(), Verdict::Sound(created.path.clone()));
    let at = |name: &str| Path::new(&created.path).join(name);
    set_mode(at("gone"), 0o644);
    fs::remove_file(at("gone")).unwrap();
    fs::write(at("more"), "").unwrap();
    set_mode(at("changed"), 0o644);
    fs::write(at("changed"), "anew").unwrap();
    let Verdict::Corrupt(corrupt) = verify() else { panic!("it is corrupt") };
    assert_eq!((corrupt.hash, &corrupt.path), (created.hash, &created.path));
    let found = |differences: &[artifact::FileChange]| -> Vec<(String, Change)> {
        differences.iter().map(|difference| (difference.path.clone(), difference.change)).collect()
    };
    let expected =
        [("changed", Change::Changed), ("gone", Change::Missing), ("more", Change::Extra)];
    let expected = expected.map(|(name, change)| (name.to_owned(), change));
    assert_eq!(found(&corrupt.differences.unwrap()), expected);
    // A corrupt record is ignored.
    fs::write(format!("{}@tree", created.path), "no record").unwrap();
    let Verdict::Corrupt(corrupt) = verify() else { panic!("it is corrupt") };
    assert_eq!(corrupt.differences, None);
}

#[test]
fn a_changed_mode_is_corruption_where_modes_are_kept() {
    let lab = DepotLab::new();
    let stack = stack(&lab);
    let created = create(&stack, |directory| {
        fill_foo(directory);
        set_mode(directory.join("foo"), 0o644);
    });
    let file = Path::new(&created.path).join("foo");
    set_mode(file, 0o555);
    let verdict = artifact::verify(&stack, created.hash, &progress()).unwrap();
    let Verdict::Corrupt(corrupt) = verdict else { panic!("{verdict:?}") };
    let changes: Vec<_> =
        corrupt.differences.unwrap().iter().map(|difference| difference.change).collect();
    assert_eq!(changes, [Change::ModeChanged]);
}

#[test]
fn a_verified_artifact_gets_its_record() {
    let lab = DepotLab::new();
    let stack = stack(&lab);
    lab.write(&format!("artifacts/{FOO}/foo"), "foo");
    let empty = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
    lab.write(&format!("artifacts/{empty}/extra"), "");
    lab.write(&format!("artifacts/{}@tree", "1".repeat(40)), "of a missing artifact");
    lab.write("artifacts/Overrides.toml", "");
    fs::create_dir_all(lab.path("artifacts/jl_x1y2z3")).unwrap();
    let verification = artifact::verify_all(&stack, &progress()).unwrap();
    assert_eq!((verification.sound, verification.unreadable.len()), (1, 0));
    assert_eq!(
        verification.corrupt.iter().map(|it| it.hash.to_string()).collect::<Vec<_>>(),
        [empty]
    );
    let records: Vec<_> = names(&lab).into_iter().filter(|name| name.ends_with("@tree")).collect();
    assert_eq!(records, [format!("{FOO}@tree")]);
}

#[test]
fn a_link_that_is_not_ascii_may_have_gits_hash_or_pkgs() {
    let lab = DepotLab::new();
    let stack = stack(&lab);
    let created = create(&stack, |directory| symlink("é", directory.join("l")));
    assert_eq!(created.hash.to_string(), "e540c2617169fd630b01545af81b58b8113fd200");
    let git = "7ac2c09d3a86ee652e9a496305b66bc0e49f65b1";
    let by_git = lab.path(&format!("artifacts/{git}"));
    fs::create_dir(&by_git).unwrap();
    symlink("é", by_git.join("l"));
    let verdict = artifact::verify(&stack, git.parse().unwrap(), &progress()).unwrap();
    assert_eq!(verdict, Verdict::Sound(by_git.to_str().unwrap().to_owned()));
}

#[test]
fn an_overridden_artifact_is_neither_verified_nor_removed() {
    let lab = DepotLab::new();
    let mut stack = stack(&lab);
    let path = create(&stack, fill_foo).path;
    lab.write("artifacts/Overrides.toml", &format!("{FOO} = \"/elsewhere\"\n"));
    stack.read_overrides().unwrap();
    let verdict = artifact::verify(&stack, foo(), &progress()).unwrap();
    assert_eq!(verdict, Verdict::Overridden("/elsewhere".to_owned()));
    assert_eq!(artifact::remove(&stack, foo()).unwrap(), [""; 0]);
    assert!(Path::new(&path).is_dir());
    assert_eq!(artifact::remove(&stack.without_overrides(), foo()).unwrap(), [path]);
}

/// `Pkg.gc` of Julia 1.13 deletes at any time what no file binds. Windows refuses to move a directory that is being
/// deleted: there the creation fails.
#[test]
#[cfg(unix)]
fn directories_in_artifacts_may_be_deleted_before_they_are_filled() {
    let lab = DepotLab::new();
    let stack = stack(&lab);
    fs::create_dir_all(lab.path("artifacts")).unwrap();
    thread::scope(|scope| {
        let creator = scope.spawn(|| {
            for round in 0..200 {
                create(&stack, |directory| fs::write(directory.join("round"), [round]).unwrap());
            }
        });
        while !creator.is_finished() {
            for entry in fs::read_dir(lab.path("artifacts")).unwrap().flatten() {
                if entry.file_name().to_string_lossy().contains("@building") {
                    let _ = fs::remove_dir(entry.path());
                }
            }
        }
    });
    assert_eq!(artifact::list(&stack).unwrap().artifacts.len(), 200);
}

#[test]
fn an_artifact_is_removed_from_all_depots() {
    let lab = DepotLab::new();
    let other = lab.root().join("other");
    let other = other.to_str().unwrap();
    create(&stack(&lab), fill_foo);
    create(&Stack::new([other], None).unwrap(), fill_foo);
    let both = Stack::new([lab.depot(), other], None).unwrap();
    assert_eq!(artifact::verify(&both, foo(), &progress()).unwrap().clone(), {
        let path = lab.path(&format!("artifacts/{FOO}"));
        Verdict::Sound(path.to_str().unwrap().to_owned())
    });
    assert_eq!(artifact::remove(&both, foo()).unwrap().len(), 2);
    assert_eq!(artifact::remove(&both, foo()).unwrap(), [""; 0]);
    assert_eq!(artifact::verify(&both, foo(), &progress()).unwrap(), Verdict::Missing);
    let empty = "artifacts/\nscratchrs/\nscratchrs/building/\n";
    assert_eq!(lab.tree(), empty);
    assert_eq!(lab.tree_below(other), empty);
}

#[test]
fn artifacts_are_listed_with_their_sizes() {
    let lab = DepotLab::new();
    let stack = stack(&lab);
    create(&stack, fill_foo);
    lab.write(&format!("artifacts/{}/a/file", "1".repeat(40)), "12345");
    lab.write(&format!("artifacts/{}/file", "A".repeat(40)), "named by hand");
    let listed = artifact::list(&stack).unwrap().artifacts;
    let listed: Vec<_> = listed.iter().map(|one| (one.hash.to_string(), one.bytes)).collect();
    assert_eq!(listed, [("1".repeat(40), 5), (FOO.to_owned(), 3)]);
}

#[test]
fn an_artifact_is_archived() {
    let lab = DepotLab::new();
    let stack = stack(&lab);
    create(&stack, fill_foo);
    let tarball = lab.root().join("foo.tar.gz");
    let to = tarball.to_str().unwrap();
    let packed = artifact::archive(&stack, foo(), to, Compression::Gzip, &progress()).unwrap();
    assert_eq!(packed.size, fs::metadata(&tarball).unwrap().len());
    let unpacked =
        scratchrs_archive::inspect(fs::File::open(&tarball).unwrap(), &progress()).unwrap();
    assert!(unpacked.hashes.contains(&foo()));
    let none = "1".repeat(40).parse().unwrap();
    let error = artifact::archive(&stack, none, to, Compression::Gzip, &progress()).unwrap_err();
    assert_eq!(error.code(), ErrorCode::NotFound);
    assert!(tarball.exists());
}
