//! Deleting unused contents.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

use chrono::TimeDelta;
use scratchrs_fs::{self as fs, FileKind, Mounts, Size, StagedRemoval};
use scratchrs_model::hash::Sha256;
use scratchrs_model::orphans::Orphans;
use scratchrs_model::store::layout::{ARTIFACTS, TREES, VARIANTS};
use scratchrs_model::store::orphans::{Settled, settle};
use scratchrs_model::store::uses;
use scratchrs_model::time::DepotTime;

use super::Store;
use super::mark::{Marked, files_in, mark};
use super::report::{ArtifactKind, Collected, Orphan};
use super::session::{self, Claims};
use super::spelling;
use super::users::Users;
use crate::error::Result;
use crate::failure::Failure;
use crate::time::local_time;

/// How long after the last collection the next one comes by itself.
pub const COLLECTION_INTERVAL: TimeDelta = TimeDelta::days(7);

/// How orphans are collected.
#[derive(Clone, Copy, Debug)]
pub struct CollectOptions {
    /// For how long something must have been an orphan.
    pub delay: TimeDelta,
    /// Whether to find out what would go, and to change nothing.
    pub is_dry_run: bool,
    /// Whether to spare what this process has made and not bound yet, as what others have made is
    /// spared. The peer does not, and who asks for a collection without delay may mean just that.
    pub spares_own: bool,
}

impl Default for CollectOptions {
    fn default() -> Self {
        Self { delay: COLLECTION_INTERVAL, is_dry_run: false, spares_own: true }
    }
}

/// Deletes contents that have been unused for a while, and notes those that are unused from now on.
///
/// The rules are those of OhMyArtifacts' `find_orphanages`, with three exceptions, each of which
/// keeps something for longer: what a living process claims; contents of a tree that is still there;
/// and everything, if a file of bindings does not read and nothing tells what it binds.
///
/// Beyond that, a file of bindings in the store is itself an orphan when all projects for which it
/// was used are gone. What only such files bind waits and goes with them. One that is used for a
/// project again, or by somebody unknown, is none.
///
/// A dry run touches nothing, and takes no lock.
///
/// # Crash
///
/// What is to go is struck from the list of orphans first; what stays nevertheless is found again.
/// A tree that is half removed has another name by then.
///
/// # Errors
///
/// If the store cannot be read or its logs cannot be written. That something cannot be removed is in
/// the answer.
pub fn collect(
    store: &Store,
    options: CollectOptions,
    now: DepotTime,
    progress: &fs::Progress,
) -> Result<Collected> {
    collect_beside(store, options, &[], now, progress)
}

/// Does what [`collect`] does, beside a collection of the depot that removes the packages in the
/// directories `going`: projects in these count as gone.
///
/// # Errors
///
/// As there.
pub(crate) fn collect_beside(
    store: &Store,
    options: CollectOptions,
    going: &[PathBuf],
    now: DepotTime,
    progress: &fs::Progress,
) -> Result<Collected> {
    progress.begin("Looking for orphans");
    if options.is_dry_run {
        let (marked, _, decided) = look(store, options, going, now)?;
        return Ok(Collected {
            dry_run: true,
            bytes: freed_by(&decided.due),
            removed: decided.due,
            waiting: decided.waiting,
            abandoned: decided.abandoned.due.into_iter().collect(),
            unreadable: marked.unreadable,
            failed: decided.mounted,
        });
    }
    let (mut collected, doomed) = store.locked_while_wanted(progress, || {
        let (mut marked, users, mut decided) = look(store, options, going, now)?;
        marked.forget(&decided.abandoned.due);
        write_logs(store, &marked, &decided.orphanage())?;
        let mut collected = Collected {
            waiting: decided.waiting,
            unreadable: marked.unreadable,
            ..Collected::default()
        };
        // Names before what they stand for.
        for file in decided.abandoned.due {
            match remove_bindings(&file) {
                Ok(()) => collected.abandoned.push(file),
                Err(error) => collected.failed.push(Failure::of(file, error)),
            }
        }
        if !collected.failed.is_empty() {
            // What they bind is there for as long as they are.
            return Ok((collected, Vec::new()));
        }
        users.condense(store, now)?;
        let mounts = Mounts::read();
        let mut doomed = leftovers(store, &mounts, &mut collected)?;
        collected.failed.extend(decided.mounted);
        // Trees before their contents.
        decided.due.sort_by_key(|removed| removed.kind == ArtifactKind::File);
        for removed in decided.due {
            match take_away(store, &removed, &mounts) {
                Ok(aside) => {
                    doomed.extend(aside);
                    collected.removed.push(removed);
                }
                Err(error) => collected.failed.push(Failure::of(removed.path, error)),
            }
        }
        Ok((collected, doomed))
    })?;
    for aside in doomed {
        if let Err(error) = aside.remove() {
            collected.failed.push(Failure::of(error.path().to_string_lossy(), &error));
        }
    }
    remove_empty_groups(store)?;
    collected.removed.sort_by(|a, b| a.path.cmp(&b.path));
    collected.bytes = freed_by(&collected.removed);
    Ok(collected)
}

