//! Installing artifacts from a server on this machine. Kills and concurrent processes are tested in
//! `scratchrs-testkit`.

#![expect(clippy::unwrap_used, reason = "a failed setup fails the test")]
#![expect(clippy::disallowed_methods, reason = "tests prepare files themselves")]

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use scratchrs_archive::{Change, Compression, Links};
use scratchrs_core::artifact::{
    self, FileChange, InstallBegun, InstallOptions, Installed, Stack, Verdict, Wanted,
};
use scratchrs_core::{Error, ErrorCode, FrontEnd};
use scratchrs_fetch::{Settings, file_url};
use scratchrs_fs::Progress;
use scratchrs_model::artifacts_toml::{Download, Host};
use scratchrs_model::hash::TreeHash;
use scratchrs_model::time::DepotTime;
use scratchrs_testkit::{DepotLab, ServedArtifact, in_quotes, set_mode, symlink};

/// A depot, and an artifact on a server.
struct Scene {
    lab: DepotLab,
    served: ServedArtifact,
    stack: Stack,
    hash: TreeHash,
}

impl Scene {
    fn new() -> Self {
        let lab = DepotLab::new();
        // Large enough for a transfer to break off inside.
        let served = ServedArtifact::new(1 << 20);
        let stack = Stack::new([lab.depot()], None).unwrap();
        Self { lab, hash: served.hash, served, stack }
    }

    fn wanted(&self, paths: &[&str]) -> Wanted {
        let download = |path: &&str| Download {
            url: self.served.server.url(path),
            sha256: self.served.sha256,
            size: None,
        };
        let downloads = paths.iter().map(download).collect();
        let bound_in = Some(("/work/Artifacts.toml".to_owned(), Some(3)));
        Wanted {
            name: "x".to_owned(),
            hash: self.hash,
            downloads,
            unhashed: vec![],
            bound_in,
            invalid: vec![],
        }
    }

    fn install(&self, wanted: &Wanted, settings: &Settings) -> Result<Installed, Error> {
        artifact::install(&self.stack, wanted, options(settings), &progress())
    }

    /// The names in the directory of artifacts.
    fn names(&self) -> Vec<String> {
        scratchrs_fs::names(&self.lab.path("artifacts")).unwrap()
    }

    fn path(&self) -> String {
        self.lab.path(&format!("artifacts/{}", self.hash)).to_str().unwrap().to_owned()
    }

    fn assert_installed(&self) {
        assert_eq!(self.names(), [self.hash.to_string(), format!("{}@tree", self.hash)]);
        let verdict = artifact::verify(&self.stack, self.hash, &progress()).unwrap();
        assert_eq!(verdict, Verdict::Sound(self.path()));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |name: &str| {
                let path = Path::new(&self.path()).join(name);
                fs::metadata(path).unwrap().permissions().mode() & 0o777
            };
            assert_eq!((mode("file") & 0o322, mode("bin/program") & 0o322), (0, 0o100));
        }
    }
}

fn progress() -> Progress {
    Progress::default()
}

fn settings(variables: &[(&str, &str)]) -> Settings {
    #[expect(clippy::disallowed_methods, reason = "the requests of the test are made now")]
    let now = SystemTime::now();
    let none = [("JULIA_PKG_SERVER", "")].into_iter().filter(|_| variables.is_empty());
    let mut settings = Settings::new(none.chain(variables.iter().copied()), now);
    settings.timeouts.retries = vec![Duration::ZERO];
    settings
}

#[expect(clippy::disallowed_methods, reason = "the uses of the test are logged now")]
fn now() -> DepotTime {
    DepotTime::from_local(chrono::Local::now().naive_local())
}

fn options(settings: &Settings) -> InstallOptions<'_> {
    InstallOptions { settings, links: Links::Made, now: now() }
}

