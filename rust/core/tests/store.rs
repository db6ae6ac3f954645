//! The store: creating, finding, binding, collecting, verifying and adopting contents.

#![expect(clippy::unwrap_used, reason = "what cannot be set up ends the test")]
#![expect(clippy::disallowed_methods, reason = "tests prepare files themselves")]

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::TimeDelta;
use scratchrs_core::Error;
use scratchrs_core::store::{
    ArtifactKind, BindOptions, Bound, CollectOptions, Collected, CreateOptions, Created, Creation,
    OpenOptions, Opened, Orphan, Settings, Store, adopt, bind, bindings, bound_hash, collect,
    end_session, open_bindings, status, unbind, usage, verify, write_settings,
};
use scratchrs_fs::{Attempt, FileId, LinkMode, PidLock, Policy, Progress};
use scratchrs_model::hash::Sha256;
use scratchrs_model::time::DepotTime;
use scratchrs_testkit::{DepotLab, OWNER, set_mode, symlink};

const LOCK_TIMEOUT: Duration = Duration::from_secs(30);

struct Lab {
    depot: DepotLab,
    store: Store,
    file: String,
}

impl Lab {
    fn new() -> Self {
        let depot = DepotLab::new();
        let store = Store::of(depot.place()).unwrap();
        let file =
            open_bindings(&store, OWNER, OpenOptions::default(), now(), LOCK_TIMEOUT).unwrap().path;
        Self { depot, store, file }
    }

    fn open(&self, options: OpenOptions<'_>, now: DepotTime) -> Result<Opened, Error> {
        open_bindings(&self.store, OWNER, options, now, LOCK_TIMEOUT)
    }

    /// The file of bindings of a version that a project uses, and the project.
    fn open_for(&self, version: &str, project: &str) -> (String, PathBuf) {
        let path = self.depot.root().join(project);
        fs::write(&path, "").unwrap();
        let options = OpenOptions { version: Some(version), project: path.to_str() };
        (self.open(options, now()).unwrap().path, path)
    }

    fn bind_in(&self, file: &str, name: &str, hash: Sha256) {
        bind(&self.store, file, name, hash, BindOptions::default(), now(), LOCK_TIMEOUT).unwrap();
    }

    fn create(&self, fill: impl FnOnce(&Path) -> Option<String>) -> Result<Created, Error> {
        self.create_linked(None, fill)
    }

    fn create_linked(
        &self,
        link: Option<LinkMode>,
        fill: impl FnOnce(&Path) -> Option<String>,
    ) -> Result<Created, Error> {
        let creation = Creation::begin(&self.store, LOCK_TIMEOUT)?;
        let returned = fill(creation.directory());
        creation.finish(returned.as_deref(), CreateOptions { link }, &Progress::default())
    }

    fn file(&self, content: &str) -> Sha256 {
        let created = self.create(|directory| {
            fs::write(directory.join("a"), content).unwrap();
            Some("a".to_owned())
        });
        created.unwrap().hash
    }

    fn tree(&self, files: &[(&str, &str)]) -> Created {
        self.create(|directory| {
            fill(directory, files);
            None
        })
        .unwrap()
    }

    fn bind(&self, name: &str, hash: Sha256) -> Result<Bound, Error> {
        let options = BindOptions::default();
        bind(&self.store, &self.file, name, hash, options, now(), LOCK_TIMEOUT)
    }

    fn unbind(&self, name: &str) {
        assert!(unbind(&self.store, &self.file, &[name], LOCK_TIMEOUT).unwrap());
    }

    fn collect(&self, delay: TimeDelta, now: DepotTime) -> Collected {
        let options = CollectOptions { delay, spares_own: false, ..CollectOptions::default() };
        collect(&self.store, options, now, &Progress::default()).unwrap()
    }

    fn collect_now(&self) -> Vec<Sha256> {
        let mut gone: Vec<_> =
            self.collect(TimeDelta::zero(), now()).removed.iter().map(|gone| gone.hash).collect();
        gone.sort();
        gone
    }

    fn path(&self, hash: Sha256) -> PathBuf {
        self.store.path(hash).into()
    }

    fn names_below(&self, directory: &str) -> Vec<String> {
        let tree = self.depot.tree_below(Path::new(self.store.root()).join(directory));
        tree.lines().map(|line| line.split(": ").next().unwrap().to_owned()).collect()
    }
}

