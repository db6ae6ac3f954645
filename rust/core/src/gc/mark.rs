//! The references to items: the roots that the logs of a stack of depots list.
//!
//! Logs and roots are read in parallel, and each once. Looking again costs a look at each file,
//! and reads only what has changed since.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::time::{Duration, SystemTime};

use scratchrs_fs::{self as fs, FileStamp};
use scratchrs_model::artifacts_toml::{NamedHashes, named_hashes};
use scratchrs_model::collection::{Depot, Kind, Root, Roots, SpaceUse, Unreadable};
use scratchrs_model::diagnostic::Diagnostic;
use scratchrs_model::layout::{self, ARTIFACTS, OVERRIDES, UsageLogFile};
use scratchrs_model::manifest::{Manifest, ManifestReader};
use scratchrs_model::overrides::{Overrides, Target};
use scratchrs_model::root;
use scratchrs_model::root::Reading as Understood;
use scratchrs_model::time::DepotTime;
use scratchrs_model::usage_log::{Damage, UsageLog};

use super::ignored::Ignored;
use super::spelling::{depots_logging, stand_ins};
use super::{Note, Problem};
use crate::{project, usage};

/// Files that are longer are not what they are taken for, and count as unreadable.
const LONGEST_ROOT: u64 = 256 << 20;

/// How old the last change of a file must be for the next one to show in the time of it.
const SETTLED: Duration = Duration::from_secs(3);

/// The three logs of a depot, in the order in which they are locked.
pub(crate) const LOGS: [UsageLogFile; 3] =
    [UsageLogFile::Manifests, UsageLogFile::Artifacts, UsageLogFile::Scratch];

/// The roots and logs that were read.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    /// The logs of all depots.
    pub(crate) logs: Vec<Log>,
    /// What they lead to.
    pub(crate) roots: Roots,
    /// The manifests, artifact files and projects in the logs that are not there.
    pub(crate) gone: HashSet<String>,
    /// What was found in a depot instead of a path that leads to nothing.
    pub(crate) stand_ins: HashMap<String, String>,
    /// What could not be read.
    pub(crate) notes: Vec<Note>,
    /// The roots that count as missing.
    ignored: Ignored,
    /// One for each manifest among the roots.
    manifest_looks: Vec<Look>,
    /// One for each artifact file among them.
    artifact_file_looks: Vec<Look>,
}

/// A log of a depot.
#[derive(Debug)]
pub(crate) struct Log {
    /// Whose it is.
    pub(crate) depot: usize,
    pub(crate) kind: UsageLogFile,
    pub(crate) path: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) log: UsageLog,
    /// What cannot be read in it.
    damage: Damage,
    stamp: Option<FileStamp>,
    /// Why it cannot be read.
    unreadable: Option<Diagnostic>,
    /// What was put aside of it, if it was something else than a log once.
    aside: Option<String>,
}

/// How a root was when it was read.
#[derive(Clone, Debug)]
struct Look {
    /// None if it may have changed without a trace.
    stamp: Option<FileStamp>,
    diagnostic: Option<Box<Diagnostic>>,
}

/// What came of reading a root.
enum Reading<T> {
    Gone,
    Read(T, Look),
    Unreadable(Diagnostic),
}

impl Marks {
    /// Reads all roots and logs of depots.
    pub(crate) fn read(depots: &[Depot], ignored: Ignored, now: SystemTime) -> Self {
        let mut marks = Self { ignored, ..Self::default() };
        marks.look_again(depots, now);
        marks
    }

