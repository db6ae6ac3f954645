//! The items of the stores in an explanation.

use std::collections::BTreeSet;
use std::path::Path;

use scratchrs_model::hash::Sha256;
use scratchrs_model::store::layout::{ARTIFACTS, TREES, VARIANTS};

use super::status::binding_package;
use super::{label, stores_in, survey};
use crate::gc::options::{Moment, Options};
use crate::gc::report::{Category, Cause, CauseKind, Explained, Explanation, Note, Standing};
use crate::gc::state::CollectionState;
use crate::store::{BoundName, Project, Store, StoredItem, Survey};

/// Explains the items in the stores of all depots that `query` or one of `paths` names.
pub(in crate::gc) fn explain(
    state: &CollectionState,
    query: &str,
    paths: &[&Path],
    options: &Options,
    moment: Moment,
) -> Explained {
    let mut explained = Explained::default();
    let depots = &state.inventory.depots;
    for (index, store) in stores_in(depots.iter().map(|depot| depot.path.clone())) {
        let hashes: Vec<Sha256> = paths
            .iter()
            .filter_map(|path| addressed(&store, path))
            .chain(query.parse().ok())
            .collect();
        let survey = match survey(&store, options, moment) {
            Ok(survey) => survey,
            Err(note) => {
                explained.notes.push(note);
                continue;
            }
        };
        let is_named = |item: &&StoredItem| {
            hashes.contains(&item.hash) || item.names.iter().any(|name| name.name == query)
        };
        // Most queries are about other items, and need not wait until the store is measured.
        if !survey.items.iter().any(|item| is_named(&item)) {
            continue;
        }
        let survey = survey.measured(&store);
        let references = References { state, store: &store, survey: &survey };
        for item in survey.items.iter().filter(is_named) {
            let standing = standing(item, depots[index].is_swept, options, moment);
            let since = item.since.filter(|_| standing == Standing::Waiting);
            explained.found.push(Explanation {
                kind: Category::Store,
                label: label(item),
                path: item.path.clone(),
                size: item.size,
                last_used: item.names.iter().map(|name| name.time).max(),
                standing,
                since,
                until: since.map(|since| since.after(options.policy.collect_delay)),
                causes: references.of(item),
            });
        }
    }
    explained
}

/// The files of bindings that reference items of the store at `path`, as the causes to keep its scratch space.
///
/// # Errors
///
/// If the store cannot be read.
pub(in crate::gc) fn binding_files(
    state: &CollectionState,
    path: &Path,
    options: &Options,
    moment: Moment,
) -> Result<Vec<Cause>, Note> {
    let Some(store) = path.to_str().map(Store::at) else { return Ok(Vec::new()) };
    let survey = survey(&store, options, moment)?;
    let names = survey.items.iter().flat_map(|item| &item.names);
    let files: BTreeSet<&str> = names.map(|name| name.file.as_str()).collect();
    let references = References { state, store: &store, survey: &survey };
    Ok(files.into_iter().map(|file| references.binding_file(file)).collect())
}

fn standing(item: &StoredItem, is_swept: bool, options: &Options, moment: Moment) -> Standing {
    match item.since {
        None => Standing::Kept,
        Some(_) if !is_swept => Standing::Elsewhere,
        Some(since) if moment.now.since(since) >= options.policy.collect_delay => {
            Standing::Deletable
        }
        Some(_) => Standing::Waiting,
    }
}

/// The hash of the item that a path in a store is, or is in.
fn addressed(store: &Store, path: &Path) -> Option<Sha256> {
    let mut names = path.strip_prefix(store.root()).ok()?.iter().map(|name| name.to_str());
    let directory = names.next()??;
    [ARTIFACTS, VARIANTS, TREES].contains(&directory).then_some(())?;
    names.nth(1)??.parse().ok()
}

/// The references to the items of a store.
struct References<'a> {
    state: &'a CollectionState,
    store: &'a Store,
    survey: &'a Survey,
}

impl References<'_> {
    /// The names that are bound to an item, and the trees that contain it.
    fn of(&self, item: &StoredItem) -> Vec<Cause> {
        let names = item.names.iter().map(|name| self.binding(name));
        let trees = self.survey.items.iter().filter(|tree| item.trees.contains(&tree.hash));
        let trees = trees.map(|tree| Cause {
            name: Some(label(tree)),
            because: tree.names.iter().map(|name| self.binding(name)).collect(),
            ..Cause::new(CauseKind::Tree, &tree.path, None)
        });
        names.chain(trees).collect()
    }

    fn binding(&self, bound: &BoundName) -> Cause {
        let is_abandoned = self.survey.abandoned.contains_key(&bound.file);
        Cause {
            what: if is_abandoned { CauseKind::AbandonedBinding } else { CauseKind::Binding },
            name: Some(bound.name.clone()),
            last_used: Some(bound.time),
            ..self.binding_file(&bound.file)
        }
    }

    /// A file of bindings, and the projects that use it.
    fn binding_file(&self, file: &str) -> Cause {
        let projects = self.survey.users.of(self.store, file);
        Cause {
            package: binding_package(self.state, self.store, file),
            because: projects.iter().map(|project| self.project(project)).collect(),
            ..Cause::new(CauseKind::Bindings, file, None)
        }
    }

    fn project(&self, project: &Project) -> Cause {
        let Some(path) = &project.path else {
            return Cause::new(CauseKind::UnknownProject, "", Some(project.last_used));
        };
        let what = if project.is_gone { CauseKind::MissingProject } else { CauseKind::Project };
        let mut cause = Cause::new(what, path, Some(project.last_used));
        self.state.trace_package(&mut cause);
        cause
    }
}
