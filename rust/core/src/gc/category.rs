//! What people tell apart in a report.

use scratchrs_model::collection::Kind;

/// The kinds of things that a report is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