    /// Reads what has changed.
    pub(crate) fn look_again(&mut self, depots: &[Depot], now: SystemTime) {
        self.notes.clear();
        let old = std::mem::take(&mut self.logs);
        let logs: Vec<_> = (0..depots.len())
            .flat_map(|depot| LOGS.map(|kind| (depot, kind)))
            .map(|(depot, kind)| (depot, kind, kind.path(&depots[depot].path)))
            .collect();
        self.logs = fs::parallel_map(&logs, |(depot, kind, path)| {
            let old = old.iter().find(|log| log.path == *path);
            Log::read(*depot, *kind, path, old)
        });
        drop(old);
        let mut roots = Roots::default();
        for log in &self.logs {
            let skipped = log.damage.diagnostics.iter().filter(|_| log.is_readable());
            self.notes.extend(
                skipped.map(|skipped| Note::at(&log.path, Problem::Healed, skipped.clone())),
            );
            roots.unreadable.extend(log.unreadable());
        }
        let overrides = self.read_overrides(depots);
        roots.unreadable.extend(overrides.1);
        roots.overrides = overrides.0;
        let old = std::mem::take(&mut self.roots);
        let logs = &self.logs;
        let looks = std::mem::take(&mut self.manifest_looks);
        let manifests = RootReader::<ManifestReader> { known: old.manifests, looks, now };
        let looks = std::mem::take(&mut self.artifact_file_looks);
        let files = RootReader::<HashReader> { known: old.artifact_files, looks, now };
        let manifests = manifests.read_all(logs, UsageLogFile::Manifests, depots);
        let files = files.read_all(logs, UsageLogFile::Artifacts, depots);
        (roots.uses, self.gone, self.stand_ins) = space_uses(logs, depots);
        (roots.manifests, self.manifest_looks) = self.take_in(manifests, &mut roots.unreadable);
        (roots.artifact_files, self.artifact_file_looks) =
            self.take_in(files, &mut roots.unreadable);
        roots.replacements = replacements(&roots);
        roots.unreadable.retain(|unreadable| !self.ignored.has(&unreadable.path));
        for space in &mut roots.uses {
            space.projects.retain(|project| !self.ignored.has(project));
        }
        let held = roots.unreadable.iter().map(|unreadable| {
            Note::at(&unreadable.path, Problem::Unreadable, unreadable.diagnostic.clone())
        });
        self.notes.extend(held);
        self.roots = roots;
    }

    /// Whether a log has changed since it was read.
    pub(crate) fn is_outdated(&self) -> bool {
        self.logs.iter().any(|log| FileStamp::of(Path::new(&log.path)) != log.stamp)
    }

    /// Takes over what came of reading roots, and returns those that are there.
    fn take_in<T>(
        &mut self,
        mut found: Found<T>,
        unreadable: &mut Vec<Unreadable>,
    ) -> (Vec<Root<T>>, Vec<Look>) {
        if !self.ignored.is_empty() {
            let roots = found.roots.into_iter().zip(found.looks);
            (found.roots, found.looks) =
                roots.filter(|(root, _)| !self.ignored.has(&root.path)).unzip();
        }
        let faulty = found.roots.iter().zip(&found.looks).filter_map(|(root, look)| {
            let diagnostic = look.diagnostic.as_deref()?.clone();
            Some(Note::at(&root.path, Problem::Faulty, diagnostic))
        });
        self.notes.extend(faulty);
        self.gone.extend(found.gone);
        self.stand_ins.extend(found.stand_ins);
        unreadable.extend(found.unreadable);
        (found.roots, found.looks)
    }

    /// The spaces in the logs that are not there, under no path.
    pub(crate) fn gone_spaces(&self) -> HashSet<String> {
        let spaces = self.roots.uses.iter().map(|space| space.path.as_str());
        let spellings = &self.roots.spellings;
        let spaces = spaces.filter(|space| spellings.of(space).is_empty()).collect();
        those_gone(spaces, |path| {
            fs::metadata(Path::new(path))
                .is_ok_and(|found| !found.is_some_and(|found| found.is_dir()))
        })
    }

