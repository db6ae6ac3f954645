//! Artifacts.

mod bindings;
mod listing;
mod repairs;
mod verification;

use scratchrs_core::artifact::Created;

use crate::Text;

pub use bindings::bindings;
pub use listing::listing;
pub use repairs::{repairs, repairs_left};
pub use verification::{verification, verification_total};

/// An artifact that was created.
pub fn created(Created { hash, path, is_new }: &Created) -> Text {
    stored(&hash.to_string(), path, *is_new, "Created")
}

/// The hash of an artifact, and whether it is new: then, `verb` says what was done.
pub(crate) fn stored(hash: &str, path: &str, is_new: bool, verb: &str) -> Text {
    if is_new {
        Text::line(hash).done(verb, format!("`{path}`"))
    } else {
        Text::line(hash).done("Found", format!("`{path}`, which already exists"))
    }
}
