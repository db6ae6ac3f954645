//! What collections, statuses and explanations answer: plain data. The program prints it as JSON, and it
//! crosses to Julia.

use std::path::Path;

use schemars::JsonSchema;
use scratchrs_fs::Size;
use scratchrs_model::collection::{Kind, Reason};
use scratchrs_model::diagnostic::Diagnostic;
use scratchrs_model::time::DepotTime;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Something about a file that a collection came across.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Note {
    /// The file or directory.
    pub path: String,
    /// What is wrong with it.
    #[serde(flatten)]
    pub diagnostic: Diagnostic,
    /// What follows from that.
    #[serde(rename = "consequence")]
    pub problem: Problem,
}

/// What follows from something that is wrong.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum Problem {
    /// Nothing is deleted that it could have kept.
    #[serde(rename = "held")]
    Unreadable,
    /// All that it can be seen to name is kept.
    #[serde(rename = "kept")]
    Faulty,
    /// What nobody can read goes from the file with this collection.
    #[serde(rename = "healed")]
    Healed,
    /// It is left alone.
    #[serde(rename = "passed")]
    Passed,
}

impl Note {
    pub(super) fn about(path: &Path, problem: Problem, message: String) -> Self {
        let diagnostic = Diagnostic::of_file(message);
        Self { path: path.to_string_lossy().into_owned(), diagnostic, problem }
    }

    pub(super) fn at(path: &str, problem: Problem, diagnostic: Diagnostic) -> Self {
        Self { path: path.to_owned(), diagnostic, problem }
    }
}

/// What a collection did, or would do.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// The depots that it is about.
    pub depots: Vec<String>,
    /// How many manifests keep things.
    pub manifests: usize,
    /// How many artifact files do.
    pub artifact_files: usize,
    /// How many scratch spaces are in use.
    pub spaces: usize,
    /// What it came across.
    #[serde(rename = "skipped")]
    pub notes: Vec<Note>,
    /// What went, or would go.
    pub gone: Vec<Gone>,
    /// What nothing keeps, and that stays for now.
    pub waiting: Vec<Waiting>,
    /// What could not be removed.
    pub failures: Vec<Failure>,
    /// What was to go, and turned out to be in use, and by whom.
    pub spared: Vec<Failure>,
    /// How many leftovers of processes that were killed went.
    pub leftovers: usize,
    /// How many files of bindings in the stores went, or would go, that nobody used any more.
    pub abandoned: usize,
    /// Whether nothing was touched.
    #[serde(rename = "dry_run")]
    pub is_dry_run: bool,
    /// The size of what went, or would go.
    #[serde(flatten)]
    pub size: Size,
    /// How much of the stores that is.
    pub store: StoreShare,
}

/// Something that went, or would go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Gone {
    /// What it is.
    pub kind: Category,
    /// Where it was.
    pub path: String,
    /// How large it was.
    #[serde(flatten)]
    pub size: Size,
    /// Why it went.
    pub reason: Reason,
}

/// Something that nothing keeps, and that stays until it has been so for long enough.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Waiting {
    /// What it is.
    pub kind: Category,
    /// Where it is.
    pub path: String,
    /// How large it is. Only a dry run counts that.
    #[serde(flatten)]
    pub size: Size,
    /// Since when nothing keeps it.
    pub since: DepotTime,
    /// When it can go.
    pub until: DepotTime,
}

/// Something that stays although it was to go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// Where it is.
    pub path: String,
    /// Why it stays.
    pub message: String,
}

impl Report {
    /// Sums up what went.
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

    /// The sum of the sizes of what went, of one kind or of all.
    pub fn size_of_gone(&self, kind: Option<Category>) -> Size {
        let is_meant = |gone: &&Gone| kind.is_none_or(|kind| gone.kind == kind);
        self.gone.iter().filter(is_meant).map(|gone| gone.size).sum()
    }
}

/// What is in the depots that a collection would look at.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Status {
    /// The depots.
    pub depots: Vec<String>,
    /// One for each kind.
    #[serde(rename = "kinds")]
    pub shares: Vec<Share>,
    /// Everything, the largest first. Of the store, what is bound and what nobody uses, not each
    /// file of a tree.
    pub entries: Vec<Entry>,
    /// The size of everything.
    #[serde(flatten)]
    pub size: Size,
    /// The bytes that sharing saves in the store.
    pub saved: u64,
    /// What was come across.
    #[serde(rename = "skipped")]
    pub notes: Vec<Note>,
}

