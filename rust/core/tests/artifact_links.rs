//! Artifacts with symbolic links that lead out of the artifact, to missing files or in cycles. They
//! can be created, archived, installed, verified and repaired, and the targets of the links are
//! neither read nor changed.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a failed setup fails the test")]
#![expect(clippy::disallowed_methods, reason = "tests prepare files themselves")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use scratchrs_archive::{Change, Compression, Links};
use scratchrs_core::artifact::{self, FileChange, InstallOptions, Stack, Verdict, Wanted};
use scratchrs_core::tarball;
use scratchrs_fetch::{Settings, file_url};
use scratchrs_fs::Progress;
use scratchrs_model::artifacts_toml::{Download, Host};
use scratchrs_model::hash::TreeHash;
use scratchrs_model::time::DepotTime;
use scratchrs_testkit::DepotLab;

/// A depot with an artifact full of links, its tarball, and a directory that some of them lead to.
struct Scene {
    lab: DepotLab,
    stack: Stack,
    outside: tempfile::TempDir,
    hash: TreeHash,
    wanted: Wanted,
    links: Vec<(&'static str, PathBuf)>,
}

#[expect(clippy::disallowed_methods, reason = "the uses of the test are logged now")]
fn now() -> DepotTime {
    DepotTime::from_local(chrono::Local::now().naive_local())
}

fn progress() -> Progress {
    Progress::default()
}

impl Scene {
    fn new(compression: Compression, extension: &str) -> Self {
        let lab = DepotLab::new();
        let stack = Stack::new([lab.depot()], None).unwrap();
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("secret"), "secret").unwrap();
        let links = vec![
            ("etc/mtab", PathBuf::from("/proc/mounts")),
            ("etc/c", "/share/c".into()),
            ("root", "/".into()),
            ("secret", outside.path().join("secret")),
            ("outside", outside.path().to_owned()),
            ("up", "../../../../../..".into()),
            ("etc/up-and-back", "../../x/share/c".into()),
            ("nothing", "nowhere/at/all".into()),
            ("self", "self".into()),
            ("one", "other".into()),
            ("other", "./one".into()),
            ("long", "x/".repeat(1000).into()),
            ("schön", "/schön".into()),
            ("good", "share/c".into()),
        ];
        let source = outside.path().join("source");
        fs::create_dir_all(source.join("etc")).unwrap();
        fs::create_dir_all(source.join("share")).unwrap();
        fs::write(source.join("share/c"), "c").unwrap();
        for (path, target) in &links {
            symlink(target, source.join(path)).unwrap();
        }
        let creation = artifact::begin(&stack).unwrap();
        creation.copy(&source, &progress()).unwrap();
        let hash = creation.publish(&stack, &progress()).unwrap().hash;
        let tarball = outside.path().join(format!("x.tar.{extension}"));
        let name = tarball.to_str().unwrap();
        let packed = artifact::archive(&stack, hash, name, compression, &progress()).unwrap();
        artifact::remove(&stack, hash).unwrap();
        let download =
            Download { url: file_url(&tarball), sha256: packed.sha256, size: Some(packed.size) };
        let (name, downloads) = ("x".to_owned(), vec![download]);
        let (unhashed, invalid) = (vec![], vec![]);
        let wanted = Wanted { name, hash, downloads, unhashed, bound_in: None, invalid };
        Self { lab, stack, outside, hash, wanted, links }
    }

    fn install(&self, links: Links) {
        let settings = settings();
        let options = InstallOptions { settings: &settings, links, now: now() };
        artifact::install(&self.stack, &self.wanted, options, &progress()).unwrap();
    }

    fn path(&self) -> PathBuf {
        self.lab.path(&format!("artifacts/{}", self.hash))
    }

    fn verify(&self) -> Verdict {
        artifact::verify(&self.stack, self.hash, &progress()).unwrap()
    }

    fn assert_sound(&self) {
        let path = self.path();
        for (link, target) in &self.links {
            assert_eq!(&fs::read_link(path.join(link)).unwrap(), target);
        }
        assert_eq!(self.verify(), Verdict::Sound(path.to_str().unwrap().to_owned()));
        self.assert_untouched();
    }

    fn assert_untouched(&self) {
        assert_eq!(fs::read_to_string(self.outside.path().join("secret")).unwrap(), "secret");
        assert!(
            !fs::metadata(self.outside.path().join("secret")).unwrap().permissions().readonly()
        );
    }
}

