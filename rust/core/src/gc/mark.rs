//! What keeps things: the roots that the logs of a stack of depots know.
//!
//! Logs and roots are read in parallel, and each once. Looking again costs a look at each file,
//! and reads only what has changed since.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::time::{Duration, SystemTime};

use scratchrs_fs::{self as fs, Stamp};
use scratchrs_model::artifacts_toml;
use scratchrs_model::collection::{Kind, Root, Roots, SpaceUse, Unreadable};
use scratchrs_model::fault::Fault;
use scratchrs_model::layout::{self, ARTIFACTS, OVERRIDES, UsageLogFile};
use scratchrs_model::manifest::Manifest;
use scratchrs_model::overrides::Overrides;
use scratchrs_model::time::DepotTime;
use scratchrs_model::usage_log::{Skipped, UsageLog};

use super::inventory::Inventory;
use super::{Note, Problem};

/// Files that are longer are not what they are taken for, and count as unreadable.
const LONGEST_ROOT: u64 = 256 << 20;

/// How old the last change of a file must be for the next one to show in the time of it.
const SETTLED: Duration = Duration::from_secs(3);

/// The three logs of a depot, in the order in which they are locked.
pub(crate) const LOGS: [UsageLogFile; 3] =
    [UsageLogFile::Manifests, UsageLogFile::Artifacts, UsageLogFile::Scratch];

/// What is known of what keeps things.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    /// The logs of all depots.
    pub(crate) logs: Vec<Log>,
    /// What they lead to.
    pub(crate) roots: Roots,
    /// Whether each path in them is there.
    pub(crate) paths: HashMap<String, Presence>,
    /// What could not be read.
    pub(crate) notes: Vec<Note>,
    /// How each root looked when it was read, and what is wrong with it.
    looks: HashMap<String, Look>,
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
    /// What nobody can read in it.
    skipped: Vec<Skipped>,
    stamp: Option<Stamp>,
    /// Why it cannot be read.
    unreadable: Option<String>,
}

/// Whether something is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    There,
    Gone,
    /// The system does not let us look.
    Unknown,
}

/// How a root was when it was read.
#[derive(Clone, Debug)]
struct Look {
    /// None if it may have changed without a trace.
    stamp: Option<Stamp>,
    fault: Option<Fault>,
}

/// What came of reading a root.
enum Reading<T> {
    Gone,
    Read(T, Look),
    Unreadable(String),
}

impl Marks {
    /// Reads all that keeps things in the depots of an inventory.
    pub(crate) fn read(inventory: &Inventory, now: SystemTime) -> Self {
        let mut marks = Self::default();
        marks.look_again(inventory, now);
        marks
    }

    /// Reads what has changed.
    pub(crate) fn look_again(&mut self, inventory: &Inventory, now: SystemTime) {
        self.notes.clear();
        let old = std::mem::take(&mut self.logs);
        let logs: Vec<_> = (0..inventory.depots.len())
            .flat_map(|depot| LOGS.map(|kind| (depot, kind)))
            .map(|(depot, kind)| (depot, kind, kind.path(&inventory.depots[depot].path)))
            .collect();
        self.logs = fs::parallel_map(&logs, |(depot, kind, path)| {
            let old = old.iter().find(|log| log.path == *path);
            Log::read(*depot, *kind, path, old)
        });
        drop(old);
        let mut roots = Roots::default();
        for log in &self.logs {
            self.notes.extend(log.skipped.iter().map(|skipped| {
                let message = skipped.reason.clone();
                let fault = Fault { line: skipped.line, column: None, message };
                Note::at(&log.path, Problem::Healed, fault)
            }));
            if let Some(reason) = &log.unreadable {
                let kinds = kept_by(log.kind).to_vec();
                let (path, reason) = (log.path.clone(), reason.clone());
                roots.unreadable.push(Unreadable { path, reason, kinds });
            }
        }
        let overrides = self.read_overrides(inventory);
        roots.unreadable.extend(overrides.1);
        roots.overrides = overrides.0;
        self.paths.clear();
        let old = std::mem::take(&mut self.roots);
        let mut looks = HashMap::new();
        let manifests = RootReader {
            log: UsageLogFile::Manifests,
            looks: &self.looks,
            read: &Manifest::read,
            now,
        };
        let files = RootReader {
            log: UsageLogFile::Artifacts,
            looks: &self.looks,
            read: &|bytes: &[u8]| {
                let (named, faults) = artifacts_toml::all_hashes(bytes);
                (named, faults.into_iter().next())
            },
            now,
        };
        let used = self.used(UsageLogFile::Manifests);
        let manifests = manifests.read_all(used, old.manifests);
        let used = self.used(UsageLogFile::Artifacts);
        let files = files.read_all(used, old.artifact_files);
        roots.manifests = self.take_in(manifests, &mut looks, &mut roots.unreadable);
        roots.artifact_files = self.take_in(files, &mut looks, &mut roots.unreadable);
        self.looks = looks;
        roots.uses = self.space_uses(inventory);
        let held = roots.unreadable.iter().map(|unreadable| {
            Note::about(Path::new(&unreadable.path), Problem::Unreadable, unreadable.reason.clone())
        });
        self.notes.extend(held);
        self.roots = roots;
    }

