//! Collecting a store: deletes contents, trees and files of bindings that are unused for long enough.

use std::path::{Path, PathBuf};

use scratchrs_fs::{self as fs, FileKind, Mounts, StagedRemoval, TrustedDir};
use scratchrs_model::orphans::Orphans;
use scratchrs_model::store::layout::{ARTIFACTS, TREES, VARIANTS};
use scratchrs_model::store::uses;
use scratchrs_model::time::DepotTime;

use super::Store;
use super::decision::{CollectOptions, Decided, examine};
use super::mark::Marked;
use super::report::{ArtifactKind, Collected, Orphan};
use super::users::Users;
use crate::error::Result;
use crate::failure::Failure;

/// Deletes contents that have been unused for long enough, and records those that are unused from now on.
///
/// The rules are those of OhMyArtifacts' `find_orphanages`, with three exceptions, each of which
/// keeps something for longer: what a living process claims; contents of a tree that still exists;
/// and everything, if a file of bindings is invalid.
///
/// Beyond that, a file of bindings in the store is itself an orphan when all projects for which it
/// was used are missing. What only such files bind waits, and is deleted with them. A file that is used for an
/// existing or an unknown project is not an orphan.
///
/// A dry run changes nothing, and takes no lock.
///
/// # Crash
///
/// The list of orphans is written first, without those that are deleted; what stays nevertheless is found again.
/// A tree that is deleted in part has another name by then.
///
/// # Errors
///
/// If the store cannot be read or its logs cannot be written. Items that cannot be deleted are part of the result.
pub fn collect(
    store: &Store,
    options: CollectOptions,
    now: DepotTime,
    progress: &fs::Progress,
) -> Result<Collected> {
    collect_beside(store, options, &[], now, progress)
}

/// As [`collect`], as a part of a collection of the depot that deletes the packages in the directories
/// `deleted_packages`: projects in these count as missing.
///
/// # Errors
///
/// As there.
pub(crate) fn collect_beside(
    store: &Store,
    options: CollectOptions,
    deleted_packages: &[PathBuf],
    now: DepotTime,
    progress: &fs::Progress,
) -> Result<Collected> {
    progress.begin("Finding unreferenced contents");
    if options.is_dry_run {
        let (marked, _, decided) = examine(store, options, deleted_packages, now)?;
        return Ok(Collected {
            dry_run: true,
            bytes: freed_by(&decided.deletable),
            removed: decided.deletable,
            waiting: decided.waiting,
            abandoned: decided.abandoned.deletable.into_iter().collect(),
            unreadable: marked.unreadable,
            failed: decided.mounted,
        });
    }
    let (mut collected, staged) = store.locked_while_wanted(progress, || {
        let (mut marked, users, decided) = examine(store, options, deleted_packages, now)?;
        marked.forget(&decided.abandoned.deletable);
        write_logs(store, &marked, &decided.orphans())?;
        delete(store, decided, marked.unreadable, users, now)
    })?;
    for removal in staged {
        if let Err(error) = removal.remove() {
            collected.failed.push(Failure::of(error.path().to_string_lossy(), &error));
        }
    }
    remove_empty_groups(store)?;
    collected.removed.sort_by(|a, b| a.path.cmp(&b.path));
    collected.bytes = freed_by(&collected.removed);
    Ok(collected)
}

/// Deletes files of bindings and contents, and renames trees to be deleted.
fn delete(
    store: &Store,
    mut decided: Decided,
    unreadable: Vec<Failure>,
    users: Users,
    now: DepotTime,
) -> Result<(Collected, Vec<StagedRemoval>)> {
    let mut collected = Collected { waiting: decided.waiting, unreadable, ..Collected::default() };
    // Names before the contents that they bind.
    for file in decided.abandoned.deletable {
        match remove_bindings(&file) {
            Ok(()) => collected.abandoned.push(file),
            Err(error) => collected.failed.push(Failure::of(file, error)),
        }
    }
    if !collected.failed.is_empty() {
        // Their contents stay as long as the files do.
        return Ok((collected, Vec::new()));
    }
    users.condense(store, now)?;
    let mounts = Mounts::read();
    let artifacts = TrustedDir::open(Path::new(&store.layout().artifacts()));
    let mut staged = leftovers(store, &artifacts, &mounts, &mut collected)?;
    collected.failed.extend(decided.mounted);
    // Trees before their contents.
    decided.deletable.sort_by_key(|orphan| orphan.kind == ArtifactKind::File);
    for orphan in decided.deletable {
        match stage_or_remove(store, &orphan, &artifacts, &mounts) {
            Ok(removal) => {
                staged.extend(removal);
                collected.removed.push(orphan);
            }
            Err(error) => collected.failed.push(Failure::of(orphan.path, error)),
        }
    }
    Ok((collected, staged))
}

fn freed_by(removed: &[Orphan]) -> u64 {
    removed.iter().map(|removed| removed.bytes).sum()
}

/// Deletes a file of bindings, and the directory of its package if that is empty then.
fn remove_bindings(file: &str) -> Result<()> {
    log::debug!("deleting the bindings `{file}`: their users are gone");
    let path = Path::new(file);
    fs::remove(path)?;
    path.parent().map_or(Ok(()), fs::remove_dir_if_empty)?;
    Ok(())
}

/// Writes the current usage, orphans and uses.
fn write_logs(store: &Store, marked: &Marked, waiting: &Orphans) -> Result<()> {
    let layout = store.layout();
    let write = |path: String, text: String| -> Result<()> {
        let path = Path::new(&path);
        fs::with_parent_dir(path, || fs::replace(path, &text))?;
        Ok(())
    };
    write(layout.usage(), marked.usage.to_text())?;
    // Former uses are forgotten only after their contents are known as orphans.
    write(layout.orphanages(), waiting.to_text())?;
    write(layout.uses(), uses::to_text(&marked.uses))
}

/// Renames a tree to be deleted, or deletes a content.
fn stage_or_remove(
    store: &Store,
    orphan: &Orphan,
    artifacts: &TrustedDir,
    mounts: &Mounts,
) -> Result<Option<StagedRemoval>> {
    log::debug!("deleting `{}`: unreferenced since {}", orphan.path, orphan.since);
    let staged = StagedRemoval::begin(Path::new(&orphan.path), artifacts, mounts)?;
    match orphan.kind {
        ArtifactKind::Tree => {
            fs::remove(Path::new(&store.layout().record(orphan.hash)))?;
            Ok(staged)
        }
        ArtifactKind::File => {
            fs::remove(Path::new(&store.layout().variant(orphan.hash)))?;
            // One step, as quick as a rename, and under the lock: a process that claims it later does not find it.
            staged.map(StagedRemoval::remove).transpose()?;
            Ok(None)
        }
    }
}

/// The trees that killed or failed collections have renamed.
fn leftovers(
    store: &Store,
    trusted: &TrustedDir,
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
            match StagedRemoval::begin(&path, trusted, mounts) {
                Ok(removal) => found.extend(removal),
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
