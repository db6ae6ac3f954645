//! The decision of a collection: a function of the items in the depots, of the roots that reference
//! them, and of the time.
//!
//! # Compatibility
//!
//! The rules are those of `Pkg.gc` in Julia 1.6 to 1.12 (Pkg, `API.jl: gc`), in its order:
//! packages, then artifacts and spaces. Without a grace period, items that only deletable packages
//! reference are deleted with them. These are reachable here, but not for Pkg:
//!
//! - Everything that an unreadable root might reference; everything that a root with problems references.
//! - References of a root in `packages/Name/abcde` when `packages/Name/abcd` is deleted: Pkg compares paths as
//!   text.
//! - A clone with a name that no Julia up to 1.12 would give it, if a manifest has its origin: Julia 1.13
//!   gives other names.
//! - Items that are reachable under another path of the same depot, of a directory in it or of the item.
//! - A clone, by each of the names that Pkg since 1.5 has given to a `repo-url` that is a path: Pkg
//!   before 1.12.4 loses the clones of relative paths.

mod depot;
mod eviction;
mod marks;
mod places;
mod roots;

use std::collections::HashSet;

use chrono::TimeDelta;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::orphans::Orphans;
use crate::time::DepotTime;

pub use depot::{Depot, Item, KINDS, Kind};
pub use eviction::{Candidate, evict};
pub use places::{Places, Position};
pub use roots::{Root, Roots, SpaceUse, Unreadable};

use marks::Marks;

/// When items become deletable.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The time after which an orphan is deletable.
    pub collect_delay: TimeDelta,
    /// The time after which a space that is not opened is deletable, although it is reachable.
    pub scratch_cleanup_period: Option<TimeDelta>,
}

/// What references an item, as an index into one of the lists of [`Roots`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reference {
    /// Of [`Roots::manifests`].
    Manifest(usize),
    /// Of [`Roots::artifact_files`].
    ArtifactFile(usize),
    /// Of [`Roots::uses`].
    Use(usize),
    /// Of [`Roots::unreadable`].
    Unreadable(usize),
}

/// The references to an item: mostly one, of very many items.
pub type References = SmallVec<[Reference; 1]>;

/// Why an item is deletable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Reason {
    /// It has been unreachable for long enough.
    Unreachable,
    /// It is a space that has not been opened for long enough.
    Unused,
    /// The depot exceeds its maximum size.
    Evicted,
}

/// The state of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is reachable, or in a depot that is not swept.
    Retained,
    /// It is unreachable, and not yet deletable.
    Orphaned {
        /// Since when it is unreachable.
        since: DepotTime,
        /// When it becomes deletable.
        until: DepotTime,
    },
    /// It is deletable now.
    Deletable(Reason),
}

/// The state of an item, and what references it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Its state.
    pub state: State,
    /// What references it: nothing, if it is an orphan.
    pub referenced_by: References,
}

/// The decisions on the items of a depot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DepotPlan {
    /// One for each item, in their order.
    pub decisions: Vec<Decision>,
    /// The new content of its `orphaned.toml`.
    pub orphans: Orphans,
}

/// Decides, for each depot in the order of the stack.
pub fn plan(depots: &[Depot], roots: &Roots, policy: &Policy, now: DepotTime) -> Vec<DepotPlan> {
    let places = Places::of(depots, &roots.aliases);
    let mut marks = Marks::of(depots);
    marks.unreadable(depots, roots);
    marks.packages(depots, &places, roots);
    marks.follow(&roots.links);
    // Without a grace period, items that only those packages reference are deletable with them.
    let deletable = match policy.collect_delay <= TimeDelta::zero() {
        true => marks.unmarked_packages(depots),
        false => HashSet::new(),
    };
    marks.artifacts(depots, &places, roots, &deletable);
    marks.clones(depots, roots);
    let last_used = marks.spaces(&places, roots, &deletable);
    marks.follow(&roots.links);
    let decide = |(index, depot): (usize, &Depot)| {
        let mut plan = DepotPlan::default();
        plan.decisions.reserve_exact(depot.items.len());
        for (item, referenced_by) in marks.referenced_by[index].iter_mut().enumerate() {
            let referenced_by = std::mem::take(referenced_by);
            let state = match referenced_by.is_empty() {
                _ if !depot.is_swept => State::Retained,
                true => orphan(&depot.items[item], depot, policy, now, &mut plan.orphans),
                false => {
                    let last_used = last_used.get(&(index, item)).copied();
                    unused(last_used, policy, now).unwrap_or(State::Retained)
                }
            };
            plan.decisions.push(Decision { state, referenced_by });
        }
        plan
    };
    depots.iter().enumerate().map(decide).collect()
}

/// The state of an unreachable item, which is added to `orphans`.
fn orphan(
    item: &Item,
    depot: &Depot,
    policy: &Policy,
    now: DepotTime,
    orphans: &mut Orphans,
) -> State {
    let paths = std::iter::once(&depot.path).chain(&depot.aliases);
    let known = paths
        .filter_map(|path| depot.orphans.0.get(&item.text(path)?))
        // A clock that was wrong once must not keep it for ever.
        .map(|since| (*since).min(now))
        .min();
    let since = known.unwrap_or(now);
    // An item whose name is not Unicode cannot be recorded, and is a new orphan each time.
    if let Some(path) = item.text(&depot.path) {
        orphans.0.insert(path, since);
    }
    if now.since(since) >= policy.collect_delay {
        return State::Deletable(Reason::Unreachable);
    }
    State::Orphaned { since, until: since.after(policy.collect_delay) }
}

/// The state of a reachable space, if it has not been opened for too long.
fn unused(last_used: Option<DepotTime>, policy: &Policy, now: DepotTime) -> Option<State> {
    let is_old = now.since(last_used?) >= policy.scratch_cleanup_period?;
    is_old.then_some(State::Deletable(Reason::Unused))
}

#[cfg(test)]
mod tests;
