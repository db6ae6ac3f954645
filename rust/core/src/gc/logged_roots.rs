//! The references to items: the roots that the usage logs of a stack of depots list.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::time::SystemTime;

use scratchrs_fs as fs;
use scratchrs_model::artifacts_toml::NamedHashes;
use scratchrs_model::collection::{Depot, Kind, Root, Roots, SpaceUse, Unreadable};
use scratchrs_model::diagnostic::Diagnostic;
use scratchrs_model::layout::{ARTIFACTS, OVERRIDES, UsageLogFile};
use scratchrs_model::manifest::{Manifest, ManifestReader};
use scratchrs_model::overrides::{Overrides, Target};
use scratchrs_model::root;

use super::ignored_roots::IgnoredRoots;
use super::report::{Consequence, Note};
use super::root_files::{FoundRoots, HashReader, KnownRoots, LONGEST_ROOT, Version};
use super::usage_logs::{LogFile, read_logs, relocated};
use crate::project;

/// The usage logs of a stack of depots, and the roots that they list.
#[derive(Debug, Default)]
pub(super) struct LoggedRoots {
    /// The logs of all depots.
    pub(super) logs: Vec<LogFile>,
    /// The roots that they list.
    pub(super) roots: Roots,
    /// The manifests, artifact files and projects in the logs that do not exist.
    pub(super) missing: HashSet<String>,
    /// Missing roots, each with the path in a depot of the file that counts instead.
    pub(super) relocated: HashMap<String, String>,
    /// The problems of these files.
    pub(super) notes: Vec<Note>,
    /// The roots that count as missing.
    ignored: IgnoredRoots,
    /// One for each manifest among the roots.
    manifest_versions: Vec<Version>,
    /// One for each artifact file among them.
    artifact_file_versions: Vec<Version>,
}

impl LoggedRoots {
    /// Reads all logs and roots of depots.
    pub(super) fn read(depots: &[Depot], ignored: IgnoredRoots, now: SystemTime) -> Self {
        let mut logged = Self { ignored, ..Self::default() };
        logged.reread(depots, now);
        logged
    }

    /// Reads the logs, and the roots that have changed.
    pub(super) fn reread(&mut self, depots: &[Depot], now: SystemTime) {
        self.notes.clear();
        self.logs = read_logs(depots, &std::mem::take(&mut self.logs));
        let mut roots = Roots::default();
        for log in &self.logs {
            let diagnostics = log.damage.diagnostics.iter().filter(|_| log.is_readable());
            let notes = diagnostics
                .map(|diagnostic| Note::at(&log.path, Consequence::Healed, diagnostic.clone()));
            self.notes.extend(notes);
            roots.unreadable.extend(log.unreadable());
        }
        let (overrides, unreadable) = self.read_overrides(depots);
        roots.unreadable.extend(unreadable);
        roots.overrides = overrides;
        let old = std::mem::take(&mut self.roots);
        let logs = &self.logs;
        let versions = std::mem::take(&mut self.manifest_versions);
        let known: KnownRoots<Manifest> = KnownRoots { roots: old.manifests, versions };
        let manifests = known.reread::<ManifestReader>(UsageLogFile::Manifests, logs, depots, now);
        let versions = std::mem::take(&mut self.artifact_file_versions);
        let known: KnownRoots<NamedHashes> = KnownRoots { roots: old.artifact_files, versions };
        let files = known.reread::<HashReader>(UsageLogFile::Artifacts, logs, depots, now);
        (roots.uses, self.missing, self.relocated) = space_uses(logs, depots);
        (roots.manifests, self.manifest_versions) = self.add(manifests, &mut roots.unreadable);
        (roots.artifact_files, self.artifact_file_versions) =
            self.add(files, &mut roots.unreadable);
        roots.replacements = replacements(&roots);
        roots.unreadable.retain(|unreadable| !self.ignored.has(&unreadable.path));
        for space in &mut roots.uses {
            space.projects.retain(|project| !self.ignored.has(project));
        }
        let unreadable = roots.unreadable.iter().map(|unreadable| {
            Note::at(&unreadable.path, Consequence::Unreadable, unreadable.diagnostic.clone())
        });
        self.notes.extend(unreadable);
        self.roots = roots;
    }

    /// Whether a log has changed since it was read.
    pub(super) fn is_outdated(&self) -> bool {
        !self.logs.iter().all(LogFile::is_current)
    }