fn freed_by(removed: &[Orphan]) -> u64 {
    removed.iter().map(|removed| removed.bytes).sum()
}

/// Looks through a store, and decides. Removes what dead processes have left, but for a dry run;
/// the caller holds the lock of the store then.
pub(super) fn look(
    store: &Store,
    options: CollectOptions,
    going: &[PathBuf],
    now: DepotTime,
) -> Result<(Marked, Users, Decided)> {
    let claims = session::read_claims(store, options.is_dry_run)?;
    let users = Users::read(store, going)?;
    let marked = mark(store)?;
    let before = Orphans::read(&fs::read(Path::new(&store.layout().orphanages()))?).0;
    let before = spelling::respell(store, before);
    let abandoned = Abandoned::find(store, &users, &before, options, now)?;
    let decided = decide(store, &marked, &claims, &before, abandoned, options, now)?;
    Ok((marked, users, decided))
}

/// The states of unused contents.
pub(super) struct Decided {
    waiting: Vec<Orphan>,
    due: Vec<Orphan>,
    pub(super) abandoned: Abandoned,
    /// What stays since something is mounted in it, with that as the reason.
    mounted: Vec<Failure>,
}

impl Decided {
    /// Since when the content at a path is unused; none if it is in use.
    pub(super) fn since(&self) -> HashMap<&str, DepotTime> {
        let orphans = self.waiting.iter().chain(&self.due);
        orphans.map(|orphan| (orphan.path.as_str(), orphan.since)).collect()
    }

    /// What waits, for the next collection to know.
    fn orphanage(&self) -> Orphans {
        let waiting = self.waiting.iter().map(|orphan| (orphan.path.clone(), orphan.since));
        let Abandoned { since, due } = &self.abandoned;
        let files = since.iter().filter(|(file, _)| !due.contains(*file));
        Orphans(waiting.chain(files.map(|(file, since)| (file.clone(), *since))).collect())
    }
}

/// Unused files of bindings.
pub(super) struct Abandoned {
    /// Since when, by path.
    pub(super) since: BTreeMap<String, DepotTime>,
    /// Those that go.
    due: BTreeSet<String>,
}

impl Abandoned {
    fn find(
        store: &Store,
        users: &Users,
        before: &Orphans,
        options: CollectOptions,
        now: DepotTime,
    ) -> Result<Self> {
        let files = files_in(store)?.into_iter();
        let found = files.filter(|file| users.has_abandoned(store, file)).map(|file| (file, now));
        let settled = settle(before, found, now, options.delay);
        let mut since = settled.waiting.0;
        since.extend(settled.due.iter().cloned());
        Ok(Self { since, due: settled.due.into_iter().map(|(file, _)| file).collect() })
    }

