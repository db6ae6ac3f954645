//! Refuses the repetitions that TOML forbids.
//!
//! Keys are identified by a hash of their path, so memory does not depend on their length. Of a
//! path, only the keys that [`Path`](super::Path) stores are checked.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashMap, HashTable};

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
    /// As an array, by headers of its elements.
    Elements,
}

impl Kind {
    const ALL: [Self; 5] = [Self::Implicit, Self::Table, Self::Dotted, Self::Value, Self::Elements];
    /// How many bits of a number a kind takes.
    const BITS: u32 = 3;
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
/// A text with very many keys for its size is refused, so that memory stays proportional to it.
#[derive(Debug)]
pub(crate) struct Definitions {
    /// The number of each key, with its kind in the last bits.
    keys: HashTable<u64>,
    /// The number of the last element of an array.
    last: HashMap<u64, u32>,
    hasher: DefaultHashBuilder,
    header: Scope,
    /// The arrays and inline tables that are open.
    open: Vec<Scope>,
    /// The number of elements of arrays so far.
    elements: u32,
    /// The number of further keys that are accepted.
    left: usize,
}

impl Definitions {
    /// The number of the table at the top.
    const TOP: u64 = 0;

    /// For a text of this many bytes.
    pub(crate) fn of(length: usize) -> Self {
        let header = Scope { table: Some(Self::TOP), keys: 0 };
        let (keys, last, hasher, open) = Default::default();
        Self { keys, last, hasher, header, open, elements: 0, left: 4096 + length / 16 }
    }

    /// Receives the next event of the text.
    ///
    /// # Errors
    ///
    /// If it defines a key again, or if there are too many keys.
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

    /// Defines the table, or the element of an array, at a path. Returns `false` if the path has
    /// another value.
    fn header(&mut self, place: &Place<'_, '_>, is_element: bool) -> bool {
        let keys = place.path.len();
        self.header = Scope { table: None, keys };
        let mut table = Self::TOP;
        for index in 0..keys.min(STORED_KEYS) {
            let key = self.child(table, place.path.key(index));
            let is_last = index + 1 == keys;
            let kind = match self.kind(key) {
                None | Some(Kind::Elements) if is_last && is_element => {
                    self.elements += 1;
                    self.last.insert(key, self.elements);
                    Kind::Elements
                }
                None | Some(Kind::Implicit) if is_last && !is_element => Kind::Table,
                None if !is_last => Kind::Implicit,
                Some(known) if !is_last && known != Kind::Value => known,
                _ => return false,
            };
            self.set(key, kind);
            table = match self.last.get(&key) {
                Some(element) if kind == Kind::Elements => self.hasher.hash_one((key, element)),
                _ => key,
            };
        }
        if keys <= STORED_KEYS {
            self.header.table = Some(table);
        }
        true
    }

    /// Defines the keys before a value. Returns `false` if it is defined already.
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
                let kind = match (index + 1 == keys, self.kind(key)) {
                    (true, None) => Kind::Value,
                    (false, None | Some(Kind::Implicit | Kind::Dotted)) => Kind::Dotted,
                    _ => return false,
                };
                self.set(key, kind);
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

    /// The number of a key in a table.
    fn child(&self, table: u64, key: &str) -> u64 {
        self.hasher.hash_one((table, key)) >> Kind::BITS << Kind::BITS
    }

    fn kind(&self, key: u64) -> Option<Kind> {
        let found = self.keys.find(hash(key), |found| hash(*found) == hash(key))?;
        Some(Kind::ALL[(found ^ key) as usize])
    }

    fn set(&mut self, key: u64, kind: Kind) {
        let number = key | kind as u64;
        match self.keys.find_mut(hash(key), |found| hash(*found) == hash(key)) {
            Some(found) => *found = number,
            None => drop(self.keys.insert_unique(hash(key), number, |number| hash(*number))),
        }
    }
}

/// The number of a key without its kind.
fn hash(number: u64) -> u64 {
    number >> Kind::BITS
}
