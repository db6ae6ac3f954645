//! The mark phase: finds the reachable items.

use std::cell::LazyCell;
use std::collections::HashSet;
use std::ffi::OsStr;
use std::sync::Arc;

use hashbrown::HashMap;

use crate::artifacts_toml::NamedHashes;
use crate::clone_name::clone_name;
use crate::hash::TreeHash;
use crate::manifest::Package;
use crate::overrides::{Cycle, Target};
use crate::slug::Slug;
use crate::time::DepotTime;

use super::depot::{Depot, Kind, named};
use super::places::{Places, Position};
use super::roots::{Root, Roots};
use super::{Reference, References};

/// The references of each item.
pub(super) struct Marks {
    pub(super) referenced_by: Vec<Vec<References>>,
}

impl Marks {
    pub(super) fn of(depots: &[Depot]) -> Self {
        Self {
            referenced_by: depots
                .iter()
                .map(|depot| vec![References::new(); depot.items.len()])
                .collect(),
        }
    }

    fn mark(&mut self, (depot, item): Position, reference: Reference) {
        let referenced_by = &mut self.referenced_by[depot][item];
        if referenced_by.last() != Some(&reference) {
            referenced_by.push(reference);
        }
    }

    /// Marks the targets of items that are links with the references of the links.
    pub(super) fn follow(&mut self, links: &[(Position, Position)]) {
        // A link may lead to another one: each round follows one link.
        for _ in links {
            let mut is_done = true;
            for &(link, target) in links {
                for reference in self.referenced_by[link.0][link.1].clone() {
                    let known = &mut self.referenced_by[target.0][target.1];
                    if !known.contains(&reference) {
                        known.push(reference);
                        is_done = false;
                    }
                }
            }
            if is_done {
                return;
            }
        }
    }

    /// Marks everything that an unreadable root might reference.
    pub(super) fn unreadable(&mut self, depots: &[Depot], roots: &Roots) {
        for (index, unreadable) in roots.unreadable.iter().enumerate() {
            for (depot, found) in depots.iter().enumerate() {
                for (item, found) in found.items.iter().enumerate() {
                    if unreadable.kinds.contains(&found.kind) && !found.is_file {
                        self.mark((depot, item), Reference::Unreadable(index));
                    }
                }
            }
        }
    }

    pub(super) fn packages(&mut self, depots: &[Depot], places: &Places<'_>, roots: &Roots) {
        debug_assert_eq!(depots.len(), self.referenced_by.len());
        // For the few manifests that lack the name or the tree.
        let by_slug = LazyCell::new(|| packages_by(depots, |_, slug| slug));
        let by_name = LazyCell::new(|| packages_by(depots, |name, _| name));
        // Manifests share packages, so each package is searched once.
        let mut known: HashMap<*const Package, Option<Position>> = HashMap::new();
        for (index, manifest) in roots.manifests.iter().enumerate() {
            let mut mark = |position: &Position| self.mark(*position, Reference::Manifest(index));
            for package in &manifest.content.packages {
                let slug = || Slug::of(package.uuid, package.tree);
                match &package.name {
                    Some(name) => {
                        let found = known.entry(Arc::as_ptr(package));
                        found
                            .or_insert_with(|| places.package(name, &slug()))
                            .iter()
                            .for_each(&mut mark);
                    }
                    None => {
                        let slug = slug();
                        let mut slugs = [slug.as_str(), slug.legacy()].into_iter();
                        let found = slugs.find_map(|slug| by_slug.get(slug));
                        found.into_iter().flatten().for_each(&mut mark);
                    }
                }
            }
            let named = manifest.content.any_tree_of.iter();
            named.filter_map(|name| by_name.get(name.as_str())).flatten().for_each(mark);
        }
    }

    pub(super) fn unmarked_packages(&self, depots: &[Depot]) -> HashSet<Position> {
        let mut unmarked = HashSet::new();
        for (index, depot) in depots.iter().enumerate().filter(|(_, depot)| depot.is_swept) {
            let items = depot.items.iter().enumerate();
            let packages = items.filter(|(_, item)| item.kind == Kind::Package);
            let orphans = packages.filter(|(item, _)| self.referenced_by[index][*item].is_empty());
            unmarked.extend(orphans.map(|(item, _)| (index, item)));
        }
        unmarked
    }