#[test]
fn an_artifact_is_installed_once() {
    let scene = Scene::new();
    let wanted = scene.wanted(&["/x.tar.gz"]);
    let installed = scene.install(&wanted, &settings(&[])).unwrap();
    let expected =
        Installed { path: scene.path(), is_new: true, warnings: vec![], removed_records: vec![] };
    assert_eq!(installed, expected);
    scene.assert_installed();
    let again = scene.install(&wanted, &settings(&[])).unwrap();
    assert_eq!(again, Installed { is_new: false, ..installed });
    assert_eq!(scene.served.requests().len(), 1);
}

#[test]
fn the_pkg_server_is_tried_first_then_each_source() {
    let scene = Scene::new();
    let wanted = scene.wanted(&["/nothing", "/x.tar.gz", "/never"]);
    let server = settings(&[("JULIA_PKG_SERVER", &scene.served.server.url(""))]);
    scene.install(&wanted, &server).unwrap();
    scene.assert_installed();
    let of_server = format!("/artifact/{}", scene.hash);
    assert_eq!(scene.served.requests(), [of_server.as_str(), "/nothing", "/x.tar.gz"]);

    artifact::remove(&scene.stack, scene.hash).unwrap();
    let served = scene.served.directory();
    fs::copy(served.join("x.tar.gz"), served.join(&of_server[1..])).unwrap();
    scene.install(&wanted, &server).unwrap();
    scene.assert_installed();
    assert_eq!(scene.served.requests().last(), Some(&of_server));
}

#[test]
fn an_artifact_is_installed_from_a_local_file() {
    let scene = Scene::new();
    let mut wanted = scene.wanted(&["/x.tar.gz"]);
    wanted.downloads[0].url = file_url(&scene.served.directory().join("x.tar.gz"));
    scene.install(&wanted, &settings(&[])).unwrap();
    scene.assert_installed();
    assert!(scene.served.directory().join("x.tar.gz").exists());
}

#[test]
fn the_error_has_a_line_for_each_source() {
    let scene = Scene::new();
    let server = settings(&[("JULIA_PKG_SERVER", &scene.served.server.url(""))]);
    let wanted = scene.wanted(&["/nothing", "/@status:500/x.tar.gz"]);
    let error = scene.install(&wanted, &server).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Download);
    let text = error.to_string();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!((lines.len(), lines[0]), (4, "can't install artifact `x`"), "{text}");
    for (line, part) in lines[1..].iter().zip(["/artifact/", "/nothing: ", "500"]) {
        assert!(line.contains(part), "{text}");
    }
    assert_eq!(scene.names(), [""; 0]);

    let error = scene.install(&scene.wanted(&[]), &server).unwrap_err().to_string();
    assert!(error.ends_with("\n  /work/Artifacts.toml has no URL to download it from"), "{error}");
}

#[test]
fn a_tarball_or_tree_with_another_hash_is_not_installed() {
    let scene = Scene::new();
    let mut wanted = scene.wanted(&["/x.tar.gz"]);
    wanted.downloads[0].sha256 = "0".repeat(64).parse().unwrap();
    let error = scene.install(&wanted, &settings(&[])).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Integrity);
    let expected = format!(
        "artifact `x` does not match its hash; nothing was installed\n  from     {}\n  \
         expected sha256 {}\n  got      sha256 {}",
        scene.served.server.url("/x.tar.gz"),
        "0".repeat(64),
        scene.served.sha256
    );
    assert_eq!(error.to_string(), expected);
    assert!(error.hint(FrontEnd::Shell).unwrap().contains("/work/Artifacts.toml:3"));
    assert_eq!(scene.names(), [""; 0]);

    let other: TreeHash = "1".repeat(40).parse().unwrap();
    let wanted = Wanted { hash: other, ..scene.wanted(&["/x.tar.gz"]) };
    let error = scene.install(&wanted, &settings(&[])).unwrap_err().to_string();
    let got = format!("git-tree-sha1 {other}\n  got      git-tree-sha1 {}", scene.hash);
    assert!(error.contains(&got), "{error}");
    assert_eq!(scene.names(), [""; 0]);

    // Unless the user disables the check.
    let unchecked = settings(&[("JULIA_PKG_SERVER", ""), ("JULIA_PKG_IGNORE_HASHES", "1")]);
    let installed = scene.install(&wanted, &unchecked).unwrap();
    assert_eq!(installed.warnings.len(), 1);
    assert_eq!(scene.names(), [other.to_string()]);
    assert_eq!(scene.stack.find(scene.hash).unwrap(), None);
}