    /// Whether a log has changed since it was read.
    pub(crate) fn is_outdated(&self) -> bool {
        self.logs.iter().any(|log| Stamp::of(Path::new(&log.path)) != log.stamp)
    }

    /// The paths in the logs of a kind, and when their use was last logged.
    fn used(&self, kind: UsageLogFile) -> Vec<(String, Option<DepotTime>)> {
        let mut used: BTreeMap<&str, Option<DepotTime>> = BTreeMap::new();
        for log in self.logs.iter().filter(|log| log.kind == kind) {
            for (path, records) in log.log.iter() {
                let time = records.iter().filter_map(|record| record.time).max();
                let known = used.entry(path).or_default();
                *known = (*known).max(time);
            }
        }
        used.into_iter().map(|(path, time)| (path.to_owned(), time)).collect()
    }

    /// Takes over what came of reading roots, and returns those that are there.
    fn take_in<T>(
        &mut self,
        found: Vec<(Root<()>, UsageLogFile, Reading<T>)>,
        looks: &mut HashMap<String, Look>,
        unreadable: &mut Vec<Unreadable>,
    ) -> Vec<Root<T>> {
        let mut roots = Vec::with_capacity(found.len());
        for (Root { path, last_used, .. }, log, reading) in found {
            let presence = match reading {
                Reading::Gone => Presence::Gone,
                Reading::Unreadable(reason) => {
                    let kinds = kept_by(log).to_vec();
                    unreadable.push(Unreadable { path: path.clone(), reason, kinds });
                    Presence::Unknown
                }
                Reading::Read(content, look) => {
                    if let Some(fault) = &look.fault {
                        self.notes.push(Note::at(&path, Problem::Faulty, fault.clone()));
                    }
                    looks.insert(path.clone(), look);
                    roots.push(Root { path: path.clone(), last_used, content });
                    Presence::There
                }
            };
            self.paths.insert(path, presence);
        }
        roots
    }

    fn space_uses(&mut self, inventory: &Inventory) -> Vec<SpaceUse> {
        let mut uses: BTreeMap<&str, SpaceUse> = BTreeMap::new();
        for log in self.logs.iter().filter(|log| log.kind == UsageLogFile::Scratch) {
            for (path, records) in log.log.iter() {
                let space = uses.entry(path).or_default();
                for record in records {
                    space.last_used = space.last_used.max(record.time);
                    space.projects.extend(record.parent_projects.iter().cloned());
                }
            }
        }
        let mut projects: Vec<&str> =
            uses.values().flat_map(|space| space.projects.iter().map(String::as_str)).collect();
        projects.sort_unstable();
        projects.dedup();
        let presences =
            fs::parallel_map(&projects, |path| presence(fs::is_regular(Path::new(path))));
        let presences: HashMap<&str, Presence> = projects.iter().copied().zip(presences).collect();
        let mut found = Vec::with_capacity(uses.len());
        for (path, mut space) in uses.iter().map(|(path, space)| (*path, space.clone())) {
            space
                .projects
                .retain(|project| presences.get(project.as_str()) != Some(&Presence::Gone));
            space.projects.sort();
            space.projects.dedup();
            space.path = path.to_owned();
            found.push(space);
        }
        let listed: Vec<String> = inventory
            .depots
            .iter()
            .flat_map(|depot| depot.items.iter().map(|item| (item, &depot.path)))
            .filter(|(item, _)| item.kind == Kind::Space)
            .filter_map(|(item, depot)| item.text(depot))
            .collect();
        let listed: std::collections::HashSet<&str> = listed.iter().map(String::as_str).collect();
        // Most spaces were seen in their depot just now.
        let elsewhere: Vec<&str> =
            found.iter().map(|space| space.path.as_str()).filter(|p| !listed.contains(p)).collect();
        let looked =
            fs::parallel_map(&elsewhere, |path| presence(fs::try_is_directory(Path::new(path))));
        self.paths.extend(elsewhere.iter().map(|path| (*path).to_owned()).zip(looked));
        self.paths.extend(presences.into_iter().map(|(path, found)| (path.to_owned(), found)));
        found
    }

