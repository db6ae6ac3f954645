//! A depot in which a manifest outside references a package, which references an artifact and a
//! space; and an unreachable item of each kind.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use chrono::TimeDelta;
use scratchrs_core::gc::{self, Moment, Options, Report};
use scratchrs_fs::Progress;
use scratchrs_model::collection::Policy;
use scratchrs_model::depot_path::DepotPath;
use scratchrs_model::slug::Slug;
use scratchrs_model::time::DepotTime;
use tempfile::TempDir;

pub(crate) const UUID: &str = "7876af07-990d-54b4-ab0e-23690620f79a";
const TREE: &str = "46e44e869b4d90b96bd8ed1fdcf32244fddfb6cc";
pub(crate) const ARTIFACT: &str = "1111111111111111111111111111111111111111";
pub(crate) const OTHER: &str = "2222222222222222222222222222222222222222";

#[expect(clippy::disallowed_methods, reason = "the files of the test are made now")]
pub(crate) fn moment() -> Moment {
    let now = DepotTime::from_local(chrono::Local::now().naive_local());
    Moment { now, clock: SystemTime::now() }
}

pub(crate) fn options(depots: &[&str]) -> Options {
    Options {
        depots: depots.iter().copied().map(DepotPath::new).collect(),
        policy: Policy { collect_delay: TimeDelta::zero(), scratch_cleanup_period: None },
        all_depots: false,
        evict_in_use: false,
        max_size: None,
        dry_run: false,
        lock_timeout: Duration::from_secs(30),
        ignore_roots: Vec::new(),
    }
}

pub(crate) fn collect(options: &Options) -> Report {
    gc::collect(options, moment(), &Progress::default()).unwrap()
}

/// The package that the manifest references, below the depot.
pub(crate) fn package() -> String {
    let slug = Slug::of(UUID.parse().unwrap(), TREE.parse().unwrap());
    format!("packages/Example/{}", slug.as_str())
}

pub(crate) struct Lab {
    pub(crate) root: PathBuf,
    pub(crate) depot: PathBuf,
    /// They are unmounted before the directory is deleted.
    pub(crate) mounts: RefCell<Vec<Mount>>,
    _directory: TempDir,
}

impl Lab {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().canonicalize().unwrap();
        let (depot, mounts) = (root.join("depot"), RefCell::default());
        let lab = Self { depot, root, mounts, _directory: directory };
        let manifest = lab.root.join("work/Manifest.toml");
        fs::create_dir(lab.root.join("work")).unwrap();
        let text = format!("[[Example]]\ngit-tree-sha1 = \"{TREE}\"\nuuid = \"{UUID}\"\n");
        fs::write(&manifest, text).unwrap();
        let package = package();
        let binding = format!("[a]\ngit-tree-sha1 = \"{ARTIFACT}\"\n");
        for (path, content) in [
            (format!("{package}/Project.toml"), ""),
            (format!("{package}/Artifacts.toml"), &binding),
            (format!("artifacts/{ARTIFACT}/file"), "kept"),
            (format!("scratchspaces/{UUID}/kept/file"), "kept"),
            ("packages/Example/abcde/file".to_owned(), "gone"),
            (format!("artifacts/{OTHER}/file"), "gone"),
            (format!("scratchspaces/{UUID}/gone/file"), "gone"),
            ("clones/123/config".to_owned(), ""),
        ] {
            let path = lab.depot.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        let depot = lab.path();
        let log = |name: &str, key: &str, more: &str| {
            let path = lab.depot.join(format!("logs/{name}_usage.toml"));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, format!("[[\"{key}\"]]\n{more}time = 2024-01-01T00:00:00.000Z\n"))
                .unwrap();
        };
        log("manifest", manifest.to_str().unwrap(), "");
        log("artifact", &format!("{depot}/{package}/Artifacts.toml"), "");
        let parents = format!("parent_projects = [\"{depot}/{package}/Project.toml\"]\n");
        log("scratch", &format!("{depot}/scratchspaces/{UUID}/kept"), &parents);
        lab
    }

    pub(crate) fn path(&self) -> String {
        self.depot.to_str().unwrap().to_owned()
    }

    /// Replaces the path of the depot in the logs with `other`.
    pub(crate) fn respell_logs(&self, other: &str) {
        self.respell(&self.path(), other);
    }

    /// Replaces `path` in the logs with `other`.
    pub(crate) fn respell(&self, path: &str, other: &str) {
        for name in ["manifest", "artifact", "scratch"] {
            let log = self.depot.join(format!("logs/{name}_usage.toml"));
            let text = fs::read_to_string(&log).unwrap();
            fs::write(&log, text.replace(&format!("\"{path}"), &format!("\"{other}"))).unwrap();
        }
    }

    pub(crate) fn add_to_manifest(&self, text: &str) {
        let manifest = self.root.join("work/Manifest.toml");
        let before = fs::read_to_string(&manifest).unwrap();
        fs::write(&manifest, before + text).unwrap();
    }

    /// The paths of the deleted items, relative to the depot, which was collected under the path
    /// `collected`.
    pub(crate) fn gone(&self, report: &Report, collected: &str) -> Vec<String> {
        assert!(report.failures.is_empty(), "{:?}", report.failures);
        let depot = &report.depots[0];
        assert!(collected.starts_with(depot) || !collected.contains(depot.as_str()), "{depot}");
        let below = |path: &String| path.strip_prefix(depot).unwrap()[1..].to_owned();
        let mut gone: Vec<_> = report.gone.iter().map(|gone| below(&gone.path)).collect();
        gone.sort();
        gone
    }
}

/// A bind mount, until this value is dropped.
pub(crate) struct Mount(PathBuf);

impl Mount {
    /// Mounts `source` at `target`, or returns the reason why that is impossible.
    pub(crate) fn bind(source: &Path, target: &Path) -> Result<Self, String> {
        let output = Command::new("mount").arg("--bind").args([source, target]).output();
        match output {
            Ok(output) if output.status.success() => Ok(Self(target.to_owned())),
            Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
            Err(error) => Err(format!("`mount`: {error}")),
        }
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}
