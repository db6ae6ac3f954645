//! What operations reply: types that serialise, by the names that the list has for them.
//!
//! Most are plain data of `core`; the others are defined here.

use schemars::JsonSchema;
use scratchrs_core::{artifact, usage};
use scratchrs_fs::Holder;
use scratchrs_model::diagnostic::Diagnostic;
use scratchrs_model::hash::{Sha256, TreeHash};
use scratchrs_model::overrides::Target;
use serde::Serialize;

pub use scratchrs_archive::Packed;
pub use scratchrs_core::artifact::{Repairs, Verification};
pub use scratchrs_core::gc::{Explained, Report, Status};
pub use scratchrs_core::store::{
    Adopted, Bound, Collected, Created, Opened, Status as StoreStatus, Verified,
};

pub use crate::table::Table;

/// Nothing.
pub type Unit = ();
/// A text.
pub type Text = String;
/// A text, or nil.
pub type OptionalText = Option<String>;
/// Several texts.
pub type Texts = Vec<String>;
/// A table, or nil.
pub type OptionalTable = Option<Table>;
/// The hash of a file or tree in the store, or nil.
pub type OptionalSha256 = Option<Sha256>;
/// A mode of linking, or nil.
pub type OptionalLinkMode = Option<scratchrs_fs::LinkMode>;
/// A file or tree that was stored, or nil.
pub type OptionalCreated = Option<Created>;
/// A corrupt artifact, or nil.
pub type OptionalCorruptArtifact = Option<artifact::CorruptArtifact>;
/// Files that bind an artifact.
pub type BindingFiles = Vec<artifact::BoundBy>;

/// The result of logging a use.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Tracked {
    /// Whether the use is in the log. It is not if the depot is read-only.
    pub recorded: bool,
    /// The problems of invalid records that were removed from the log.
    pub removed_records: Vec<String>,
}

impl From<usage::Tracked> for Tracked {
    fn from(tracked: usage::Tracked) -> Self {
        Self { recorded: tracked.recorded, removed_records: sentences(&tracked.removed_records) }
    }
}

/// Diagnostics of a file, one sentence each.
pub(crate) fn sentences(diagnostics: &[Diagnostic]) -> Vec<String> {
    diagnostics.iter().map(Diagnostic::with_line).collect()
}

/// Warnings about invalid records that were removed from the log of artifact files.
pub(crate) fn warnings(removed_records: &[Diagnostic]) -> impl Iterator<Item = String> {
    removed_records.iter().map(|diagnostic| {
        let problem = diagnostic.with_line();
        format!("an invalid part of the usage log of artifact files was removed: {problem}")
    })
}

/// The state of a space or an artifact that other processes may be creating.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Availability {
    /// It exists.
    Ready {
        /// Its path.
        path: String,
        /// Problems that the caller should know of, one sentence each.
        warnings: Vec<String>,
    },
    /// It does not exist.
    Missing,
    /// The caller has begun to create it.
    Begun {
        /// The directory to fill, or the path of the file to write.
        path: String,
        /// The ticket of what was begun.
        ticket: u64,
    },
    /// Another process is creating, repairing or deleting it: ask again later.
    Busy {
        /// The process number, if it is known.
        pid: Option<u32>,
        /// The machine; empty if it is unknown.
        host: String,
        /// For how many seconds, if it is known.
        seconds: Option<u64>,
    },
}

impl Availability {
    pub(crate) fn ready(path: String) -> Self {
        Self::Ready { path, warnings: Vec::new() }
    }

    pub(crate) fn busy(holder: Holder, seconds: Option<u64>) -> Self {
        Self::Busy { pid: holder.pid, host: holder.host, seconds }
    }
}

/// An empty directory to fill, for a creation that was begun.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Begun {
    /// The directory.
    pub directory: String,
    /// The ticket of the creation.
    pub ticket: u64,
}

/// The address of a hash in the store.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Address {
    /// The path.
    pub path: String,
    /// The kind of the content, if the store has it.
    pub kind: Option<scratchrs_core::store::ArtifactKind>,
}

/// The path of an installed artifact.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Installed {
    /// The path.
    pub path: String,
    /// Problems that did not stop the installation, one sentence each.
    pub warnings: Vec<String>,
}

/// The choice among platforms.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct PlatformChoice {
    /// The number of the platform, from 1; nil if none fits.
    pub number: Option<usize>,
    /// What is wrong with invalid platforms.
    pub invalid: Vec<String>,
}

/// The overrides of artifacts.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Overrides {
    /// Hashes of artifacts, and their replacements: a path, or the hash of another artifact.
    pub by_hash: Vec<(TreeHash, Target)>,
    /// UUIDs of packages, names in their files of bindings, and replacements.
    pub by_name: Vec<(String, String, Target)>,
    /// What is wrong with invalid entries, one sentence each.
    pub invalid: Vec<String>,
}

/// The sources of an artifact, for a caller that downloads it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Sources {
    /// The valid sources, in the order in which they are tried.
    pub valid: Vec<Source>,
    /// What is wrong with the others, one sentence each.
    pub invalid: Vec<String>,
}

/// A tarball that can be downloaded.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Source {
    /// Its URL.
    pub url: String,
    /// Its hash, if it is known.
    pub sha256: Option<Sha256>,
}