    pub(super) fn artifacts(
        &mut self,
        depots: &[Depot],
        places: &Places<'_>,
        roots: &Roots,
        deletable: &HashSet<Position>,
    ) {
        debug_assert_eq!(depots.len(), self.referenced_by.len());
        let is_deletable = |file: &Root<NamedHashes>| places.is_in(deletable, &file.path);
        for (index, file) in roots.artifact_files.iter().enumerate() {
            if is_deletable(file) {
                continue;
            }
            for hash in file.content.hashes() {
                self.artifact(places, roots, *hash, Reference::ArtifactFile(index));
            }
        }
        // The replaced artifact stays reachable: other packages may bind it.
        for (index, replacement) in &roots.replacements {
            let Some(file) = roots.artifact_files.get(*index) else { continue };
            if !is_deletable(file) {
                self.replacement(places, replacement, Reference::ArtifactFile(*index));
            }
        }
    }

    /// Marks an artifact in the depots in which Pkg would find it.
    fn artifact(
        &mut self,
        places: &Places<'_>,
        roots: &Roots,
        hash: TreeHash,
        reference: Reference,
    ) {
        match roots.overrides.of_artifact(hash) {
            // Overrides in a circle: Pkg does not terminate.
            Ok(None) | Err(Cycle(_)) => {
                places.artifacts(hash).for_each(|position| self.mark(position, reference));
            }
            Ok(Some(replacement)) => self.replacement(places, &replacement, reference),
        }
    }

    /// Marks the replacement of an artifact.
    fn replacement(&mut self, places: &Places<'_>, replacement: &Target, reference: Reference) {
        match replacement {
            Target::Path(path) => {
                let found = places.items(Kind::Artifact, path);
                found.into_iter().for_each(|position| self.mark(position, reference));
            }
            Target::Artifact(other) => {
                let first = places.artifacts(*other).next();
                first.into_iter().for_each(|position| self.mark(position, reference));
            }
        }
    }

    pub(super) fn clones(&mut self, depots: &[Depot], roots: &Roots) {
        let Some(first) = depots.first() else { return };
        let mut by_name: HashMap<&OsStr, usize> = HashMap::new();
        let mut by_origin: HashMap<&str, Vec<usize>> = HashMap::new();
        let clones = first.items.iter().enumerate().filter(|(_, item)| item.kind == Kind::Clone);
        for (index, item) in clones {
            by_name.insert(&item.name, index);
            if let Some(origin) = &item.origin {
                by_origin.entry(origin).or_default().push(index);
            }
        }
        if by_name.is_empty() {
            return;
        }
        for (index, manifest) in roots.manifests.iter().enumerate() {
            for source in roots.clone_sources(manifest) {
                let others = roots.aliases.of(&source);
                for source in std::iter::once(&source).chain(others) {
                    let name = clone_name(source);
                    let named = by_name.get(OsStr::new(&name)).into_iter();
                    let cloned = by_origin.get(source.as_str()).into_iter().flatten();
                    for item in named.chain(cloned) {
                        self.mark((0, *item), Reference::Manifest(index));
                    }
                }
            }
        }
    }

    /// Marks the used spaces, and returns the time of the last logged use of each.
    pub(super) fn spaces(
        &mut self,
        places: &Places<'_>,
        roots: &Roots,
        deletable: &HashSet<Position>,
    ) -> HashMap<Position, DepotTime> {
        let mut last_used: HashMap<Position, DepotTime> = HashMap::new();
        for (index, space) in roots.uses.iter().enumerate() {
            let is_used = !space.projects.iter().all(|project| places.is_in(deletable, project));
            for position in places.items(Kind::Space, &space.path) {
                if is_used {
                    self.mark(position, Reference::Use(index));
                }
                if let Some(time) = space.last_used {
                    let known = last_used.entry(position).or_insert(time);
                    *known = (*known).max(time);
                }
            }
        }
        last_used
    }
}

/// The packages by name or by slug, as `key` chooses.
fn packages_by<'a>(
    depots: &'a [Depot],
    key: fn(&'a str, &'a str) -> &'a str,
) -> HashMap<&'a str, Vec<Position>> {
    let mut packages: HashMap<_, Vec<_>> = HashMap::new();
    for (depot, found) in depots.iter().enumerate() {
        for (item, kind, name, slug) in named(&found.items) {
            if kind == Kind::Package {
                packages.entry(key(name, slug)).or_default().push((depot, item));
            }
        }
    }
    packages
}
