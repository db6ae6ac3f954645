//! What `delete` and `clear` remove, before and after they do.

use std::path::Path;

use scratchrs_core::scratch::Space;
use scratchrs_fs as fs;
use serde::Serialize;

use crate::human;

/// Scratch spaces that are to be removed, or were.
#[derive(Serialize)]
pub(crate) struct Removal {
    /// Each of them.
    removed: Vec<Item>,
    /// The sum of their sizes.
    bytes: u64,
}

/// One of them.
#[derive(Serialize)]
pub(crate) struct Item {
    pub(crate) owner: String,
    pub(crate) package: Option<String>,
    pub(crate) key: String,
    pub(crate) path: String,
    /// Nothing for a link: what it leads to stays.
    pub(crate) bytes: u64,
}

impl Removal {
    pub(crate) fn of(items: Vec<Item>) -> Self {
        let bytes = items.iter().map(|item| item.bytes).sum();
        Self { removed: items, bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.removed.is_empty()
    }

    /// How many spaces of a directory they are, and their size.
    pub(crate) fn of_directory(&self, directory: &str) -> String {
        let count = human::count(self.removed.len() as u64, "scratch space");
        format!("{count} in `{directory}` ({})", human::size(self.bytes))
    }
}

impl Item {
    pub(crate) fn of(space: Space) -> Self {
        let found = fs::symlink_metadata(Path::new(&space.path));
        let is_link = matches!(found, Ok(Some(found)) if found.is_link());
        let bytes = if is_link { 0 } else { space.bytes };
        let Space { owner, package, key, path, .. } = space;
        Self { owner, package, key, path, bytes }
    }
}
