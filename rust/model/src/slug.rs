//! The name of an installed package's directory in `packages/<Name>/`.
//!
//! Source: Julia, `base/loading.jl: version_slug`. Slugs have five characters since Julia 1.1, and
//! had four before; the loader of Julia 1.6 and later prefers the former.

use std::fmt;

use uuid::Uuid;

use crate::hash::TreeHash;

const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// The five characters in the path of a package that identify it and its tree.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slug([u8; 5]);

impl Slug {
    /// The slug of the tree `tree` of the package `uuid`.
    ///
    /// ```
    /// # use scratchrs_model::slug::Slug;
    /// let uuid = "7876af07-990d-54b4-ab0e-23690620f79a".parse().unwrap();
    /// let tree = "46e44e869b4d90b96bd8ed1fdcf32244fddfb6cc".parse().unwrap();
    /// let slug = Slug::of(uuid, tree);
    /// assert_eq!((slug.as_str(), slug.legacy()), ("aqsx3", "aqsx"));
    /// ```
    pub fn of(uuid: Uuid, tree: TreeHash) -> Self {
        // Julia hashes the number as it is in memory, the least significant byte first.
        let mut rest = crc32c::crc32c(&uuid.as_u128().to_le_bytes());
        rest = crc32c::crc32c_append(rest, &tree.0);
        Self([(); 5].map(|()| {
            let digit = ALPHABET[(rest % 62) as usize];
            rest /= 62;
            digit
        }))
    }

    /// The slug as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The slug of packages before Julia 1.1.
    pub fn legacy(&self) -> &str {
        &self.as_str()[..4]
    }
}

impl fmt::Debug for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Slug({})", self.as_str())
    }
}
