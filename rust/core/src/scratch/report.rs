//! The listing of scratch spaces, as plain data.

use scratchrs_model::diagnostic::Diagnostic;
use scratchrs_model::time::DepotTime;
use serde::Serialize;

/// A scratch space in a depot.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Space {
    /// The name of its package's directory: a UUID, unless the directory was created by hand.
    pub owner: String,
    /// The name of its package, if a project that uses it is that package.
    pub package: Option<String>,
    /// Its key.
    pub key: String,
    /// Its directory.
    pub path: String,
    /// The sum of the sizes of its files, in bytes.
    pub bytes: u64,
    /// The time of its latest logged use.
    pub last_used: Option<DepotTime>,
    /// The project files for which it was used.
    pub parent_projects: Vec<String>,
    /// Those of these that do not exist.
    #[serde(skip)]
    pub missing_projects: Vec<String>,
}

/// The scratch spaces of a depot.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Listing {
    /// The directory of all spaces.
    pub directory: String,
    /// Sorted by package and key.
    pub spaces: Vec<Space>,
    /// The sum of their sizes.
    pub bytes: u64,
    /// The diagnostics of the usage log.
    pub skipped: Vec<Diagnostic>,
}
