//! Removing what nobody uses.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use chrono::TimeDelta;
use scratchrs_fs::{self as fs, EntryKind, SetAside};
use scratchrs_model::hash::Sha256;
use scratchrs_model::orphanage::Orphanage;
use scratchrs_model::store::layout::{ARTIFACTS, TREES, VARIANTS};
use scratchrs_model::store::orphans::settle;
use scratchrs_model::store::uses;
use scratchrs_model::time::DepotTime;

use super::mark::{Marked, mark};
use super::session::{self, Claims};
use super::{ArtifactKind, Store};
use crate::error::Result;
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

/// Something that was removed, or would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    /// Its hash.
    pub hash: Sha256,
    /// Where it was.
    pub path: String,
    /// What it was.
    pub kind: ArtifactKind,
    /// The bytes that this frees.
    pub bytes: u64,
    /// Since when nobody used it.
    pub since: DepotTime,
}

/// What a collection came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// What went, or would go, by address.
    pub removed: Vec<Removed>,
    /// What nobody uses and stays for now, and since when.
    pub waiting: Vec<(String, DepotTime)>,
    /// What could not be removed, with the reason.
    pub failed: Vec<(String, String)>,
    /// Files of bindings that do not read, with the reason. What they bind stays.
    pub unreadable: Vec<(String, String)>,
}

impl Collected {
    /// The bytes that were freed, or would be.
    pub fn bytes(&self) -> u64 {
        self.removed.iter().map(|removed| removed.bytes).sum()
    }
}

/// Removes what has been used by nobody for a while, and notes what nobody uses since now.
///
/// The rules are those of OhMyArtifacts' `find_orphanages`, with three exceptions, each of which
/// keeps something for longer: what a living process claims; contents of a tree that is still there;
/// and everything, if a file of bindings does not read and nothing tells what it binds.
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
    watch: &fs::Watch,
) -> Result<Collected> {
    watch.begin("Looking for orphans");
    let (mut collected, doomed) = store.locked_while_wanted(watch, || {
        let claims = session::read_claims(store)?;
        let marked = mark(store)?;
        let before = Orphanage::read(&fs::read(Path::new(&store.layout().orphanages()))?).0;
        let mut decided = decide(store, &marked, &claims, &before, options, now)?;
        let waiting = decided.waiting.0.iter().map(|(path, since)| (path.clone(), *since));
        let mut collected = Collected {
            waiting: waiting.collect(),
            unreadable: marked.unreadable.clone(),
            ..Collected::default()
        };
        if options.is_dry_run {
            collected.removed = decided.due;
            return Ok((collected, Vec::new()));
        }
        write_logs(store, &marked, &decided.waiting)?;
        let mut doomed = leftovers(store)?;
        // Trees before their contents.
        decided.due.sort_by_key(|removed| removed.kind == ArtifactKind::File);
        for removed in decided.due {
            match take_away(store, &removed) {
                Ok(aside) => {
                    doomed.extend(aside);
                    collected.removed.push(removed);
                }
                Err(error) => collected.failed.push((removed.path, error.to_string())),
            }
        }
        Ok((collected, doomed))
    })?;
    for aside in doomed {
        if let Err(error) = aside.remove() {
            collected.failed.push((error.path().display().to_string(), error.to_string()));
        }
    }
    if !options.is_dry_run {
        remove_empty_groups(store)?;
    }
    collected.removed.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(collected)
}

struct Decided {
    waiting: Orphanage,
    due: Vec<Removed>,
}

