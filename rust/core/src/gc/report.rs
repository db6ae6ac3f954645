//! The results of collections, statuses and explanations, as plain data. The program prints them as JSON;
//! they cross to Julia, and `scratchrs-text` renders them.

use std::path::Path;

use schemars::JsonSchema;
use scratchrs_fs::Size;
use scratchrs_model::collection::{Kind, Reason};
use scratchrs_model::diagnostic::Diagnostic;
use scratchrs_model::time::DepotTime;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::failure::Failure;

/// A problem of a file that a collection read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Note {
    /// The file or directory.
    pub path: String,
    /// What is wrong with it.
    #[serde(flatten)]
    pub diagnostic: Diagnostic,
    /// The consequence.
    pub consequence: Consequence,
}

/// The consequence of a problem of a file.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum Consequence {
    /// Nothing is deleted that it may reference.
    #[serde(rename = "held")]
    Unreadable,
    /// Everything that its readable part references is kept.
    #[serde(rename = "kept")]
    Faulty,
    /// The unreadable part is removed from the file by this collection.
    #[serde(rename = "healed")]
    Healed,
    /// It is left alone.
    #[serde(rename = "passed")]
    Passed,
}

impl Note {
    pub(super) fn about(path: &Path, consequence: Consequence, message: String) -> Self {
        let diagnostic = Diagnostic::of_file(message);
        Self { path: path.to_string_lossy().into_owned(), diagnostic, consequence }
    }

    pub(super) fn at(path: &str, consequence: Consequence, diagnostic: Diagnostic) -> Self {
        Self { path: path.to_owned(), diagnostic, consequence }
    }
}

/// What a collection did, or would do.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// The depots that were collected.
    pub depots: Vec<String>,
    /// How many manifests are roots.
    pub manifests: usize,
    /// How many artifact files are roots.
    pub artifact_files: usize,
    /// How many scratch spaces are in use.
    pub spaces: usize,
    /// The problems of files.
    #[serde(rename = "skipped")]
    pub notes: Vec<Note>,
    /// The items that were deleted, or would be.
    pub gone: Vec<Deleted>,
    /// The unreachable items that stay for now.
    pub waiting: Vec<Waiting>,
    /// The items that could not be deleted.
    pub failures: Vec<Failure>,
    /// The items that turned out to be in use, with the reason.
    pub spared: Vec<Failure>,
    /// How many leftovers of killed processes were deleted.
    pub leftovers: usize,
    /// How many unused files of names in the stores were deleted, or would be.
    pub abandoned: usize,
    /// Whether nothing was touched.
    #[serde(rename = "dry_run")]
    pub is_dry_run: bool,
    /// The size of what was deleted, or would be.
    #[serde(flatten)]
    pub size: Size,
    /// The part of the stores in that.
    pub store: StoreShare,
}

/// An item that was deleted, or would be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Deleted {
    /// What it is.
    pub kind: Category,
    /// Where it was.
    pub path: String,
    /// How large it was.
    #[serde(flatten)]
    pub size: Size,
    /// Why.
    pub reason: Reason,
}

/// An unreachable item within its grace period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Waiting {
    /// What it is.
    pub kind: Category,
    /// Where it is.
    pub path: String,
    /// How large it is. Only a dry run counts that.
    #[serde(flatten)]
    pub size: Size,
    /// Since when it is unreachable.
    pub since: DepotTime,
    /// When it becomes deletable.
    pub until: DepotTime,
}

impl Report {
    /// Sums up what was deleted.
    pub(super) fn sum_up(&mut self) {
        (self.size, self.store) = (self.size_of_gone(None), self.store());
    }

    fn store(&self) -> StoreShare {
        let waiting = || self.waiting.iter().filter(|waiting| waiting.kind == Category::Store);
        StoreShare {
            count: self.gone.iter().filter(|gone| gone.kind == Category::Store).count(),
            bytes: self.size_of_gone(Some(Category::Store)).bytes,
            waiting: waiting().count(),
            waiting_bytes: waiting().map(|waiting| waiting.size.bytes).sum(),
            abandoned: self.abandoned,
        }
    }

    /// The sum of the sizes of deleted items, of one kind or of all.
    pub fn size_of_gone(&self, kind: Option<Category>) -> Size {
        let is_meant = |gone: &&Deleted| kind.is_none_or(|kind| gone.kind == kind);
        self.gone.iter().filter(is_meant).map(|gone| gone.size).sum()
    }
}

/// The content of the depots that a collection would act on.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Status {
    /// The depots.
    pub depots: Vec<String>,
    /// One for each kind.
    #[serde(rename = "kinds")]
    pub shares: Vec<Share>,
    /// All items, the largest first. Of the store, bound and unused contents and trees, not each file of a
    /// tree.
    pub entries: Vec<Entry>,
    /// The size of everything.
    #[serde(flatten)]
    pub size: Size,
    /// The bytes that sharing saves in the store.
    pub saved: u64,
    /// The problems of files.
    #[serde(rename = "skipped")]
    pub notes: Vec<Note>,
}

/// The items of a kind.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Share {
    /// The kind.
    pub kind: Category,
    /// How many there are; of the store, how many files.
    pub count: usize,
    /// How large they are together.
    #[serde(flatten)]
    pub size: Size,
    /// The size of the unreachable ones.
    #[serde(serialize_with = "bytes", deserialize_with = "of_bytes")]
    #[schemars(with = "u64")]
    pub reclaimable: Size,
}