fn settings() -> Settings {
    Settings::new([("JULIA_PKG_SERVER", "")], SystemTime::UNIX_EPOCH)
}

#[test]
fn an_artifact_that_was_created_and_archived_can_be_installed() {
    for (compression, extension) in [(Compression::Gzip, "gz"), (Compression::Zstandard, "zst")] {
        let scene = Scene::new(compression, extension);
        scene.install(Links::Made);
        scene.assert_sound();
        // Unpacked and packed again, it has the same bytes.
        let tarball = scene.outside.path().join(format!("x.tar.{extension}"));
        let into = scene.outside.path().join("unpacked");
        tarball::unpack(&tarball, &into, Links::Made, &progress()).unwrap();
        let again = scene.outside.path().join("again");
        let packed = scratchrs_archive::pack(&into, &again, compression, &progress()).unwrap();
        assert_eq!(packed.sha256, scene.wanted.downloads[0].sha256);
        // Removing it does not follow links.
        artifact::remove(&scene.stack, scene.hash).unwrap();
        assert!(!scene.path().exists());
        scene.assert_untouched();
    }
}

/// If links are replaced by copies, links that lead out are left out.
#[test]
fn files_outside_are_not_copied() {
    let scene = Scene::new(Compression::Gzip, "gz");
    scene.install(Links::Copied);
    let path = scene.path();
    let mut names = scratchrs_fs::names(&path).unwrap();
    names.sort();
    assert_eq!(names, ["etc", "good", "share"]);
    assert_eq!(scratchrs_fs::names(&path.join("etc")).unwrap(), Vec::<String>::new());
    assert_eq!(fs::read_to_string(path.join("good")).unwrap(), "c");
    assert_eq!(scene.verify(), Verdict::Sound(path.to_str().unwrap().to_owned()));
    // A copy of the target of a link that was left out is an extra file.
    fs::write(path.join("secret"), "secret").unwrap();
    let Verdict::Corrupt(corrupt) = scene.verify() else { panic!("it is modified") };
    let difference = FileChange { path: "secret".into(), change: Change::Extra };
    assert_eq!(corrupt.differences, Some(vec![difference]));
}

/// A link counts by its text, also if its target has the same content.
#[test]
fn a_changed_link_is_found_and_repaired() {
    let scene = Scene::new(Compression::Gzip, "gz");
    let file = scene.lab.path("Artifacts.toml");
    let Download { url, sha256, .. } = &scene.wanted.downloads[0];
    let text = format!(
        "[x]\ngit-tree-sha1 = \"{}\"\n\n    [[x.download]]\n    sha256 = \"{sha256}\"\n    url = \"{url}\"\n",
        scene.hash
    );
    fs::write(&file, text).unwrap();
    type Deed<'a> = (&'a str, &'a dyn Fn(&Path, &Scene));
    let changes: [Deed<'_>; 5] = [
        ("secret", &|link, scene| symlink(scene.outside.path().join("other"), link).unwrap()),
        ("secret", &|link, _| fs::write(link, "secret").unwrap()),
        ("outside", &|link, _| fs::create_dir(link).unwrap()),
        ("nothing", &|_, _| ()),
        ("etc/mtab", &|link, _| symlink("/proc/self/mounts", link).unwrap()),
    ];
    scene.install(Links::Made);
    for (link, change) in changes {
        let link = scene.path().join(link);
        fs::remove_file(&link).unwrap();
        change(&link, &scene);
        assert!(matches!(scene.verify(), Verdict::Corrupt(_)), "{}", link.display());
        let settings = settings();
        let options = InstallOptions { settings: &settings, links: Links::Made, now: now() };
        let host = Host::given("x86_64-linux-gnu".parse().unwrap());
        let files = [file.to_str().unwrap()];
        let repairs = artifact::repair(&scene.stack, &files, &host, options, &progress()).unwrap();
        assert_eq!(repairs.repaired.len(), 1, "{repairs:?}");
        scene.assert_sound();
    }
    // The content of the target does not matter.
    fs::write(scene.outside.path().join("secret"), "changed").unwrap();
    let sound = Verdict::Sound(scene.path().to_str().unwrap().to_owned());
    assert_eq!(scene.verify(), sound);
    fs::remove_file(scene.outside.path().join("secret")).unwrap();
    assert_eq!(scene.verify(), sound);
}
