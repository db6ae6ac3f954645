//! A store for a collection of its depot: whether it is in use, its contents, and their states.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use scratchrs_fs::{self as fs, Attempt, LinkMode, PidLock, Size};
use scratchrs_model::hash::Sha256;
use scratchrs_model::store::layout::{ARTIFACTS, VARIANTS};
use scratchrs_model::store::record::Record;
use scratchrs_model::time::DepotTime;

use super::decision::{CollectOptions, examine};
use super::mark::{Marked, mark};
use super::report::BoundName;
use super::users::Users;
use super::{Store, session};
use crate::error::Result;
use crate::failure::Failure;
use crate::locks;

/// Whether a store is in use: a name is or may be bound to an existing content; a running process
/// has a session; or an existing project uses a file of bindings. Changes nothing.
pub(crate) fn is_in_use(store: &Store, now: DepotTime) -> Result<bool> {
    if session::is_alive(store)? || Users::read(store, &[])?.are_there(now) {
        return Ok(true);
    }
    let marked = mark(store)?;
    let there: BTreeSet<Sha256> = marked.addresses.iter().map(|(hash, _)| *hash).collect();
    let is_bound = marked.names.iter().any(|name| there.contains(&name.hash));
    Ok(is_bound || !marked.unknown.is_empty())
}

/// The lock of an unused store, or `None` if it is in use. While the lock is held, no process
/// begins to use the store.
pub(crate) fn hold_if_unused(store: &Store, now: DepotTime) -> Result<Option<PidLock>> {
    if !fs::is_dir(Path::new(store.root())) {
        return Ok(None);
    }
    let lock = store.layout().lock();
    let path = Path::new(&lock);
    match fs::with_parent_dir(path, || PidLock::try_acquire(path, locks::STORE))? {
        Attempt::Acquired(lock) => Ok((!is_in_use(store, now)?).then_some(lock)),
        Attempt::Held(_) => Ok(None),
    }
}

/// A content or tree of a store.
#[derive(Clone, Debug)]
pub(crate) struct StoredItem {
    pub(crate) hash: Sha256,
    pub(crate) path: String,
    /// The names that are bound to it, including those in unused files.
    pub(crate) names: Vec<BoundName>,
    /// The trees that have it as the content of a file.
    pub(crate) trees: Vec<Sha256>,
    /// Its part of the size of the store; `shared` is the part that it shares with others. Shared
    /// bytes are divided among the items that share them.
    pub(crate) size: Size,
    /// Since when it is unused, or `None` if it is in use.
    pub(crate) since: Option<DepotTime>,
}

impl StoredItem {
    /// Whether it is not only a content of trees.
    pub(crate) fn is_whole(&self) -> bool {
        !self.names.is_empty() || self.trees.is_empty()
    }
}

/// The contents of a store and their states.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    /// All contents and trees, by hash.
    pub(crate) items: Vec<StoredItem>,
    /// The records of the trees.
    records: BTreeMap<Sha256, Record>,
    /// The size of the store with its records and logs. This and the next three are zero until
    /// [`Survey::measured`].
    pub(crate) size: Size,
    /// The number of contents.
    pub(crate) files: usize,
    /// The size that deleting unused items would free.
    pub(crate) reclaimable: Size,
    /// The bytes that sharing saves.
    pub(crate) saved: u64,
    /// The users of the files of bindings.
    pub(crate) users: Users,
    /// Unused files of bindings, and since when.
    pub(crate) abandoned: BTreeMap<String, DepotTime>,
    /// Invalid files of bindings, with the reason.
    pub(crate) unreadable: Vec<Failure>,
}

impl Survey {
    /// Reads a store, without the sizes. Changes nothing.
    ///
    /// # Errors
    ///
    /// If a file exists and cannot be read.
    pub(crate) fn take(store: &Store, options: CollectOptions, now: DepotTime) -> Result<Self> {
        let options = CollectOptions { is_dry_run: true, ..options };
        let (marked, users, decided) = examine(store, options, &[], now)?;
        let mut survey = Self::default();
        survey.add_items(store, &marked);
        let since = decided.since();
        for item in &mut survey.items {
            item.since = since.get(item.path.as_str()).copied();
        }
        survey.abandoned = decided.abandoned.since;
        survey.users = users;
        survey.records = marked.trees;
        survey.unreadable = marked.unreadable;
        Ok(survey)
    }

    fn add_items(&mut self, store: &Store, marked: &Marked) {
        let mut names: HashMap<Sha256, Vec<BoundName>> = HashMap::new();
        for name in &marked.names {
            let (file, name, hash, time) = (&name.file, &name.name, name.hash, name.time);
            let name = BoundName { file: file.clone(), name: name.clone(), time };
            names.entry(hash).or_default().push(name);
        }
        let mut trees: HashMap<Sha256, Vec<Sha256>> = HashMap::new();
        for (tree, record) in &marked.trees {
            for content in record.contents().collect::<BTreeSet<_>>() {
                trees.entry(content).or_default().push(*tree);
            }
        }
        let item = |(hash, _): &(Sha256, _)| StoredItem {
            hash: *hash,
            path: store.path(*hash),
            names: names.remove(hash).unwrap_or_default(),
            trees: trees.remove(hash).unwrap_or_default(),
            size: Size::default(),
            since: None,
        };
        self.items = marked.addresses.iter().map(item).collect();
    }

    /// Adds the sizes. Shared bytes are divided among the items that share them.
    pub(crate) fn measured(mut self, store: &Store) -> Self {
        let records = std::mem::take(&mut self.records);
        let position: HashMap<Sha256, usize> =
            self.items.iter().enumerate().map(|(index, item)| (item.hash, index)).collect();
        let mut unshared = 0;
        for index in 0..self.items.len() {
            let item = &self.items[index];
            if let Some(record) = records.get(&item.hash) {
                unshared += record.bytes();
                if record.link == LinkMode::Copy.name() {
                    let size = Size { bytes: record.bytes(), shared: 0, files: 0 };
                    self.add(&[index], size);
                }
                continue;
            }
            let variant = Size::of(Path::new(&store.layout().variant(item.hash))).bytes;
            let bytes = Size::of(Path::new(&item.path)).bytes;
            let trees = item.trees.iter().filter_map(|tree| position.get(tree).copied());
            let own = item.is_whole().then_some(index);
            let holders: Vec<usize> = own.into_iter().chain(trees).collect();
            unshared += if own.is_some() { bytes } else { 0 };
            self.files += 1;
            self.add(&holders, Size { bytes: bytes + variant, shared: 0, files: 1 });
        }
        self.saved = unshared.saturating_sub(self.size.bytes);
        // Files without content: names, logs, records, and contents under construction.
        for entry in fs::read_dir(Path::new(store.root())).unwrap_or_default() {
            if entry.name != ARTIFACTS && entry.name != VARIANTS {
                let rest = Size::of(&Path::new(store.root()).join(&entry.name));
                self.size += Size { shared: 0, ..rest };
            }
        }
        self
    }

    /// Adds a size that `holders` share.
    fn add(&mut self, holders: &[usize], size: Size) {
        self.size += size;
        if holders.iter().all(|holder| self.items[*holder].since.is_some()) {
            self.reclaimable += size;
        }
        let count = holders.len() as u64;
        for (number, holder) in holders.iter().enumerate() {
            // The first one gets the remainder.
            let odd = if number == 0 { size.bytes % count } else { 0 };
            let part = size.bytes / count + odd;
            let shared = if count > 1 { part } else { 0 };
            self.items[*holder].size += Size { bytes: part, shared, files: size.files };
        }
    }
}
