//! The depots, and the roots that reference their items.

use std::collections::HashMap;
use std::sync::OnceLock;

use scratchrs_fs::{self as fs, Mounts, Progress, Size};
use scratchrs_model::collection::{Decision, Depot, DepotPlan, Item, Position, Reference, State};
use scratchrs_model::time::DepotTime;
use uuid::Uuid;

use super::aliases;
use super::ignored_roots::IgnoredRoots;
use super::inventory::{self, Inventory};
use super::logged_roots::LoggedRoots;
use super::options::{Moment, Options};
use super::report::Note;
use crate::error::Result;

/// The depots, and the roots that reference their items.
pub(super) struct CollectionState {
    pub(super) inventory: Inventory,
    pub(super) logged: LoggedRoots,
    /// The size of each item of each depot, if they have a maximum size. Measured once, since that takes too long
    /// under the locks of the logs.
    pub(super) sizes: Vec<Vec<u64>>,
    /// The file systems that are mounted in the depots.
    pub(super) mounts: Mounts,
    /// The names of packages by their UUIDs, once they are needed.
    pub(super) package_names: OnceLock<HashMap<Uuid, String>>,
}

/// An item of a depot that is swept, and the decision on it.
pub(super) struct PlannedItem<'a> {
    pub(super) depot: usize,
    /// Its index in the depot.
    pub(super) index: usize,
    pub(super) item: &'a Item,
    pub(super) decision: &'a Decision,
}

impl CollectionState {
    pub(super) fn read(options: &Options, moment: Moment, progress: &Progress) -> Result<Self> {
        progress.begin_counting("Reading depots and manifests");
        let depots = inventory::depots(&options.depots, options.all_depots)?;
        let ignored = IgnoredRoots::of(&options.ignore_roots)?;
        // An item that is created in between may seem unreachable: a sweep reads the roots again.
        let (inventory, logged) = fs::join(
            || Inventory::of(depots.clone(), moment.clock),
            || LoggedRoots::read(&depots, ignored, moment.clock),
        );
        progress.check()?;
        let sizes = match options.max_size {
            Some(_) => measure(&inventory, progress)?,
            None => Vec::new(),
        };
        let mounts = Mounts::read();
        let mut state = Self { inventory, logged, sizes, mounts, package_names: OnceLock::new() };
        state.find_aliases();
        Ok(state)
    }

    /// Reads roots and logs again, where they have changed.
    pub(super) fn reread(&mut self, moment: Moment) {
        self.logged.reread(&self.inventory.depots, moment.clock);
        self.find_aliases();
    }

    fn find_aliases(&mut self) {
        let (aliases, links) = aliases::find(&self.inventory, &self.logged);
        (self.logged.roots.aliases, self.logged.roots.links) = (aliases, links);
    }

    /// Counts a deleted item as nothing.
    pub(super) fn forget_size(&mut self, (depot, item): Position) {
        if let Some(size) = self.sizes.get_mut(depot).and_then(|sizes| sizes.get_mut(item)) {
            *size = 0;
        }
    }

    /// The depots whose items may be deleted.
    pub(super) fn swept(&self) -> impl Iterator<Item = &Depot> {
        self.inventory.depots.iter().filter(|depot| depot.is_swept)
    }

    /// The items of the depots that are swept.
    pub(super) fn items<'a>(
        &'a self,
        plans: &'a [DepotPlan],
    ) -> impl Iterator<Item = PlannedItem<'a>> {
        let depots = self.inventory.depots.iter().zip(plans).enumerate();
        depots.filter(|(_, (depot, _))| depot.is_swept).flat_map(|(depot, (found, plan))| {
            let items = found.items.iter().zip(&plan.decisions).enumerate();
            items.map(move |(index, (item, decision))| PlannedItem { depot, index, item, decision })
        })
    }

    /// The path of an item, as reports have it.
    pub(super) fn path(&self, depot: usize, item: &Item) -> String {
        item.path(&self.inventory.depots[depot].path).to_string_lossy().into_owned()
    }

    /// When the use of an item was last logged; of an orphan, since when it is one.
    pub(super) fn last_used(&self, decision: &Decision) -> Option<DepotTime> {
        let roots = &self.logged.roots;
        let time = |reference: &Reference| match reference {
            Reference::Manifest(index) => roots.manifests[*index].last_used,
            Reference::ArtifactFile(index) => roots.artifact_files[*index].last_used,
            Reference::Use(index) => roots.uses[*index].last_used,
            Reference::Unreadable(_) => None,
        };
        match decision.state {
            State::Orphaned { since, .. } => Some(since),
            State::Retained | State::Deletable(_) => {
                decision.referenced_by.iter().filter_map(time).max()
            }
        }
    }

    /// The problems of the files that were read.
    pub(super) fn notes(&self) -> Vec<Note> {
        self.inventory.notes.iter().chain(&self.logged.notes).cloned().collect()
    }
}

/// The size of each item of each depot that is swept, in bytes.
fn measure(inventory: &Inventory, progress: &Progress) -> Result<Vec<Vec<u64>>> {
    let of_depot = |depot: &Depot| {
        let items = if depot.is_swept { &depot.items[..] } else { &[] };
        progress.expect(items.len() as u64);
        let sizes = fs::parallel_map(items, |item| {
            if progress.check().is_err() {
                return 0;
            }
            progress.advance(1);
            Size::of(&item.path(&depot.path)).bytes
        });
        progress.check()?;
        Ok(sizes)
    };
    progress.begin_counting("Measuring");
    inventory.depots.iter().map(of_depot).collect()
}