#[test]
fn a_malformed_tarball_leaves_nothing_and_the_next_source_is_tried() {
    let scene = Scene::new();
    let served = scene.served.directory();
    fs::write(served.join("evil.tar.gz"), "no archive at all").unwrap();
    let mut wanted = scene.wanted(&["/evil.tar.gz", "/x.tar.gz"]);
    wanted.downloads[0].sha256 =
        "5742317412fc41d579db1431eed0badd4d1ac8ae760153d9dbfff9655cc100c9".parse().unwrap();
    wanted.downloads.truncate(1);
    let error = scene.install(&wanted, &settings(&[])).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Download);
    assert!(error.to_string().contains("can't be unpacked"), "{error}");
    assert_eq!(scene.names(), [""; 0]);
    wanted.downloads.extend(scene.wanted(&["/x.tar.gz"]).downloads);
    scene.install(&wanted, &settings(&[])).unwrap();
    scene.assert_installed();
}

#[test]
fn an_interrupted_download_is_resumed() {
    let scene = Scene::new();
    let wanted = scene.wanted(&["/@truncate:300000:1/x.tar.gz"]);
    let mut hasty = settings(&[]);
    hasty.timeouts.retries = Vec::new();
    let error = scene.install(&wanted, &hasty).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Download);
    let names = scene.names();
    assert_eq!(names.len(), 2, "the part and what it is a part of: {names:?}");
    assert!(names.iter().all(|name| name.starts_with(&format!("{}@download-", scene.hash))));
    scene.install(&wanted, &hasty).unwrap();
    scene.assert_installed();
    let ranges: Vec<_> = scene.served.server.received();
    let range = ranges[1].header("range").unwrap();
    assert_eq!(range, "bytes=300000-");
}

#[test]
fn a_complete_download_is_not_repeated() {
    let scene = Scene::new();
    let wanted = scene.wanted(&["/@truncate:300000:1/x.tar.gz"]);
    let mut hasty = settings(&[]);
    hasty.timeouts.retries = Vec::new();
    scene.install(&wanted, &hasty).unwrap_err();
    let part = scene.names().remove(0);
    let part = scene.lab.path(&format!("artifacts/{part}"));
    fs::copy(scene.served.directory().join("x.tar.gz"), &part).unwrap();
    fs::remove_file(format!("{}.resume", part.display())).unwrap();
    scene.install(&wanted, &hasty).unwrap();
    scene.assert_installed();
    assert_eq!(scene.served.requests().len(), 1);
}

#[test]
fn an_installation_that_is_cancelled_while_unpacking_leaves_only_a_download() {
    let scene = Scene::new();
    let (settings, wanted) = (settings(&[]), [scene.wanted(&["/x.tar.gz"])]);
    let progress = progress();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while progress.state().done < scene.served.size {
                std::thread::yield_now();
            }
            progress.cancel();
        });
        let results = artifact::install_all(&scene.stack, &wanted, options(&settings), &progress);
        match &results[0] {
            Ok(_) => scene.assert_installed(),
            Err(error) => {
                assert_eq!(error.code(), ErrorCode::Cancelled);
                let is_download = |name: &String| name.contains("@download-");
                assert!(scene.names().iter().all(is_download), "{:?}", scene.names());
            }
        }
    });
}

