//! The depot of a test.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use scratchrs_core::Place;
use scratchrs_model::depot_path::DepotPath;
use scratchrs_model::layout;
use scratchrs_model::usage_log::UsageLog;
use tempfile::TempDir;
use uuid::Uuid;
use walkdir::WalkDir;

/// The package that owns the worker's spaces.
pub const OWNER: Uuid = Uuid::from_u128(0x93485645_17f1_6f3b_45bc_419db53815ea);

/// A depot in a directory that is removed when this value is dropped.
#[derive(Debug)]
pub struct DepotLab {
    root: PathBuf,
    depot: DepotPath,
    /// `None` if the caller removes it.
    _directory: Option<TempDir>,
}

impl Default for DepotLab {
    fn default() -> Self {
        Self::new()
    }
}

impl DepotLab {
    /// A depot that does not exist yet, as on a new machine.
    pub fn new() -> Self {
        let directory = tempfile::Builder::new().prefix("lab-").tempdir().expect("a directory");
        // The path with links resolved, as it appears in traces.
        let root = scratchrs_fs::canonicalize(directory.path()).expect("an existing directory");
        Self { _directory: Some(directory), ..Self::at(&root) }
    }

    /// A depot in an existing directory, which the caller removes.
    pub fn at(root: &Path) -> Self {
        let depot = root.join("depot");
        let depot = DepotPath::new(depot.to_str().expect("the path is Unicode"));
        Self { root: root.to_owned(), depot, _directory: None }
    }

    /// The directory of the lab, for files outside of the depot.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The depot.
    pub fn depot(&self) -> &str {
        self.depot.as_str()
    }

    /// The depot as an argument of `scratchrs_core`.
    pub fn place(&self) -> Place<'_> {
        Place { depot: &self.depot, directory: None }
    }

    /// A path below the depot.
    pub fn path(&self, relative: &str) -> PathBuf {
        // With the separators of this system.
        self.depot.as_path().join(relative).components().collect()
    }

    /// The path of a space of [`OWNER`].
    pub fn space(&self, key: &str) -> String {
        self.depot.join(&[layout::SCRATCHSPACES, &OWNER.to_string(), key])
    }

    /// Writes a file below the depot, and creates the directories above it.
    pub fn write(&self, relative: &str, content: &str) {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().expect("below the depot")).expect("a directory");
        fs::write(path, content).expect("a file");
    }

    /// The path of the usage log of scratch spaces.
    pub fn usage_log_file(&self) -> PathBuf {
        layout::UsageLogFile::Scratch.path(&self.depot).into()
    }

    /// The text of the usage log, empty if the log is missing.
    pub fn usage_log_text(&self) -> String {
        fs::read_to_string(self.usage_log_file()).unwrap_or_default()
    }

    /// The usage log, which must be valid.
    pub fn usage_log(&self) -> UsageLog {
        let text = self.usage_log_text();
        if let Err(error) = text.parse::<toml::Table>() {
            panic!("the log is not TOML: {error}\n{text}");
        }
        let (log, skipped) = UsageLog::read(text.as_bytes());
        assert_eq!(skipped, [], "in the log\n{text}");
        log
    }

    /// The entries below the depot, one line each: `directory/`, `link -> target`,
    /// `file: content`. Two trees are compared by comparing the texts.
    pub fn tree(&self) -> String {
        tree(self.depot.as_path())
    }

    /// The entries below a path, as in [`DepotLab::tree`].
    pub fn tree_below(&self, path: impl AsRef<Path>) -> String {
        tree(path.as_ref())
    }

    /// The paths of [`DepotLab::tree`] alone.
    pub fn names(&self) -> Vec<String> {
        let name = |line: &str| line.split(": ").next().unwrap_or_default().to_owned();
        self.tree().lines().map(name).collect()
    }
}

fn tree(root: &Path) -> String {
    let mut out = String::new();
    // A missing directory counts as empty.
    for entry in WalkDir::new(root).min_depth(1).sort_by_file_name().into_iter().flatten() {
        let name = entry.path().strip_prefix(root).expect("it is below");
        let names = name.iter().map(|name| name.as_encoded_bytes().escape_ascii().to_string());
        let name = names.collect::<Vec<_>>().join("/");
        let kind = entry.file_type();
        let line = if kind.is_dir() {
            writeln!(out, "{name}/")
        } else if kind.is_symlink() {
            let target = fs::read_link(entry.path()).expect("its target");
            writeln!(out, "{name} -> {}", target.display())
        } else {
            let content = fs::read(entry.path()).expect("its content");
            writeln!(out, "{name}: {}", content.escape_ascii())
        };
        line.expect("a string takes all text");
    }
    out
}

/// The project files that a log names for each path.
pub fn projects_by_space(log: &UsageLog) -> BTreeMap<String, BTreeSet<String>> {
    let projects = log.iter().map(|(path, records)| {
        let parents = records.iter().flat_map(|record| record.parent_projects.iter().cloned());
        (path.to_owned(), parents.collect())
    });
    projects.collect()
}
