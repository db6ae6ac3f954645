//! Which contents, trees and files of bindings of a store are deletable.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

use chrono::TimeDelta;
use scratchrs_fs::{self as fs, FileKind, LinkMode, Mounts, Size};
use scratchrs_model::hash::Sha256;
use scratchrs_model::orphans::Orphans;
use scratchrs_model::store::orphans::{Settled, settle};
use scratchrs_model::time::DepotTime;

use super::mark::{Marked, files_in, mark};
use super::report::{ArtifactKind, Orphan};
use super::session::{self, Claims};
use super::users::Users;
use super::{Store, aliases};
use crate::error::Result;
use crate::failure::Failure;
use crate::time::local_time;

/// How long after the last collection the next one starts automatically.
pub const COLLECTION_INTERVAL: TimeDelta = TimeDelta::days(7);

/// The rules of a collection.
#[derive(Clone, Copy, Debug)]
pub struct CollectOptions {
    /// For how long an item must have been an orphan to be deletable.
    pub delay: TimeDelta,
    /// Whether nothing is changed.
    pub is_dry_run: bool,
    /// Whether to keep what this process has created and not bound yet, as what other processes have created is
    /// kept. OhMyArtifacts deletes it, and a collection without delay may be meant to do so.
    pub spares_own: bool,
}

impl Default for CollectOptions {
    fn default() -> Self {
        Self { delay: COLLECTION_INTERVAL, is_dry_run: false, spares_own: true }
    }
}

/// Reads a store, and decides. Unless it is a dry run, deletes what dead processes have left;
/// the caller then holds the lock of the store.
pub(super) fn examine(
    store: &Store,
    options: CollectOptions,
    deleted_packages: &[PathBuf],
    now: DepotTime,
) -> Result<(Marked, Users, Decided)> {
    let claims = session::read_claims(store, options.is_dry_run)?;
    let users = Users::read(store, deleted_packages)?;
    let marked = mark(store)?;
    let before = Orphans::read(&fs::read(Path::new(&store.layout().orphanages()))?).0;
    let before = aliases::with_own_paths(store, before);
    let abandoned = Abandoned::find(store, &users, &before, options, now)?;
    let decided = decide(store, &marked, &claims, &before, abandoned, options, now)?;
    log_decisions(store, &marked, &decided);
    Ok((marked, users, decided))
}

/// The states of unreferenced contents and trees.
pub(super) struct Decided {
    pub(super) waiting: Vec<Orphan>,
    pub(super) deletable: Vec<Orphan>,
    pub(super) abandoned: Abandoned,
    /// Those that stay because a file system is mounted in them.
    pub(super) mounted: Vec<Failure>,
}

impl Decided {
    /// Since when the content at a path is unreferenced.
    pub(super) fn since(&self) -> HashMap<&str, DepotTime> {
        let orphans = self.waiting.iter().chain(&self.deletable);
        orphans.map(|orphan| (orphan.path.as_str(), orphan.since)).collect()
    }

    /// The orphans that stay, as the next collection reads them.
    pub(super) fn orphans(&self) -> Orphans {
        let waiting = self.waiting.iter().map(|orphan| (orphan.path.clone(), orphan.since));
        let Abandoned { since, deletable } = &self.abandoned;
        let files = since.iter().filter(|(file, _)| !deletable.contains(*file));
        Orphans(waiting.chain(files.map(|(file, since)| (file.clone(), *since))).collect())
    }
}

/// Unused files of bindings.
pub(super) struct Abandoned {
    /// Since when, by path.
    pub(super) since: BTreeMap<String, DepotTime>,
    /// Those that are deletable.
    pub(super) deletable: BTreeSet<String>,
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
        Ok(Self { since, deletable: settled.due.into_iter().map(|(file, _)| file).collect() })
    }

    /// Since when all of `files` are unused, and whether all are deletable. `None` if one is in use, or there are
    /// none.
    fn all<'a>(&self, files: impl Iterator<Item = &'a str>) -> Option<(DepotTime, bool)> {
        let mut latest: Option<DepotTime> = None;
        let mut are_deletable = true;
        for file in files {
            let since = *self.since.get(file)?;
            latest = Some(latest.map_or(since, |latest| latest.max(since)));
            are_deletable &= self.deletable.contains(file);
        }
        latest.map(|latest| (latest, are_deletable))
    }
}

/// The addresses that no name in use references: those that wait and those whose time is over, with the kinds of all.
struct Unreferenced {
    settled: Settled,
    kinds: HashMap<String, (Sha256, FileKind)>,
}

