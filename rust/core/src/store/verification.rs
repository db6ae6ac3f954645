//! Finding rot: contents that are not what they are named by, and trees that do not have what they
//! should.

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use scratchrs_archive::{blob_hash_sha256, content_record_hash, entry_path};
use scratchrs_fs::{self as fs, FileKind, Progress};
use scratchrs_model::hash::Sha256;
use scratchrs_model::store::record::{Entry, Kind, Record};

use super::mark::{Marked, mark};
use super::{Store, tree};
use crate::error::{Error, Result};

/// Something that is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The content or the tree.
    pub hash: Sha256,
    /// The file that is wrong.
    pub path: String,
    /// What is wrong with it.
    pub what: String,
    /// The names that lead to it, directly or through a tree, each with its file.
    pub bound_by: Vec<(String, String)>,
}

/// What a verification came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// How many contents were read.
    pub files: u64,
    /// How many trees were looked through.
    pub trees: u64,
    /// How many bytes were read.
    pub bytes: u64,
    /// What is not what it should be, by path.
    pub damaged: Vec<Damage>,
}

/// Reads every content of a store and looks through every tree. Contents are read by several threads.
///
/// A file of a tree that is linked to its content, or shares its blocks, is what its content is:
/// only copies are read for themselves.
///
/// # Errors
///
/// If the store cannot be read, or nobody wants the result any more. What is wrong in it is in the
/// answer.
pub fn verify(store: &Store, progress: &Progress) -> Result<Verified> {
    let marked = mark(store)?;
    let names = names_by_path(&marked);
    let mut verified = Verified::default();
    progress.begin("Verifying");
    let damaged = |hash: Sha256, path: PathBuf, what: String| Damage {
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
    let checked = fs::parallel_map(&contents, |(hash, path)| rot(path, *hash, progress));
    for ((hash, path), found) in contents.into_iter().zip(checked) {
        verified.damaged.extend(found?.map(|what| damaged(hash, path, what)));
    }
    progress.begin_counting("Looking through trees");
    progress.expect(marked.trees.len() as u64);
    let there: HashSet<Sha256> = marked.addresses.iter().map(|(hash, _)| *hash).collect();
    for (hash, record) in &marked.trees {
        verified.trees += 1;
        for (path, what) in faults(store, *hash, record, &there, progress)? {
            verified.damaged.push(damaged(*hash, path, what));
        }
        progress.advance(1);
    }
    verified.damaged.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(verified)
}

fn names_by_path(marked: &Marked) -> BTreeMap<String, Vec<(String, String)>> {
    let mut names: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for (path, file, name, _) in marked.usage.iter() {
        names.entry(path.to_owned()).or_default().push((file.to_owned(), name.to_owned()));
    }
    names
}

/// What is wrong with a file that should have this content.
fn rot(path: &Path, hash: Sha256, progress: &Progress) -> Result<Option<String>> {
    match blob_hash_sha256(path, progress).map_err(Error::from) {
        Ok(found) if found == hash => Ok(None),
        Ok(found) => Ok(Some(format!("its content has the hash {found}, not {hash}"))),
        Err(Error::Cancelled) => Err(Error::Cancelled),
        Err(error) => Ok(Some(error.to_string())),
    }
}

/// What is wrong with a tree.
fn faults(
    store: &Store,
    hash: Sha256,
    record: &Record,
    there: &HashSet<Sha256>,
    progress: &Progress,
) -> Result<Vec<(PathBuf, String)>> {
    let root = PathBuf::from(store.path(hash));
    if content_record_hash(record) != hash {
        // There was no record: this is what is left.
        return Ok(vec![(root, "what is in the tree does not have its hash".to_owned())]);
    }
    let mut found = fs::parallel_map(&record.entries, |entry| -> Result<_> {
        progress.check()?;
        let path = tree::on_disk(&root, &entry.path)?;
        Ok(fault(store, entry, &path, there, progress)?.map(|what| (path, what)))
    })
    .into_iter()
    .filter_map(Result::transpose)
    .collect::<Result<Vec<_>>>()?;
    let strangers = strangers(&root, record)?.into_iter();
    found.extend(strangers.map(|path| (path, "it does not belong there".to_owned())));
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
            Ok((!is_right).then(|| "it is no directory any more".to_owned()))
        }
        Kind::Link(text) => {
            let found = text_of_link(path);
            let is_right = found.is_some() && found == entry_path(text);
            Ok((!is_right).then(|| "it is not the link that it was".to_owned()))
        }
        Kind::File { hash, size, .. } => {
            if !there.contains(hash) {
                return Ok(Some(format!("its content {hash} is missing")));
            }
            if seen.kind == FileKind::Link {
                return Ok(fault_of_link(store, path, *hash));
            }
            if seen.kind == FileKind::Directory || seen.size != *size {
                return Ok(Some("it is not the file that it was".to_owned()));
            }
            if is_same(store, *hash, &seen)? { Ok(None) } else { rot(path, *hash, progress) }
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
        _ => "it is not the link that it was".to_owned(),
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

/// What is in a tree and not in its record.
fn strangers(root: &Path, record: &Record) -> Result<Vec<PathBuf>> {
    let mut known = HashSet::new();
    for entry in &record.entries {
        let path = tree::on_disk(root, &entry.path)?;
        known.extend(path.ancestors().map(Path::to_owned));
    }
    let mut strangers = Vec::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory)? {
            let path = directory.join(&entry.name);
            if !known.contains(&path) {
                strangers.push(path);
            } else if entry.kind == FileKind::Directory {
                directories.push(path);
            }
        }
    }
    Ok(strangers)
}
