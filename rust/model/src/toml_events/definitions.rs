//! Refuses what TOML forbids about repetition.
//!
//! The tables of a text are numbered by a hash of their path, so that memory does not depend on the length
//! of keys. Of a path that is longer than what [`Path`](super::Path) stores, only the first keys are checked.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashMap};

use super::{Event, Place, STORED_KEYS, Step, Stop};

/// How a key was defined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// As a table, by a header of a table in it.
    Implicit,
    /// By a header of its own.
    Table,
    /// As a table, by a dotted key.
    Dotted,
    Value,
    /// As an array, by headers of its elements; the number of the last one.
    Elements(u32),
}

/// A table to which keys are added.
#[derive(Clone, Copy, Debug, Default)]
struct Scope {
    /// `None` for a table whose path is too long.
    table: Option<u64>,
    /// The length of its path.
    keys: usize,
}

/// The keys that a text has defined so far.
///
/// Of a text with very many keys for its size it takes the first ones, so that memory stays proportional.
#[derive(Debug)]
pub(crate) struct Definitions {
    kinds: HashMap<u64, Kind>,
    hasher: DefaultHashBuilder,
    header: Scope,
    /// What is open within a value.
    open: Vec<Scope>,
    /// How many elements of arrays there were.
    elements: u32,
    /// How many keys there may yet be.
    left: usize,
}

impl Definitions {
    /// The number of the table at the top.
    const TOP: u64 = 0;

    /// For a text of this many bytes.
    pub(crate) fn of(length: usize) -> Self {
        let header = Scope { table: Some(Self::TOP), keys: 0 };
        let (kinds, hasher, open) = Default::default();
        Self { kinds, hasher, header, open, elements: 0, left: 4096 + length / 16 }
    }

    /// Takes the next event of the text.
    ///
    /// # Errors
    ///
    /// If it defines again what is defined, or if there are too many keys.
    pub(crate) fn check(&mut self, place: &Place<'_, '_>, event: &Event<'_>) -> Step {
        let stop = |at, message: &str| Err(Stop { at, message: message.to_owned() });
        let length = place.path.len();
        match self.left.checked_sub(length) {
            Some(left) => self.left = left,
            None => return stop(place.at, "there are too many values for the size of the file"),
        }
        let is_new = match event {
            Event::Close => {
                self.open.pop();
                return Ok(());
            }
            Event::Table | Event::Element => self.header(place, *event == Event::Element),
            _ => self.value(place, *event == Event::OpenTable, *event == Event::OpenArray),
        };
        if is_new { Ok(()) } else { stop(place.key_at, "duplicate key") }
    }

    /// Defines the table, or the element of an array, at a path; `false` if the path leads to something else.
    fn header(&mut self, place: &Place<'_, '_>, is_element: bool) -> bool {
        let keys = place.path.len();
        self.header = Scope { table: None, keys };
        let mut table = Self::TOP;
        for index in 0..keys.min(STORED_KEYS) {
            let key = self.child(table, place.path.key(index));
            let is_last = index + 1 == keys;
            let kind = match self.kinds.get(&key).copied() {
                None | Some(Kind::Elements(_)) if is_last && is_element => {
                    self.elements += 1;
                    Kind::Elements(self.elements)
                }
                None | Some(Kind::Implicit) if is_last && !is_element => Kind::Table,
                None if !is_last => Kind::Implicit,
                Some(known) if !is_last && known != Kind::Value => known,
                _ => return false,
            };
            self.kinds.insert(key, kind);
            table = match kind {
                Kind::Elements(element) => self.hasher.hash_one((key, element)),
                _ => key,
            };
        }
        if keys <= STORED_KEYS {
            self.header.table = Some(table);
        }
        true
    }

    /// Defines the keys before a value; `false` if there is one already.
    fn value(&mut self, place: &Place<'_, '_>, is_table: bool, is_array: bool) -> bool {
        let outer = self.open.last().copied().unwrap_or(self.header);
        let keys = place.path.len();
        let mut table = outer.table;
        if place.arrays == 0 {
            for index in outer.keys..keys {
                let Some(parent) = table.filter(|_| index < STORED_KEYS) else {
                    table = None;
                    break;
                };
                let key = self.child(parent, place.path.key(index));
                let kind = match (index + 1 == keys, self.kinds.get(&key)) {
                    (true, None) => Kind::Value,
                    (false, None | Some(Kind::Implicit | Kind::Dotted)) => Kind::Dotted,
                    _ => return false,
                };
                self.kinds.insert(key, kind);
                table = Some(key);
            }
        } else if is_table {
            self.elements += 1;
            table = table.map(|table| self.hasher.hash_one((table, self.elements)));
        }
        if is_table || is_array {
            self.open.push(Scope { table, keys });
        }
        true
    }

    fn child(&self, table: u64, key: &str) -> u64 {
        self.hasher.hash_one((table, key))
    }
}
