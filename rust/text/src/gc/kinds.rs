//! The words for kinds of items.

use scratchrs_core::gc::Category;

use crate::human::count;

/// How many items of a kind, in words.
pub(super) fn counted(kind: Category, number: usize) -> String {
    match kind {
        Category::Store => format!("{number} in the store"),
        kind => count(number as u64, word(kind)),
    }
}

/// The word for one item of a kind.
pub(super) fn word(kind: Category) -> &'static str {
    match kind {
        Category::Package => "package",
        Category::Clone => "clone",
        Category::Artifact => "artifact",
        Category::Space => "space",
        Category::Store => "store",
    }
}

/// The word for all items of a kind.
pub(super) fn plural(kind: Category) -> &'static str {
    match kind {
        Category::Package => "packages",
        Category::Clone => "clones",
        Category::Artifact => "artifacts",
        Category::Space => "spaces",
        Category::Store => "store",
    }
}