/// An item of a depot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Entry {
    /// What it is.
    pub kind: Category,
    /// Its name for people.
    pub label: String,
    /// The name of the package that it is, belongs to, or is bound by, where that is known.
    pub package: Option<String>,
    /// Where it is.
    pub path: String,
    /// Its size; for a content of the store, its share of the size.
    #[serde(flatten)]
    pub size: Size,
    /// When its use was last logged, or it was bound; of an orphan, since when it is one.
    pub last_used: Option<DepotTime>,
    /// How many manifests reference it.
    pub manifests: usize,
    /// How many artifact files reference it.
    pub artifact_files: usize,
    /// How many projects use it.
    pub projects: usize,
    /// How many names in the store are bound to it.
    pub names: usize,
    /// Whether an unreadable file may reference it.
    pub is_held: bool,
    /// Whether it is unreachable, and not spared for another reason.
    pub is_orphan: bool,
    /// When it becomes deletable, if it is unreachable and nothing changes.
    pub until: Option<DepotTime>,
}

impl Status {
    /// The sum of the sizes of all kinds.
    pub(super) fn sum(&self) -> Size {
        self.shares.iter().map(|share| share.size).sum()
    }

    /// The size of the unreachable items.
    pub fn reclaimable(&self) -> Size {
        self.shares.iter().map(|share| share.reclaimable).sum()
    }
}

/// Why an item is kept, or when it becomes deletable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Explanation {
    /// What it is.
    pub kind: Category,
    /// Its name for people.
    pub label: String,
    /// Where it is.
    pub path: String,
    /// Its size; for a content of the store, its share of the size.
    #[serde(flatten)]
    pub size: Size,
    /// When the use of a file that references it was last logged.
    pub last_used: Option<DepotTime>,
    /// What the next collection does with it.
    pub standing: Standing,
    /// Since when it is unreachable, if it waits.
    pub since: Option<DepotTime>,
    /// When it becomes deletable, if it waits.
    pub until: Option<DepotTime>,
    /// What references it.
    pub causes: Vec<Cause>,
}

/// What the next collection does with an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// It stays.
    Kept,
    /// It is unreachable, within its grace period.
    Waiting,
    /// It is deleted.
    Deletable,
    /// It is unreachable, in a depot that is not collected.
    Elsewhere,
}

/// A reference to an item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cause {
    /// What it is.
    pub what: CauseKind,
    /// Where it is.
    pub path: String,
    /// Its name for the item, where it has one.
    pub name: Option<String>,
    /// When its use was last logged.
    pub last_used: Option<DepotTime>,
    /// The package that it belongs to, if it lies in one.
    pub package: Option<String>,
    /// What references that package.
    pub because: Vec<Cause>,
}

/// The kinds of causes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CauseKind {
    /// A manifest.
    #[serde(rename = "manifest")]
    Manifest,
    /// A file that binds artifacts.
    #[serde(rename = "artifact file")]
    ArtifactFile,
    /// A project that uses it.
    #[serde(rename = "project")]
    Project,
    /// A file that cannot be read completely, with the reason as the name.
    #[serde(rename = "unreadable")]
    Unreadable,
    /// A process that is at work on it, or its age: it is too new to be deleted. The reason is the name.
    #[serde(rename = "in use")]
    InUse,
    /// A name in the store.
    #[serde(rename = "binding")]
    Binding,
    /// The same, in a file that no project uses any more.
    #[serde(rename = "abandoned binding")]
    AbandonedBinding,
    /// A tree in the store.
    #[serde(rename = "tree")]
    Tree,
    /// A file of names in the store.
    #[serde(rename = "bindings")]
    Bindings,
    /// A project that does not exist any more.
    #[serde(rename = "missing project")]
    MissingProject,
    /// A project that is not known.
    #[serde(rename = "unknown project")]
    UnknownProject,
}

/// The answer to a query.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Explained {
    /// All items that the query names.
    pub found: Vec<Explanation>,
    /// The stores that cannot be read: the item may be in one of them.
    #[serde(rename = "skipped")]
    pub notes: Vec<Note>,
}

/// The part of a collection that is in the stores.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StoreShare {
    /// How many contents and trees were deleted, or would be.
    pub count: usize,
    /// How many bytes that frees.
    pub bytes: u64,
    /// How many unbound contents and trees stay for now.
    pub waiting: usize,
    /// How many bytes these would free.
    pub waiting_bytes: u64,
    /// How many unused files of names were deleted, or would be.
    pub abandoned: usize,
}

/// The kinds of items.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Category {
    /// `packages/<Name>/<slug>`
    Package,
    /// `clones/<name>`
    Clone,
    /// `artifacts/<hash>`
    Artifact,
    /// `scratchspaces/<uuid>/<key>`
    Space,
    /// What is in the store, which is in a scratch space: by content.
    Store,
}

impl Category {
    /// All of them, in the order of a report.
    pub const ALL: [Self; 5] =
        [Self::Package, Self::Clone, Self::Artifact, Self::Space, Self::Store];
}

impl From<Kind> for Category {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Package => Self::Package,
            Kind::Clone => Self::Clone,
            Kind::Artifact => Self::Artifact,
            Kind::Space => Self::Space,
        }
    }
}

fn bytes<S: Serializer>(size: &Size, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(size.bytes)
}

fn of_bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Size, D::Error> {
    Ok(Size { bytes: u64::deserialize(deserializer)?, ..Size::default() })
}
