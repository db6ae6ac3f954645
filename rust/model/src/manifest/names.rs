//! Which packages a manifest has entries for.

use std::borrow::Borrow;
use std::cell::OnceCell;
use std::hash::Hash;

use hashbrown::HashMap;
use uuid::Uuid;

/// The names and UUIDs of the packages that a manifest has entries for.
pub(super) struct Names<K> {
    entries: Vec<(K, Uuid)>,
    /// How many entries a name has.
    counts: HashMap<K, usize>,
    /// Made when it is needed first: most manifests tell a dependency by its name. The last of several
    /// names counts.
    by_uuid: OnceCell<HashMap<Uuid, usize>>,
}

impl<K: Borrow<str> + Clone + Eq + Hash> Names<K> {
    pub(super) fn with_capacity(capacity: usize) -> Self {
        Self {
            entries: Vec::with_capacity(capacity),
            counts: HashMap::with_capacity(capacity),
            by_uuid: OnceCell::new(),
        }
    }

    pub(super) fn add(&mut self, name: K, uuid: Uuid) {
        self.entries.push((name.clone(), uuid));
        *self.counts.entry(name).or_default() += 1;
    }

    /// How many packages have a name.
    pub(super) fn count(&self, name: &str) -> usize {
        self.counts.get(name).copied().unwrap_or(0)
    }

    /// The name of a package.
    pub(super) fn of(&self, uuid: Uuid) -> Option<&str> {
        let entries = self.entries.iter().enumerate();
        let by_uuid = || entries.map(|(index, (_, uuid))| (*uuid, index)).collect();
        let index = self.by_uuid.get_or_init(by_uuid).get(&uuid)?;
        Some(self.entries[*index].0.borrow())
    }
}