fn fill(directory: &Path, files: &[(&str, &str)]) {
    for (name, content) in files {
        let path = directory.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

#[expect(clippy::disallowed_methods, reason = "files that a test makes have the real time")]
fn now() -> DepotTime {
    at(chrono::Local::now().naive_local())
}

fn at(time: chrono::NaiveDateTime) -> DepotTime {
    DepotTime::from_local(time)
}

fn later(days: i64) -> DepotTime {
    at(now().local() + TimeDelta::days(days))
}

fn sorted(mut hashes: Vec<Sha256>) -> Vec<Sha256> {
    hashes.sort();
    hashes
}

/// Those of `blob_hash` and `tree_hash` of Pkg with SHA-256. A tree with paths that are longer than
/// the system accepts is copied, stored, verified, adopted and deleted.
#[test]
fn a_tree_may_be_deeper_than_paths_are_long() {
    let source = tempfile::tempdir().unwrap();
    let mut deep = source.path().to_owned();
    for _ in 0..30 {
        deep.push("d".repeat(200));
        scratchrs_fs::create_dir(&deep).unwrap();
    }
    for (name, text) in [("file", "deep"), ("run", "too")] {
        let path = deep.join(name);
        let mut file = scratchrs_fs::create_file(&path, scratchrs_fs::Access::default()).unwrap();
        std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
    }
    let modes = [None, Some(LinkMode::Hardlink), Some(LinkMode::Symlink), Some(LinkMode::Copy)];
    for link in modes {
        let (lab, other) = (Lab::new(), Lab::new());
        let creation = Creation::begin(&lab.store, LOCK_TIMEOUT).unwrap();
        assert_eq!(creation.copy(source.path(), &Progress::default()).unwrap(), None);
        let options = CreateOptions { link };
        let created = creation.finish(None, options, &Progress::default()).unwrap();
        lab.bind("deep", created.hash).unwrap();
        let verified = verify(&lab.store, &Progress::default()).unwrap();
        assert_eq!(verified.corrupt.len(), 0, "{link:?}");
        assert_eq!((verified.trees, verified.files), (1, 2));
        let adopted =
            adopt(&other.store, &lab.store, now(), LOCK_TIMEOUT, &Progress::default()).unwrap();
        assert_eq!((adopted.skipped.len(), adopted.names), (0, 1), "{link:?}");
        assert_eq!(verify(&other.store, &Progress::default()).unwrap().corrupt.len(), 0);
        lab.unbind("deep");
        assert_eq!(lab.collect_now().len(), 3, "{link:?}");
        assert_eq!(lab.collect(TimeDelta::zero(), now()).failed, [], "{link:?}");
        assert!(!lab.path(created.hash).exists());
    }
    scratchrs_fs::remove(&source.path().join("d".repeat(200))).unwrap();
}

#[test]
fn a_file_is_named_by_its_content_and_a_tree_by_its_tree_hash() {
    let lab = Lab::new();
    let hi = "a4e13f7dfd8345eae550125113b9d9bcd4b0f781037c02afb133fd98f5f973ae";
    assert_eq!(lab.file("hi").to_string(), hi);
    let tree = lab.tree(&[("s/f", "hi")]);
    let expected = match cfg!(windows) {
        false => "f1810fb6247ab771c40516b1282bdde1cd4544d3ba6ef7fd135d5da17a910115",
        // A new file may be executed.
        true => "4b21d79a330a0408fa52876a5a73b0811bcb6cc1dead7f5330fe85be50e1d62e",
    };
    assert_eq!((tree.hash.to_string().as_str(), tree.kind), (expected, ArtifactKind::Tree));
    let path = Path::new(lab.store.root()).join("artifacts").join(&expected[..2]).join(expected);
    assert_eq!(Path::new(&tree.path), path);
    assert_eq!(fs::read(lab.path(tree.hash).join("s/f")).unwrap(), b"hi");
    let is_read_only = |path: &Path| fs::metadata(path).unwrap().permissions().readonly();
    // On Windows, a directory has no such permission.
    assert!(cfg!(windows) || is_read_only(&lab.path(tree.hash)));
    assert!(is_read_only(&lab.path(hi.parse().unwrap())));
    assert_eq!(lab.names_below("artifacts").iter().filter(|name| name.ends_with(hi)).count(), 1);
}

#[test]
fn what_is_there_already_stays_and_is_not_stored_twice() {
    let lab = Lab::new();
    let first = lab.tree(&[("a", "one"), ("b", "two")]);
    let id = FileId::of(Path::new(&first.path)).unwrap();
    let again = lab.tree(&[("a", "one"), ("b", "two")]);
    assert!(first.is_new && !again.is_new);
    assert_eq!((first.hash, Some(id)), (again.hash, FileId::of(Path::new(&again.path))));
    lab.tree(&[("other", "one"), ("c", "three")]);
    let contents = status(&lab.store).unwrap();
    assert_eq!((contents.files, contents.trees), (3, 2));
}

#[test]
fn who_makes_something_waits_for_whoever_may_not_have_seen_the_claim() {
    let lab = Lab::new();
    let creation = Creation::begin(&lab.store, LOCK_TIMEOUT).unwrap();
    fs::write(creation.directory().join("a"), "one").unwrap();
    let lock = lab.store.layout().lock();
    let policy = Policy::unrefreshed(Duration::from_secs(10));
    let held = PidLock::try_acquire(Path::new(&lock), policy).unwrap();
    assert!(matches!(held, Attempt::Acquired(_)));
    let creation = creation.finish_quickly("a", Duration::ZERO).unwrap_err();
    assert_eq!(status(&lab.store).unwrap().files, 0);
    drop(held);
    let created = creation.finish_quickly("a", Duration::ZERO).unwrap().unwrap();
    assert!(created.is_new);
    let spared = CollectOptions { delay: TimeDelta::zero(), ..CollectOptions::default() };
    let progress = Progress::default();
    assert_eq!(collect(&lab.store, spared, now(), &progress).unwrap().removed, []);
    assert_eq!(lab.collect_now(), [created.hash]);
}

#[test]
#[cfg(unix)]
fn a_tree_is_linked_as_its_creator_wants() {
    use std::os::unix::fs::MetadataExt;
    for mode in [LinkMode::Symlink, LinkMode::Hardlink, LinkMode::Reflink, LinkMode::Copy] {
        let lab = Lab::new();
        let created = lab
            .create_linked(Some(mode), |directory| {
                fill(directory, &[("bin/run", "#!/bin/sh\n"), ("data", "x"), ("copy", "x")]);
                let run = directory.join("bin/run");
                set_mode(run, 0o755);
                symlink("../data", directory.join("bin/link"));
                fs::create_dir(directory.join("empty")).unwrap();
                None
            })
            .unwrap();
        let used = created.link.unwrap();
        assert!(used == mode || (mode, used) == (LinkMode::Reflink, LinkMode::Copy), "{mode}");
        let tree = lab.path(created.hash);
        let is_link = |name: &str| fs::symlink_metadata(tree.join(name)).unwrap().is_symlink();
        assert_eq!(is_link("data"), used == LinkMode::Symlink);
        assert_eq!(fs::read_link(tree.join("bin/link")).unwrap(), Path::new("../data"));
        assert_eq!(fs::metadata(tree.join("bin/run")).unwrap().mode() & 0o777, 0o555, "{mode}");
        assert_eq!(fs::metadata(tree.join("data")).unwrap().mode() & 0o777, 0o444, "{mode}");
        assert!(tree.join("empty").is_dir());
        if used == LinkMode::Hardlink {
            assert_eq!(fs::metadata(tree.join("data")).unwrap().nlink(), 3);
        }
        assert_eq!(verify(&lab.store, &Progress::default()).unwrap().corrupt, []);
    }
}

#[test]
fn a_tree_that_is_linked_in_another_way_is_linked_anew_where_it_is_demanded() {
    let lab = Lab::new();
    write_settings(&lab.store, Settings { link: Some(LinkMode::Symlink) }).unwrap();
    let make = |link| {
        let created = lab.create_linked(link, |directory| {
            fill(directory, &[("a", "one")]);
            None
        });
        created.unwrap()
    };
    let first = make(None);
    let is_link = || fs::symlink_metadata(lab.path(first.hash).join("a")).unwrap().is_symlink();
    assert!(is_link());
    assert_eq!(make(Some(LinkMode::Copy)).link, Some(LinkMode::Copy));
    assert!(!is_link());
    assert_eq!(
        make(None).link,
        Some(LinkMode::Copy),
        "without a demand, the existing tree is used"
    );
}

/// A content that is executable in one tree and not in another, in both orders.
#[test]
fn trees_keep_their_executable_bits() {
    for is_first in [true, false] {
        for mode in [LinkMode::Symlink, LinkMode::Hardlink, LinkMode::Copy] {
            let lab = Lab::new();
            let make = |is_executable: bool| {
                let made = lab.create_linked(Some(mode), |directory| {
                    fill(directory, &[("f", "same")]);
                    let bits = if is_executable { 0o755 } else { 0o644 };
                    set_mode(directory.join("f"), bits);
                    None
                });
                made.unwrap()
            };
            let trees = [make(is_first), make(!is_first), make(is_first)];
            assert_ne!(trees[0].hash, trees[1].hash);
            for (tree, bit) in trees.iter().zip([is_first, !is_first, is_first]) {
                let file = lab.path(tree.hash).join("f");
                let found = scratchrs_fs::metadata(&file).unwrap().unwrap();
                assert_eq!(scratchrs_fs::is_executable(&found, || file), bit);
            }
            assert_eq!(verify(&lab.store, &Progress::default()).unwrap().corrupt, []);
        }
    }
}

#[test]
fn what_cannot_be_stored_is_refused_and_leaves_nothing() {
    let lab = Lab::new();
    let outside = lab.depot.root().join("outside");
    fs::write(&outside, "secret").unwrap();
    let refused = |fill: &dyn Fn(&Path) -> Option<String>| {
        let error = lab.create(fill).unwrap_err().to_string();
        assert!(fs::read_dir(Path::new(lab.store.root()).join("artifacts")).unwrap().count() == 0);
        error
    };
    let outside_text = outside.display().to_string();
    let returned = refused(&|_| Some(outside_text.clone()));
    assert!(returned.contains("is outside of the given directory"), "{returned}");
    let returned = refused(&|_| Some("../x".to_owned()));
    assert!(returned.contains("is outside of the given directory"), "{returned}");
    let returned = refused(&|_| Some("nothing".to_owned()));
    assert_eq!(returned, "the returned path `nothing` does not exist");
    let link = refused(&|directory| {
        symlink(&outside, directory.join("link"));
        Some("link".to_owned())
    });
    assert!(link.contains("is outside of the given directory"), "{link}");
    #[cfg(unix)]
    for returned in [Some("socket".to_owned()), None] {
        let socket = refused(&|directory| {
            std::os::unix::net::UnixListener::bind(directory.join("socket")).unwrap();
            returned.clone()
        });
        assert!(socket.contains("found a socket"), "{socket}");
    }
    for (text, why) in [
        ("nowhere", "leads to a missing file"),
        ("../../../../x", "leads to a missing file"),
        (outside_text.as_str(), "leads out of the directory"),
        ("circle", "cannot be resolved"),
        (".git/x", "leads into `.git`"),
    ] {
        let error = refused(&|directory| {
            fill(directory, &[(".git/x", "")]);
            symlink(text, directory.join("circle"));
            None
        });
        assert!(error.contains(why), "{text}: {error}");
    }
    end_session(Some(&lab.store)).unwrap();
    assert_eq!(lab.names_below("work"), Vec::<String>::new());
}

#[test]
fn a_link_to_a_directory_above_is_a_link() {
    let lab = Lab::new();
    let created = lab
        .create(|directory| {
            fill(directory, &[("a/f", "x")]);
            symlink("..", directory.join("a/up"));
            symlink(directory.join("a/f"), directory.join("absolute"));
            None
        })
        .unwrap();
    let tree = lab.path(created.hash);
    assert_eq!(fs::read_link(tree.join("absolute")).unwrap(), Path::new("a/f"));
    assert_eq!(fs::read(tree.join("a/up/a/f")).unwrap(), b"x");
}

/// The result of a generator can be hard-linked to files of the user.
#[test]
fn a_file_with_other_names_is_copied() {
    let lab = Lab::new();
    let mine = lab.depot.root().join("mine");
    fs::write(&mine, "mine").unwrap();
    let created = lab
        .create(|directory| {
            fs::hard_link(&mine, directory.join("a")).unwrap();
            Some("a".to_owned())
        })
        .unwrap();
    fs::write(&mine, "changed").unwrap();
    assert_eq!(fs::read(created.path).unwrap(), b"mine");
}

#[test]
fn a_name_is_bound_once_unless_forced() {
    let lab = Lab::new();
    let (one, two) = (lab.file("one"), lab.file("two"));
    for name in ["", "a.b", "with \"quotes\"", "é\n", "[x]"] {
        assert_eq!(lab.bind(name, one).unwrap(), Bound::New);
        assert_eq!(bound_hash(&lab.file, name).unwrap(), Some(one), "{name:?}");
    }
    assert_eq!(lab.bind("a.b", two).unwrap(), Bound::Taken);
    let options = BindOptions { force: true, metadata: Some("meta = {a = 1, b = [2020-01-01]}") };
    let bound = bind(&lab.store, &lab.file, "a.b", two, options, now(), LOCK_TIMEOUT).unwrap();
    assert_eq!(bound, Bound::Replaced);
    assert_eq!(bound_hash(&lab.file, "a.b").unwrap(), Some(two));
    let table: toml::Table = fs::read_to_string(&lab.file).unwrap().parse().unwrap();
    assert_eq!(table["a.b"]["meta"]["a"].as_integer(), Some(1));
    unbind(&lab.store, &lab.file, &["", "é\n", "never"], LOCK_TIMEOUT).unwrap();
    assert_eq!(bindings(&lab.file).unwrap().len(), 3);
    let absent = lab.bind("x", Sha256([7; 32])).unwrap_err();
    assert!(
        matches!(&absent, Error::NotFound(message) if message.contains("must be created first"))
    );
    fs::write(&lab.file, "[a]\nsha256 = x\n").unwrap();
    let error = lab.bind("x", one).unwrap_err().to_string();
    assert!(error.starts_with(&format!("{}:2:", lab.file)), "{error}");
}

#[test]
fn bindings_that_somebody_else_writes_are_seen() {
    let lab = Lab::new();
    let (one, two) = (lab.file("one"), lab.file("two"));
    lab.bind("a", one).unwrap();
    assert_eq!(bound_hash(&lab.file, "a").unwrap(), Some(one));
    let text = fs::read_to_string(&lab.file).unwrap();
    let other = lab.depot.root().join("other");
    fs::write(&other, text.replace(&one.to_string(), &two.to_string())).unwrap();
    fs::rename(&other, &lab.file).unwrap();
    assert_eq!(bound_hash(&lab.file, "a").unwrap(), Some(two));
}

/// The rules of `find_orphanages`.
#[test]
fn orphans_wait_and_go() {
    let lab = Lab::new();
    let tree = lab.tree(&[("a", "one"), ("b", "two"), ("c", "two")]).hash;
    let (one, two) = (lab.file("one"), lab.file("two"));
    lab.bind("tree", tree).unwrap();
    lab.bind("alone", two).unwrap();
    let used = usage(&lab.store, LOCK_TIMEOUT).unwrap();
    assert_eq!(used.iter().count(), 4, "{used:?}");
    assert_eq!(lab.collect_now(), []);
    lab.unbind("tree");
    let week = TimeDelta::days(7);
    let waiting = |collected: Collected| collected.waiting.len();
    assert_eq!(waiting(lab.collect(week, now())), 2, "the tree, and what it alone uses");
    assert_eq!(lab.collect(week, later(6)).removed.len(), 0);
    // After it is bound again, it is not an orphan.
    lab.bind("again", tree).unwrap();
    assert_eq!(waiting(lab.collect(week, later(6))), 0);
    lab.unbind("again");
    assert_eq!(waiting(lab.collect(week, later(6))), 2);
    assert_eq!(lab.collect(week, later(8)).removed.len(), 0, "they wait anew");
    let options = CollectOptions { delay: week, is_dry_run: true, spares_own: false };
    let dry = collect(&lab.store, options, later(14), &Progress::default()).unwrap();
    assert!(dry.removed.len() == 2 && lab.path(tree).exists());
    let gone = lab.collect(week, later(14));
    assert_eq!(gone.removed, dry.removed);
    let hashes = sorted(gone.removed.iter().map(|gone| gone.hash).collect());
    assert_eq!(hashes, sorted(vec![tree, one]));
    assert!(lab.path(two).exists() && !lab.path(one).exists());
    lab.unbind("alone");
    assert_eq!(lab.collect_now(), [two]);
    assert_eq!(lab.names_below("artifacts").len() + lab.names_below("trees").len(), 0);
}

#[test]
fn what_another_name_is_bound_to_by_force_frees_what_it_was_bound_to() {
    let lab = Lab::new();
    let (one, two) = (lab.file("one"), lab.file("two"));
    lab.bind("a", one).unwrap();
    let force = BindOptions { force: true, metadata: None };
    bind(&lab.store, &lab.file, "a", two, force, now(), LOCK_TIMEOUT).unwrap();
    assert_eq!(
        usage(&lab.store, LOCK_TIMEOUT).unwrap().iter().count(),
        2,
        "until the next collection"
    );
    assert_eq!(lab.collect_now(), [one]);
    assert_eq!(usage(&lab.store, LOCK_TIMEOUT).unwrap().iter().count(), 1);
}

/// An unbound content can be in a tree that is not bound yet.
#[test]
fn a_tree_that_is_there_keeps_its_contents() {
    let lab = Lab::new();
    lab.file("one");
    let tree = lab.tree(&[("a", "one")]).hash;
    let old = fs::File::options().read(true).open(lab.path(lab.file("one"))).unwrap();
    drop(old);
    lab.bind("x", tree).unwrap();
    lab.unbind("x");
    let week = TimeDelta::days(7);
    // The tree is a new orphan; its content may have been one before.
    assert_eq!(lab.collect(week, later(30)).removed.len(), 0);
    assert_eq!(lab.collect(week, later(37)).removed.len(), 2);
}

#[test]
fn bindings_elsewhere_count_and_those_that_are_gone_do_not() {
    let lab = Lab::new();
    let one = lab.file("one");
    let elsewhere = lab.depot.root().join("elsewhere/Mine.toml").display().to_string();
    let options = BindOptions::default();
    bind(&lab.store, &elsewhere, "x", one, options, now(), LOCK_TIMEOUT).unwrap();
    assert_eq!(lab.collect_now(), []);
    fs::remove_file(&elsewhere).unwrap();
    assert_eq!(lab.collect_now(), [one]);
}

#[test]
fn the_log_of_uses_can_be_lost_and_torn() {
    let lab = Lab::new();
    let (one, two) = (lab.file("one"), lab.file("two"));
    lab.bind("a", one).unwrap();
    let log = lab.store.layout().uses();
    let text = fs::read(&log).unwrap();
    fs::write(&log, &text[..text.len() - 5]).unwrap();
    lab.bind("b", two).unwrap();
    assert_eq!(lab.collect_now(), []);
    fs::remove_file(&log).unwrap();
    fs::write(lab.store.layout().orphanages(), "torn [").unwrap();
    fs::write(lab.store.layout().usage(), "torn [").unwrap();
    assert_eq!(usage(&lab.store, LOCK_TIMEOUT).unwrap().iter().count(), 2);
    assert_eq!(lab.collect_now(), []);
    assert_eq!(fs::read_to_string(log).unwrap().lines().filter(|line| !line.is_empty()).count(), 2);
}

/// A file that is not understood completely might bind any content, whatever the log of uses has.
#[test]
fn a_file_of_bindings_that_does_not_read_keeps_everything() {
    let lab = Lab::new();
    let (one, two) = (lab.file("one"), lab.file("two"));
    lab.bind("a", one).unwrap();
    let text = fs::read_to_string(&lab.file).unwrap();
    let no_hash = text.replace("sha256", "sha-256");
    for damaged in ["[a\n", &text[..text.len() - 9], "\0\0\0\0", "<html>", &no_hash] {
        fs::write(&lab.file, damaged).unwrap();
        let collected = lab.collect(TimeDelta::zero(), now());
        assert_eq!(collected.removed, [], "{damaged:?}");
        assert_eq!(collected.unreadable.len(), 1, "{damaged:?}");
        assert_eq!(collected.unreadable[0].path, lab.file);
    }
    fs::remove_file(lab.store.layout().uses()).unwrap();
    assert_eq!(lab.collect_now(), []);
    assert!(lab.path(one).exists() && lab.path(two).exists());
    fs::write(&lab.file, text).unwrap();
    assert_eq!(lab.collect_now(), [two], "it was repaired");
}

#[test]
fn a_lost_record_of_a_tree_is_read_from_the_tree() {
    for link in [LinkMode::Symlink, LinkMode::Hardlink] {
        let lab = Lab::new();
        let made = lab.create_linked(Some(link), |directory| {
            fill(directory, &[("a", "one"), ("b/c", "two")]);
            None
        });
        let hash = made.unwrap().hash;
        lab.bind("x", hash).unwrap();
        for damaged in ["", "link hardlink\n"] {
            fs::write(lab.store.layout().record(hash), damaged).unwrap();
            assert_eq!(usage(&lab.store, LOCK_TIMEOUT).unwrap().iter().count(), 3);
            assert_eq!(lab.collect_now(), []);
            assert_eq!(verify(&lab.store, &Progress::default()).unwrap().corrupt, []);
        }
    }
}

#[test]
fn rot_is_found_with_who_is_concerned() {
    let lab = Lab::new();
    let make = |link| {
        let made = lab.create_linked(Some(link), |directory| {
            fill(directory, &[("a", "one"), (&format!("{link}"), "two")]);
            None
        });
        made.unwrap().hash
    };
    let (copied, linked) = (make(LinkMode::Copy), make(LinkMode::Hardlink));
    lab.bind("copied", copied).unwrap();
    lab.bind("linked", linked).unwrap();
    let write = |path: PathBuf, text: &str| {
        set_mode(&path, 0o644);
        fs::write(path, text).unwrap();
    };
    let one = lab.file("one");
    write(lab.path(copied).join("a"), "onf");
    write(lab.path(one), "two");
    for path in [lab.path(linked), lab.path(copied)] {
        set_mode(path, 0o755);
    }
    set_mode(lab.path(linked).join("hardlink"), 0o644);
    fs::remove_file(lab.path(linked).join("hardlink")).unwrap();
    fs::write(lab.path(copied).join("stranger"), "").unwrap();
    let damaged = verify(&lab.store, &Progress::default()).unwrap().corrupt;
    let mut found: Vec<_> = damaged
        .iter()
        .map(|damage| (damage.path.as_str(), damage.what.as_str(), damage.bound_by.len()))
        .collect();
    found.sort();
    let at = |hash: Sha256, name: &str| lab.path(hash).join(name).display().to_string();
    let two = "its content has the hash";
    let mut expected = vec![
        (at(copied, "a"), two, 1),
        (at(copied, "stranger"), "it does not belong to the tree", 1),
        (at(linked, "hardlink"), "it is missing", 1),
        (lab.path(one).display().to_string(), two, 2),
    ];
    expected.sort();
    assert_eq!(found.len(), expected.len(), "{damaged:?}");
    for ((path, what, names), (expected, begin, count)) in found.into_iter().zip(&expected) {
        assert_eq!((path, names), (expected.as_str(), *count));
        assert!(what.starts_with(begin), "{path}: {what}");
    }
}

#[test]
fn the_status_says_what_sharing_saves_and_who_binds_what() {
    let lab = Lab::new();
    let tree = lab.tree(&[("a", "1234"), ("b", "1234"), ("c", "12")]).hash;
    let content = lab.file("1234");
    lab.bind("tree", tree).unwrap();
    lab.bind("content", content).unwrap();
    let found = status(&lab.store).unwrap();
    let copies =
        if found.artifacts.iter().any(|a| a.link == Some(LinkMode::Copy)) { 10 } else { 0 };
    // On Windows, files of trees may be executed, and so they are not the file that is stored alone.
    let alone = if cfg!(windows) { 4 } else { 0 };
    assert_eq!((found.files, found.trees, found.bytes), (2, 1, 6 + copies + alone));
    assert_eq!(found.unshared_bytes, 14);
    let bound = found.artifacts.iter().find(|artifact| artifact.hash == tree).unwrap();
    assert_eq!(bound.bound_by[0].name, "tree");
    assert!(found.missing.is_empty());
    // It is read-only.
    scratchrs_fs::remove(&lab.path(content)).unwrap();
    let found = status(&lab.store).unwrap();
    let (file, name) = (lab.file.clone(), "content".to_owned());
    assert_eq!(
        found.missing,
        [scratchrs_core::store::MissingArtifact { file, name, hash: content }]
    );
}

/// In the layout of the peer: absolute symbolic links, no records, and no log of ours.
#[test]
fn a_store_of_ohmyartifacts_is_read_and_adopted() {
    let lab = Lab::new();
    let peer = Store::of_peer(lab.depot.place()).unwrap();
    let put = |content: &str| {
        let hash = lab.file(content);
        let path = peer.path(hash);
        fs::create_dir_all(Path::new(&path).parent().unwrap()).unwrap();
        fs::copy(lab.path(hash), &path).unwrap();
        (hash, path)
    };
    let (one, one_path) = put("one");
    let (_, two_path) = put("two");
    let tree = lab.tree(&[("a", "one"), ("b/c", "two")]).hash;
    let shadow = PathBuf::from(peer.path(tree));
    fs::create_dir_all(shadow.join("b")).unwrap();
    symlink(&one_path, shadow.join("a"));
    symlink(&two_path, shadow.join("b/c"));
    let file = peer.layout().bindings(OWNER, None);
    fs::create_dir_all(Path::new(&file).parent().unwrap()).unwrap();
    let entry = |name: &str, is_directory: bool, hash: Sha256| {
        format!("[{name}]\nisdir = {is_directory}\nsha256 = \"{hash}\"\n")
    };
    fs::write(&file, entry("t", true, tree) + &entry("f", false, one)).unwrap();
    lab.collect_now();
    assert!(!lab.path(tree).exists(), "ours are gone again");

    let found = status(&peer).unwrap();
    assert_eq!((found.files, found.trees, found.unshared_bytes), (2, 1, 9));
    assert_eq!(verify(&peer, &Progress::default()).unwrap().corrupt, []);
    assert_eq!(bound_hash(&file, "t").unwrap(), Some(tree));
    let before = lab.depot.tree_below(peer.root());
    let adopted = adopt(&lab.store, &peer, now(), LOCK_TIMEOUT, &Progress::default()).unwrap();
    assert_eq!((adopted.artifacts, adopted.names), (2, 2), "{adopted:?}");
    assert_eq!(lab.depot.tree_below(peer.root()), before);
    assert_eq!(bound_hash(&lab.file, "t").unwrap(), Some(tree));
    assert_eq!(fs::read(lab.path(tree).join("b/c")).unwrap(), b"two");
    assert_eq!(verify(&lab.store, &Progress::default()).unwrap().corrupt, []);
    let again = adopt(&lab.store, &peer, now(), LOCK_TIMEOUT, &Progress::default()).unwrap();
    assert_eq!((again.artifacts, again.names, again.taken.len()), (0, 0, 0));
    fs::remove_dir_all(peer.root()).unwrap();
    assert_eq!(verify(&lab.store, &Progress::default()).unwrap().corrupt, []);
}

#[test]
fn versions_of_a_package_have_bindings_of_their_own() {
    let lab = Lab::new();
    let open = |version| lab.open(OpenOptions { version: Some(version), project: None }, now());
    let (old, new) = (open("1.0.0").unwrap().path, open("2.0.0-rc1+5").unwrap().path);
    let is_named = |path: &str, name| Path::new(path).file_name() == Some(OsStr::new(name));
    assert!(is_named(&old, "Artifacts_v1.0.0.toml"));
    assert!(is_named(&new, "Artifacts_v2.0.0-rc1+5.toml"));
    let one = lab.file("one");
    for file in [&old, &new] {
        bind(&lab.store, file, "x", one, BindOptions::default(), now(), LOCK_TIMEOUT).unwrap();
    }
    unbind(&lab.store, &old, &["x"], LOCK_TIMEOUT).unwrap();
    assert_eq!(lab.collect_now(), []);
    assert!(open("1/../../2").is_err());
    let due = |now| lab.open(OpenOptions::default(), now).unwrap().is_collection_due;
    assert!(!due(later(6)) && due(later(8)));
}

/// The files of bindings of two versions: the first has its own names, and shares one content with
/// the second, which has it in a tree.
#[test]
fn what_only_projects_bind_that_are_gone_goes_after_the_grace_period() {
    let lab = Lab::new();
    let (old, project) = lab.open_for("1.0.0", "Old.toml");
    let (new, _) = lab.open_for("2.0.0", "New.toml");
    let (own, shared) = (lab.file("own"), lab.file("shared"));
    let tree = lab.tree(&[("a", "shared"), ("b", "other")]).hash;
    lab.bind_in(&old, "own", own);
    lab.bind_in(&old, "shared", shared);
    lab.bind_in(&new, "tree", tree);
    let week = TimeDelta::days(7);
    assert_eq!(lab.collect(week, now()).waiting, []);
    fs::remove_file(&project).unwrap();
    let hashes = |orphans: &[Orphan]| orphans.iter().map(|orphan| orphan.hash).collect::<Vec<_>>();
    let first = lab.collect(week, now());
    assert_eq!((hashes(&first.waiting), first.abandoned), (vec![own], vec![]));
    assert!(lab.path(own).exists() && Path::new(&old).exists());
    let (six, eight) = (later(6), later(8));
    assert_eq!(lab.collect(week, six).removed, []);
    // If the project exists again in time, all items are kept, and the grace period starts anew.
    fs::write(&project, "").unwrap();
    assert_eq!(lab.collect(week, six).waiting, []);
    fs::remove_file(&project).unwrap();
    assert_eq!(lab.collect(week, eight).removed, []);
    let options = CollectOptions { delay: week, is_dry_run: true, spares_own: false };
    let before = lab.depot.tree();
    let dry = collect(&lab.store, options, later(15), &Progress::default()).unwrap();
    assert_eq!(lab.depot.tree(), before, "a dry run touches nothing");
    let gone = lab.collect(week, later(15));
    assert_eq!((&gone.removed, &gone.abandoned), (&dry.removed, &dry.abandoned));
    assert_eq!((hashes(&gone.removed), gone.abandoned), (vec![own], vec![old.clone()]));
    assert!(!Path::new(&old).exists() && !lab.path(own).exists());
    assert!(lab.path(shared).exists() && Path::new(&new).exists());
    assert_eq!(verify(&lab.store, &Progress::default()).unwrap().corrupt, []);
    assert_eq!(lab.collect_now(), []);
}

#[test]
fn names_of_somebody_unknown_and_of_files_elsewhere_stay() {
    let lab = Lab::new();
    let (file, project) = lab.open_for("1.0.0", "Project.toml");
    let options = OpenOptions { version: Some("1.0.0"), project: None };
    lab.open(options, now()).unwrap();
    let elsewhere = lab.depot.root().join("Mine.toml").display().to_string();
    let hashes = [lab.file("one"), lab.file("two"), lab.file("three")];
    lab.bind_in(&file, "one", hashes[0]);
    lab.bind_in(&elsewhere, "two", hashes[1]);
    // A file without a logged user, as in an adopted store.
    let adopted = lab.store.layout().bindings(uuid::Uuid::from_u128(7), None);
    lab.bind_in(&adopted, "three", hashes[2]);
    fs::remove_file(project).unwrap();
    assert_eq!(lab.collect_now(), []);
    // The unreadable part of the log might have any user.
    let (file, project) = lab.open_for("2.0.0", "Other.toml");
    lab.bind_in(&file, "four", lab.file("four"));
    fs::remove_file(project).unwrap();
    let log = lab.store.layout().users();
    fs::write(&log, fs::read_to_string(&log).unwrap() + "\ntorn").unwrap();
    assert_eq!(lab.collect_now(), []);
    assert_eq!(lab.collect_now().len(), 1, "the log was healed");
}
