//! Results of the operations on a store, as plain data.

use schemars::JsonSchema;
use scratchrs_fs::LinkMode;
use scratchrs_model::hash::Sha256;
use scratchrs_model::time::DepotTime;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// The kind of an artifact of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ArtifactKind {
    /// The content of a file.
    File,
    /// A directory.
    Tree,
}

impl ArtifactKind {
    /// The name of the kind.
    pub fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Tree => "tree",
        }
    }
}

/// A name in a file of bindings.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct NameInFile {
    /// The file of bindings.
    pub file: String,
    /// The name in that file.
    pub name: String,
}

/// A name that is bound.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BoundName {
    /// The file of bindings.
    pub file: String,
    /// The name in that file.
    pub name: String,
    /// When it was bound.
    pub time: DepotTime,
}

/// An artifact of a store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Artifact {
    /// Its hash.
    pub hash: Sha256,
    /// Its address.
    pub path: String,
    /// Its kind.
    pub kind: ArtifactKind,
    /// How many files it has.
    pub files: u64,
    /// The sum of the sizes of these.
    pub bytes: u64,
    /// How the files of a tree are linked, if that is known.
    pub link: Option<LinkMode>,
    /// The names that are bound to it.
    pub bound_by: Vec<BoundName>,
    /// Whether it is the content of a file of a tree.
    pub is_in_tree: bool,
    /// Since when it is unbound, if a collection has found it so.
    pub orphan_since: Option<DepotTime>,
}

/// A name that is bound to an artifact which is not in the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MissingArtifact {
    /// The file of bindings.
    pub file: String,
    /// The name in that file.
    pub name: String,
    /// The hash that it is bound to.
    pub hash: Sha256,
}

/// The content of a store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Status {
    /// The directory of the store.
    pub root: String,
    /// How many contents there are.
    pub files: u64,
    /// How many trees there are.
    pub trees: u64,
    /// The size of the contents, and of the copies that trees have of them, in bytes.
    pub bytes: u64,
    /// What it would be if each tree, and each content that is used alone, were stored separately.
    #[serde(skip)]
    pub unshared_bytes: u64,
    /// The bytes that sharing saves.
    pub saved_bytes: u64,
    /// All artifacts, by hash.
    pub artifacts: Vec<Artifact>,
    /// Names that are bound to artifacts which are not in the store.
    pub missing: Vec<MissingArtifact>,
    /// Invalid files of bindings.
    pub unreadable: Vec<Failure>,
}

/// An artifact that is unbound.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Orphan {
    /// Its hash.
    pub hash: Sha256,
    /// Its address.
    pub path: String,
    /// Its kind.
    pub kind: ArtifactKind,
    /// The bytes that its deletion frees.
    pub bytes: u64,
    /// Since when it is unbound.
    pub since: DepotTime,
}

/// The result of a collection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Collected {
    /// Whether nothing was changed.
    pub dry_run: bool,
    /// The artifacts that were deleted, or would be, by address.
    pub removed: Vec<Orphan>,
    /// The bytes that were freed, or would be.
    pub bytes: u64,
    /// The orphans that stay for now, by address.
    pub waiting: Vec<Orphan>,
    /// The files of bindings that were deleted, or would be, because all projects that used them
    /// were deleted long enough ago.
    pub abandoned: Vec<String>,
    /// What could not be deleted.
    pub failed: Vec<Failure>,
    /// Invalid files of bindings. Everything that they bind is kept.
    pub unreadable: Vec<Failure>,
}

/// A content or tree that is corrupt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Corrupt {
    /// The hash of the content or tree.
    pub hash: Sha256,
    /// The corrupt file.
    pub path: String,
    /// The kind of damage.
    pub what: String,
    /// The names that are bound to it, directly or through a tree.
    pub bound_by: Vec<NameInFile>,
}

/// The result of a verification.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Verified {
    /// How many contents were read.
    pub files: u64,
    /// How many trees were checked.
    pub trees: u64,
    /// How many bytes were read.
    pub bytes: u64,
    /// The corrupt files, by path.
    pub corrupt: Vec<Corrupt>,
}

/// The result of an adoption.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Adopted {
    /// How many contents and trees were imported.
    pub artifacts: u64,
    /// How many names were bound.
    pub names: u64,
    /// Names that are already bound to something else here, and stay so.
    pub taken: Vec<NameInFile>,
    /// What could not be imported.
    pub skipped: Vec<Failure>,
}

/// An artifact that was stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Created {
    /// Its hash.
    pub hash: Sha256,
    /// Its address.
    pub path: String,
    /// Its kind.
    pub kind: ArtifactKind,
    /// Whether it was not in the store before.
    pub is_new: bool,
    /// How the files of a tree are linked.
    pub link: Option<LinkMode>,
}