    /// Since when a thing has no other users than these, and whether all of them go; none if it has
    /// others, or no users at all.
    fn all<'a>(&self, files: impl Iterator<Item = &'a str>) -> Option<(DepotTime, bool)> {
        let mut latest: Option<DepotTime> = None;
        let mut are_due = true;
        for file in files {
            let since = *self.since.get(file)?;
            latest = Some(latest.map_or(since, |latest| latest.max(since)));
            are_due &= self.due.contains(file);
        }
        latest.map(|latest| (latest, are_due))
    }
}

fn decide(
    store: &Store,
    marked: &Marked,
    claims: &Claims,
    before: &Orphans,
    abandoned: Abandoned,
    options: CollectOptions,
    now: DepotTime,
) -> Result<Decided> {
    let mut found = Vec::new();
    // What goes or stays with the files that bind it.
    let mut with_files = Settled::default();
    let mut kinds = HashMap::new();
    for (hash, kind) in &marked.addresses {
        let path = store.path(*hash);
        if marked.usage.has(&path) {
            if let Some((since, are_due)) = abandoned.all(marked.usage.files(&path)) {
                kinds.insert(path.clone(), (*hash, *kind));
                match are_due {
                    true => with_files.due.push((path, since)),
                    false => drop(with_files.waiting.0.insert(path, since)),
                }
            }
            continue;
        }
        // One that was used until now is an orphan since now; of another, nobody knows more than
        // when it came.
        let since = if marked.logged.has(&path) {
            now
        } else {
            let changed = fs::symlink_metadata(Path::new(&path))?.and_then(|seen| seen.changed);
            changed.map_or(now, local_time)
        };
        kinds.insert(path.clone(), (*hash, *kind));
        found.push((path, since));
    }
    let mut settled = settle(before, found, now, options.delay);
    settled.due.extend(with_files.due);
    settled.waiting.0.extend(with_files.waiting.0);
    let is_incomplete = marked.unknown.iter().any(|file| !abandoned.due.contains(file));
    let mut due = Vec::new();
    let is_claimed = |hash: &Sha256| {
        claims.firm.contains(hash) || options.spares_own && claims.own.contains(hash)
    };
    let mut spared = Vec::new();
    let mut mounted = Vec::new();
    let mounts = Mounts::read();
    for (path, since) in std::mem::take(&mut settled.due) {
        let Some((hash, kind)) = kinds.get(&path).copied() else { continue };
        // Its contents stay too.
        if let Err(error) = mounts.refuse(Path::new(&path)) {
            mounted.push(Failure::of(&path, error));
            spared.push((path, since));
            continue;
        }
        if is_incomplete || is_claimed(&hash) {
            spared.push((path, since));
        } else {
            due.push((path, since, hash, kind));
        }
    }
    // Contents of the trees that stay, bound or not.
    let going: HashSet<Sha256> = due.iter().map(|(_, _, hash, _)| *hash).collect();
    let staying = marked.trees.iter().filter(|(hash, _)| !going.contains(hash));
    let held: BTreeSet<Sha256> = staying.flat_map(|(_, record)| record.contents()).collect();
    let (held, due): (Vec<_>, Vec<_>) =
        due.into_iter().partition(|(_, _, hash, _)| held.contains(hash));
    spared.extend(held.into_iter().map(|(path, since, _, _)| (path, since)));
    settled.waiting.0.extend(spared);
    let orphan = |path: String, since, hash, kind| {
        let kind =
            if kind == FileKind::Directory { ArtifactKind::Tree } else { ArtifactKind::File };
        let bytes = freed(store, hash, Path::new(&path), kind, marked);
        Orphan { hash, path, kind, bytes, since }
    };
    let waiting = settled.waiting.0.into_iter().filter_map(|(path, since)| {
        let (hash, kind) = *kinds.get(&path)?;
        Some(orphan(path, since, hash, kind))
    });
    let waiting = waiting.collect();
    let due = due.into_iter().map(|(path, since, hash, kind)| orphan(path, since, hash, kind));
    Ok(Decided { waiting, due: due.collect(), abandoned, mounted })
}

