//! Why something is still there.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use scratchrs_fs::{self as fs, Progress, Size};
use scratchrs_model::collection::{Decision, Item, Kind, Reference, State};
use scratchrs_model::layout::{GLOBAL, PACKAGES};
use scratchrs_model::slug::Slug;
use uuid::Uuid;

use super::report::{Cause, CauseKind, Explained, Explanation, Standing};
use super::spared::why_in_use;
use super::{Moment, Options, World, spelling, store};
use crate::error::Result;
use crate::place::in_current_directory;

/// Explains all that `query` stands for: the path of something, or of anything in it; the name of a
/// package, of an artifact, or of a space; a hash, a slug or a UUID; a name that is bound in the
/// store.
///
/// # Errors
///
/// As a dry run of [`super::collect`].
pub fn why(
    query: &str,
    options: &Options,
    moment: Moment,
    progress: &Progress,
) -> Result<Explained> {
    let world = World::read(options, moment, progress)?;
    let plans = world.decide(options, moment);
    let path = in_current_directory(query)?.into_owned();
    let real = fs::canonicalize(Path::new(&path)).ok();
    let own = spelling::in_depot(&world.inventory, Path::new(&path)).map(PathBuf::from);
    let paths: Vec<&Path> =
        real.iter().chain(&own).map(PathBuf::as_path).chain([Path::new(&path)]).collect();
    let Explained { mut found, notes } = store::explain(&world, query, &paths, options, moment);
    let is_in_store = !found.is_empty();
    for (index, (depot, plan)) in world.inventory.depots.iter().zip(&plans).enumerate() {
        for (item, decision) in depot.items.iter().zip(&plan.decisions) {
            let place = item.path(&depot.path);
            let is_meant = paths.iter().any(|path| path.starts_with(&place))
                || item.name == query
                || item.kind.is_grouped() && item.group == query
                || world.labels(item, decision).contains(query);
            // A query for a content of the store is not one for the store.
            if is_meant && !(is_in_store && store::is_store(item)) {
                let mut explanation = world.explain(index, item, decision, moment);
                if store::is_store(item) {
                    // A store that cannot be looked through is noted by now.
                    let names = world.names_of_store(&place, options, moment);
                    explanation.causes.extend(names.unwrap_or_default());
                }
                found.push(explanation);
            }
        }
    }
    found.sort_by(|a, b| (a.kind, &a.label, &a.path).cmp(&(b.kind, &b.label, &b.path)));
    Ok(Explained { found, notes })
}

impl World {
    fn explain(
        &self,
        depot: usize,
        item: &Item,
        decision: &Decision,
        moment: Moment,
    ) -> Explanation {
        let place = &self.inventory.depots[depot];
        let path = item.path(&place.path);
        let mut causes = self.causes(item, decision);
        let is_doomed = matches!(decision.state, State::Deletable(_));
        let why_in_use =
            is_doomed.then(|| why_in_use(&path, item, &self.mounts, moment)).transpose();
        let why_in_use = why_in_use.unwrap_or_else(|error| Some(Some(error.to_string()))).flatten();
        let standing = match decision.state {
            State::Deletable(_) if why_in_use.is_some() => Standing::Kept,
            State::Retained if decision.referenced_by.is_empty() && !place.is_swept => {
                Standing::Elsewhere
            }
            State::Retained => Standing::Kept,
            State::Orphaned { .. } => Standing::Waiting,
            State::Deletable(_) => Standing::Goes,
        };
        let (since, until) = match decision.state {
            State::Orphaned { since, until } => (Some(since), Some(until)),
            State::Retained | State::Deletable(_) => (None, None),
        };
        causes.extend(why_in_use.map(|reason| Cause {
            what: CauseKind::InUse,
            path: path.to_string_lossy().into_owned(),
            name: Some(reason),
            last_used: None,
            package: None,
            because: Vec::new(),
        }));
        Explanation {
            kind: item.kind.into(),
            label: self.label(item, decision),
            size: Size::of(&path),
            path: path.to_string_lossy().into_owned(),
            last_used: self.last_used(decision),
            standing,
            since,
            until,
            causes,
        }
    }

