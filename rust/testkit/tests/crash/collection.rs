//! Collections.

use crate::collectable::{depot, items};
use crate::{NOTHING_SPECIAL, Scenario};

// The second collection finds no orphan: the end is the same, killed or not.
const COLLECT: &[&str] = &["collect", "--times", "2"];
const COLLECTING: Scenario =
    Scenario { prepare: depot, task: COLLECT, observe: items, ..NOTHING_SPECIAL };

#[test]
fn a_depot_is_collected() {
    Scenario { name: "collect", ..COLLECTING }.run();
}

#[test]
fn a_depot_is_collected_to_become_smaller() {
    let task = &["collect", "--times", "2", "--max-size", "0"];
    Scenario { name: "collect to a size", task, ..COLLECTING }.run();
}

#[test]
fn a_depot_is_emptied_to_become_smaller() {
    let task = &["collect", "--times", "2", "--max-size", "0", "--evict-in-use"];
    Scenario { name: "collect to a size, items in use too", task, ..COLLECTING }.run();
}