    /// Adds the roots of a kind, and returns those that count.
    fn add<T>(
        &mut self,
        mut found: FoundRoots<T>,
        unreadable: &mut Vec<Unreadable>,
    ) -> (Vec<Root<T>>, Vec<Version>) {
        if !self.ignored.is_empty() {
            let roots = found.roots.into_iter().zip(found.versions);
            (found.roots, found.versions) =
                roots.filter(|(root, _)| !self.ignored.has(&root.path)).unzip();
        }
        let faulty = found.roots.iter().zip(&found.versions).filter_map(|(root, version)| {
            let diagnostic = version.diagnostic.as_deref()?.clone();
            Some(Note::at(&root.path, Consequence::Faulty, diagnostic))
        });
        self.notes.extend(faulty);
        self.missing.extend(found.missing);
        self.relocated.extend(found.relocated);
        unreadable.extend(found.unreadable);
        (found.roots, found.versions)
    }

    /// The spaces in the logs that do not exist, under any path.
    pub(super) fn missing_spaces(&self) -> HashSet<String> {
        let spaces = self.roots.uses.iter().map(|space| space.path.as_str());
        let aliases = &self.roots.aliases;
        let spaces = spaces.filter(|space| aliases.of(space).is_empty()).collect();
        missing(spaces, |path| {
            fs::metadata(Path::new(path))
                .is_ok_and(|found| !found.is_some_and(|found| found.is_dir()))
        })
    }

    /// The overrides of all depots, and their files that cannot be read.
    fn read_overrides(&mut self, depots: &[Depot]) -> (Overrides, Vec<Unreadable>) {
        let mut overrides = Overrides::default();
        let mut unreadable = Vec::new();
        for depot in depots.iter().rev() {
            let path = depot.path.join(&[ARTIFACTS, OVERRIDES]);
            let merged = match fs::read_up_to(Path::new(&path), LONGEST_ROOT) {
                Ok(None) => continue,
                Ok(Some((bytes, _))) => {
                    root::text_of(&bytes).and_then(|text| overrides.merge(text))
                }
                Err(error) if error.is_directory() => continue,
                Err(error) => Err(Diagnostic::of_file(error.to_string())),
            };
            match merged {
                Ok(diagnostics) => {
                    let note = |diagnostic| Note::at(&path, Consequence::Faulty, diagnostic);
                    self.notes.extend(diagnostics.into_iter().map(note));
                }
                // It may replace any artifact.
                Err(diagnostic) => {
                    unreadable.push(Unreadable { path, diagnostic, kinds: vec![Kind::Artifact] });
                }
            }
        }
        (overrides, unreadable)
    }
}

/// What overrides replace the names in artifact files by: the index of the file, and the replacement. The overrides
/// of the package of the file count; if the package is unknown, those of every package.
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

/// The uses of scratch spaces, sorted by space; the projects in the logs that do not exist; and those
/// that exist under another path.
fn space_uses(
    logs: &[LogFile],
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
    let mut missing = missing(projects, project::is_missing);
    let relocated = relocated_projects(&missing, logs, depots);
    missing.retain(|project| !relocated.contains_key(project));
    for space in &mut uses {
        space.projects.retain(|project| !missing.contains(project));
        space.projects.sort();
        space.projects.dedup();
    }
    (uses, missing, relocated)
}

/// The missing projects that exist under another path, with that path.
fn relocated_projects(
    missing: &HashSet<String>,
    logs: &[LogFile],
    depots: &[Depot],
) -> HashMap<String, String> {
    let mut logging: HashMap<&str, Vec<usize>> = HashMap::new();
    for log in logs.iter().filter(|log| log.kind == UsageLogFile::Scratch && !missing.is_empty()) {
        let records = log.log.iter().flat_map(|(_, records)| records);
        for project in records.flat_map(|record| &record.parent_projects) {
            let depots = logging.entry(project).or_default();
            if missing.contains(project) && !depots.contains(&log.depot) {
                depots.push(log.depot);
            }
        }
    }
    let mut found = HashMap::new();
    for project in missing {
        let depots_of = logging.get(project.as_str()).map_or(&[][..], Vec::as_slice);
        let mut paths = relocated(project, depots_of, depots).into_iter();
        let path = paths.find(|path| !project::is_missing(path));
        found.extend(path.map(|path| (project.clone(), path)));
    }
    found
}

/// Those of `paths` that are missing, checked in parallel.
fn missing(mut paths: Vec<&str>, is_missing: impl Fn(&str) -> bool + Sync) -> HashSet<String> {
    paths.sort_unstable();
    paths.dedup();
    let are_missing = fs::parallel_map(&paths, |path| is_missing(path));
    let missing = paths.iter().zip(are_missing).filter(|(_, is_missing)| *is_missing);
    missing.map(|(path, _)| (*path).to_owned()).collect()
}
