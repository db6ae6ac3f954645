//! Items as people call them: labels, and the packages that they belong to.

use std::collections::BTreeSet;
use std::path::Path;

use scratchrs_model::collection::{Decision, Item, Kind, Reference};
use scratchrs_model::layout::{GLOBAL, PACKAGES};
use uuid::Uuid;

use super::state::CollectionState;

impl CollectionState {
    /// The name and the slug of the installed package that a file is in.
    pub(super) fn installation(&self, path: &str) -> Option<(String, String)> {
        let others = self.logged.roots.aliases.of(path).iter().map(String::as_str);
        let depots = &self.inventory.depots;
        let mut below = std::iter::once(path)
            .chain(others)
            .filter_map(|path| depots.iter().find_map(|depot| depot.below(path)));
        below.find_map(|below| {
            let mut names = Path::new(below).iter().map(|name| name.to_str());
            (names.next()?? == PACKAGES).then_some(())?;
            Some((names.next()??.to_owned(), names.next()??.to_owned()))
        })
    }

    /// The name of the package that an item is, belongs to, or is bound by. Of several that bind
    /// an artifact, the first by the alphabet.
    pub(super) fn package(&self, item: &Item, decision: &Decision) -> Option<String> {
        let group = item.group.to_string_lossy();
        let binding = |reference: &Reference| match reference {
            Reference::ArtifactFile(index) => {
                let file = &self.logged.roots.artifact_files[*index];
                self.installation(&file.path).map(|(name, _)| name)
            }
            _ => None,
        };
        match item.kind {
            Kind::Package => Some(group.into_owned()),
            Kind::Clone => None,
            Kind::Artifact => decision.referenced_by.iter().filter_map(binding).min(),
            Kind::Space => Some(self.package_name(&group).unwrap_or_else(|| group.into_owned())),
        }
    }

    /// The label of an item.
    pub(super) fn label(&self, item: &Item, decision: &Decision) -> String {
        let name = item.name.to_string_lossy();
        let group = item.group.to_string_lossy();
        match item.kind {
            Kind::Package => group.into_owned(),
            Kind::Clone => item.origin.clone().unwrap_or_else(|| name.into_owned()),
            Kind::Artifact => {
                let names = self.other_names(item, decision);
                names.into_iter().next().unwrap_or_else(|| name.into_owned())
            }
            Kind::Space => {
                let owner = self.package_name(&group);
                format!("{}/{name}", owner.as_deref().unwrap_or(&group))
            }
        }
    }

    /// The names of an item, besides those of its directories.
    pub(super) fn other_names(&self, item: &Item, decision: &Decision) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        let Some(name) = item.name.to_str() else { return names };
        match item.kind {
            Kind::Artifact => {
                let Ok(hash) = name.parse() else { return names };
                for reference in &decision.referenced_by {
                    if let Reference::ArtifactFile(index) = reference {
                        let content = &self.logged.roots.artifact_files[*index].content;
                        names.extend(content.names_of(hash).map(str::to_owned));
                    }
                }
            }
            Kind::Space => {
                names.extend(item.group.to_str().and_then(|group| self.package_name(group)))
            }
            Kind::Clone => names.extend(item.origin.clone()),
            Kind::Package => {}
        }
        names
    }

    /// The name of a package, by its UUID as text.
    pub(super) fn package_name(&self, uuid: &str) -> Option<String> {
        let uuid: Uuid = uuid.parse().ok()?;
        if uuid == GLOBAL {
            return Some("(global)".to_owned());
        }
        let names = self.package_names.get_or_init(|| {
            let manifests = self.logged.roots.manifests.iter();
            let packages = manifests.flat_map(|manifest| &manifest.content.packages);
            let names = packages.filter_map(|package| Some((package.uuid, package.name.as_ref()?)));
            names.map(|(uuid, name)| (uuid, name.to_string())).collect()
        });
        names.get(&uuid).cloned()
    }
}
