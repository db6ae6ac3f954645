//! Results of the operations on artifacts, as plain data.

use std::fmt::{self, Display, Formatter};

use schemars::JsonSchema;
use scratchrs_archive::{self as archive, Change};
use scratchrs_model::diagnostic::Diagnostic;
use scratchrs_model::hash::TreeHash;
use scratchrs_model::time::DepotTime;
use serde::{Deserialize, Serialize, Serializer};

use crate::error::Error;

/// A diagnostic of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileDiagnostic {
    /// The file.
    pub file: String,
    /// The diagnostic.
    #[serde(flatten)]
    pub diagnostic: Diagnostic,
}

impl Display for FileDiagnostic {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.diagnostic.in_file(&self.file))
    }
}

/// The result of verifying an artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The content at this path matches its hash.
    Sound(String),
    /// The content does not match its hash.
    Corrupt(CorruptArtifact),
    /// It is not installed.
    Missing,
    /// It is overridden by this path, which is not verified.
    Overridden(String),
}

/// The result of verifying artifacts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Verification {
    /// The number of artifacts that match their hashes.
    pub sound: usize,
    /// The artifacts that do not, depot by depot, sorted by name.
    pub corrupt: Vec<CorruptArtifact>,
    /// The artifacts that cannot be read.
    pub unreadable: Vec<UnreadableArtifact>,
    /// The artifacts that are not installed.
    pub missing: Vec<TreeHash>,
}

/// An artifact whose content does not match its hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CorruptArtifact {
    /// Its name.
    pub hash: TreeHash,
    /// Its path.
    pub path: String,
    /// The hash of its content.
    pub actual: TreeHash,
    /// The files that changed; `None` if no file list was recorded.
    pub differences: Option<Vec<FileChange>>,
}

/// A changed file of an artifact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileChange {
    /// The path, from the root of the artifact.
    pub path: String,
    /// The kind of change.
    pub change: Change,
}

impl From<archive::Difference> for FileChange {
    fn from(difference: archive::Difference) -> Self {
        let archive::Difference { path, change } = difference;
        Self { path: path.to_string_lossy().into_owned(), change }
    }
}

/// An artifact that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnreadableArtifact {
    /// Its name.
    pub hash: TreeHash,
    /// Its path.
    pub path: String,
    /// Why.
    pub reason: String,
}

/// The result of repairing artifacts.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct Repairs {
    /// The number of artifacts that were intact before.
    pub sound: usize,
    /// Corrupt artifacts that were installed again.
    pub repaired: Vec<InstalledArtifact>,
    /// Missing artifacts that were installed.
    pub installed: Vec<InstalledArtifact>,
    /// Artifacts that could not be installed.
    pub failed: Vec<FailedArtifact>,
    /// Names in the given files whose entries are invalid, or undecided for the host.
    pub left_out: Vec<LeftOut>,
    /// Corrupt artifacts without a known source.
    pub unknown: Vec<CorruptArtifact>,
    /// Artifacts that cannot be read.
    pub unreadable: Vec<UnreadableArtifact>,
    /// The diagnostics of logs and files of bindings.
    #[serde(skip)]
    pub diagnostics: Vec<FileDiagnostic>,
}

/// An installed artifact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct InstalledArtifact {
    /// Its name.
    pub hash: TreeHash,
    /// Its path.
    pub path: String,
}

/// An artifact that could not be installed.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FailedArtifact {
    /// Its hash.
    pub hash: TreeHash,
    /// The name that it is bound to.
    pub name: String,
    /// Why.
    #[serde(rename = "reason", serialize_with = "as_text")]
    #[schemars(with = "String")]
    pub error: Error,
}

/// A name in a file of bindings that was left out.
#[derive(Debug, Serialize, JsonSchema)]
pub struct LeftOut {
    /// The name.
    pub name: String,
    /// Why its entry is invalid, or undecided for the host.
    #[serde(rename = "reason", serialize_with = "as_text")]
    #[schemars(with = "String")]
    pub error: Error,
}

fn as_text<S: Serializer>(error: &Error, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(error)
}

/// A created artifact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Created {
    /// Its name.
    pub hash: TreeHash,
    /// Its path.
    pub path: String,
    /// Whether it did not exist before.
    pub is_new: bool,
}

/// The result of an installation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Installed {
    /// The path of the artifact.
    pub path: String,
    /// Whether it was not installed before.
    pub is_new: bool,
    /// Problems that did not stop the installation, one sentence each.
    pub warnings: Vec<String>,
    /// Invalid records that were removed from the usage log.
    pub removed_records: Vec<Diagnostic>,
}

impl Installed {
    pub(super) fn at(path: String, is_new: bool) -> Self {
        Self { path, is_new, warnings: Vec::new(), removed_records: Vec::new() }
    }
}

/// The artifacts of a depot stack.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Listing {
    /// The artifacts, depot by depot, sorted by name.
    pub artifacts: Vec<Listed>,
    /// The sum of their sizes.
    pub bytes: u64,
    /// The diagnostics of logs and files of bindings.
    #[serde(skip)]
    pub diagnostics: Vec<FileDiagnostic>,
}

/// An artifact in a depot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// Its name.
    pub hash: TreeHash,
    /// Its path.
    pub path: String,
    /// The sum of the sizes of its files, in bytes.
    pub bytes: u64,
    /// The names that files in the usage logs bind to it.
    pub names: Vec<String>,
    /// The time of the latest logged use of one of these files.
    pub last_used: Option<DepotTime>,
    /// The files that bind it.
    pub bound_by: Vec<String>,
}

/// A file that binds an artifact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct BoundBy {
    /// The file.
    pub path: String,
    /// The names that are bound to the artifact, sorted.
    pub names: Vec<String>,
    /// The time of the latest logged use of the file.
    pub last_used: Option<DepotTime>,
}

/// The result of binding a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Bound {
    /// The file of bindings.
    pub file: String,
    /// Invalid records that were removed from the usage log.
    pub removed_records: Vec<Diagnostic>,
}

/// A binding of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileBinding {
    /// The name.
    pub name: String,
    /// The platform; `None` for any, and if the binding is undecided or invalid.
    pub platform: Option<String>,
    /// The hash; `None` if the binding is undecided or invalid.
    pub hash: Option<TreeHash>,
    /// Whether the artifact is installed only at its first use.
    pub lazy: bool,
    /// Whether the artifact is installed.
    pub state: BindingState,
    /// The path of the artifact; `None` if the binding is undecided or invalid.
    pub path: Option<String>,
    /// Where a tarball of the artifact can be downloaded.
    pub urls: Vec<String>,
    /// Why the binding is undecided or invalid.
    pub reason: Option<String>,
    /// What to do about that.
    #[serde(skip)]
    pub hint: Option<String>,
}

/// The state of a binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum BindingState {
    /// The artifact is installed.
    Installed,
    /// The artifact is not installed.
    Missing,
    /// An `Overrides.toml` replaces the artifact.
    Overridden,
    /// The hash depends on unknown properties of the host.
    Undecided,
    /// The binding is invalid.
    Invalid,
}
