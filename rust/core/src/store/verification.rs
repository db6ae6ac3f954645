//! Detecting corruption: contents that do not match their hashes, and trees that do not match their
//! records.

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use scratchrs_archive::{blob_hash_sha256, content_record_hash, entry_path};
use scratchrs_fs::{self as fs, FileKind, Progress};
use scratchrs_model::hash::Sha256;
use scratchrs_model::store::record::{Entry, Kind, Record};

use super::mark::{Marked, mark};
use super::report::{Corrupt, NameInFile, Verified};
use super::{Store, tree};
use crate::error::{Error, Result};

/// Reads every content of a store, on several threads, and checks every tree.
///
/// A file of a tree that is linked to its content, or shares its blocks, is not read again; only
/// copies are.
///
/// # Errors
///
/// If the store cannot be read, or the work is cancelled. Corruption is part of the result.
pub fn verify(store: &Store, progress: &Progress) -> Result<Verified> {
    let marked = mark(store)?;
    let names = names_by_path(&marked);
    let mut verified = Verified::default();
    progress.begin("Verifying");
    let corrupt = |hash: Sha256, path: PathBuf, what: String| Corrupt {
        hash,
        bound_by: names.get(&store.path(hash)).cloned().unwrap_or_default(),
        path: path.display().to_string(),
        what,
    };
    let mut contents: Vec<(Sha256, PathBuf)> = Vec::new();
    for (hash, kind) in &marked.addresses {
        if *kind == FileKind::Directory {
            continue;
        }
        for place in [store.layout().artifact(*hash), store.layout().variant(*hash)] {
            if let Some(found) = fs::symlink_metadata(Path::new(&place))? {
                verified.files += 1;
                verified.bytes += found.size;
                contents.push((*hash, place.into()));
            }
        }
    }
    let checked = fs::parallel_map(&contents, |(hash, path)| mismatch(path, *hash, progress));
    for ((hash, path), found) in contents.into_iter().zip(checked) {
        verified.corrupt.extend(found?.map(|what| corrupt(hash, path, what)));
    }
    progress.begin_counting("Verifying trees");
    progress.expect(marked.trees.len() as u64);
    let there: HashSet<Sha256> = marked.addresses.iter().map(|(hash, _)| *hash).collect();
    for (hash, record) in &marked.trees {
        verified.trees += 1;
        for (path, what) in faults(store, *hash, record, &there, progress)? {
            verified.corrupt.push(corrupt(*hash, path, what));
        }
        progress.advance(1);
    }
    verified.corrupt.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(verified)
}

fn names_by_path(marked: &Marked) -> BTreeMap<String, Vec<NameInFile>> {
    let mut names: BTreeMap<String, Vec<NameInFile>> = BTreeMap::new();
    for (path, file, name, _) in marked.usage.iter() {
        let name = NameInFile { file: file.to_owned(), name: name.to_owned() };
        names.entry(path.to_owned()).or_default().push(name);
    }
    names
}

/// How a file differs from its content.
fn mismatch(path: &Path, hash: Sha256, progress: &Progress) -> Result<Option<String>> {
    match blob_hash_sha256(path, progress).map_err(Error::from) {
        Ok(found) if found == hash => Ok(None),
        Ok(found) => Ok(Some(format!("its content has the hash {found}, not {hash}"))),
        Err(Error::Cancelled) => Err(Error::Cancelled),
        Err(error) => Ok(Some(error.to_string())),
    }
}

/// The corrupt entries of a tree.
fn faults(
    store: &Store,
    hash: Sha256,
    record: &Record,
    there: &HashSet<Sha256>,
    progress: &Progress,
) -> Result<Vec<(PathBuf, String)>> {
    let root = PathBuf::from(store.path(hash));
    if content_record_hash(record) != hash {
        // The record was missing, so this one was derived from the tree.
        return Ok(vec![(root, "the content of the tree does not match its hash".to_owned())]);
    }
    let mut found = fs::parallel_map(&record.entries, |entry| -> Result<_> {
        progress.check()?;
        let path = tree::on_disk(&root, &entry.path)?;
        Ok(fault(store, entry, &path, there, progress)?.map(|what| (path, what)))
    })
    .into_iter()
    .filter_map(Result::transpose)
    .collect::<Result<Vec<_>>>()?;
    let extra_entries = extra_entries(&root, record)?.into_iter();
    found.extend(extra_entries.map(|path| (path, "it does not belong to the tree".to_owned())));
    found.sort();
    Ok(found)
}

fn fault(
    store: &Store,
    entry: &Entry,
    path: &Path,
    there: &HashSet<Sha256>,
    progress: &Progress,
) -> Result<Option<String>> {
    let Some(seen) = fs::symlink_metadata(path)? else {
        return Ok(Some("it is missing".to_owned()));
    };
    match &entry.kind {
        Kind::Directory | Kind::EmptyTree => {
            let is_right = seen.kind == FileKind::Directory;
            Ok((!is_right).then(|| "it is no longer a directory".to_owned()))
        }
        Kind::Link(text) => {
            let found = text_of_link(path);
            let is_right = found.is_some() && found == entry_path(text);
            Ok((!is_right).then(|| "it is not the original link".to_owned()))
        }
        Kind::File { hash, size, .. } => {
            if !there.contains(hash) {
                return Ok(Some(format!("its content {hash} is missing")));
            }
            if seen.kind == FileKind::Link {
                return Ok(fault_of_link(store, path, *hash));
            }
            if seen.kind == FileKind::Directory || seen.size != *size {
                return Ok(Some("it is not the original file".to_owned()));
            }
            if is_same(store, *hash, &seen)? { Ok(None) } else { mismatch(path, *hash, progress) }
        }
    }
}

fn text_of_link(path: &Path) -> Option<PathBuf> {
    fs::read_link(path).ok().map(PathBuf::from)
}

fn fault_of_link(store: &Store, path: &Path, hash: Sha256) -> Option<String> {
    let text = text_of_link(path)?;
    let right = [store.layout().artifact(hash), store.layout().variant(hash)];
    if right.iter().any(|right| text.as_os_str() == OsStr::new(right)) {
        return None;
    }
    Some(match tree::address(text.as_os_str().as_encoded_bytes()) {
        Some(found) if found == hash => {
            format!("it leads to `{}`: the store was moved", text.display())
        }
        _ => "it is not the original link".to_owned(),
    })
}

/// Whether a file of a tree is the file of its content.
fn is_same(store: &Store, hash: Sha256, seen: &fs::Metadata) -> Result<bool> {
    for place in [store.layout().artifact(hash), store.layout().variant(hash)] {
        let found = fs::symlink_metadata(Path::new(&place))?;
        if seen.identity.is_some() && found.and_then(|found| found.identity) == seen.identity {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The entries of a tree that are not in its record.
fn extra_entries(root: &Path, record: &Record) -> Result<Vec<PathBuf>> {
    let mut known = HashSet::new();
    for entry in &record.entries {
        let path = tree::on_disk(root, &entry.path)?;
        known.extend(path.ancestors().map(Path::to_owned));
    }
    let mut extra_entries = Vec::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory)? {
            let path = directory.join(&entry.name);
            if !known.contains(&path) {
                extra_entries.push(path);
            } else if entry.kind == FileKind::Directory {
                directories.push(path);
            }
        }
    }
    Ok(extra_entries)
}
