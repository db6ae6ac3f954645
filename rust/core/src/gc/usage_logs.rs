//! The usage logs of a stack of depots.

use std::path::Path;

use scratchrs_fs::{self as fs, FileStamp};
use scratchrs_model::aliases;
use scratchrs_model::collection::{Depot, Kind, Unreadable};
use scratchrs_model::diagnostic::Diagnostic;
use scratchrs_model::layout::UsageLogFile;
use scratchrs_model::time::DepotTime;
use scratchrs_model::usage_log::{Damage, UsageLog};

use super::root_files::LONGEST_ROOT;
use crate::usage;

/// The three logs of a depot, in the order in which they are locked.
pub(super) const LOGS: [UsageLogFile; 3] =
    [UsageLogFile::Manifests, UsageLogFile::Artifacts, UsageLogFile::Scratch];

/// A usage log, as it was read.
#[derive(Debug)]
pub(super) struct LogFile {
    /// The depot that it belongs to.
    pub(super) depot: usize,
    pub(super) kind: UsageLogFile,
    pub(super) path: String,
    pub(super) bytes: Vec<u8>,
    pub(super) log: UsageLog,
    /// What cannot be read in it.
    pub(super) damage: Damage,
    stamp: Option<FileStamp>,
    /// Why it cannot be read.
    unreadable: Option<Diagnostic>,
    /// The file with its former content, if that was not a log.
    aside: Option<String>,
}

/// Reads the logs of depots. One with the same bytes as in `old` is not parsed again.
pub(super) fn read_logs(depots: &[Depot], old: &[LogFile]) -> Vec<LogFile> {
    let logs: Vec<_> = (0..depots.len())
        .flat_map(|depot| LOGS.map(|kind| (depot, kind)))
        .map(|(depot, kind)| (depot, kind, kind.path(&depots[depot].path)))
        .collect();
    fs::parallel_map(&logs, |(depot, kind, path)| {
        let old = old.iter().find(|log| log.path == *path);
        LogFile::read(*depot, *kind, path, old)
    })
}

impl LogFile {
    fn read(depot: usize, kind: UsageLogFile, path: &str, old: Option<&Self>) -> Self {
        let (bytes, stamp, unreadable) = match fs::read_up_to(Path::new(path), LONGEST_ROOT) {
            Ok(Some((bytes, stamp))) => (bytes, Some(stamp), None),
            Ok(None) => (Vec::new(), None, None),
            Err(error) => (
                Vec::new(),
                FileStamp::of(Path::new(path)),
                Some(Diagnostic::of_file(error.to_string())),
            ),
        };
        let (log, damage) = match old {
            Some(old) if old.bytes == bytes => (old.log.clone(), old.damage.clone()),
            _ => UsageLog::read_damaged(&bytes),
        };
        let is_lost = || damage.is_lost.then(|| Diagnostic::of_file(usage::LOST.to_owned()));
        let unreadable = unreadable.or_else(is_lost);
        let aside = Some(usage::aside(path)).filter(|aside| fs::exists(Path::new(aside)));
        Self { depot, kind, path: path.to_owned(), bytes, log, damage, stamp, unreadable, aside }
    }

    /// Whether it can be read.
    pub(super) fn is_readable(&self) -> bool {
        self.unreadable.is_none()
    }

    /// Whether it has not changed since it was read.
    pub(super) fn is_current(&self) -> bool {
        FileStamp::of(Path::new(&self.path)) == self.stamp
    }

    /// What cannot be read of it: the log, or its former content.
    pub(super) fn unreadable(&self) -> impl Iterator<Item = Unreadable> {
        let unreadable = |path: &str, diagnostic| Unreadable {
            path: path.to_owned(),
            diagnostic,
            kinds: referenced_kinds(self.kind).to_vec(),
        };
        let now = self.unreadable.clone().map(|diagnostic| unreadable(&self.path, diagnostic));
        let lost = || Diagnostic::of_file(usage::LOST.to_owned());
        let former = self.aside.as_ref().map(|path| unreadable(path, lost()));
        now.into_iter().chain(former)
    }
}

/// The kinds of items that the roots in a log may reference.
pub(super) fn referenced_kinds(log: UsageLogFile) -> &'static [Kind] {
    match log {
        UsageLogFile::Manifests => &[Kind::Package, Kind::Clone],
        UsageLogFile::Artifacts => &[Kind::Artifact],
        UsageLogFile::Scratch => &[Kind::Space],
    }
}

/// The paths in the logs of a kind, sorted, and when their use was last logged.
pub(super) fn last_uses(logs: &[LogFile], kind: UsageLogFile) -> Vec<(String, Option<DepotTime>)> {
    let logs = logs.iter().filter(|log| log.kind == kind);
    let mut uses: Vec<(&str, Option<DepotTime>)> = logs
        .flat_map(|log| log.log.iter())
        .map(|(path, records)| (path, records.iter().filter_map(|record| record.time).max()))
        .collect();
    uses.sort_unstable();
    // Of those of one path, the last one is the latest.
    uses.dedup_by(|later, earlier| {
        let is_same = later.0 == earlier.0;
        if is_same {
            earlier.1 = later.1;
        }
        is_same
    });
    uses.into_iter().map(|(path, time)| (path.to_owned(), time)).collect()
}

/// The depots whose logs of a kind list `path`.
pub(super) fn depots_logging(path: &str, kind: UsageLogFile, logs: &[LogFile]) -> Vec<usize> {
    let logs = logs.iter().filter(|log| log.kind == kind && !log.log.records(path).is_empty());
    logs.map(|log| log.depot).collect()
}

/// The paths of a missing file in the depots whose logs list it: by the same names at its end. A path that
/// begins with that of a depot has none: it led to this depot.
pub(super) fn relocated(path: &str, logging: &[usize], depots: &[Depot]) -> Vec<String> {
    if depots.iter().any(|depot| depot.below(path).is_some()) {
        return Vec::new();
    }
    let depots = logging.iter().map(|depot| &depots[*depot].path);
    depots.flat_map(|depot| aliases::relocated(path, depot)).collect()
}
