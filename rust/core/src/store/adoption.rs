//! Importing another store: that of OhMyArtifacts.jl, or one of ours at another path.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use scratchrs_archive::{blob_hash_sha256, content_record_hash};
use scratchrs_fs::{self as fs, LinkMode, Linker, Progress};
use scratchrs_model::hash::Sha256;
use scratchrs_model::layout::join;
use scratchrs_model::store::record::Record;
use scratchrs_model::time::DepotTime;

use super::mark::{Name, mark};
use super::report::{Adopted, NameInFile};
use super::{BindOptions, Bound, Store, bind, session, settings, tree};
use crate::error::{Error, Result};
use crate::failure::Failure;

/// Imports everything that is bound in the store `other`: contents, trees and names. The other store is
/// not changed.
///
/// Every content is verified; corrupt ones are not imported. A name that is bound here stays. Contents
/// are shared with the other store if the file system supports it; trees are linked in the mode of this
/// store.
///
/// # Errors
///
/// If one of the two cannot be read or written. Failures of single artifacts are part of the result.
pub fn adopt(
    store: &Store,
    other: &Store,
    now: DepotTime,
    lock_timeout: Duration,
    progress: &Progress,
) -> Result<Adopted> {
    let marked = mark(other)?;
    let mut adopted = Adopted::default();
    adopted.skipped.extend(marked.unreadable.iter().cloned());
    let work = session::begin(store, lock_timeout)?;
    let wanted: BTreeSet<Sha256> = marked.names.iter().map(|name| name.hash).collect();
    let kinds: BTreeMap<Sha256, Option<&Record>> =
        wanted.iter().map(|hash| (*hash, marked.trees.get(hash))).collect();
    progress.begin_counting("Adopting");
    progress.expect(kinds.len() as u64);
    let mut there = BTreeSet::new();
    for (hash, record) in kinds {
        let mut claimed: BTreeSet<Sha256> =
            record.into_iter().flat_map(|record| record.contents()).collect();
        claimed.insert(hash);
        session::claim(store, &claimed, || store.locked_while_wanted(progress, || Ok(())))?;
        let taken = import(store, other, hash, record, work.directory(), progress);
        session::settle(store, &claimed, taken.is_ok().then_some(hash));
        match taken {
            Ok(is_new) => {
                adopted.artifacts += u64::from(is_new);
                there.insert(hash);
            }
            Err(Error::Cancelled) => return Err(Error::Cancelled),
            Err(error) => {
                adopted.skipped.push(Failure::of(other.path(hash), error));
            }
        }
        progress.advance(1);
    }
    for Name { file, name, hash, .. } in marked.names {
        if !there.contains(&hash) {
            continue;
        }
        // Files in the other store are bound at the same path below this one.
        let own = match file.strip_prefix(other.root()) {
            Some(below) => join(store.root(), &[below.trim_start_matches(['/', '\\'])]),
            None => file,
        };
        match bind(store, &own, &name, hash, BindOptions::default(), now, lock_timeout)? {
            Bound::Taken => {
                let is_same = super::bound_hash(&own, &name)? == Some(hash);
                if !is_same {
                    adopted.taken.push(NameInFile { file: own, name });
                }
            }
            Bound::New | Bound::Replaced => adopted.names += 1,
        }
    }
    Ok(adopted)
}

/// Imports an artifact. Returns whether it was new.
fn import(
    store: &Store,
    other: &Store,
    hash: Sha256,
    record: Option<&Record>,
    work: &Path,
    progress: &Progress,
) -> Result<bool> {
    if store.kind(hash)?.is_some() {
        return Ok(false);
    }
    let Some(record) = record else {
        take_content(store, other, hash, work, progress)?;
        return Ok(true);
    };
    if content_record_hash(record) != hash {
        let message = format!("the tree `{}` is corrupt", other.path(hash));
        return Err(Error::InvalidInput(message));
    }
    for content in record.contents().collect::<BTreeSet<_>>() {
        if store.kind(content)?.is_none() {
            take_content(store, other, content, work, progress)?;
        }
    }
    let built = work.join(hash.to_string());
    let mut record = record.clone();
    let link = settings(store)?.link;
    record.link = tree::build(store, &record, None, &built, link, progress)?.to_string();
    tree::write_record(store, hash, &record, work)?;
    let place = PathBuf::from(store.path(hash));
    let is_new = tree::into_place(&built, &place)?;
    fs::make_read_only(&place)?;
    Ok(is_new)
}

fn take_content(
    store: &Store,
    other: &Store,
    hash: Sha256,
    work: &Path,
    progress: &Progress,
) -> Result<()> {
    let theirs = PathBuf::from(other.path(hash));
    let found = blob_hash_sha256(&theirs, progress)?;
    if found != hash {
        return Err(Error::Integrity {
            message: "a content of the other store is corrupt, and was not imported".to_owned(),
            path: theirs,
            expected: hash.to_string(),
            actual: found.to_string(),
            hint: None,
        });
    }
    let ours = work.join(format!("{hash}"));
    // Stored files are never written to, so a hard link is as good as a copy.
    Linker::new(Some(LinkMode::Hardlink)).link(&theirs, &ours)?;
    fs::make_read_only(&ours)?;
    tree::into_place(&ours, Path::new(&store.path(hash)))?;
    Ok(())
}