#[test]
fn an_installation_that_is_cancelled_before_it_begins_leaves_nothing() {
    let scene = Scene::new();
    let cancelled = progress();
    cancelled.cancel();
    let wanted = scene.wanted(&["/x.tar.gz"]);
    let settings = settings(&[]);
    let result = artifact::install(&scene.stack, &wanted, options(&settings), &cancelled);
    assert_eq!(result.unwrap_err().code(), ErrorCode::Cancelled);
    assert_eq!(scene.names(), [""; 0]);
}

#[test]
fn progress_is_in_bytes() {
    let scene = Scene::new();
    let progress = progress();
    let settings = settings(&[]);
    let wanted = [scene.wanted(&["/x.tar.gz"])];
    let results = artifact::install_all(&scene.stack, &wanted, options(&settings), &progress);
    assert!(results[0].is_ok());
    let state = progress.state();
    assert_eq!(state.stage, "Installing artifacts");
    assert_eq!((state.done, state.total), (2 * scene.served.size, 2 * scene.served.size));
}

#[test]
fn the_caller_can_provide_the_tarball() {
    let scene = Scene::new();
    let settings = settings(&[]);
    let begin = || match artifact::begin_install(&scene.stack, scene.hash, Duration::ZERO).unwrap()
    {
        InstallBegun::Install(installation) => installation,
        begun => panic!("{begun:?}"),
    };
    let installation = begin();
    let busy = artifact::begin_install(&scene.stack, scene.hash, Duration::ZERO).unwrap();
    let InstallBegun::Busy(holder) = busy else { panic!("{busy:?}") };
    assert_eq!(holder.pid, Some(std::process::id()));
    let tarball = scene.served.directory().join("x.tar.gz");
    fs::copy(&tarball, installation.file()).unwrap();
    let other = "0".repeat(64).parse().unwrap();
    let error = installation.finish("x", Some(other), options(&settings), &progress()).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Integrity);
    assert_eq!(scene.names(), [""; 0]);
    let installation = begin();
    fs::write(installation.file(), "no archive").unwrap();
    let error = installation.finish("x", None, options(&settings), &progress()).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Format);
    let installation = begin();
    fs::write(installation.file(), "half").unwrap();
    installation.abandon();
    assert_eq!(scene.names(), [""; 0]);
    let installation = begin();
    fs::copy(&tarball, installation.file()).unwrap();
    let sha256 = Some(scene.served.sha256);
    assert!(installation.finish("x", sha256, options(&settings), &progress()).unwrap().is_new);
    scene.assert_installed();
    let begun = artifact::begin_install(&scene.stack, scene.hash, Duration::ZERO).unwrap();
    assert!(matches!(begun, InstallBegun::Ready(path) if path == scene.path()));
}

#[test]
fn an_overridden_artifact_is_not_installed() {
    let mut scene = Scene::new();
    let elsewhere = scene.lab.root().join("elsewhere");
    let text = format!("{} = \"{}\"\n", scene.hash, in_quotes(&elsewhere));
    scene.lab.write("artifacts/Overrides.toml", &text);
    scene.stack.read_overrides().unwrap();
    let wanted = scene.wanted(&["/x.tar.gz"]);
    let error = scene.install(&wanted, &settings(&[])).unwrap_err();
    assert_eq!(error.code(), ErrorCode::NotFound);
    fs::create_dir(&elsewhere).unwrap();
    let installed = scene.install(&wanted, &settings(&[])).unwrap();
    assert_eq!(installed.path, elsewhere.to_str().unwrap());
}

/// A file that binds the artifact to `x`, with these fields in its `download` tables.
fn bound(scene: &Scene, places: &[String]) -> (String, Wanted) {
    let file = scene.lab.root().join("Artifacts.toml").to_str().unwrap().to_owned();
    let places = places.iter().map(|fields| format!("\n    [[x.download]]\n{fields}\n"));
    let text = format!("[x]\ngit-tree-sha1 = \"{}\"\n{}", scene.hash, places.collect::<String>());
    fs::write(&file, text).unwrap();
    let bindings = artifact::bindings(&file).unwrap().unwrap();
    let (mut wanted, left_out) = artifact::wanted(&scene.stack, &file, &bindings, &host(), false);
    assert!(left_out.is_empty());
    (file, wanted.remove(0))
}

