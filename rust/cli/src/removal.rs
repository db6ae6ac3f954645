//! The scratch spaces that `delete` and `clear` delete.

use std::path::Path;

use scratchrs_core::scratch::Space;
use scratchrs_fs as fs;
use serde::Serialize;

/// Deleted scratch spaces.
#[derive(Serialize)]
pub(crate) struct Removal {
    pub(crate) removed: Vec<Item>,
    /// The sum of their sizes.
    pub(crate) bytes: u64,
}

/// A deleted scratch space.
#[derive(Serialize)]
pub(crate) struct Item {
    pub(crate) owner: String,
    pub(crate) package: Option<String>,
    pub(crate) key: String,
    pub(crate) path: String,
    /// 0 for a link: its target is not deleted.
    pub(crate) bytes: u64,
}

impl Removal {
    pub(crate) fn of(items: Vec<Item>) -> Self {
        let bytes = items.iter().map(|item| item.bytes).sum();
        Self { removed: items, bytes }
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
