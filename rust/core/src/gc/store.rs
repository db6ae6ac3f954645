//! The stores of depots, as collections and reports see them: what is in them, and what is bound to it.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use scratchrs_fs::{self as fs, FileId, PidLock, Progress, Size};
use scratchrs_model::collection::{DepotPlan, Item, Kind, Reason, State};
use scratchrs_model::diagnostic::Diagnostic;
use scratchrs_model::hash::Sha256;
use scratchrs_model::layout;
use scratchrs_model::store::layout::{ARTIFACTS, KEY, OWNER, TREES, VARIANTS, package_of};
use scratchrs_model::time::DepotTime;

use super::report::{
    Category, Cause, CauseKind, Entry, Explained, Explanation, Failure, Gone, Note, Problem,
    Report, Share, Standing, Status, Waiting,
};
use super::sweep::Outcome;
use super::{Moment, Options, World};
use crate::error::Result;
use crate::store::{self, ArtifactKind, BoundName, CollectOptions, Store, Survey, Thing};

/// Where the store of a depot is.
fn store_of(depot: &str) -> Store {
    Store::at(&layout::join(depot, &[Kind::Space.directory(), &OWNER.to_string(), KEY]))
}

/// Whether something is the scratch space that a store is in.
pub(super) fn is_store(item: &Item) -> bool {
    item.kind == Kind::Space && item.group == *OWNER.to_string() && item.name == KEY
}

/// The store of a depot, if there is one.
fn store_in(depot: &str) -> Option<Store> {
    Some(store_of(depot)).filter(|store| fs::is_dir(Path::new(store.root())))
}

/// The stores of depots, each once: depots may have their spaces in one directory, through a link or a
/// mount.
fn stores_in<'a>(depots: impl Iterator<Item = &'a str>) -> Vec<(usize, Store)> {
    let mut seen = HashSet::new();
    let stores = depots.enumerate().filter_map(|(index, depot)| Some((index, store_in(depot)?)));
    stores
        .filter(|(_, store)| FileId::of(Path::new(store.root())).is_none_or(|id| seen.insert(id)))
        .collect()
}

/// Whether the store at `path` is in use. If that is unknown, it counts as in use.
pub(super) fn is_in_use(path: &Path, moment: Moment) -> bool {
    let store = path.to_str().map(Store::at);
    store.is_none_or(|store| store::is_in_use(&store, moment.now).unwrap_or(true))
}

/// Takes the lock of the store that is at `path`, if there is one, so that no process begins to use it.
pub(super) fn hold(
    path: &Path,
    item: &Item,
    now: DepotTime,
) -> std::result::Result<Option<PidLock>, Outcome> {
    let Some(path) = path.to_str().filter(|_| is_store(item)) else { return Ok(None) };
    match store::hold_if_unused(&Store::at(path), now) {
        Ok(Some(lock)) => Ok(Some(lock)),
        Ok(None) => Err(Outcome::InUse("somebody uses the store".to_owned())),
        Err(error) => Err(Outcome::Failed(error.to_string())),
    }
}

fn rules(options: &Options) -> CollectOptions {
    let delay = options.policy.collect_delay;
    CollectOptions { delay, is_dry_run: options.dry_run, ..CollectOptions::default() }
}

/// Collects the stores of the depots that are swept. One that cannot be collected stays as it is.
pub(super) fn collect_stores(
    options: &Options,
    moment: Moment,
    report: &mut Report,
    progress: &Progress,
) -> Result<()> {
    let packages = report.gone.iter().filter(|gone| gone.kind == Category::Package);
    let going: Vec<PathBuf> = packages.map(|gone| PathBuf::from(&gone.path)).collect();
    for (_, store) in stores_in(report.depots.iter().map(String::as_str)) {
        if report.gone.iter().any(|gone| gone.path == store.root()) {
            continue;
        }
        progress.check()?;
        match store::collect_beside(&store, rules(options), &going, moment.now, progress) {
            Ok(collected) => add(report, collected, options),
            Err(error) => {
                progress.check()?;
                let (path, message) = (store.root().to_owned(), error.to_string());
                report.failures.push(Failure { path, message });
            }
        }
    }
    report.notes.sort_by_key(|note| note.problem);
    Ok(())
}