/// Removes a file of bindings, and the directory of its package if that was all.
fn remove_bindings(file: &str) -> Result<()> {
    log::debug!("deleting the bindings `{file}`: their users are gone");
    let path = Path::new(file);
    fs::remove(path)?;
    path.parent().map_or(Ok(()), fs::remove_dir_if_empty)?;
    Ok(())
}

/// What the removal of something frees. The files of a tree that are links free nothing.
fn freed(store: &Store, hash: Sha256, path: &Path, kind: ArtifactKind, marked: &Marked) -> u64 {
    match kind {
        // Its other names are in trees, which go before it, or share its blocks.
        ArtifactKind::File => {
            let variant = Size::of(Path::new(&store.layout().variant(hash)));
            Size::of(path).bytes + variant.bytes
        }
        ArtifactKind::Tree => {
            let record = marked.trees.get(&hash);
            let is_copy = record.is_some_and(|record| record.link == fs::LinkMode::Copy.name());
            if is_copy { record.map_or(0, |record| record.bytes()) } else { 0 }
        }
    }
}

/// Brings the logs up to date: orphans, users, and the current uses.
fn write_logs(store: &Store, marked: &Marked, waiting: &Orphans) -> Result<()> {
    let layout = store.layout();
    let write = |path: String, text: String| -> Result<()> {
        let path = Path::new(&path);
        fs::with_parent_dir(path, || fs::replace(path, &text))?;
        Ok(())
    };
    write(layout.usage(), marked.usage.to_text())?;
    // The uses that are no more are forgotten only once what they were of is known as an orphan.
    write(layout.orphanages(), waiting.to_text())?;
    write(layout.uses(), uses::to_text(&marked.uses))
}

fn take_away(store: &Store, removed: &Orphan, mounts: &Mounts) -> Result<Option<StagedRemoval>> {
    log::debug!(
        "deleting `{}` from the store: unreferenced since {:?}",
        removed.path,
        removed.since
    );
    let artifacts = store.layout().artifacts();
    let aside = StagedRemoval::begin(Path::new(&removed.path), Path::new(&artifacts), mounts)?;
    match removed.kind {
        ArtifactKind::Tree => {
            fs::remove(Path::new(&store.layout().record(removed.hash)))?;
            Ok(aside)
        }
        ArtifactKind::File => {
            fs::remove(Path::new(&store.layout().variant(removed.hash)))?;
            // A file goes in one step, which is as quick as to rename it, and under the lock: who
            // claims it next does not find it.
            aside.map(StagedRemoval::remove).transpose()?;
            Ok(None)
        }
    }
}

/// What collections that were killed, or could not delete all of a tree, have set aside.
fn leftovers(
    store: &Store,
    mounts: &Mounts,
    collected: &mut Collected,
) -> Result<Vec<StagedRemoval>> {
    let artifacts = PathBuf::from(store.layout().artifacts());
    let mut found = Vec::new();
    for group in fs::read_dir(&artifacts)? {
        for entry in fs::read_dir(&artifacts.join(&group.name))? {
            if !entry.name.to_str().is_some_and(|name| name.contains("@removing-")) {
                continue;
            }
            let path = artifacts.join(&group.name).join(&entry.name);
            match StagedRemoval::begin(&path, &artifacts, mounts) {
                Ok(aside) => found.extend(aside),
                Err(error) => {
                    collected.failed.push(Failure::of(path.to_string_lossy(), error));
                }
            }
        }
    }
    Ok(found)
}

fn remove_empty_groups(store: &Store) -> Result<()> {
    for directory in [ARTIFACTS, VARIANTS, TREES] {
        let directory = PathBuf::from(store.layout().below(&[directory]));
        for group in fs::read_dir(&directory)? {
            if group.kind == FileKind::Directory && group.name.len() == 2 {
                fs::remove_dir_if_empty(&directory.join(&group.name))?;
            }
        }
    }
    Ok(())
}
