//! What a collection of a depot has to know of its store: whether it is in use, its contents, and their
//! states.

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

/// Whether a store is in use: a name is bound to an existing content, or may be; a living process creates
/// something; or an existing project has a file of bindings. Nothing is changed.
pub(crate) fn is_in_use(store: &Store, now: DepotTime) -> Result<bool> {
    if session::is_alive(store)? || Users::read(store, &[])?.are_there(now) {
        return Ok(true);
    }
    let marked = mark(store)?;
    let there: BTreeSet<Sha256> = marked.addresses.iter().map(|(hash, _)| *hash).collect();
    let is_bound = marked.names.iter().any(|name| there.contains(&name.hash));
    Ok(is_bound || !marked.unknown.is_empty())
}

/// The lock of an unused store: while it is held, no process begins to use the store. None if it is in
/// use.
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

/// Something at an address of a store.
#[derive(Clone, Debug)]
pub(crate) struct StoredItem {
    pub(crate) hash: Sha256,
    pub(crate) path: String,
    /// The names that are bound to it, those of abandoned files too.
    pub(crate) names: Vec<BoundName>,
    /// The trees that have it as the content of a file.
    pub(crate) trees: Vec<Sha256>,
    /// Its part of what the store takes, of which `shared` is what others have too. What several
    /// things have is parted among them; so is what a content takes that only trees have.
    pub(crate) size: Size,
    /// Since when it is unused; none if it is in use.
    pub(crate) since: Option<DepotTime>,
}

impl StoredItem {
    /// Whether it was created itself, rather than as a part of a tree.
    pub(crate) fn is_whole(&self) -> bool {
        !self.names.is_empty() || self.trees.is_empty()
    }
}

/// What is in a store, and what becomes of it.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    /// All that is at an address, by hash.
    pub(crate) items: Vec<StoredItem>,
    /// What the trees consist of.
    records: BTreeMap<Sha256, Record>,
    /// What the store takes, with its records and logs. This and the next three are nothing until it
    /// is measured.
    pub(crate) size: Size,
    /// How many contents there are.
    pub(crate) files: usize,
    /// What deleting the unused ones would free.
    pub(crate) reclaimable: Size,
    /// The bytes that sharing saves.
    pub(crate) saved: u64,
    /// For whom the files of bindings are used.
    pub(crate) users: Users,
    /// Unused files of bindings, and since when.
    pub(crate) abandoned: BTreeMap<String, DepotTime>,
    /// Files of bindings that do not read, with the reason.
    pub(crate) unreadable: Vec<Failure>,
}

impl Survey {
    /// Looks through a store, but for the sizes of what is in it. Nothing is touched.
    ///
    /// # Errors
    ///
    /// If something is there and cannot be read.
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

    /// The same with all sizes: what the store takes is parted among the things that have it.
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
        // What holds no content: names, logs, records, what is being made.
        for entry in fs::read_dir(Path::new(store.root())).unwrap_or_default() {
            if entry.name != ARTIFACTS && entry.name != VARIANTS {
                let rest = Size::of(&Path::new(store.root()).join(&entry.name));
                self.size += Size { shared: 0, ..rest };
            }
        }
        self
    }

    /// Adds what `holders` have in common.
    fn add(&mut self, holders: &[usize], size: Size) {
        self.size += size;
        if holders.iter().all(|holder| self.items[*holder].since.is_some()) {
            self.reclaimable += size;
        }
        let count = holders.len() as u64;
        for (number, holder) in holders.iter().enumerate() {
            // The first has what cannot be parted.
            let odd = if number == 0 { size.bytes % count } else { 0 };
            let part = size.bytes / count + odd;
            let shared = if count > 1 { part } else { 0 };
            self.items[*holder].size += Size { bytes: part, shared, files: size.files };
        }
    }
}