fn unreferenced(
    store: &Store,
    marked: &Marked,
    before: &Orphans,
    abandoned: &Abandoned,
    options: CollectOptions,
    now: DepotTime,
) -> Result<Unreferenced> {
    let mut found = Vec::new();
    // What only unused files bind waits and is deleted with them.
    let mut with_files = Settled::default();
    let mut kinds = HashMap::new();
    for (hash, kind) in &marked.addresses {
        let path = store.path(*hash);
        if marked.usage.has(&path) {
            if let Some((since, are_deletable)) = abandoned.all(marked.usage.files(&path)) {
                kinds.insert(path.clone(), (*hash, *kind));
                match are_deletable {
                    true => with_files.due.push((path, since)),
                    false => drop(with_files.waiting.0.insert(path, since)),
                }
            }
            continue;
        }
        // One that was used until now is an orphan since now; of another, only its creation is known.
        let since = if marked.logged.has(&path) {
            now
        } else {
            let changed = fs::symlink_metadata(Path::new(&path))?.and_then(|found| found.changed);
            changed.map_or(now, local_time)
        };
        kinds.insert(path.clone(), (*hash, *kind));
        found.push((path, since));
    }
    let mut settled = settle(before, found, now, options.delay);
    settled.due.extend(with_files.due);
    settled.waiting.0.extend(with_files.waiting.0);
    Ok(Unreferenced { settled, kinds })
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
    let Unreferenced { settled, kinds } =
        unreferenced(store, marked, before, &abandoned, options, now)?;
    let mut waiting = settled.waiting;
    let is_incomplete = marked.unknown.iter().any(|file| !abandoned.deletable.contains(file));
    let is_claimed = |hash: &Sha256| {
        claims.firm.contains(hash) || options.spares_own && claims.own.contains(hash)
    };
    let mut deletable = Vec::new();
    let mut mounted = Vec::new();
    let mounts = Mounts::read();
    for (path, since) in settled.due {
        let Some((hash, kind)) = kinds.get(&path).copied() else { continue };
        if let Err(error) = mounts.refuse(Path::new(&path)) {
            // The contents of a tree stay, too.
            mounted.push(Failure::of(&path, error));
        } else if is_incomplete {
            log::debug!("keeping `{path}`: a file of bindings is invalid, and may bind it");
        } else if is_claimed(&hash) {
            log::debug!("keeping `{path}`: a process has created it, and may bind it");
        } else {
            deletable.push((path, since, hash, kind));
            continue;
        }
        waiting.0.insert(path, since);
    }
    // The contents of trees that stay, bound or not.
    let deleted: HashSet<Sha256> = deletable.iter().map(|(_, _, hash, _)| *hash).collect();
    let trees = marked.trees.iter().filter(|(hash, _)| !deleted.contains(hash));
    let in_trees: BTreeSet<Sha256> = trees.flat_map(|(_, record)| record.contents()).collect();
    let (contained, deletable): (Vec<_>, Vec<_>) =
        deletable.into_iter().partition(|(_, _, hash, _)| in_trees.contains(hash));
    for (path, since, _, _) in contained {
        log::debug!("keeping `{path}`: it is in a tree that stays");
        waiting.0.insert(path, since);
    }
    let orphan = |path: String, since, hash, kind| {
        let kind =
            if kind == FileKind::Directory { ArtifactKind::Tree } else { ArtifactKind::File };
        let bytes = freed(store, hash, Path::new(&path), kind, marked);
        Orphan { hash, path, kind, bytes, since }
    };
    let waiting = waiting.0.into_iter().filter_map(|(path, since)| {
        let (hash, kind) = *kinds.get(&path)?;
        Some(orphan(path, since, hash, kind))
    });
    let waiting = waiting.collect();
    let deletable =
        deletable.into_iter().map(|(path, since, hash, kind)| orphan(path, since, hash, kind));
    Ok(Decided { waiting, deletable: deletable.collect(), abandoned, mounted })
}

/// The bytes that a deletion frees. Linked files of a tree free nothing.
fn freed(store: &Store, hash: Sha256, path: &Path, kind: ArtifactKind, marked: &Marked) -> u64 {
    match kind {
        // Its other names are in trees, which are deleted before it, or share its blocks.
        ArtifactKind::File => {
            let variant = Size::of(Path::new(&store.layout().variant(hash)));
            Size::of(path).bytes + variant.bytes
        }
        ArtifactKind::Tree => {
            let record = marked.trees.get(&hash);
            let is_copy = record.is_some_and(|record| record.link == LinkMode::Copy.name());
            if is_copy { record.map_or(0, |record| record.bytes()) } else { 0 }
        }
    }
}

/// Writes the decisions into the debug log. Nothing is formatted unless it is enabled.
fn log_decisions(store: &Store, marked: &Marked, decided: &Decided) {
    if !log::log_enabled!(log::Level::Debug) {
        return;
    }
    for Failure { path, message } in &marked.unreadable {
        log::debug!("`{path}` is invalid, everything in the store is kept: {message}");
    }
    let since = decided.since();
    for (hash, _) in &marked.addresses {
        let path = store.path(*hash);
        let file = marked.usage.files(&path).next();
        if let Some(file) = file.filter(|_| !since.contains_key(path.as_str())) {
            log::debug!("keeping `{path}`: bound in `{file}`");
        }
    }
    for Orphan { path, since, .. } in &decided.waiting {
        log::debug!("keeping `{path}` for now: unreferenced since {since}");
    }
    for Orphan { path, since, .. } in &decided.deletable {
        log::debug!("`{path}` is deletable: unreferenced since {since}");
    }
}