/// What there is of a kind.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Share {
    /// The kind.
    pub kind: Category,
    /// How many there are; of the store, how many files.
    pub count: usize,
    /// How large they are together.
    #[serde(flatten)]
    pub size: Size,
    /// How large those are that nothing keeps.
    #[serde(serialize_with = "bytes", deserialize_with = "of_bytes")]
    #[schemars(with = "u64")]
    pub reclaimable: Size,
}

/// Something in a depot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Entry {
    /// What it is.
    pub kind: Category,
    /// What people call it.
    pub label: String,
    /// The name of the package that it is, belongs to, or is bound by, where that is known.
    pub package: Option<String>,
    /// Where it is.
    pub path: String,
    /// How large it is; of something in the store, its part of what that takes.
    #[serde(flatten)]
    pub size: Size,
    /// When its use was last logged, or it was bound; of an orphan, since when it is one.
    pub last_used: Option<DepotTime>,
    /// How many manifests keep it.
    pub manifests: usize,
    /// How many artifact files do.
    pub artifact_files: usize,
    /// How many projects do.
    pub projects: usize,
    /// How many names in the store do.
    pub names: usize,
    /// Whether it may be kept by what cannot be read.
    pub is_held: bool,
    /// Whether nothing references it, and nothing else keeps a collection from deleting it.
    pub is_orphan: bool,
    /// When it can go, if nothing keeps it and nothing changes.
    pub until: Option<DepotTime>,
}

impl Status {
    /// The sum of the sizes of all kinds.
    pub(super) fn sum(&self) -> Size {
        self.shares.iter().map(|share| share.size).sum()
    }

    /// The size of what nothing keeps.
    pub fn reclaimable(&self) -> Size {
        self.shares.iter().map(|share| share.reclaimable).sum()
    }
}

/// Why something in a depot is there, or when it goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Explanation {
    /// What it is.
    pub kind: Category,
    /// What people call it.
    pub label: String,
    /// Where it is.
    pub path: String,
    /// How large it is; of something in the store, its part of what that takes.
    #[serde(flatten)]
    pub size: Size,
    /// When the use of what keeps it was last logged.
    pub last_used: Option<DepotTime>,
    /// What becomes of it.
    pub standing: Standing,
    /// Since when nothing keeps it, if it waits.
    pub since: Option<DepotTime>,
    /// When it can go, if it waits.
    pub until: Option<DepotTime>,
    /// What keeps it.
    pub causes: Vec<Cause>,
}

/// What becomes of something with the next collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// It stays.
    Kept,
    /// Nothing keeps it, and it goes when it has been so for long enough.
    Waiting,
    /// It goes.
    Goes,
    /// Nothing keeps it, in a depot that is not collected.
    Elsewhere,
}

/// Something that keeps something else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cause {
    /// What it is.
    pub what: CauseKind,
    /// Where it is.
    pub path: String,
    /// What it calls the thing that it keeps, where that says something.
    pub name: Option<String>,
    /// When its use was last logged.
    pub last_used: Option<DepotTime>,
    /// The package that it belongs to, if it lies in one.
    pub package: Option<String>,
    /// What keeps that package.
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
    #[serde(rename = "gone project")]
    GoneProject,
    /// A project that is not known.
    #[serde(rename = "somebody")]
    Somebody,
}

/// What there is to say about something that was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Explained {
    /// All that it stands for.
    pub found: Vec<Explanation>,
    /// The stores that cannot be looked through: it may be in one of them.
    #[serde(rename = "skipped")]
    pub notes: Vec<Note>,
}

/// How much of the stores went, or would go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StoreShare {
    /// How many contents and trees.
    pub count: usize,
    /// How many bytes that frees.
    pub bytes: u64,
    /// How many contents and trees nobody binds that stay for now.
    pub waiting: usize,
    /// How many bytes these would free.
    pub waiting_bytes: u64,
    /// How many files of bindings went that nobody used any more.
    pub abandoned: usize,
}

/// The kinds of things that a report is about.
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