#[test]
fn an_invalid_source_is_reported_with_file_line_and_field() {
    let scene = Scene::new();
    let url = scene.served.server.url("/x.tar.gz");
    let sha256 = scene.served.sha256.to_string();
    for (fields, place, message) in [
        (
            format!("sha256 = \"{}\"\nurl = \"{url}\"", scene.hash),
            "5:10",
            "expected 64 hexadecimal digits, got 40, the length of a SHA-1",
        ),
        (format!("url = \"{url}\""), "4:5", "missing `sha256`: expected 64 hexadecimal digits"),
        (format!("sha256 = 7\nurl = \"{url}\""), "5:10", "invalid `sha256`: expected 64"),
        (format!("sha256 = \"{sha256}\""), "4:5", "missing `url`: expected an address"),
        (
            format!("sha256 = \"{sha256}\"\nurl = \"example.org/x\""),
            "6:7",
            "invalid `url` `example.org/x`: expected an address that begins with `https:`",
        ),
    ] {
        let (file, wanted) = bound(&scene, &[fields]);
        let error = scene.install(&wanted, &settings(&[])).unwrap_err();
        assert_eq!(error.code(), ErrorCode::Format, "{error}");
        let error = error.to_string();
        assert!(error.starts_with(&format!("{file}:{place}: artifact `x`: ")), "{error}");
        assert!(error.contains(message), "{error}");
        assert_eq!(scene.names(), [""; 0]);
    }
}

#[test]
fn an_invalid_source_is_reported_and_another_is_used() {
    let scene = Scene::new();
    let place = |path: &str, hash: &str, more: &str| {
        format!("sha256 = \"{hash}\"\nurl = \"{}\"{more}", scene.served.server.url(path))
    };
    let (short, whole) = ("abc", scene.served.sha256.to_string().to_uppercase());
    let invalid = place("/x.tar.gz", short, "");
    let (file, wanted) = bound(&scene, &[invalid.clone(), place("/missing", &whole, "")]);
    let error = scene.install(&wanted, &settings(&[])).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Download);
    assert!(error.to_string().contains(&format!("\n  {file}:5:10: artifact `x`: ")), "{error}");
    let valid = place("/x.tar.gz", &whole, "\nsize = \"large\"");
    let (file, wanted) = bound(&scene, &[invalid, valid]);
    let installed = scene.install(&wanted, &settings(&[])).unwrap();
    let is_reported = |place: &str| {
        installed.warnings.iter().any(|warning| warning.starts_with(&format!("{file}:{place}: ")))
    };
    assert!(
        installed.is_new && is_reported("5:10") && is_reported("11:8"),
        "{:?}",
        installed.warnings
    );
}

/// A file that binds the scene's artifact, and a missing one.
fn write_bindings(scene: &Scene) -> String {
    let file = scene.lab.root().join("Artifacts.toml").to_str().unwrap().to_owned();
    let served = &scene.served;
    let other = served.binding("y", "/nothing").replace(&scene.hash.to_string(), &"1".repeat(40));
    let [x, same] = ["x", "same"].map(|name| served.binding(name, "/x.tar.gz"));
    let text = x + &other + &same;
    fs::write(&file, text).unwrap();
    file
}

fn host() -> Host {
    Host::given("x86_64-linux-gnu".parse().unwrap())
}