fn decide(
    store: &Store,
    marked: &Marked,
    claims: &Claims,
    before: &Orphanage,
    options: CollectOptions,
    now: DepotTime,
) -> Result<Decided> {
    let mut found = Vec::new();
    let mut kinds = std::collections::HashMap::new();
    for (hash, kind) in &marked.addresses {
        let path = store.path(*hash);
        if marked.usage.has(&path) {
            continue;
        }
        // One that was used until now is an orphan since now; of another, nobody knows more than
        // when it came.
        let since = if marked.logged.has(&path) {
            now
        } else {
            let changed = fs::look(Path::new(&path))?.and_then(|seen| seen.changed);
            changed.map_or(now, local_time)
        };
        kinds.insert(path.clone(), (*hash, *kind));
        found.push((path, since));
    }
    let mut settled = settle(before, found, now, options.delay);
    let mut due = Vec::new();
    let is_claimed = |hash: &Sha256| {
        claims.firm.contains(hash) || options.spares_own && claims.own.contains(hash)
    };
    let mut spared = Vec::new();
    for (path, since) in std::mem::take(&mut settled.due) {
        let Some((hash, kind)) = kinds.get(&path).copied() else { continue };
        if marked.is_incomplete || is_claimed(&hash) {
            spared.push((path, since));
        } else {
            due.push((path, since, hash, kind));
        }
    }
    // Contents of the trees that stay, bound or not.
    let going: HashSet<Sha256> = due.iter().map(|(_, _, hash, _)| *hash).collect();
    let staying = marked.trees.iter().filter(|(hash, _)| !going.contains(hash));
    let held: BTreeSet<Sha256> = staying.flat_map(|(_, record)| record.contents()).collect();
    let mut removed = Vec::new();
    for (path, since, hash, kind) in due {
        if held.contains(&hash) {
            spared.push((path, since));
            continue;
        }
        let kind =
            if kind == EntryKind::Directory { ArtifactKind::Tree } else { ArtifactKind::File };
        let bytes = freed(store, hash, Path::new(&path), kind, marked);
        removed.push(Removed { hash, path, kind, bytes, since });
    }
    settled.waiting.0.extend(spared);
    Ok(Decided { waiting: settled.waiting, due: removed })
}

/// What the removal of something frees. The files of a tree that are links free nothing.
fn freed(store: &Store, hash: Sha256, path: &Path, kind: ArtifactKind, marked: &Marked) -> u64 {
    match kind {
        // Its other names are in trees, which go before it, or share its blocks.
        ArtifactKind::File => {
            let variant = fs::measure(Path::new(&store.layout().variant(hash)));
            fs::measure(path).bytes + variant.bytes
        }
        ArtifactKind::Tree => {
            let record = marked.trees.get(&hash);
            let is_copy = record.is_some_and(|record| record.link == fs::LinkMode::Copy.name());
            if is_copy { record.map_or(0, |record| record.bytes()) } else { 0 }
        }
    }
}

/// Brings the logs up to date: what waits, who uses what, and the uses that still are.
fn write_logs(store: &Store, marked: &Marked, waiting: &Orphanage) -> Result<()> {
    let layout = store.layout();
    let write = |path: String, text: String| -> Result<()> {
        let path = Path::new(&path);
        path.parent().map_or(Ok(()), fs::ensure_directory)?;
        fs::replace(path, &text, None)?;
        Ok(())
    };
    write(layout.usage(), marked.usage.to_text())?;
    // The uses that are no more are forgotten only once what they were of is known as an orphan.
    write(layout.orphanages(), waiting.to_text())?;
    write(layout.uses(), uses::to_text(&marked.uses))
}

fn take_away(store: &Store, removed: &Removed) -> Result<Option<SetAside>> {
    let aside = fs::set_aside(Path::new(&removed.path))?;
    match removed.kind {
        ArtifactKind::Tree => {
            fs::remove(Path::new(&store.layout().record(removed.hash)))?;
            Ok(aside)
        }
        ArtifactKind::File => {
            fs::remove(Path::new(&store.layout().variant(removed.hash)))?;
            // A file goes in one step, which is as quick as to rename it, and under the lock: who
            // claims it next does not find it.
            aside.map(SetAside::remove).transpose()?;
            Ok(None)
        }
    }
}

/// What collections that were killed have set aside.
fn leftovers(store: &Store) -> Result<Vec<SetAside>> {
    let artifacts = PathBuf::from(store.layout().artifacts());
    let mut found = Vec::new();
    for group in fs::entries(&artifacts)? {
        for entry in fs::entries(&artifacts.join(&group.name))? {
            if entry.name.to_str().is_some_and(|name| name.contains("@removing-")) {
                found.extend(fs::set_aside(&artifacts.join(&group.name).join(&entry.name))?);
            }
        }
    }
    Ok(found)
}

fn remove_empty_groups(store: &Store) -> Result<()> {
    for directory in [ARTIFACTS, VARIANTS, TREES] {
        let directory = PathBuf::from(store.layout().below(&[directory]));
        for group in fs::entries(&directory)? {
            if group.kind == EntryKind::Directory && group.name.len() == 2 {
                fs::remove_if_empty(&directory.join(&group.name))?;
            }
        }
    }
    Ok(())
}