    fn read_overrides(&mut self, depots: &[Depot]) -> (Overrides, Vec<Unreadable>) {
        let mut overrides = Overrides::default();
        let mut unreadable = Vec::new();
        for depot in depots.iter().rev() {
            let path = layout::join(&depot.path, &[ARTIFACTS, OVERRIDES]);
            let kinds = vec![Kind::Artifact];
            match fs::read_up_to(Path::new(&path), LONGEST_ROOT) {
                Ok(None) => {}
                Ok(Some((bytes, _))) => {
                    match root::text_of(&bytes).and_then(|text| overrides.merge(text)) {
                        Ok(diagnostics) => {
                            let notes = diagnostics.into_iter();
                            self.notes
                                .extend(notes.map(|diagnostic| {
                                    Note::at(&path, Problem::Faulty, diagnostic)
                                }));
                        }
                        // Where artifacts are is not known then.
                        Err(diagnostic) => unreadable.push(Unreadable { path, diagnostic, kinds }),
                    }
                }
                Err(error) if error.is_directory() => {}
                Err(error) => {
                    let diagnostic = Diagnostic::of_file(error.to_string());
                    unreadable.push(Unreadable { path, diagnostic, kinds });
                }
            }
        }
        (overrides, unreadable)
    }
}

/// What overrides put in the place of the names in artifact files, by the packages that these belong to.
/// Where the package cannot be told, whatever has a name of the file counts.
fn replacements(roots: &Roots) -> Vec<(usize, Target)> {
    let overridden: Vec<_> = roots.overrides.by_name().collect();
    if overridden.is_empty() {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (index, file) in roots.artifact_files.iter().enumerate() {
        let mut names = file.content.iter().filter_map(|(_, name)| name);
        if !names.any(|name| overridden.iter().any(|(_, overridden, _)| *overridden == name)) {
            continue;
        }
        let package = project::package_of(&file.path);
        for (owner, name, _) in &overridden {
            let is_meant = package.as_ref().map_or(true, |package| *package == Some(*owner));
            let is_bound = file.content.iter().any(|(_, bound)| bound == Some(name));
            if let (true, true, Ok(Some(target))) =
                (is_meant, is_bound, roots.overrides.of_name(*owner, name))
            {
                found.push((index, target));
            }
        }
    }
    found
}

/// The paths in the logs of a kind, sorted, and when their use was last logged.
fn used(logs: &[Log], kind: UsageLogFile) -> Vec<(String, Option<DepotTime>)> {
    let logs = logs.iter().filter(|log| log.kind == kind);
    let mut used: Vec<(&str, Option<DepotTime>)> = logs
        .flat_map(|log| log.log.iter())
        .map(|(path, records)| (path, records.iter().filter_map(|record| record.time).max()))
        .collect();
    used.sort_unstable();
    // Of those of one path, the last one is the latest.
    used.dedup_by(|later, earlier| {
        let is_same = later.0 == earlier.0;
        if is_same {
            earlier.1 = later.1;
        }
        is_same
    });
    used.into_iter().map(|(path, time)| (path.to_owned(), time)).collect()
}

/// The uses of scratch spaces, sorted by space; the projects in the logs that are not there; and those
/// that are there under another path.
fn space_uses(
    logs: &[Log],
    depots: &[Depot],
) -> (Vec<SpaceUse>, HashSet<String>, HashMap<String, String>) {
    let mut uses: BTreeMap<&str, SpaceUse> = BTreeMap::new();
    for log in logs.iter().filter(|log| log.kind == UsageLogFile::Scratch) {
        for (path, records) in log.log.iter() {
            let space = uses.entry(path).or_default();
            for record in records {
                space.last_used = space.last_used.max(record.time);
                space.projects.extend(record.parent_projects.iter().cloned());
            }
        }
    }
    let mut uses: Vec<SpaceUse> =
        uses.into_iter().map(|(path, space)| SpaceUse { path: path.to_owned(), ..space }).collect();
    let projects = uses.iter().flat_map(|space| &space.projects).map(String::as_str).collect();
    let mut gone = those_gone(projects, project::is_missing);
    let stand_ins = stand_ins_of(&gone, logs, depots);
    gone.retain(|project| !stand_ins.contains_key(project));
    for space in &mut uses {
        space.projects.retain(|project| !gone.contains(project));
        space.projects.sort();
        space.projects.dedup();
    }
    (uses, gone, stand_ins)
}

/// What is there instead of projects that are not.
fn stand_ins_of(gone: &HashSet<String>, logs: &[Log], depots: &[Depot]) -> HashMap<String, String> {
    let mut logging: HashMap<&str, Vec<usize>> = HashMap::new();
    for log in logs.iter().filter(|log| log.kind == UsageLogFile::Scratch && !gone.is_empty()) {
        let records = log.log.iter().flat_map(|(_, records)| records);
        for project in records.flat_map(|record| &record.parent_projects) {
            let depots = logging.entry(project).or_default();
            if gone.contains(project) && !depots.contains(&log.depot) {
                depots.push(log.depot);
            }
        }
    }
    let mut found = HashMap::new();
    for project in gone {
        let depots_of = logging.get(project.as_str()).map_or(&[][..], Vec::as_slice);
        let mut stand_ins = stand_ins(project, depots_of, depots).into_iter();
        let stand_in = stand_ins.find(|path| !project::is_missing(path));
        found.extend(stand_in.map(|stand_in| (project.clone(), stand_in)));
    }
    found
}

/// What the paths in a log could keep.
fn kept_by(log: UsageLogFile) -> &'static [Kind] {
    match log {
        UsageLogFile::Manifests => &[Kind::Package, Kind::Clone],
        UsageLogFile::Artifacts => &[Kind::Artifact],
        UsageLogFile::Scratch => &[Kind::Space],
    }
}

