//! Depots of a stack that may not be written to, such as those that come with a Julia.

use std::path::Path;

use scratchrs_fs as fs;
use scratchrs_model::collection::State;
use scratchrs_model::layout::{self, LOGS};

use super::{Moment, Note, Options, Problem, World};

impl World {
    /// Leaves out the depots behind the first one in which nothing can be deleted, as the user may not
    /// write there. That is noted where something in them is unreachable; a collection of all depots of
    /// a stack that ends with those of a Julia succeeds then (Pkg#2642).
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
            let is_unreachable =
                |state: State| matches!(state, State::Deletable(_) | State::Orphaned { .. });
            let decisions = plans[index].decisions.iter();
            let count = decisions.filter(|decision| is_unreachable(decision.state)).count();
            let depot = &mut self.inventory.depots[index];
            depot.is_swept = false;
            if count > 0 {
                let items = if count == 1 { "1 item" } else { &format!("{count} items") };
                let message = format!("is not writable, and has {items} that nothing references");
                let note = Note::about(Path::new(&depot.path), Problem::Passed, message);
                self.inventory.notes.push(note);
            }
        }
    }
}

/// Whether a depot that exists may not be written to: a collection writes to its logs first.
fn is_read_only(depot: &str) -> bool {
    let logs = layout::join(depot, &[LOGS]);
    let written = if fs::is_dir(Path::new(&logs)) { &logs } else { depot };
    fs::is_dir(Path::new(depot)) && !fs::is_writable_dir(Path::new(written))
}