fn add(report: &mut Report, collected: store::Collected, options: &Options) {
    report.abandoned += collected.abandoned.len();
    report.gone.extend(collected.removed.into_iter().map(|orphan| Gone {
        kind: Category::Store,
        size: size_of(&orphan),
        path: orphan.path,
        reason: Reason::Unreachable,
    }));
    report.waiting.extend(collected.waiting.into_iter().map(|orphan| Waiting {
        kind: Category::Store,
        size: size_of(&orphan),
        path: orphan.path,
        since: orphan.since,
        until: orphan.since.after(options.policy.collect_delay),
    }));
    let failed = collected.failed.into_iter();
    let failure = |store::Failure { path, reason }| Failure { path, message: reason };
    report.failures.extend(failed.map(failure));
    report.notes.extend(collected.unreadable.into_iter().map(unreadable));
}

fn size_of(orphan: &store::Orphan) -> Size {
    let files = u64::from(orphan.kind == ArtifactKind::File);
    Size { bytes: orphan.bytes, shared: 0, files }
}

fn unreadable(store::Failure { path, reason }: store::Failure) -> Note {
    Note::at(&path, Problem::Unreadable, Diagnostic::of_file(reason))
}

/// Looks through a store; one that cannot be read is left alone, with a note.
fn survey(store: &Store, options: &Options, moment: Moment) -> std::result::Result<Survey, Note> {
    Survey::take(store, rules(options), moment.now)
        .map_err(|error| Note::about(Path::new(store.root()), Problem::Passed, error.to_string()))
}

/// Adds the stores of the depots that are swept to a status.
pub(super) fn add_to_status(world: &World, options: &Options, moment: Moment, status: &mut Status) {
    let (size, reclaimable) = (Size::default(), Size::default());
    let mut share = Share { kind: Category::Store, count: 0, size, reclaimable };
    for (_, store) in stores_in(status.depots.iter().map(String::as_str)) {
        let survey = match survey(&store, options, moment) {
            Ok(survey) => survey.measured(&store),
            Err(note) => {
                status.notes.push(note);
                continue;
            }
        };
        share.count += survey.files;
        share.size += survey.size;
        share.reclaimable += survey.reclaimable;
        status.saved += survey.saved;
        let whole = survey.things.iter().filter(|thing| thing.is_whole());
        status.entries.extend(whole.map(|thing| world.entry(&store, thing, options, moment)));
        status.notes.extend(survey.unreadable.into_iter().map(unreadable));
    }
    status.shares.push(share);
}

/// Explains what `query` or a path stands for in the stores of all depots.
pub(super) fn explain(
    world: &World,
    query: &str,
    paths: &[&Path],
    options: &Options,
    moment: Moment,
) -> Explained {
    let mut explained = Explained::default();
    let depots = &world.inventory.depots;
    for (index, store) in stores_in(depots.iter().map(|depot| depot.path.as_str())) {
        let depot = &depots[index];
        let hashes: Vec<Sha256> = paths
            .iter()
            .filter_map(|path| addressed(&store, path))
            .chain(query.parse().ok())
            .collect();
        let survey = match survey(&store, options, moment) {
            Ok(survey) => survey,
            Err(note) => {
                explained.notes.push(note);
                continue;
            }
        };
        let is_meant = |thing: &&Thing| {
            hashes.contains(&thing.hash) || thing.names.iter().any(|name| name.name == query)
        };
        // Most ask for something else, and are not to wait until the store is measured.
        if !survey.things.iter().any(|thing| is_meant(&thing)) {
            continue;
        }
        let survey = survey.measured(&store);
        for thing in survey.things.iter().filter(is_meant) {
            let standing = match thing.since {
                None => Standing::Kept,
                Some(_) if !depot.is_swept => Standing::Elsewhere,
                Some(since) => {
                    let is_due = moment.now.since(since) >= options.policy.collect_delay;
                    if is_due { Standing::Goes } else { Standing::Waiting }
                }
            };
            explained.found.push(Explanation {
                kind: Category::Store,
                label: label(thing),
                path: thing.path.clone(),
                size: thing.size,
                last_used: thing.names.iter().map(|name| name.time).max(),
                standing,
                since: thing.since.filter(|_| standing == Standing::Waiting),
                until: thing
                    .since
                    .filter(|_| standing == Standing::Waiting)
                    .map(|since| since.after(options.policy.collect_delay)),
                causes: world.binders(&store, &survey, thing),
            });
        }
    }
    explained
}

/// The hash of what a path in a store is, or is in.
fn addressed(store: &Store, path: &Path) -> Option<Sha256> {
    let mut names = path.strip_prefix(store.root()).ok()?.iter().map(|name| name.to_str());
    let directory = names.next()??;
    [ARTIFACTS, VARIANTS, TREES].contains(&directory).then_some(())?;
    names.nth(1)??.parse().ok()
}

