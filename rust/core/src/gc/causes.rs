//! The references to an item, as an explanation has them.

use scratchrs_model::collection::{Item, Reference};
use scratchrs_model::slug::Slug;
use scratchrs_model::time::DepotTime;

use super::report::{Cause, CauseKind};
use super::state::CollectionState;

impl Cause {
    pub(super) fn new(what: CauseKind, path: &str, last_used: Option<DepotTime>) -> Self {
        let (name, package, because) = (None, None, Vec::new());
        Self { what, path: path.to_owned(), name, last_used, package, because }
    }
}

impl CollectionState {
    /// What a reference stands for. The uses of a space are those by each of its projects.
    pub(super) fn causes(&self, item: &Item, reference: &Reference) -> Vec<Cause> {
        let roots = &self.logged.roots;
        match reference {
            Reference::Manifest(index) => {
                let manifest = &roots.manifests[*index];
                vec![Cause::new(CauseKind::Manifest, &manifest.path, manifest.last_used)]
            }
            Reference::ArtifactFile(index) => {
                let file = &roots.artifact_files[*index];
                let mut cause = Cause::new(CauseKind::ArtifactFile, &file.path, file.last_used);
                let hash = item.name.to_str().and_then(|name| name.parse().ok());
                let name = hash.and_then(|hash| file.content.names_of(hash).next());
                cause.name = name.map(str::to_owned);
                self.trace_package(&mut cause);
                vec![cause]
            }
            Reference::Use(index) => {
                let space = &roots.uses[*index];
                let project = |project: &String| {
                    let mut cause = Cause::new(CauseKind::Project, project, space.last_used);
                    self.trace_package(&mut cause);
                    cause
                };
                space.projects.iter().map(project).collect()
            }
            Reference::Unreadable(index) => {
                let unreadable = &roots.unreadable[*index];
                let mut cause = Cause::new(CauseKind::Unreadable, &unreadable.path, None);
                cause.name = Some(unreadable.diagnostic.to_string());
                vec![cause]
            }
        }
    }

    /// Adds the installed package that a file is in, and the manifests that reference it.
    pub(super) fn trace_package(&self, cause: &mut Cause) {
        let Some((name, slug)) = self.installation(&cause.path) else { return };
        cause.package = Some(name.clone());
        for manifest in &self.logged.roots.manifests {
            let package = manifest.content.packages.iter().find(|package| {
                let found = Slug::of(package.uuid, package.tree);
                let is_named = package.name.as_ref().is_none_or(|known| *known == name);
                is_named && (found.as_str() == slug || found.legacy() == slug)
            });
            let Some(package) = package else { continue };
            if let Some(version) = &package.version {
                cause.package = Some(format!("{name} {version}"));
            }
            let manifest = Cause::new(CauseKind::Manifest, &manifest.path, manifest.last_used);
            cause.because.push(manifest);
        }
    }
}