#[test]
fn all_artifacts_that_a_file_binds_are_installed() {
    let scene = Scene::new();
    let file = write_bindings(&scene);
    let bindings = artifact::bindings(&file).unwrap().unwrap();
    let (wanted, diagnostics) = artifact::wanted(&scene.stack, &file, &bindings, &host(), false);
    assert_eq!((wanted.len(), diagnostics.len()), (3, 0));
    let settings = settings(&[]);
    let results = artifact::install_all(&scene.stack, &wanted, options(&settings), &progress());
    let is_ok: Vec<bool> = results.iter().map(Result::is_ok).collect();
    assert_eq!(is_ok, [true, true, false], "same, x, y");
    scene.assert_installed();
    let downloads = scene.served.requests().iter().filter(|target| *target == "/x.tar.gz").count();
    assert_eq!(downloads, 1);
}

#[test]
fn corrupt_artifacts_are_repaired() {
    let scene = Scene::new();
    let file = write_bindings(&scene);
    let settings = settings(&[]);
    let repair = |files: &[&str]| {
        artifact::repair(&scene.stack, files, &host(), options(&settings), &progress()).unwrap()
    };
    let repairs = repair(&[&file]);
    let one = || artifact::InstalledArtifact { hash: scene.hash, path: scene.path() };
    assert_eq!(repairs.installed, [one()]);
    assert_eq!(repairs.failed.len(), 1, "no server has y");

    let corrupt = Path::new(&scene.path()).join("file");
    set_mode(&corrupt, 0o644);
    fs::write(&corrupt, "corrupt").unwrap();
    fs::remove_file(scene.lab.path("logs/artifact_usage.toml")).expect("the use is logged");
    let repairs = repair(&[]);
    assert_eq!(repairs.unknown.len(), 1, "no log has the file");
    let log = format!("[[\"{}\"]]\ntime = 2024-01-02T03:04:05.006Z\n", in_quotes(&file));
    scene.lab.write("logs/artifact_usage.toml", &log);
    let repairs = repair(&[]);
    assert_eq!(repairs.repaired, [one()]);
    assert_eq!((repairs.failed.len(), repairs.unknown.len(), repairs.sound), (0, 0, 0));
    scene.assert_installed();
    assert_eq!(repair(&[]).sound, 1);
}

#[test]
fn copies_in_place_of_links_are_not_corruption() {
    let scene = Scene::new();
    let creation = artifact::begin(&scene.stack).unwrap();
    let directory = creation.directory().to_owned();
    fs::create_dir(directory.join("lib")).unwrap();
    fs::write(directory.join("lib/tool.so.1"), "code").unwrap();
    symlink("tool.so.1", directory.join("lib/tool.so"));
    symlink("lib", directory.join("lib64"));
    symlink("nowhere", directory.join("nothing"));
    let hash = creation.publish(&scene.stack, &progress()).unwrap().hash;
    let tarball = scene.served.directory().join("links.tar.gz");
    let gzip = Compression::Gzip;
    let name = tarball.to_str().unwrap();
    let packed = artifact::archive(&scene.stack, hash, name, gzip, &progress()).unwrap();
    artifact::remove(&scene.stack, hash).unwrap();

    let mut wanted = scene.wanted(&["/links.tar.gz"]);
    (wanted.hash, wanted.downloads[0].sha256) = (hash, packed.sha256);
    let settings = settings(&[]);
    let options = InstallOptions { links: Links::Copied, ..options(&settings) };
    let path = artifact::install(&scene.stack, &wanted, options, &progress()).unwrap().path;
    let copy = Path::new(&path).join("lib64/tool.so");
    assert!(!fs::symlink_metadata(&copy).unwrap().is_symlink());
    let verify = || artifact::verify(&scene.stack, hash, &progress()).unwrap();
    assert_eq!(verify(), Verdict::Sound(path.clone()));

    set_mode(&copy, 0o644);
    fs::write(&copy, "corrupt").unwrap();
    let Verdict::Corrupt(corrupt) = verify() else { panic!("it is corrupt") };
    let difference = FileChange { path: "lib64/tool.so".into(), change: Change::Changed };
    assert_eq!(corrupt.differences, Some(vec![difference]));
}
