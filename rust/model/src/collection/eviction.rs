//! The items that are deleted when a depot exceeds its maximum size.

use crate::time::DepotTime;

use super::depot::{Depot, Kind};
use super::{DepotPlan, Reason, Reference, State};

/// An item that can be evicted to make a depot smaller.
#[derive(Clone, Copy, Debug)]
pub struct Candidate {
    /// The index of the item in the depot.
    pub item: usize,
    /// Its size in bytes.
    pub bytes: u64,
    /// When it was last used, if that is known.
    pub last_used: Option<DepotTime>,
    /// Whether it must be kept.
    pub is_fixed: bool,
}

/// Makes artifacts and spaces of a depot deletable until the others have at most `max_size` bytes,
/// the least recently used first; reachable ones only if `evicts_reachable`, and after all others.
/// Items that an unreadable root might reference are never evicted.
///
/// `candidates` has the sizes of all items of the depot.
pub fn evict(
    depot: &Depot,
    plan: &mut DepotPlan,
    candidates: &[Candidate],
    max_size: u64,
    evicts_reachable: bool,
) {
    let is_deletable =
        |plan: &DepotPlan, item: usize| matches!(plan.decisions[item].state, State::Deletable(_));
    let staying = candidates.iter().filter(|candidate| !is_deletable(plan, candidate.item));
    let mut size: u64 = staying.clone().map(|candidate| candidate.bytes).sum();
    let is_unreadable = |reference: &Reference| matches!(reference, Reference::Unreadable(_));
    let mut evictable: Vec<_> = staying
        .filter(|candidate| {
            let referenced_by = &plan.decisions[candidate.item].referenced_by;
            let is_free = referenced_by.is_empty()
                || evicts_reachable && !referenced_by.iter().any(is_unreadable);
            let kind = depot.items[candidate.item].kind;
            matches!(kind, Kind::Artifact | Kind::Space) && is_free && !candidate.is_fixed
        })
        .collect();
    evictable.sort_by_key(|candidate| {
        let is_reachable = !plan.decisions[candidate.item].referenced_by.is_empty();
        (is_reachable, candidate.last_used, candidate.item)
    });
    for candidate in evictable {
        if size <= max_size {
            return;
        }
        size -= candidate.bytes;
        plan.decisions[candidate.item].state = State::Deletable(Reason::Evicted);
    }
}
