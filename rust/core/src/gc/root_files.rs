//! Reading manifests and artifact files.
//!
//! Files are read in parallel, and each once. Reading them again costs the metadata of each file; only those that
//! have changed are read.

use std::path::Path;
use std::time::{Duration, SystemTime};

use scratchrs_fs::{self as fs, FileStamp};
use scratchrs_model::artifacts_toml::{NamedHashes, named_hashes};
use scratchrs_model::collection::{Depot, Root, Unreadable};
use scratchrs_model::diagnostic::Diagnostic;
use scratchrs_model::layout::UsageLogFile;
use scratchrs_model::manifest::{Manifest, ManifestReader};
use scratchrs_model::root::Reading as Parsed;

use super::usage_logs::{LogFile, depots_logging, last_uses, referenced_kinds, relocated};

/// The size limit of a root and of a log. A longer file counts as unreadable.
pub(super) const LONGEST_ROOT: u64 = 256 << 20;

/// The age from which the time of a file shows its next change.
const SETTLED: Duration = Duration::from_secs(3);

/// The format of a kind of root.
pub(super) trait Format: Default {
    type Content: Send + Sync;

    /// The content of a file with its problem, or the first place that is invalid.
    fn read(&mut self, bytes: &[u8]) -> Parsed<Self::Content>;
}

impl Format for ManifestReader {
    type Content = Manifest;

    fn read(&mut self, bytes: &[u8]) -> Parsed<Manifest> {
        self.read(bytes)
    }
}

/// The format of artifact files.
#[derive(Default)]
pub(super) struct HashReader;

impl Format for HashReader {
    type Content = NamedHashes;

    fn read(&mut self, bytes: &[u8]) -> Parsed<NamedHashes> {
        named_hashes(bytes)
    }
}

/// The version of a root that was read.
#[derive(Clone, Debug)]
pub(super) struct Version {
    /// `None` if a change since would not show in it.
    stamp: Option<FileStamp>,
    pub(super) diagnostic: Option<Box<Diagnostic>>,
}

/// The result of reading a root.
enum Reading<T> {
    Missing,
    Read(T, Version),
    Unreadable(Diagnostic),
}

/// The roots of a kind, as they were read before.
pub(super) struct KnownRoots<T> {
    /// Sorted by path.
    pub(super) roots: Vec<Root<T>>,
    /// One for each of these.
    pub(super) versions: Vec<Version>,
}

/// The roots of a kind.
pub(super) struct FoundRoots<T> {
    pub(super) roots: Vec<Root<T>>,
    /// One for each of these.
    pub(super) versions: Vec<Version>,
    pub(super) unreadable: Vec<Unreadable>,
    pub(super) missing: Vec<String>,
    /// Missing roots, each with the path in a depot of the file that was read instead.
    pub(super) relocated: Vec<(String, String)>,
}

impl<T> FoundRoots<T> {
    fn with_capacity(capacity: usize) -> Self {
        let (roots, versions) = (Vec::with_capacity(capacity), Vec::with_capacity(capacity));
        let (unreadable, missing, relocated) = (Vec::new(), Vec::new(), Vec::new());
        Self { roots, versions, unreadable, missing, relocated }
    }

    fn add_unreadable(&mut self, path: String, diagnostic: Diagnostic, kind: UsageLogFile) {
        let kinds = referenced_kinds(kind).to_vec();
        self.unreadable.push(Unreadable { path, diagnostic, kinds });
    }
}

impl<T: Send + Sync> KnownRoots<T> {
    /// Reads the roots that logs of a kind list, but for those that have not changed.
    pub(super) fn reread<F: Format<Content = T>>(
        self,
        kind: UsageLogFile,
        logs: &[LogFile],
        depots: &[Depot],
        now: SystemTime,
    ) -> FoundRoots<T> {
        let paths = last_uses(logs, kind);
        let readings = fs::parallel_map_with(&paths, None, F::default, |format, (path, _)| {
            if self.is_current(path) {
                return (None, None);
            }
            let mut read = |path: &str| read_root(format, Path::new(path), now);
            let reading = read(path);
            if !matches!(reading, Reading::Missing) {
                return (Some(reading), None);
            }
            let paths = relocated(path, &depots_logging(path, kind, logs), depots);
            let mut others = paths.into_iter().map(|path| (Some(read(&path)), Some(path)));
            let found = others.find(|(reading, _)| !matches!(reading, Some(Reading::Missing)));
            found.unwrap_or((Some(reading), None))
        });
        let mut known = self.roots.into_iter().zip(self.versions);
        let mut found = FoundRoots::with_capacity(paths.len());
        for ((path, last_used), (reading, other)) in paths.into_iter().zip(readings) {
            found.relocated.extend(other.map(|other| (path.clone(), other)));
            let reading = reading.unwrap_or_else(|| {
                let same = known.find(|(root, _)| root.path == path);
                let (root, version) = same.expect("BUG: it is compared with the known roots");
                Reading::Read(root.content, version)
            });
            match reading {
                Reading::Missing => found.missing.push(path),
                Reading::Unreadable(diagnostic) => found.add_unreadable(path, diagnostic, kind),
                Reading::Read(content, version) => {
                    found.roots.push(Root { path, last_used, content });
                    found.versions.push(version);
                }
            }
        }
        found
    }

    /// Whether the root at a path is known, and has not changed since it was read.
    fn is_current(&self, path: &str) -> bool {
        let known = self.roots.binary_search_by(|root| root.path.as_str().cmp(path));
        let stamp = known.ok().and_then(|index| self.versions[index].stamp.as_ref());
        stamp.is_some() && FileStamp::of(Path::new(path)).as_ref() == stamp
    }
}

fn read_root<F: Format>(format: &mut F, path: &Path, now: SystemTime) -> Reading<F::Content> {
    match fs::read_up_to(path, LONGEST_ROOT) {
        Ok(None) => Reading::Missing,
        Ok(Some((bytes, stamp))) => match format.read(&bytes) {
            Ok((content, diagnostic)) => {
                let stamp = Some(stamp).filter(|stamp| stamp.is_older_than(SETTLED, now));
                Reading::Read(content, Version { stamp, diagnostic: diagnostic.map(Box::new) })
            }
            Err(diagnostic) => Reading::Unreadable(diagnostic),
        },
        // A directory references nothing: it counts as a missing file, as with Pkg.
        Err(error) if error.is_directory() => Reading::Missing,
        Err(error) => Reading::Unreadable(Diagnostic::of_file(error.to_string())),
    }
}