fn label(thing: &Thing) -> String {
    let names = thing.names.iter().map(|name| name.name.as_str());
    names.min().map_or_else(|| thing.hash.to_string(), str::to_owned)
}

impl World {
    fn entry(&self, store: &Store, thing: &Thing, options: &Options, moment: Moment) -> Entry {
        let until = |since: DepotTime| since.after(options.policy.collect_delay).max(moment.now);
        let packages = thing.names.iter().filter_map(|name| self.binder(store, &name.file));
        Entry {
            kind: Category::Store,
            label: label(thing),
            package: packages.min(),
            path: thing.path.clone(),
            size: thing.size,
            last_used: thing.since.or_else(|| thing.names.iter().map(|name| name.time).max()),
            manifests: 0,
            artifact_files: 0,
            projects: 0,
            names: thing.names.len(),
            is_held: false,
            is_orphan: thing.since.is_some(),
            until: thing.since.map(until),
        }
    }

    /// The package that a file of bindings is of.
    fn binder(&self, store: &Store, file: &str) -> Option<String> {
        let below = Path::new(file).strip_prefix(store.root()).ok()?.to_str()?;
        let package = package_of(&below.replace(std::path::MAIN_SEPARATOR, "/"))?.to_string();
        Some(self.package_of(&package).unwrap_or(package))
    }

    /// What binds something: names, and those of trees that have it.
    fn binders(&self, store: &Store, survey: &Survey, thing: &Thing) -> Vec<Cause> {
        let names = thing.names.iter().map(|name| self.binding(store, survey, name));
        let trees = survey.things.iter().filter(|tree| thing.trees.contains(&tree.hash));
        let trees = trees.map(|tree| Cause {
            what: CauseKind::Tree,
            path: tree.path.clone(),
            name: Some(label(tree)),
            last_used: None,
            package: None,
            because: tree.names.iter().map(|name| self.binding(store, survey, name)).collect(),
        });
        names.chain(trees).collect()
    }

    fn binding(&self, store: &Store, survey: &Survey, bound: &BoundName) -> Cause {
        let is_abandoned = survey.abandoned.contains_key(&bound.file);
        Cause {
            what: if is_abandoned { CauseKind::AbandonedBinding } else { CauseKind::Binding },
            name: Some(bound.name.clone()),
            last_used: Some(bound.time),
            ..self.bindings(store, survey, &bound.file)
        }
    }

    /// A file of bindings, and the projects that keep it.
    fn bindings(&self, store: &Store, survey: &Survey, file: &str) -> Cause {
        let project = |project: &store::Project| {
            let mut cause = Cause {
                what: if project.is_gone { CauseKind::GoneProject } else { CauseKind::Project },
                path: project.path.clone().unwrap_or_default(),
                name: None,
                last_used: Some(project.last_used),
                package: None,
                because: Vec::new(),
            };
            match project.path {
                Some(_) => self.trace_package(&mut cause),
                None => cause.what = CauseKind::Somebody,
            }
            cause
        };
        Cause {
            what: CauseKind::Bindings,
            path: file.to_owned(),
            name: None,
            last_used: None,
            package: self.binder(store, file),
            because: survey.users.of(store, file).iter().map(project).collect(),
        }
    }

    /// The files of bindings that keep the scratch space of the store at `path`.
    pub(super) fn names_of_store(
        &self,
        path: &Path,
        options: &Options,
        moment: Moment,
    ) -> std::result::Result<Vec<Cause>, Note> {
        let Some(store) = path.to_str().map(Store::at) else { return Ok(Vec::new()) };
        let survey = survey(&store, options, moment)?;
        let names = survey.things.iter().flat_map(|thing| &thing.names);
        let files: std::collections::BTreeSet<&str> =
            names.map(|name| name.file.as_str()).collect();
        Ok(files.into_iter().map(|file| self.bindings(&store, &survey, file)).collect())
    }

    /// Which of the depots have a store in use, of those where that matters: where the
    /// scratch space of the store would not stay, or may be evicted.
    pub(super) fn stores_in_use(
        &self,
        plans: &[DepotPlan],
        options: &Options,
        moment: Moment,
    ) -> Vec<Option<usize>> {
        let depots = self.inventory.depots.iter().zip(plans);
        let in_use = depots.map(|(depot, plan)| {
            let index = depot.items.iter().position(is_store).filter(|_| depot.is_swept)?;
            let matters =
                options.max_size.is_some() || plan.decisions[index].state != State::Retained;
            (matters && is_in_use(&depot.items[index].path(&depot.path), moment)).then_some(index)
        });
        in_use.collect()
    }
}