/// The paths at which nothing is, as far as the system lets us look.
fn those_gone(mut paths: Vec<&str>, is_gone: impl Fn(&str) -> bool + Sync) -> HashSet<String> {
    paths.sort_unstable();
    paths.dedup();
    let are_gone = fs::parallel_map(&paths, |path| is_gone(path));
    let gone = paths.iter().zip(are_gone).filter(|(_, is_gone)| *is_gone);
    gone.map(|(path, _)| (*path).to_owned()).collect()
}

/// Makes of the bytes of one root after the other what they name.
trait Format: Default {
    type Content: Send + Sync;

    /// What bytes name, and what is wrong with them; or the first place that is not understood.
    fn read(&mut self, bytes: &[u8]) -> Understood<Self::Content>;
}

impl Format for ManifestReader {
    type Content = Manifest;

    fn read(&mut self, bytes: &[u8]) -> Understood<Manifest> {
        self.read(bytes)
    }
}

/// Reads artifact files.
#[derive(Default)]
struct HashReader;

impl Format for HashReader {
    type Content = NamedHashes;

    fn read(&mut self, bytes: &[u8]) -> Understood<NamedHashes> {
        named_hashes(bytes)
    }
}

/// Reads the roots of a kind.
struct RootReader<F: Format> {
    /// Those that were read before, sorted by path.
    known: Vec<Root<F::Content>>,
    /// One for each of these.
    looks: Vec<Look>,
    now: SystemTime,
}