    fn causes(&self, item: &Item, decision: &Decision) -> Vec<Cause> {
        let roots = &self.marks.roots;
        let cause = |what, path: &str, last_used| Cause {
            what,
            path: path.to_owned(),
            name: None,
            last_used,
            package: None,
            because: Vec::new(),
        };
        let mut causes = Vec::new();
        for reference in &decision.referenced_by {
            match reference {
                Reference::Manifest(index) => {
                    let manifest = &roots.manifests[*index];
                    causes.push(cause(CauseKind::Manifest, &manifest.path, manifest.last_used));
                }
                Reference::ArtifactFile(index) => {
                    let file = &roots.artifact_files[*index];
                    let mut cause = cause(CauseKind::ArtifactFile, &file.path, file.last_used);
                    let hash = item.name.to_str().and_then(|name| name.parse().ok());
                    let name = hash.and_then(|hash| file.content.names_of(hash).next());
                    cause.name = name.map(str::to_owned);
                    self.trace_package(&mut cause);
                    causes.push(cause);
                }
                Reference::Use(index) => {
                    let space = &roots.uses[*index];
                    for project in &space.projects {
                        let mut cause = cause(CauseKind::Project, project, space.last_used);
                        self.trace_package(&mut cause);
                        causes.push(cause);
                    }
                }
                Reference::Unreadable(index) => {
                    let unreadable = &roots.unreadable[*index];
                    let mut cause = cause(CauseKind::Unreadable, &unreadable.path, None);
                    cause.name = Some(unreadable.diagnostic.to_string());
                    causes.push(cause);
                }
            }
        }
        causes
    }

    /// Adds which installed package a file is in, and which manifests keep that.
    pub(super) fn trace_package(&self, cause: &mut Cause) {
        let Some((name, slug)) = self.installation(&cause.path) else { return };
        cause.package = Some(name.clone());
        for manifest in &self.marks.roots.manifests {
            let package = manifest.content.packages.iter().find(|package| {
                let found = Slug::of(package.uuid, package.tree);
                let is_named = package.name.as_ref().is_none_or(|known| *known == name);
                is_named && (found.as_str() == slug || found.legacy() == slug)
            });
            let Some(package) = package else { continue };
            if let Some(version) = &package.version {
                cause.package = Some(format!("{name} {version}"));
            }
            cause.because.push(Cause {
                what: CauseKind::Manifest,
                path: manifest.path.clone(),
                name: None,
                last_used: manifest.last_used,
                package: None,
                because: Vec::new(),
            });
        }
    }

    /// The name and the slug of the installed package that a file is in.
    fn installation(&self, path: &str) -> Option<(String, String)> {
        let others = self.marks.roots.spellings.of(path).iter().map(String::as_str);
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

    /// The name of the package that something is, belongs to, or is bound by. Of several that bind
    /// an artifact, the first by the alphabet.
    pub(super) fn package(&self, item: &Item, decision: &Decision) -> Option<String> {
        let group = item.group.to_string_lossy();
        let binding = |reference: &Reference| match reference {
            Reference::ArtifactFile(index) => {
                let file = &self.marks.roots.artifact_files[*index];
                self.installation(&file.path).map(|(name, _)| name)
            }
            _ => None,
        };
        match item.kind {
            Kind::Package => Some(group.into_owned()),
            Kind::Clone => None,
            Kind::Artifact => decision.referenced_by.iter().filter_map(binding).min(),
            Kind::Space => Some(self.package_of(&group).unwrap_or_else(|| group.into_owned())),
        }
    }

    /// What people call something.
    pub(super) fn label(&self, item: &Item, decision: &Decision) -> String {
        let name = item.name.to_string_lossy();
        let group = item.group.to_string_lossy();
        match item.kind {
            Kind::Package => group.into_owned(),
            Kind::Clone => item.origin.clone().unwrap_or_else(|| name.into_owned()),
            Kind::Artifact => {
                let labels = self.labels(item, decision);
                labels.into_iter().next().unwrap_or_else(|| name.into_owned())
            }
            Kind::Space => {
                let owner = self.package_of(&group);
                format!("{}/{name}", owner.as_deref().unwrap_or(&group))
            }
        }
    }

    /// The names by which something is known beside those of its directories.
    pub(super) fn labels(&self, item: &Item, decision: &Decision) -> BTreeSet<String> {
        let mut labels = BTreeSet::new();
        let Some(name) = item.name.to_str() else { return labels };
        match item.kind {
            Kind::Artifact => {
                let Ok(hash) = name.parse() else { return labels };
                for reference in &decision.referenced_by {
                    if let Reference::ArtifactFile(index) = reference {
                        let content = &self.marks.roots.artifact_files[*index].content;
                        labels.extend(content.names_of(hash).map(str::to_owned));
                    }
                }
            }
            Kind::Space => {
                labels.extend(item.group.to_str().and_then(|group| self.package_of(group)))
            }
            Kind::Clone => labels.extend(item.origin.clone()),
            Kind::Package => {}
        }
        labels
    }

    /// The name of a package, by its UUID as text.
    pub(super) fn package_of(&self, uuid: &str) -> Option<String> {
        let uuid: Uuid = uuid.parse().ok()?;
        if uuid == GLOBAL {
            return Some("(global)".to_owned());
        }
        let names = self.packages.get_or_init(|| {
            let manifests = self.marks.roots.manifests.iter();
            let packages = manifests.flat_map(|manifest| &manifest.content.packages);
            let names = packages.filter_map(|package| Some((package.uuid, package.name.as_ref()?)));
            names.map(|(uuid, name)| (uuid, name.to_string())).collect()
        });
        names.get(&uuid).cloned()
    }
}
