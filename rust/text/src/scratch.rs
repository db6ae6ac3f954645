//! Scratch spaces.

use scratchrs_core::scratch::{Listing, Space};
use scratchrs_model::layout::GLOBAL;

use crate::human::{self, count, visible};
use crate::style::aside;
use crate::table::{Column, table};
use crate::{Context, Text};

const COLUMNS: [Column; 5] = [
    Column::left("package").cut(),
    Column::left("key").cut(),
    Column::right("size"),
    Column::left("last used"),
    Column::left("used by"),
];

/// The scratch spaces of a depot; with `is_verbose`, also their paths and projects.
pub fn listing(listing: &Listing, is_verbose: bool, context: &Context<'_>) -> Text {
    let rows: Vec<_> = listing.spaces.iter().map(|space| row(space, context)).collect();
    let mut table = table(&COLUMNS, &rows, context).into_iter();
    let mut lines: Vec<String> = table.next().into_iter().collect();
    for (line, space) in table.zip(&listing.spaces) {
        lines.push(line);
        if is_verbose {
            lines.extend(details(space));
        }
    }
    let total = total(rows.len(), &listing.directory, listing.bytes);
    Text { lines, ..Text::default() }.sentence(aside(&total))
}

/// A number of scratch spaces in a directory, and their size.
pub fn total(number: usize, directory: &str, bytes: u64) -> String {
    let spaces = count(number as u64, "scratch space");
    format!("{spaces} in `{directory}` ({})", human::size(bytes))
}

fn row(space: &Space, context: &Context<'_>) -> [String; 5] {
    let projects = space.parent_projects.len() - space.missing_projects.len();
    [
        visible(&owner(space)),
        visible(&space.key),
        human::size(space.bytes),
        human::age(space.last_used, context.now),
        match projects {
            0 => "nothing".to_owned(),
            number => count(number as u64, "project"),
        },
    ]
}

/// The name of the owning package, as far as it is known.
pub fn owner(space: &Space) -> String {
    match &space.package {
        Some(name) => name.clone(),
        None if space.owner == GLOBAL.to_string() => "(global)".to_owned(),
        None => space.owner.clone(),
    }
}

fn details(space: &Space) -> Vec<String> {
    let project = |project: &String| {
        let missing = if space.missing_projects.contains(project) { " (missing)" } else { "" };
        format!("    used by {}{missing}", visible(project))
    };
    let path = format!("    {}", visible(&space.path));
    std::iter::once(path).chain(space.parent_projects.iter().map(project)).collect()
}