impl<F: Format> RootReader<F> {
    /// Reads the roots that logs know, but for those known that have not changed.
    fn read_all(self, logs: &[Log], kind: UsageLogFile, depots: &[Depot]) -> Found<F::Content> {
        let paths = used(logs, kind);
        let readings = fs::parallel_map_with(&paths, None, F::default, |format, (path, _)| {
            let known = self.known.binary_search_by(|root| root.path.as_str().cmp(path));
            let stamp = known.ok().and_then(|index| self.looks[index].stamp.as_ref());
            let is_same = stamp.is_some() && FileStamp::of(Path::new(path)).as_ref() == stamp;
            if is_same {
                return (None, None);
            }
            let mut read = |path: &str| read_root(format, Path::new(path), self.now);
            let reading = read(path);
            if !matches!(reading, Reading::Gone) {
                return (Some(reading), None);
            }
            let paths = stand_ins(path, &depots_logging(path, kind, logs), depots);
            let mut others = paths.into_iter().map(|path| (Some(read(&path)), Some(path)));
            let found = others.find(|(reading, _)| !matches!(reading, Some(Reading::Gone)));
            found.unwrap_or((Some(reading), None))
        });
        let mut known = self.known.into_iter().zip(self.looks);
        let mut found = Found::with_capacity(paths.len());
        for ((path, last_used), (reading, stand_in)) in paths.into_iter().zip(readings) {
            found.stand_ins.extend(stand_in.map(|stand_in| (path.clone(), stand_in)));
            let reading = reading.unwrap_or_else(|| {
                let same = known.find(|(root, _)| root.path == path);
                let (root, look) = same.expect("BUG: it is compared with what is known");
                Reading::Read(root.content, look)
            });
            match reading {
                Reading::Gone => found.gone.push(path),
                Reading::Unreadable(diagnostic) => {
                    let kinds = kept_by(kind).to_vec();
                    found.unreadable.push(Unreadable { path, diagnostic, kinds });
                }
                Reading::Read(content, look) => {
                    found.roots.push(Root { path, last_used, content });
                    found.looks.push(look);
                }
            }
        }
        found
    }
}

/// What came of reading the roots of a kind.
struct Found<T> {
    roots: Vec<Root<T>>,
    /// One for each of these.
    looks: Vec<Look>,
    unreadable: Vec<Unreadable>,
    gone: Vec<String>,
    /// What was read instead of roots that are not there.
    stand_ins: Vec<(String, String)>,
}

impl<T> Found<T> {
    fn with_capacity(capacity: usize) -> Self {
        let (roots, looks) = (Vec::with_capacity(capacity), Vec::with_capacity(capacity));
        let (unreadable, gone, stand_ins) = (Vec::new(), Vec::new(), Vec::new());
        Self { roots, looks, unreadable, gone, stand_ins }
    }
}

fn read_root<F: Format>(format: &mut F, path: &Path, now: SystemTime) -> Reading<F::Content> {
    match fs::read_up_to(path, LONGEST_ROOT) {
        Ok(None) => Reading::Gone,
        Ok(Some((bytes, stamp))) => match format.read(&bytes) {
            Ok((content, diagnostic)) => {
                let stamp = Some(stamp).filter(|stamp| stamp.is_older_than(SETTLED, now));
                Reading::Read(content, Look { stamp, diagnostic: diagnostic.map(Box::new) })
            }
            Err(diagnostic) => Reading::Unreadable(diagnostic),
        },
        // A directory names nothing: it counts as a missing file, as with Pkg.
        Err(error) if error.is_directory() => Reading::Gone,
        Err(error) => Reading::Unreadable(Diagnostic::of_file(error.to_string())),
    }
}

impl Log {
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
        let aside = Some(usage::aside(path)).filter(|aside| Path::new(aside).exists());
        Self { depot, kind, path: path.to_owned(), bytes, log, damage, stamp, unreadable, aside }
    }

    /// Whether it can be read.
    pub(crate) fn is_readable(&self) -> bool {
        self.unreadable.is_none()
    }

    /// What of it cannot be read, now or from an earlier time.
    fn unreadable(&self) -> impl Iterator<Item = Unreadable> {
        let kinds = || kept_by(self.kind).to_vec();
        let now = self.unreadable.clone().map(|diagnostic| Unreadable {
            path: self.path.clone(),
            diagnostic,
            kinds: kinds(),
        });
        let earlier = self.aside.clone().map(|path| Unreadable {
            path,
            diagnostic: Diagnostic::of_file(usage::LOST.to_owned()),
            kinds: kinds(),
        });
        now.into_iter().chain(earlier)
    }
}
