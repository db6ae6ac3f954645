//! The decision on each item: [`collection::plan`], with the rules for depots that have a maximum size, for stores
//! and for read-only depots.

use std::path::Path;

use scratchrs_fs as fs;
use scratchrs_model::collection::{self, Candidate, DepotPlan, State};
use scratchrs_model::depot_path::DepotPath;
use scratchrs_model::layout::LOGS;

use super::options::{Moment, Options};
use super::report::{Consequence, Note};
use super::state::CollectionState;
use super::store_space;

impl CollectionState {
    /// Decides on the items of all depots.
    pub(super) fn decide(&self, options: &Options, moment: Moment) -> Vec<DepotPlan> {
        let depots = &self.inventory.depots;
        let mut plans = collection::plan(depots, &self.logged.roots, &options.policy, moment.now);
        let stores = self.stores_in_use(&plans, options, moment);
        if let Some(max_size) = options.max_size {
            let measured = depots.iter().zip(&mut plans).zip(&self.sizes).zip(&stores);
            let swept = measured.filter(|(((depot, _), _), _)| depot.is_swept);
            for (((depot, plan), sizes), store) in swept {
                let candidates: Vec<_> = sizes
                    .iter()
                    .enumerate()
                    .map(|(item, &bytes)| {
                        let last_used = self.last_used(&plan.decisions[item]);
                        Candidate { item, bytes, last_used, is_fixed: *store == Some(item) }
                    })
                    .collect();
                collection::evict(depot, plan, &candidates, max_size, options.evict_in_use);
            }
        }
        for ((depot, plan), store) in depots.iter().zip(&mut plans).zip(stores) {
            let Some(index) = store else { continue };
            plan.decisions[index].state = State::Retained;
            let path = depot.items[index].text(&depot.path);
            path.and_then(|path| plan.orphans.0.remove(&path));
        }
        plans
    }

    /// The index of the scratch space of the store of each depot, if that store is in use and the space would not
    /// stay otherwise, or might be evicted.
    fn stores_in_use(
        &self,
        plans: &[DepotPlan],
        options: &Options,
        moment: Moment,
    ) -> Vec<Option<usize>> {
        let depots = self.inventory.depots.iter().zip(plans);
        let in_use = depots.map(|(depot, plan)| {
            let mut items = depot.items.iter();
            let index = items.position(store_space::is_store).filter(|_| depot.is_swept)?;
            let matters =
                options.max_size.is_some() || plan.decisions[index].state != State::Retained;
            let path = depot.items[index].path(&depot.path);
            (matters && store_space::is_in_use(&path, moment)).then_some(index)
        });
        in_use.collect()
    }

    /// Leaves out the depots behind the first one in which nothing can be deleted, since the user may not
    /// write there. A note says so if something in them is unreachable. So a collection of all depots of
    /// a stack that ends with those of a Julia succeeds (Pkg#2642).
    pub(super) fn leave_out_read_only(&mut self, options: &Options, moment: Moment) {
        let depots = self.inventory.depots.iter().enumerate().skip(1);
        let read_only: Vec<usize> = depots
            .filter(|(_, depot)| depot.is_swept && is_read_only(&depot.path))
            .map(|(index, _)| index)
            .collect();
        if read_only.is_empty() {
            return;
        }
        let plans = self.decide(options, moment);
        for index in read_only {
            let decisions = plans[index].decisions.iter();
            let count = decisions.filter(|decision| decision.state != State::Retained).count();
            let depot = &mut self.inventory.depots[index];
            depot.is_swept = false;
            if count > 0 {
                let items = if count == 1 { "1 item" } else { &format!("{count} items") };
                let message = format!("is not writable, and has {items} that nothing references");
                let note = Note::about(depot.path.as_path(), Consequence::Passed, message);
                self.inventory.notes.push(note);
            }
        }
    }
}

/// Whether a depot exists and cannot be written to: a collection writes to its logs first.
fn is_read_only(depot: &DepotPath) -> bool {
    let logs = depot.join(&[LOGS]);
    let written = if fs::is_dir(Path::new(&logs)) { &logs } else { depot.as_str() };
    fs::is_dir(depot.as_path()) && !fs::is_writable_dir(Path::new(written))
}
