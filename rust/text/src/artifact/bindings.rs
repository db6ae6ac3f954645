//! The bindings of a file.

use scratchrs_core::artifact::{BindingState, FileBinding};

use crate::human::visible;
use crate::table::{Column, table};
use crate::{Context, Text};

const COLUMNS: [Column; 4] = [
    Column::left("name").cut(),
    Column::left("platform").cut(),
    Column::left("hash").cut(),
    Column::left("state"),
];

/// The bindings of a file, of which there is at least one.
pub fn bindings(bindings: &[FileBinding], context: &Context<'_>) -> Text {
    let rows: Vec<_> = bindings.iter().map(row).collect();
    Text { lines: table(&COLUMNS, &rows, context), ..Text::default() }
}

fn row(binding: &FileBinding) -> [String; 4] {
    let unknown = || "?".to_owned();
    let (platform, hash) = match binding.hash {
        Some(hash) => (binding.platform.clone().unwrap_or("any".to_owned()), hash.to_string()),
        None => (unknown(), unknown()),
    };
    let state = match (binding.state, binding.lazy) {
        (BindingState::Missing, true) => "missing (lazy)",
        (BindingState::Missing, false) => "missing",
        (BindingState::Installed, _) => "installed",
        (BindingState::Overridden, _) => "overridden",
        (BindingState::Undecided, _) => "undecided",
        (BindingState::Invalid, _) => "invalid",
    };
    [visible(&binding.name), platform, hash, state.to_owned()]
}
