//! The tables of a file and the order of their headers.

use toml_edit::{ArrayOfTables, Decor, DocumentMut, Item, KeyMut, Table};

use super::addition::Addition;

/// Puts an entry into the place of another one, whose comments stay.
pub(super) fn rewrite(table: &mut Table, name: &str, addition: &Addition<'_>) {
    let mut own: DocumentMut = addition.to_text(name).parse().unwrap_or_default();
    let Some(Item::Table(mut new)) = own.as_table_mut().remove(name) else { return };
    let stays =
        |key: &str, item: &Item| item.is_value() && new.get(key).is_some_and(Item::is_value);
    let values = table.iter().filter(|(_, item)| item.is_value());
    let is_sorted = values.map(|(key, _)| key).is_sorted();
    let gone: Vec<String> = table
        .iter()
        .filter(|(key, item)| !stays(key, item))
        .map(|(key, _)| key.to_owned())
        .collect();
    gone.iter().for_each(|key| drop(table.remove(key)));
    let keys: Vec<String> = new.iter().map(|(key, _)| key.to_owned()).collect();
    for key in keys {
        let Some((formatted, mut item)) = new.remove_entry(&key) else { continue };
        match (table.get_mut(&key), &mut item) {
            (Some(Item::Value(old)), Item::Value(value)) => {
                *value.decor_mut() = old.decor().clone();
                *old = value.clone();
            }
            _ => {
                forget_positions(&mut item);
                table.insert_formatted(&formatted, item);
            }
        }
    }
    if is_sorted {
        table.sort_values();
    }
}

/// Sets where a header and what is above it stand. What is nested follows it.
pub(super) fn place(table: &mut Table, position: Option<isize>, prefix: &str) {
    for (_, item) in table.iter_mut() {
        forget_positions(item);
    }
    table.set_position(position);
    table.decor_mut().set_prefix(prefix);
}

pub(super) fn tables_of(item: &mut Item) -> Vec<&mut Table> {
    match item {
        Item::Table(table) => vec![table],
        Item::ArrayOfTables(tables) => ArrayOfTables::iter_mut(tables).collect(),
        _ => Vec::new(),
    }
}

pub(super) fn forget_positions(item: &mut Item) {
    for table in tables_of(item) {
        table.set_position(None);
        table.iter_mut().for_each(|(_, item)| forget_positions(item));
    }
}

pub(super) fn space_out(item: &mut Item) {
    for table in tables_of(item) {
        table.set_position(table.position().map(|position| 2 * position));
        table.iter_mut().for_each(|(_, item)| space_out(item));
    }
}

pub(super) fn first_table(item: &mut Item) -> Option<&mut Table> {
    tables_of(item).into_iter().next()
}

/// The positions of a table's header and of those nested in it.
pub(super) fn positions(table: &Table) -> Box<dyn Iterator<Item = isize> + '_> {
    let own = table.position().filter(|_| !table.is_implicit() && !table.is_dotted());
    let nested = table.iter().flat_map(|(_, item)| match item {
        Item::Table(table) => positions(table),
        Item::ArrayOfTables(tables) => Box::new(tables.iter().flat_map(positions)),
        _ => Box::new(std::iter::empty()) as Box<dyn Iterator<Item = isize>>,
    });
    Box::new(own.into_iter().chain(nested))
}

pub(super) fn first_position(table: &Table) -> Option<isize> {
    positions(table).min()
}

/// The table whose header is the first that is seen of `table`: itself, or one nested in it.
pub(super) fn visible(table: &mut Table) -> Option<&mut Table> {
    let first = first_position(table)?;
    if table.position() == Some(first) && !table.is_implicit() && !table.is_dotted() {
        return Some(table);
    }
    let nested = table.iter_mut().flat_map(|(_, item)| tables_of(item));
    nested.into_iter().find(|table| first_position(table) == Some(first)).and_then(visible)
}

/// Whether an item of the file stands before all headers.
pub(super) fn is_value((_, item): (&str, &Item)) -> bool {
    match item {
        Item::Table(table) => table.is_dotted(),
        item => item.is_value(),
    }
}

/// Runs `work` on what stands around the first line of a value, which may be spread over dotted
/// keys. `None` if it is not a value.
pub(super) fn at_first_line<'a, T>(
    mut key: KeyMut<'a>,
    item: &'a mut Item,
    work: impl FnOnce(&mut Decor) -> T,
) -> Option<T> {
    let mut item = item;
    while let Item::Table(table) = item {
        if !table.is_dotted() {
            return None;
        }
        (key, item) = table.iter_mut().next()?;
    }
    item.is_value().then(|| work(key.leaf_decor_mut()))
}
