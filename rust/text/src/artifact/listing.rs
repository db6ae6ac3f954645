//! Installed artifacts.

use scratchrs_core::artifact::{Listed, Listing};

use crate::human::{self, count, visible};
use crate::style::aside;
use crate::table::{Column, table};
use crate::{Context, Text};

const COLUMNS: [Column; 5] = [
    Column::left("artifact").cut(),
    Column::left("name").cut(),
    Column::right("size"),
    Column::left("last used"),
    Column::left("bound by"),
];

/// The artifacts of a depot stack, in these directories.
pub fn listing(listing: &Listing, directories: &[String], context: &Context<'_>) -> Text {
    let directories = directories.iter().map(|it| format!("`{it}`"));
    let directories = directories.collect::<Vec<_>>().join(", ");
    if listing.artifacts.is_empty() {
        return Text::default().sentence(format!("No artifacts in {directories}"));
    }
    let rows: Vec<_> = listing.artifacts.iter().map(|it| row(it, context)).collect();
    let artifacts = count(rows.len() as u64, "artifact");
    let total = format!("{artifacts} in {directories} ({})", human::size(listing.bytes));
    let lines = table(&COLUMNS, &rows, context);
    Text { lines, ..Text::default() }.sentence(aside(&total))
}

fn row(artifact: &Listed, context: &Context<'_>) -> [String; 5] {
    [
        artifact.hash.to_string(),
        visible(&artifact.names.join(", ")),
        human::size(artifact.bytes),
        human::age(artifact.last_used, context.now),
        match artifact.bound_by.len() {
            0 => "nothing".to_owned(),
            number => count(number as u64, "file"),
        },
    ]
}
