//! References in a store, from the files of bindings, the trees and the usage log.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;

use scratchrs_fs::{self as fs, FileKind, Progress};
use scratchrs_model::hash::Sha256;
use scratchrs_model::layout::join;
use scratchrs_model::store::bindings::{Binding, Bindings};
use scratchrs_model::store::layout::is_bindings;
use scratchrs_model::store::record::Record;
use scratchrs_model::store::uses::{self, Usage, Use};
use scratchrs_model::time::DepotTime;
use uuid::Uuid;

use super::aliases::Files;
use super::{Store, tree};
use crate::error::Result;
use crate::failure::Failure;
use crate::time::local_time;

/// A bound name.
#[derive(Clone, Debug)]
pub(super) struct Name {
    pub(super) file: String,
    pub(super) name: String,
    pub(super) hash: Sha256,
    pub(super) time: DepotTime,
}

/// The references in a store.
#[derive(Debug, Default)]
pub(super) struct Marked {
    /// The bound names.
    pub(super) names: Vec<Name>,
    /// The references to each path by the bound names, including the files of trees.
    pub(super) usage: Usage,
    /// The same, also for names in the log that are not bound any more: the usage of OhMyArtifacts
    /// up to its next collection.
    pub(super) logged: Usage,
    /// The records of all existing trees.
    pub(super) trees: BTreeMap<Sha256, Record>,
    /// The hashes and kinds of all contents and trees.
    pub(super) addresses: Vec<(Sha256, FileKind)>,
    /// The log, without uses of names that are not bound.
    pub(super) uses: Vec<Use>,
    /// Invalid files of bindings, with the reason.
    pub(super) unreadable: Vec<Failure>,
    /// Invalid files, which may bind any content: nothing is deleted while they exist.
    pub(super) unknown: Vec<String>,
}

/// Finds the references.
pub(super) fn mark(store: &Store) -> Result<Marked> {
    let (mut log, _) = uses::read(&fs::read(Path::new(&store.layout().uses()))?);
    let own = files_in(store)?;
    let mut found = Files::new(store, &own);
    log.iter_mut().for_each(|used| used.file = found.find(&used.file));
    let addresses = tree::addresses(store)?;
    let progress = Progress::default();
    let mut trees = BTreeMap::new();
    for (hash, kind) in &addresses {
        if *kind == FileKind::Directory {
            trees.insert(*hash, tree::record_of(store, *hash, &progress)?);
        }
    }
    let mut marked = Marked { trees, addresses, ..Marked::default() };
    let files: BTreeSet<String> =
        own.iter().cloned().chain(log.iter().map(|used| used.file.clone())).collect();
    let mut times: HashMap<(&str, &str, Sha256), DepotTime> = HashMap::new();
    for used in &log {
        let time = times.entry((&used.file, &used.name, used.hash)).or_insert(used.time);
        *time = used.time.max(*time);
    }
    let mut logged: HashMap<&str, Vec<&Use>> = HashMap::new();
    log.iter().for_each(|used| logged.entry(&used.file).or_default().push(used));
    let mut bound = HashSet::new();
    for file in &files {
        let Some(found) = fs::symlink_metadata(Path::new(file))?
            .filter(|found| found.kind != FileKind::Directory)
        else {
            continue;
        };
        let changed = found.changed.map(local_time);
        let logged = || logged.get(file.as_str()).into_iter().flatten();
        match Bindings::read(&fs::read(Path::new(file))?) {
            Ok(bindings) => {
                for (name, binding) in bindings.iter() {
                    let Binding { hash, .. } = match binding {
                        Ok(binding) => binding,
                        Err(invalid) => {
                            marked.does_not_read(file, invalid.to_string());
                            // The name may still be bound to any hash in the log.
                            for used in logged().filter(|used| used.name == name) {
                                bound.insert((file.clone(), name.to_owned(), used.hash));
                                marked.bind(store, file, name, used.hash, used.time);
                            }
                            continue;
                        }
                    };
                    let key = (file.as_str(), name, hash);
                    let Some(time) = times.get(&key).copied().or(changed) else { continue };
                    bound.insert((file.clone(), name.to_owned(), hash));
                    marked.bind(store, file, name, hash, time);
                }
            }
            Err(fault) => {
                marked.does_not_read(file, fault.to_string());
                // The file may still have any binding in the log.
                for used in logged() {
                    bound.insert((file.clone(), used.name.clone(), used.hash));
                    marked.bind(store, file, &used.name, used.hash, used.time);
                }
            }
        }
    }
    for used in &log {
        marked.log(store, &used.file, &used.name, used.hash, used.time);
    }
    let names: Vec<Name> = marked.names.clone();
    for Name { file, name, hash, time } in &names {
        marked.log(store, file, name, *hash, *time);
    }
    marked.uses = names
        .into_iter()
        .map(|Name { file, name, hash, time }| Use { time, hash, file, name })
        .collect();
    Ok(marked)
}

impl Marked {
    /// Adds a file that is not understood completely. It may bind any content, so nothing is
    /// deleted.
    fn does_not_read(&mut self, file: &str, reason: String) {
        if self.unknown.last().is_none_or(|last| last != file) {
            self.unknown.push(file.to_owned());
            self.unreadable.push(Failure::of(file, reason));
        }
    }

    /// Removes the names in `files`, which are about to be deleted.
    pub(super) fn forget(&mut self, files: &BTreeSet<String>) {
        self.names.retain(|name| !files.contains(&name.file));
        self.uses.retain(|used| !files.contains(&used.file));
        self.usage.remove_files(|file| files.contains(file));
    }

    fn bind(&mut self, store: &Store, file: &str, name: &str, hash: Sha256, time: DepotTime) {
        self.names.push(Name { file: file.to_owned(), name: name.to_owned(), hash, time });
        for path in used_paths(store, &self.trees, hash) {
            self.usage.insert(&path, file, name, time);
        }
    }

    fn log(&mut self, store: &Store, file: &str, name: &str, hash: Sha256, time: DepotTime) {
        for path in used_paths(store, &self.trees, hash) {
            self.logged.insert(&path, file, name, time);
        }
    }
}

/// The paths that a binding to `hash` references: its address, and those of a tree's contents.
fn used_paths(store: &Store, trees: &BTreeMap<Sha256, Record>, hash: Sha256) -> Vec<String> {
    let mut paths = vec![store.path(hash)];
    if let Some(record) = trees.get(&hash) {
        let contents: BTreeSet<Sha256> = record.contents().collect();
        paths.extend(contents.into_iter().map(|hash| store.path(hash)));
    }
    paths
}

/// The files of bindings in the store.
pub(super) fn files_in(store: &Store) -> Result<Vec<String>> {
    let mut files = Vec::new();
    for package in fs::read_dir(Path::new(store.root()))? {
        let Some(package) = package.name.to_str().filter(|name| name.parse::<Uuid>().is_ok())
        else {
            continue;
        };
        let directory = store.layout().below(&[package]);
        for entry in fs::read_dir(Path::new(&directory))? {
            let name = entry.name.to_str().filter(|name| is_bindings(name));
            files.extend(name.map(|name| join(&directory, &[name])));
        }
    }
    files.sort();
    Ok(files)
}
