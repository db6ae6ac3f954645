//! The path of a depot.

use std::fmt;
use std::path::Path;

use crate::layout;

/// The path of a depot, as text: the files of a depot contain it letter for letter, so it is compared as text,
/// too. A type of its own, so that a depot, a space and a project cannot be swapped.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DepotPath(String);

impl DepotPath {
    /// The depot at `path`, which may be relative to the current directory.
    pub fn new(path: impl Into<String>) -> Self {
        Self(path.into())
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path for an effect.
    pub fn as_path(&self) -> &Path {
        Path::new(&self.0)
    }

    /// The path of an entry of the depot.
    pub fn join(&self, names: &[&str]) -> String {
        layout::join(&self.0, names)
    }
}

impl AsRef<str> for DepotPath {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DepotPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
