//! A file under edit: entries come, go and change places.

use toml_edit::{Decor, DocumentMut, Item, Value};

use super::Refusal;
use super::addition::Addition;
use super::decor::{
    attached, detached, has_comment, make_way, prefix, put_above, without_blank_start,
};
use super::tables::{
    at_first_line, first_position, first_table, is_value, place, positions, rewrite, space_out,
    visible,
};
use crate::diagnostic::Diagnostic;

/// A file under edit.
pub(super) struct File {
    document: DocumentMut,
    /// Whether its lines end as on Windows.
    has_returns: bool,
}

/// A header at the top level of a file, in the order of the file: that of a table, or of an element
/// of an array of tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    position: isize,
    name: String,
    /// Which element of the array it is.
    index: Option<usize>,
}

impl File {
    pub(super) fn parse(text: &str) -> Result<Self, Refusal> {
        let mut document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| {
            Refusal::Malformed(Diagnostic::of_parser(text, error.span(), error.message()))
        })?;
        // Room for one more behind each table.
        for (_, item) in document.iter_mut() {
            space_out(item);
        }
        let newlines = text.matches('\n').count();
        let has_returns = newlines > 0 && newlines == text.matches("\r\n").count();
        Ok(Self { document, has_returns })
    }

    pub(super) fn into_text(self) -> String {
        let text = self.document.to_string();
        match self.has_returns {
            true => text.replace("\r\n", "\n").replace('\n', "\r\n"),
            false => text,
        }
    }

    pub(super) fn heads(&self) -> Vec<Head> {
        let mut heads = Vec::new();
        for (name, item) in self.document.iter() {
            let head = |position, index| Head { position, name: name.to_owned(), index };
            match item {
                Item::Table(table) => heads.extend(first_position(table).map(|at| head(at, None))),
                Item::ArrayOfTables(tables) => {
                    heads.extend(tables.iter().enumerate().filter_map(|(index, table)| {
                        Some(head(first_position(table)?, Some(index)))
                    }))
                }
                _ => {}
            }
        }
        heads.sort_by_key(|head| head.position);
        heads
    }

    /// Whether something stands before all headers.
    pub(super) fn has_values(&self) -> bool {
        self.document.iter().any(is_value)
    }

    /// Adds an entry of a name that has none, where Pkg would have it: sorted by name, if the file
    /// is sorted.
    pub(super) fn add(&mut self, name: &str, addition: &Addition<'_>) {
        let heads = self.heads();
        let is_sorted = heads.is_sorted_by(|a, b| a.name <= b.name);
        let next = heads.iter().position(|head| is_sorted && head.name.as_str() > name);
        let (position, prefix) = match next {
            Some(next) => {
                let head = &heads[next];
                let is_first = next == 0 && !self.has_values();
                let decor = self.decor_mut(head);
                let prefix = decor.map(|decor| make_way(decor, is_first)).unwrap_or_default();
                (head.position - 1, prefix)
            }
            None => {
                let is_first = heads.is_empty() && !self.has_values();
                let last = heads.iter().map(|head| self.last_position(head)).max();
                (last.map_or(1, |last| last + 1), self.take_trailing(is_first))
            }
        };
        self.insert(name, addition, position, &prefix);
    }

    pub(super) fn insert(
        &mut self,
        name: &str,
        addition: &Addition<'_>,
        position: isize,
        prefix: &str,
    ) {
        let mut own: DocumentMut = addition.to_text(name).parse().unwrap_or_default();
        if let Some((key, mut item)) = own.as_table_mut().remove_entry(name) {
            if let Some(head) = first_table(&mut item) {
                place(head, Some(position), prefix);
            }
            self.document.as_table_mut().insert_formatted(&key, item);
        }
    }

    /// Gives a name another entry, in the place of what it has.
    pub(super) fn replace(&mut self, name: &str, addition: &Addition<'_>) {
        let root = self.document.as_table_mut();
        match (root.get_mut(name), addition.options.platform) {
            (Some(Item::Table(table)), None) if !table.is_implicit() && !table.is_dotted() => {
                rewrite(table, name, addition);
            }
            (Some(Item::Value(Value::InlineTable(table))), None) => {
                let decor = table.decor().clone();
                *table = addition.to_inline();
                *table.decor_mut() = decor;
            }
            (Some(Item::Table(_) | Item::ArrayOfTables(_)), _) => {
                if let Some(Item::ArrayOfTables(tables)) = self.document.get(name) {
                    let others: Vec<usize> = (1..tables.len()).collect();
                    self.remove_elements(name, &others);
                }
                let head = self.heads().into_iter().find(|head| head.name == name);
                let prefix = head.as_ref().and_then(|head| self.decor_mut(head)).map(|d| prefix(d));
                self.document.remove(name);
                match (head, prefix) {
                    (Some(head), Some(prefix)) => {
                        self.insert(name, addition, head.position, &prefix);
                    }
                    _ => self.add(name, addition),
                }
            }
            _ => {
                self.remove(name);
                self.add(name, addition);
            }
        }
    }

    /// Adds an element to the array of a name, and removes those at `same`.
    pub(super) fn add_element(&mut self, name: &str, same: &[usize], addition: &Addition<'_>) {
        match self.document.get_mut(name) {
            Some(Item::Value(Value::Array(array))) => {
                same.iter().rev().for_each(|index| drop(array.remove(*index)));
                array.push(Value::InlineTable(addition.to_inline()));
            }
            Some(Item::ArrayOfTables(tables)) if same.len() == tables.len() => {
                self.replace(name, addition);
            }
            Some(Item::ArrayOfTables(tables)) => {
                let comment = same.first().and_then(|index| tables.get(*index));
                let comment = comment.map(|table| attached(&prefix(table.decor())).to_owned());
                // Where there are empty lines between elements, there will be another.
                let last = tables.iter().skip(1).last();
                let blank = last.is_some_and(|table| prefix(table.decor()).starts_with('\n'));
                self.remove_elements(name, same);
                let blank = if blank { "\n" } else { "" };
                let prefix = format!("{blank}{}", comment.unwrap_or_default());
                self.push_element(name, addition, &prefix);
            }
            _ => {}
        }
    }

    pub(super) fn push_element(&mut self, name: &str, addition: &Addition<'_>, prefix: &str) {
        let mut own: DocumentMut = addition.to_text(name).parse().unwrap_or_default();
        let element = match own.as_table_mut().remove(name) {
            Some(Item::ArrayOfTables(elements)) => elements.into_iter().next(),
            _ => None,
        };
        let array = self.document.get_mut(name).and_then(Item::as_array_of_tables_mut);
        if let (Some(array), Some(mut element)) = (array, element) {
            // Without a position of its own it follows the element before.
            place(&mut element, None, prefix);
            array.push(element);
        }
    }

    /// Removes a name, if it is there.
    pub(super) fn remove(&mut self, name: &str) {
        let heads: Vec<Head> = self.heads().into_iter().filter(|head| head.name == name).collect();
        for head in heads.iter().rev() {
            self.close_gap(head);
            if let (Some(index), Some(Item::ArrayOfTables(tables))) =
                (head.index, self.document.get_mut(name))
            {
                tables.remove(index);
            }
        }
        if heads.is_empty() {
            self.keep_comments_above_value(name);
        }
        self.document.remove(name);
    }

    pub(super) fn remove_elements(&mut self, name: &str, indices: &[usize]) {
        for index in indices.iter().rev() {
            let is_it = |head: &Head| head.name == name && head.index == Some(*index);
            if let Some(head) = self.heads().into_iter().find(is_it) {
                self.close_gap(&head);
            }
            match self.document.get_mut(name) {
                Some(Item::ArrayOfTables(tables)) => drop(tables.remove(*index)),
                Some(Item::Value(Value::Array(array))) => drop(array.remove(*index)),
                _ => {}
            }
        }
    }

    /// Makes what follows the header `gone` look as if that had never been there. Comments above it
    /// that are not its own stay.
    pub(super) fn close_gap(&mut self, gone: &Head) {
        let heads = self.heads();
        let Some(at) = heads.iter().position(|head| head == gone) else { return };
        let Some(above) = self.decor_mut(gone).map(|decor| prefix(decor)) else { return };
        let kept = detached(&above);
        let is_first = at == 0 && !self.has_values();
        match heads.get(at + 1) {
            Some(next) if is_first || next.name == gone.name || has_comment(kept) => {
                if let Some(decor) = self.decor_mut(next) {
                    put_above(decor, kept);
                }
            }
            None if has_comment(kept) => self.put_at_end(kept),
            _ => {}
        }
    }

    /// Puts comments behind the last entry.
    pub(super) fn put_at_end(&mut self, comments: &str) {
        let trailing = self.document.trailing().as_str().unwrap_or_default();
        let trailing = format!("{comments}{}", without_blank_start(trailing));
        self.document.set_trailing(trailing);
    }

    /// Gives the comments above a value that are not its own to what follows it.
    pub(super) fn keep_comments_above_value(&mut self, name: &str) {
        let mut values: Vec<(String, String)> = Vec::new();
        for (key, item) in self.document.iter_mut() {
            let name = key.get().to_owned();
            values.extend(at_first_line(key, item, |decor| (name, prefix(decor))));
        }
        let Some(at) = values.iter().position(|(key, _)| key == name) else { return };
        let kept = detached(&values[at].1);
        if at > 0 && !has_comment(kept) {
            return;
        }
        let heads = self.heads();
        match (values.get(at + 1), heads.first()) {
            (Some((next, _)), _) => {
                let next = self.document.get_key_value_mut(next);
                next.map(|(key, item)| at_first_line(key, item, |decor| put_above(decor, kept)));
            }
            (None, Some(head)) => drop(self.decor_mut(head).map(|decor| put_above(decor, kept))),
            (None, None) => self.put_at_end(kept),
        }
    }

    /// What a header at the end of the file has above it. What stood at the end stands there.
    pub(super) fn take_trailing(&mut self, is_first: bool) -> String {
        let mut trailing = self.document.trailing().as_str().unwrap_or_default().to_owned();
        self.document.set_trailing("");
        if !trailing.is_empty() && !trailing.ends_with('\n') {
            trailing.push('\n');
        }
        let has_blank_end = trailing.ends_with("\n\n") || trailing == "\n";
        if !(has_blank_end || is_first && trailing.is_empty()) {
            trailing.push('\n');
        }
        trailing
    }

    pub(super) fn decor_mut(&mut self, head: &Head) -> Option<&mut Decor> {
        let item = self.document.get_mut(&head.name)?;
        let table = match (item, head.index) {
            (Item::ArrayOfTables(tables), Some(index)) => tables.get_mut(index)?,
            (Item::Table(table), None) => visible(table)?,
            _ => return None,
        };
        Some(table.decor_mut())
    }

    pub(super) fn last_position(&self, head: &Head) -> isize {
        let table = match (self.document.get(&head.name), head.index) {
            (Some(Item::ArrayOfTables(tables)), Some(index)) => tables.get(index),
            (Some(Item::Table(table)), None) => Some(table),
            _ => None,
        };
        table.and_then(|table| positions(table).max()).unwrap_or(head.position)
    }
}
