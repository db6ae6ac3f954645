//! What a collection would do, with the sizes of the items.

use scratchrs_fs::{self as fs, Progress, Size};
use scratchrs_model::collection::{DepotPlan, State};

use super::decision_log::log_decisions;
use super::in_use::why_in_use;
use super::options::Moment;
use super::report::{Deleted, Report, Waiting};
use super::state::CollectionState;
use crate::error::Result;
use crate::failure::Failure;

/// Adds the unreachable items to the report.
pub(super) fn predict(
    state: &CollectionState,
    plans: &[DepotPlan],
    moment: Moment,
    report: &mut Report,
    progress: &Progress,
) -> Result<()> {
    log_decisions(state, plans);
    let items: Vec<_> =
        state.items(plans).filter(|item| item.decision.state != State::Retained).collect();
    progress.begin_counting("Measuring deletable items");
    progress.expect(items.len() as u64);
    let found = fs::parallel_map(&items, |planned| {
        if progress.check().is_err() {
            return (Ok(None), Size::default());
        }
        let path = planned.item.path(&state.inventory.depots[planned.depot].path);
        let why_in_use = match planned.decision.state {
            State::Deletable(_) => why_in_use(&path, planned.item, &state.mounts, moment),
            State::Retained | State::Orphaned { .. } => Ok(None),
        };
        let size = Size::of(&path);
        progress.advance(1);
        (why_in_use, size)
    });
    progress.check()?;
    for (planned, (why_in_use, size)) in items.into_iter().zip(found) {
        let (kind, path) = (planned.item.kind.into(), state.path(planned.depot, planned.item));
        match (planned.decision.state, why_in_use) {
            (_, Ok(Some(reason))) => {
                log::debug!("keeping `{path}`: {reason}");
                report.spared.push(Failure::of(path, reason));
            }
            (_, Err(error)) => report.failures.push(Failure::of(path, error)),
            (State::Retained, _) => {}
            (State::Deletable(reason), _) => report.gone.push(Deleted { kind, path, size, reason }),
            (State::Orphaned { since, until }, _) => {
                report.waiting.push(Waiting { kind, path, size, since, until });
            }
        }
    }
    Ok(())
}