    fn read_overrides(&mut self, inventory: &Inventory) -> (Overrides, Vec<Unreadable>) {
        let mut overrides = Overrides::default();
        let mut unreadable = Vec::new();
        for depot in inventory.depots.iter().rev() {
            let path = layout::join(&depot.path, &[ARTIFACTS, OVERRIDES]);
            let kinds = vec![Kind::Artifact];
            match fs::read_regular(Path::new(&path), LONGEST_ROOT) {
                Ok(None) => {}
                Ok(Some((bytes, _))) => match overrides.merge(&String::from_utf8_lossy(&bytes)) {
                    Ok(faults) => {
                        let notes = faults.into_iter();
                        self.notes
                            .extend(notes.map(|fault| Note::at(&path, Problem::Faulty, fault)));
                    }
                    // Where artifacts are is not known then.
                    Err(fault) => {
                        unreadable.push(Unreadable { path, reason: fault.to_string(), kinds });
                    }
                },
                Err(error) => {
                    unreadable.push(Unreadable { path, reason: error.to_string(), kinds });
                }
            }
        }
        (overrides, unreadable)
    }
}

/// What the paths in a log could keep.
fn kept_by(log: UsageLogFile) -> &'static [Kind] {
    match log {
        UsageLogFile::Manifests => &[Kind::Package, Kind::Clone],
        UsageLogFile::Artifacts => &[Kind::Artifact],
        UsageLogFile::Scratch => &[Kind::Space],
    }
}

fn presence(found: fs::Result<bool>) -> Presence {
    match found {
        Ok(true) => Presence::There,
        Ok(false) => Presence::Gone,
        Err(_) => Presence::Unknown,
    }
}

/// What makes of bytes what they name, and says what is wrong with them.
type Reader<T> = dyn Fn(&[u8]) -> (T, Option<Fault>) + Sync;

/// Reads the roots of a kind.
struct RootReader<'a, T> {
    log: UsageLogFile,
    looks: &'a HashMap<String, Look>,
    read: &'a Reader<T>,
    now: SystemTime,
}

impl<T: Send> RootReader<'_, T> {
    /// Reads the roots at `paths`, but for those of the `old` ones that have not changed.
    fn read_all(
        &self,
        paths: Vec<(String, Option<DepotTime>)>,
        old: Vec<Root<T>>,
    ) -> Vec<(Root<()>, UsageLogFile, Reading<T>)> {
        let mut old: HashMap<String, T> =
            old.into_iter().map(|root| (root.path, root.content)).collect();
        let readings = fs::parallel_map(&paths, |(path, _)| {
            let stamp = self.looks.get(path).and_then(|look| look.stamp.as_ref());
            let is_same = stamp.is_some() && Stamp::of(Path::new(path)).as_ref() == stamp;
            (!is_same).then(|| self.read_one(Path::new(path)))
        });
        let reading = |((path, last_used), reading): ((String, _), Option<Reading<T>>)| {
            let reading =
                reading.unwrap_or_else(|| match (old.remove(&path), self.looks.get(&path)) {
                    (Some(content), Some(look)) => Reading::Read(content, look.clone()),
                    _ => self.read_one(Path::new(&path)),
                });
            (Root { path, last_used, content: () }, self.log, reading)
        };
        paths.into_iter().zip(readings).map(reading).collect()
    }

    fn read_one(&self, path: &Path) -> Reading<T> {
        match fs::read_regular(path, LONGEST_ROOT) {
            Ok(None) => Reading::Gone,
            Ok(Some((bytes, stamp))) => {
                let (content, fault) = (self.read)(&bytes);
                let stamp = Some(stamp).filter(|stamp| stamp.is_older_than(SETTLED, self.now));
                Reading::Read(content, Look { stamp, fault })
            }
            Err(error) => Reading::Unreadable(error.to_string()),
        }
    }
}

impl Log {
    fn read(depot: usize, kind: UsageLogFile, path: &str, old: Option<&Self>) -> Self {
        let (bytes, stamp, unreadable) = match fs::read_regular(Path::new(path), LONGEST_ROOT) {
            Ok(Some((bytes, stamp))) => (bytes, Some(stamp), None),
            Ok(None) => (Vec::new(), None, None),
            Err(error) => (Vec::new(), Stamp::of(Path::new(path)), Some(error.to_string())),
        };
        let (log, skipped) = match old {
            Some(old) if old.bytes == bytes => (old.log.clone(), old.skipped.clone()),
            _ => UsageLog::read(&bytes),
        };
        Self { depot, kind, path: path.to_owned(), bytes, log, skipped, stamp, unreadable }
    }

    /// Whether it can be read.
    pub(crate) fn is_readable(&self) -> bool {
        self.unreadable.is_none()
    }
}
