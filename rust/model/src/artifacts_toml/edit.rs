//! Binding and unbinding names, as edits of a file's text.
//!
//! What is new is laid out as Pkg does it (`TOML.print(…; sorted = true)`), at the place where Pkg
//! would have it; all else stays as it is, letter for letter. So a file that only Pkg and we write
//! is what Pkg alone would have written, and one that people write keeps comments and order.
//!
//! A comment right above a header belongs to the entry: it stays with a name that is bound anew, and
//! goes with one that is unbound. One with an empty line behind it belongs to the file.

use std::collections::BTreeMap;
use std::fmt::Write;

use toml_edit::{
    ArrayOfTables, Decor, DocumentMut, InlineTable, Item, KeyMut, RawString, Table, Value,
};

use super::{Binding, Bindings, DOWNLOAD, Download, HASH, LAZY, SHA256, SIZE, URL};
use crate::diagnostic::Diagnostic;
use crate::hash::TreeHash;
use crate::platform::Platform;
use crate::toml_text::{push_key, push_string};

/// How a name is to be bound.
#[derive(Clone, Copy, Debug, Default)]
pub struct BindOptions<'a> {
    /// For which platform; None for every one.
    pub platform: Option<&'a Platform>,
    /// Where the artifact can be downloaded from. None leaves the section out.
    pub downloads: Option<&'a [Download]>,
    /// Whether it is only to be installed once somebody asks for it.
    pub lazy: bool,
    /// Whether a binding that is there is replaced.
    pub force: bool,
}

/// Why a file is not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is not TOML.
    #[error("{0}")]
    Malformed(Diagnostic),
    /// The name is bound already.
    #[error("`{name}` is bound already{}", .platform.iter().map(|it| format!(" for {it}")).collect::<String>())]
    Bound {
        /// The name.
        name: String,
        /// For which platform it does: that which was asked for, or every one.
        platform: Option<String>,
    },
    /// The name is bound for some platforms, and was to be bound for every one.
    #[error("`{0}` is bound already, by platform")]
    BoundByPlatform(String),
    /// The name is bound for every platform, and was to be unbound for one.
    #[error("`{0}` is bound for every platform")]
    BoundEverywhere(String),
}

/// The text of a file in which `name` stands for the artifact `hash`.
///
/// A name is either bound for every platform or for one or several: with `force`, a binding of the
/// other kind is replaced as a whole. Two platforms are the same if they have the same tags.
///
/// # Errors
///
/// If the text is not TOML, or, without `force`, if the name is bound already.
pub fn bind(
    text: &str,
    name: &str,
    hash: TreeHash,
    options: BindOptions<'_>,
) -> Result<String, Refusal> {
    let bindings = Bindings::read(text).map_err(Refusal::Malformed)?;
    let binding = bindings.names.get(name).filter(|binding| !binding.is_empty());
    let mut file = File::parse(text)?;
    let bound = || Refusal::Bound { name: name.to_owned(), platform: None };
    match (binding, options.platform) {
        (None, _) => {
            file.remove(name);
            file.add(name, &Addition { hash, options });
        }
        (Some(Binding::ByPlatform(_)), None) if !options.force => {
            return Err(Refusal::BoundByPlatform(name.to_owned()));
        }
        (Some(Binding::ByPlatform(entries)), Some(platform)) => {
            let same: Vec<usize> = indices_of(platform, entries).collect();
            if !same.is_empty() && !options.force {
                let platform = Some(platform.to_string());
                return Err(Refusal::Bound { name: name.to_owned(), platform });
            }
            file.add_element(name, &same, &Addition { hash, options });
        }
        (Some(_), _) if !options.force => return Err(bound()),
        (Some(_), _) => file.replace(name, &Addition { hash, options }),
    }
    Ok(file.into_text())
}

/// The text of a file in which `name` stands for nothing, or, if a platform is given, for nothing on
/// that platform. None if that is so already.
///
/// # Errors
///
/// If the text is not TOML; or if a platform is given and the name is bound for every one.
pub fn unbind(
    text: &str,
    name: &str,
    platform: Option<&Platform>,
) -> Result<Option<String>, Refusal> {
    let bindings = Bindings::read(text).map_err(Refusal::Malformed)?;
    let Some(binding) = bindings.names.get(name) else { return Ok(None) };
    let mut file = File::parse(text)?;
    match (platform, binding) {
        (None, _) => file.remove(name),
        (Some(_), Binding::Everywhere(_) | Binding::Senseless(_)) => {
            return Err(Refusal::BoundEverywhere(name.to_owned()));
        }
        (Some(platform), Binding::ByPlatform(entries)) => {
            let same: Vec<usize> = indices_of(platform, entries).collect();
            match same.len() {
                0 => return Ok(None),
                // Pkg leaves an empty array, which stands for nothing.
                all if all == entries.len() => file.remove(name),
                _ => file.remove_elements(name, &same),
            }
        }
    }
    Ok(Some(file.into_text()))
}

type Elements = [(super::Readable<Platform>, super::Readable<super::Entry>)];

fn indices_of<'a>(
    platform: &'a Platform,
    elements: &'a Elements,
) -> impl Iterator<Item = usize> + 'a {
    let is_same = |(other, _): &(super::Readable<Platform>, _)| {
        other.as_ref().is_ok_and(|other| other.has_tags_of(platform))
    };
    elements.iter().enumerate().filter(move |(_, element)| is_same(element)).map(|(index, _)| index)
}

impl Binding {
    /// Whether it is what Pkg leaves when it unbinds the last platform of a name.
    fn is_empty(&self) -> bool {
        matches!(self, Self::ByPlatform(entries) if entries.is_empty())
    }
}

/// What a name is to stand for.
struct Addition<'a> {
    hash: TreeHash,
    options: BindOptions<'a>,
}

impl Addition<'_> {
    /// The fields that are no tables, each in Pkg's spelling.
    fn fields(&self) -> BTreeMap<&str, String> {
        let mut fields = BTreeMap::new();
        fields.insert(HASH, quoted(&self.hash.to_string()));
        if self.options.lazy {
            fields.insert(LAZY, "true".to_owned());
        }
        if self.options.downloads.is_some_and(<[_]>::is_empty) {
            fields.insert(DOWNLOAD, "[]".to_owned());
        }
        let tags = self.options.platform.into_iter().flat_map(Platform::tags);
        fields.extend(tags.map(|(tag, value)| (tag, quoted(value))));
        fields
    }

    fn downloads(&self) -> &[Download] {
        self.options.downloads.unwrap_or_default()
    }

    /// The entry as Pkg prints it, in a file of its own.
    fn to_text(&self, name: &str) -> String {
        let mut key = String::new();
        push_key(&mut key, name);
        let mut out = match self.options.platform {
            Some(_) => format!("[[{key}]]\n"),
            None => format!("[{key}]\n"),
        };
        for (field, value) in self.fields() {
            push_key(&mut out, field);
            // Writing to a `String` cannot fail.
            let _ = writeln!(out, " = {value}");
        }
        for (index, download) in self.downloads().iter().enumerate() {
            let blank = if index == 0 { "\n" } else { "" };
            let _ = writeln!(out, "{blank}    [[{key}.{DOWNLOAD}]]");
            for (field, value) in download_fields(download) {
                let _ = writeln!(out, "    {field} = {value}");
            }
        }
        out
    }

    /// The entry in braces, for a file that has its entries so.
    fn to_inline(&self) -> InlineTable {
        let mut fields: Vec<String> = self
            .fields()
            .into_iter()
            .map(|(field, value)| {
                let mut key = String::new();
                push_key(&mut key, field);
                format!("{key} = {value}")
            })
            .collect();
        if !self.downloads().is_empty() {
            let places = self.downloads().iter().map(|download| {
                let fields = download_fields(download);
                let fields = fields.iter().map(|(field, value)| format!("{field} = {value}"));
                format!("{{ {} }}", fields.collect::<Vec<_>>().join(", "))
            });
            fields.push(format!("{DOWNLOAD} = [{}]", places.collect::<Vec<_>>().join(", ")));
        }
        let text = format!("{{ {} }}", fields.join(", "));
        match text.parse::<Value>() {
            Ok(Value::InlineTable(table)) => table,
            // What we print is a table.
            _ => InlineTable::new(),
        }
    }
}

fn download_fields(download: &Download) -> Vec<(&'static str, String)> {
    let sha256 = (SHA256, quoted(&download.sha256.to_string()));
    let size = download.size.map(|size| (SIZE, size.to_string()));
    let url = (URL, quoted(&download.url));
    [Some(sha256), size, Some(url)].into_iter().flatten().collect()
}

fn quoted(text: &str) -> String {
    let mut out = String::new();
    push_string(&mut out, text);
    out
}

/// A file under edit.
struct File {
    document: DocumentMut,
    /// Whether its lines end as on Windows.
    has_returns: bool,
}

/// A header at the top level of a file, in the order of the file: that of a table, or of an element
/// of an array of tables.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Head {
    position: isize,
    name: String,
    /// Which element of the array it is.
    index: Option<usize>,
}

impl File {
    fn parse(text: &str) -> Result<Self, Refusal> {
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

    fn into_text(self) -> String {
        let text = self.document.to_string();
        match self.has_returns {
            true => text.replace("\r\n", "\n").replace('\n', "\r\n"),
            false => text,
        }
    }

    fn heads(&self) -> Vec<Head> {
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
    fn has_values(&self) -> bool {
        self.document.iter().any(is_value)
    }

    /// Adds an entry of a name that has none, where Pkg would have it: sorted by name, if the file
    /// is sorted.
    fn add(&mut self, name: &str, addition: &Addition<'_>) {
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

    fn insert(&mut self, name: &str, addition: &Addition<'_>, position: isize, prefix: &str) {
        let mut own: DocumentMut = addition.to_text(name).parse().unwrap_or_default();
        if let Some((key, mut item)) = own.as_table_mut().remove_entry(name) {
            if let Some(head) = first_table(&mut item) {
                place(head, Some(position), prefix);
            }
            self.document.as_table_mut().insert_formatted(&key, item);
        }
    }

    /// Gives a name another entry, in the place of what it has.
    fn replace(&mut self, name: &str, addition: &Addition<'_>) {
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
    fn add_element(&mut self, name: &str, same: &[usize], addition: &Addition<'_>) {
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
                // Whoever keeps an empty line between elements gets another.
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

    fn push_element(&mut self, name: &str, addition: &Addition<'_>, prefix: &str) {
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
    fn remove(&mut self, name: &str) {
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

    fn remove_elements(&mut self, name: &str, indices: &[usize]) {
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
    fn close_gap(&mut self, gone: &Head) {
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
    fn put_at_end(&mut self, comments: &str) {
        let trailing = self.document.trailing().as_str().unwrap_or_default();
        let trailing = format!("{comments}{}", without_blank_start(trailing));
        self.document.set_trailing(trailing);
    }

    /// Gives the comments above a value that are not its own to what follows it.
    fn keep_comments_above_value(&mut self, name: &str) {
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
    fn take_trailing(&mut self, is_first: bool) -> String {
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

    fn decor_mut(&mut self, head: &Head) -> Option<&mut Decor> {
        let item = self.document.get_mut(&head.name)?;
        let table = match (item, head.index) {
            (Item::ArrayOfTables(tables), Some(index)) => tables.get_mut(index)?,
            (Item::Table(table), None) => visible(table)?,
            _ => return None,
        };
        Some(table.decor_mut())
    }

    fn last_position(&self, head: &Head) -> isize {
        let table = match (self.document.get(&head.name), head.index) {
            (Some(Item::ArrayOfTables(tables)), Some(index)) => tables.get(index),
            (Some(Item::Table(table)), None) => Some(table),
            _ => None,
        };
        table.and_then(|table| positions(table).max()).unwrap_or(head.position)
    }
}

/// Puts an entry into the place of another one, whose comments stay.
fn rewrite(table: &mut Table, name: &str, addition: &Addition<'_>) {
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
fn place(table: &mut Table, position: Option<isize>, prefix: &str) {
    for (_, item) in table.iter_mut() {
        forget_positions(item);
    }
    table.set_position(position);
    table.decor_mut().set_prefix(prefix);
}

fn tables_of(item: &mut Item) -> Vec<&mut Table> {
    match item {
        Item::Table(table) => vec![table],
        Item::ArrayOfTables(tables) => ArrayOfTables::iter_mut(tables).collect(),
        _ => Vec::new(),
    }
}

fn forget_positions(item: &mut Item) {
    for table in tables_of(item) {
        table.set_position(None);
        table.iter_mut().for_each(|(_, item)| forget_positions(item));
    }
}

fn space_out(item: &mut Item) {
    for table in tables_of(item) {
        table.set_position(table.position().map(|position| 2 * position));
        table.iter_mut().for_each(|(_, item)| space_out(item));
    }
}

fn first_table(item: &mut Item) -> Option<&mut Table> {
    tables_of(item).into_iter().next()
}

/// The positions of a table's header and of those nested in it.
fn positions(table: &Table) -> Box<dyn Iterator<Item = isize> + '_> {
    let own = table.position().filter(|_| !table.is_implicit() && !table.is_dotted());
    let nested = table.iter().flat_map(|(_, item)| match item {
        Item::Table(table) => positions(table),
        Item::ArrayOfTables(tables) => Box::new(tables.iter().flat_map(positions)),
        _ => Box::new(std::iter::empty()) as Box<dyn Iterator<Item = isize>>,
    });
    Box::new(own.into_iter().chain(nested))
}

fn first_position(table: &Table) -> Option<isize> {
    positions(table).min()
}

/// The table whose header is the first that is seen of `table`: itself, or one nested in it.
fn visible(table: &mut Table) -> Option<&mut Table> {
    let first = first_position(table)?;
    if table.position() == Some(first) && !table.is_implicit() && !table.is_dotted() {
        return Some(table);
    }
    let nested = table.iter_mut().flat_map(|(_, item)| tables_of(item));
    nested.into_iter().find(|table| first_position(table) == Some(first)).and_then(visible)
}

/// Whether an item of the file stands before all headers.
fn is_value((_, item): (&str, &Item)) -> bool {
    match item {
        Item::Table(table) => table.is_dotted(),
        item => item.is_value(),
    }
}

/// Runs `work` on what stands around the first line of a value, which may be spread over dotted
/// keys. None if it is no value.
fn at_first_line<'a, T>(
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

fn prefix(decor: &Decor) -> String {
    decor.prefix().and_then(RawString::as_str).unwrap_or_default().to_owned()
}

/// Takes from the header that was next what a header in front of it has above it.
fn make_way(next: &mut Decor, is_first: bool) -> String {
    let above = prefix(next);
    if !is_first {
        return "\n".to_owned();
    }
    let (head, own) = (detached(&above), attached(&above));
    next.set_prefix(format!("\n{own}"));
    head.to_owned()
}

/// Puts comments above a header, instead of the empty lines that it has there.
fn put_above(decor: &mut Decor, comments: &str) {
    let above = prefix(decor);
    decor.set_prefix(format!("{comments}{}", without_blank_start(&above)));
}

fn without_blank_start(text: &str) -> &str {
    text.trim_start_matches(['\r', '\n'])
}

/// What stands above a header and belongs to it: the lines behind the last empty one.
fn attached(above: &str) -> &str {
    &above[detached(above).len()..]
}

/// What stands above a header and does not belong to it.
fn detached(above: &str) -> &str {
    let mut end = 0;
    let mut at = 0;
    for line in above.split_inclusive('\n') {
        at += line.len();
        if line.trim().is_empty() && line.ends_with('\n') {
            end = at;
        }
    }
    &above[..end]
}

fn has_comment(above: &str) -> bool {
    above.contains('#')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use toml::Value as Toml;

    const ONE: &str = "1111111111111111111111111111111111111111";
    const TWO: &str = "2222222222222222222222222222222222222222";

    fn hash(digit: &str) -> TreeHash {
        digit.repeat(40).parse().unwrap()
    }

    fn platform(triplet: &str) -> Platform {
        triplet.parse().unwrap()
    }

    fn plain(text: &str, name: &str, digit: &str) -> String {
        bind(text, name, hash(digit), BindOptions { force: true, ..BindOptions::default() })
            .unwrap()
    }

    fn on(text: &str, name: &str, digit: &str, triplet: &str) -> String {
        let platform = platform(triplet);
        let options =
            BindOptions { platform: Some(&platform), force: true, ..BindOptions::default() };
        bind(text, name, hash(digit), options).unwrap()
    }

    fn off(text: &str, name: &str) -> String {
        unbind(text, name, None).unwrap().expect("bound")
    }

    /// Every value of TOML as Julia prints it with `TOML.print(…; sorted = true)`, as far as such
    /// files have them: an independent account of the layout.
    mod julia {
        use super::*;

        pub(super) fn print(table: &toml::Table) -> String {
            let mut out = String::new();
            print_table(&mut out, table, &mut Vec::new(), 0, true);
            out
        }

        fn is_array_of_tables(value: &Toml) -> bool {
            value
                .as_array()
                .is_some_and(|array| !array.is_empty() && array.iter().all(Toml::is_table))
        }

        fn print_table(
            out: &mut String,
            table: &toml::Table,
            keys: &mut Vec<String>,
            indent: usize,
            mut first_block: bool,
        ) {
            let sorted: BTreeMap<&String, &Toml> = table.iter().collect();
            let is_tabular = |value: &Toml| value.is_table() || is_array_of_tables(value);
            for (key, value) in sorted.iter().filter(|(_, value)| !is_tabular(value)) {
                out.push_str(&"    ".repeat(indent.saturating_sub(1)));
                push_key(out, key);
                out.push_str(" = ");
                match value {
                    Toml::String(text) => push_string(out, text),
                    other => out.push_str(&other.to_string()),
                }
                out.push('\n');
                first_block = false;
            }
            for (key, value) in sorted.iter().filter(|(_, value)| is_tabular(value)) {
                let mut path = String::new();
                push_key(&mut path, key);
                keys.push(path);
                let header = keys.join(".");
                if !first_block {
                    out.push('\n');
                }
                first_block = false;
                let space = "    ".repeat(indent);
                match value {
                    Toml::Table(table) => {
                        out.push_str(&format!("{space}[{header}]\n"));
                        print_table(out, table, keys, indent + 1, true);
                    }
                    Toml::Array(tables) => {
                        for table in tables.iter().filter_map(Toml::as_table) {
                            out.push_str(&format!("{space}[[{header}]]\n"));
                            print_table(out, table, keys, indent + 1, true);
                        }
                    }
                    _ => {}
                }
                keys.pop();
            }
        }
    }

    const DOWNLOADS: usize = 2;

    /// One call, as a test makes it.
    #[derive(Clone, Debug)]
    enum Call {
        Bind {
            name: String,
            digit: String,
            triplet: Option<&'static str>,
            downloads: Option<usize>,
            lazy: bool,
        },
        Unbind {
            name: String,
            triplet: Option<&'static str>,
        },
    }

    fn any_call() -> impl Strategy<Value = Call> {
        let name = || prop::sample::select(vec!["iris", "tool", "a b", "é", "Zed", ""]);
        let triplet = || {
            prop::option::of(prop::sample::select(vec![
                "x86_64-linux-gnu",
                "x86_64-linux-musl",
                "i686-w64-mingw32",
                "x86_64-linux-gnu-libgfortran5-cxx11-cuda+10.1",
            ]))
        };
        let digit = prop::sample::select(vec!["1", "2", "a"]);
        let bind = (name(), digit, triplet(), prop::option::of(0..=DOWNLOADS), any::<bool>());
        prop_oneof![
            4 => bind.prop_map(|(name, digit, triplet, downloads, lazy)| Call::Bind {
                name: name.to_owned(), digit: digit.to_owned(), triplet, downloads, lazy
            }),
            1 => (name(), triplet())
                .prop_map(|(name, triplet)| Call::Unbind { name: name.to_owned(), triplet }),
        ]
    }

    fn downloads(count: usize) -> Vec<Download> {
        let download = |number: usize| Download {
            url: format!("https://example.org/{number}?\"q\""),
            sha256: number.to_string().repeat(64).parse().unwrap(),
            size: (number == 1).then_some(17),
        };
        (0..count).map(download).collect()
    }

    impl Call {
        /// What becomes of the text of a file.
        fn on_text(&self, text: &str) -> String {
            match self {
                Self::Bind { name, digit, triplet, downloads: count, lazy } => {
                    let platform = triplet.map(platform);
                    let downloads = count.map(downloads);
                    let options = BindOptions {
                        platform: platform.as_ref(),
                        downloads: downloads.as_deref(),
                        lazy: *lazy,
                        force: true,
                    };
                    bind(text, name, hash(digit), options).unwrap()
                }
                Self::Unbind { name, triplet } => {
                    let platform = triplet.map(platform);
                    match unbind(text, name, platform.as_ref()) {
                        Ok(changed) => changed.unwrap_or_else(|| text.to_owned()),
                        Err(Refusal::BoundEverywhere(_)) => text.to_owned(),
                        Err(error) => panic!("{error}"),
                    }
                }
            }
        }

        /// What becomes of the values of a file, by the rules of Pkg and the mended ones.
        fn on_values(&self, file: &mut toml::Table) {
            match self {
                Self::Bind { name, digit, triplet, downloads: count, lazy } => {
                    let mut meta = toml::Table::new();
                    meta.insert(HASH.into(), digit.repeat(40).into());
                    if *lazy {
                        meta.insert(LAZY.into(), true.into());
                    }
                    if let Some(count) = count {
                        let places = downloads(*count).into_iter().map(|download| {
                            let mut place = toml::Table::new();
                            place.insert(URL.into(), download.url.into());
                            place.insert(SHA256.into(), download.sha256.to_string().into());
                            if let Some(size) = download.size {
                                place.insert(SIZE.into(), Toml::Integer(size as i64));
                            }
                            Toml::Table(place)
                        });
                        meta.insert(DOWNLOAD.into(), Toml::Array(places.collect()));
                    }
                    let Some(triplet) = triplet else {
                        file.insert(name.clone(), Toml::Table(meta));
                        return;
                    };
                    for (tag, value) in platform(triplet).tags() {
                        meta.insert(tag.to_owned(), value.into());
                    }
                    let mut elements = match file.remove(name) {
                        Some(Toml::Array(elements)) => elements,
                        _ => Vec::new(),
                    };
                    elements.retain(|element| !is_for(element, triplet));
                    elements.push(Toml::Table(meta));
                    file.insert(name.clone(), Toml::Array(elements));
                }
                Self::Unbind { name, triplet: None } => drop(file.remove(name)),
                Self::Unbind { name, triplet: Some(triplet) } => {
                    if let Some(Toml::Array(elements)) = file.get_mut(name) {
                        elements.retain(|element| !is_for(element, triplet));
                        if elements.is_empty() {
                            file.remove(name);
                        }
                    }
                }
            }
        }
    }

    fn is_for(element: &Toml, triplet: &str) -> bool {
        let known = [HASH, LAZY, DOWNLOAD];
        let fields = element.as_table().unwrap().iter();
        let tags = fields.filter(|(key, _)| !known.contains(&key.as_str()));
        let tags: BTreeMap<&str, &str> =
            tags.map(|(key, value)| (key.as_str(), value.as_str().unwrap())).collect();
        tags == platform(triplet).tags().collect()
    }

    proptest! {
        #[test]
        fn a_file_of_pkg_stays_one(calls in prop::collection::vec(any_call(), 1..12)) {
            let (mut text, mut values) = (String::new(), toml::Table::new());
            for call in &calls {
                text = call.on_text(&text);
                call.on_values(&mut values);
                prop_assert_eq!(&text, &julia::print(&values), "after {:?}", call);
            }
        }

        #[test]
        fn in_any_file_only_the_name_changes(
            call in any_call(),
            file in prop::sample::select(vec![HAND_MADE, INLINE, DOTTED, RETURNS, SCATTERED]),
        ) {
            let after = call.on_text(file);
            let mut expected: toml::Table = file.parse().unwrap();
            call.on_values(&mut expected);
            prop_assert_eq!(after.parse::<toml::Table>().unwrap(), expected);
            let comments = |text: &str, own: &str| -> Vec<String> {
                let lines = text.lines().filter(|line| line.contains('#') && !line.contains(own));
                lines.map(|line| line.trim().to_owned()).collect()
            };
            let (Call::Bind { name, .. } | Call::Unbind { name, .. }) = &call;
            // Whatever its order: an entry may have moved.
            let (mut before, mut now) = (comments(file, name), comments(&after, name));
            before.sort();
            now.sort();
            if !name.is_empty() {
                prop_assert_eq!(before, now);
            }
            let newlines = after.matches('\n').count();
            prop_assert!(file != RETURNS || after.matches("\r\n").count() == newlines);
        }
    }

    /// Comments name the entry that they belong to.
    const HAND_MADE: &str = r#"# What we need.
# And why.

# the iris data
[iris]   # about iris
git-tree-sha1 = "1111111111111111111111111111111111111111" # of iris
# where iris is
[[iris.download]]
url = "u"   # of iris
sha256 = "0000000000000000000000000000000000000000000000000000000000000000"

# Compilers.

# the tool
[[tool]]
os = "linux"
arch = "x86_64"
libc = "glibc"
git-tree-sha1 = "1111111111111111111111111111111111111111"

# another tool
[[tool]]
os = "windows"
arch = "i686"
git-tree-sha1 = "2222222222222222222222222222222222222222"

[Zed]
git-tree-sha1 = "1111111111111111111111111111111111111111"

# The end.
"#;

    const INLINE: &str = r#"# Head.

# about iris
iris = { git-tree-sha1 = "1111111111111111111111111111111111111111" } # iris itself
tool = [
    # the tool
    { os = "linux", arch = "x86_64", libc = "glibc", git-tree-sha1 = "1111111111111111111111111111111111111111" },
    { os = "windows", arch = "i686", git-tree-sha1 = "2222222222222222222222222222222222222222" },
]
"#;

    const DOTTED: &str = r#"iris.git-tree-sha1 = "1111111111111111111111111111111111111111"
Zed.git-tree-sha1 = "1111111111111111111111111111111111111111"
# Else.
[else.deep]
x = 1
"#;

    const RETURNS: &str =
        "# Head.\r\n\r\n[iris]\r\ngit-tree-sha1 = \"1111111111111111111111111111111111111111\"\r\n";

    const SCATTERED: &str = r#"[[tool]]
os = "linux"
arch = "x86_64"
libc = "glibc"
git-tree-sha1 = "1111111111111111111111111111111111111111"

[iris]
git-tree-sha1 = "1111111111111111111111111111111111111111"

[[tool]]
os = "windows"
arch = "i686"
git-tree-sha1 = "2222222222222222222222222222222222222222"
"#;

    #[test]
    fn comments_and_order_stay() {
        let bound = plain(HAND_MADE, "iris", "2");
        let expected = HAND_MADE.replacen(ONE, TWO, 1);
        let download =
            expected.find("# where iris is").unwrap()..expected.find("\n# Compilers").unwrap();
        assert_eq!(bound, [&expected[..download.start], &expected[download.end..]].concat());

        let added = plain(HAND_MADE, "new", "2");
        let end = HAND_MADE.find("\n# The end").unwrap();
        let entry = format!("\n# The end.\n\n[new]\ngit-tree-sha1 = \"{TWO}\"\n");
        assert_eq!(added, [&HAND_MADE[..end], &entry].concat());

        let gone = off(HAND_MADE, "iris");
        assert!(gone.starts_with("# What we need.\n# And why.\n\n# Compilers.\n\n# the tool\n"));
        let gone = off(HAND_MADE, "tool");
        assert!(gone.contains("\n\n# Compilers.\n\n[Zed]\n"), "{gone}");
    }

    #[test]
    fn the_head_of_a_file_stays_at_its_head() {
        let file = format!("# Head.\n\n# about iris\n[iris]\ngit-tree-sha1 = \"{ONE}\"\n");
        let added = plain(&file, "first", "2");
        let expected = format!(
            "# Head.\n\n[first]\ngit-tree-sha1 = \"{TWO}\"\n\n# about iris\n[iris]\ngit-tree-sha1 = \"{ONE}\"\n"
        );
        assert_eq!(added, expected);
        assert_eq!(off(&added, "first"), file);
        assert_eq!(off(&file, "iris"), "# Head.\n\n");
    }

    #[test]
    fn elements_keep_their_comments_and_their_distance() {
        let bound = on(HAND_MADE, "tool", "2", "x86_64-linux-gnu");
        let tools = "# another tool\n[[tool]]\nos = \"windows\"\narch = \"i686\"\n";
        let head = format!("\n# Compilers.\n\n{tools}");
        assert!(bound.contains(&head), "{bound}");
        let new = format!(
            "\n\n# the tool\n[[tool]]\narch = \"x86_64\"\ngit-tree-sha1 = \"{TWO}\"\nlibc = \"glibc\"\n"
        );
        assert!(bound.contains(&new), "{bound}");
    }

    #[test]
    fn a_file_in_braces_stays_in_braces() {
        let bound = on(INLINE, "tool", "a", "x86_64-linux-musl");
        let expected = format!(
            "{{ arch = \"x86_64\", git-tree-sha1 = \"{}\", libc = \"musl\", os = \"linux\" }}",
            "a".repeat(40)
        );
        assert!(bound.contains(&expected) && bound.contains("    # the tool\n"), "{bound}");
        let bound = plain(INLINE, "iris", "a");
        assert!(
            bound.contains("iris = { git-tree-sha1 = \"aaaa") && bound.contains("# iris itself")
        );
    }

    #[test]
    fn what_is_bound_is_not_bound_again_without_force() {
        let file = plain(&on("", "tool", "1", "x86_64-linux-gnu"), "iris", "1");
        let linux = platform("x86_64-linux-gnu");
        // A host has ways to compare that a file has not: the tags are the same nevertheless.
        let host = linux.clone().into_host();
        for (name, platform, expected) in [
            ("iris", None, "`iris` is bound already"),
            ("iris", Some(&linux), "`iris` is bound already"),
            ("tool", Some(&host), "`tool` is bound already for x86_64-linux-gnu"),
            ("tool", None, "`tool` is bound already, by platform"),
        ] {
            let options = BindOptions { platform, ..BindOptions::default() };
            let error = bind(&file, name, hash("2"), options).unwrap_err();
            assert_eq!(error.to_string(), expected);
        }
        let musl = platform("x86_64-linux-musl");
        let options = BindOptions { platform: Some(&musl), ..BindOptions::default() };
        assert!(bind(&file, "tool", hash("2"), options).is_ok());
    }

    #[test]
    fn unbinding_what_is_not_bound_changes_nothing() {
        let file = plain("", "iris", "1");
        let linux = platform("x86_64-linux-gnu");
        assert_eq!(unbind(&file, "other", None), Ok(None));
        let error = unbind(&file, "iris", Some(&linux)).unwrap_err();
        assert_eq!(error, Refusal::BoundEverywhere("iris".to_owned()));
        let file = on("", "tool", "1", "x86_64-linux-musl");
        assert_eq!(unbind(&file, "tool", Some(&linux)), Ok(None));
        let musl = platform("x86_64-linux-musl");
        assert_eq!(unbind(&file, "tool", Some(&musl)), Ok(Some(String::new())));
    }

    #[test]
    fn a_malformed_file_stays() {
        let error = bind("[iris\n", "x", hash("1"), BindOptions::default()).unwrap_err();
        assert!(error.to_string().starts_with("1:6: "), "{error}");
        assert!(unbind("[iris]\n[iris]\n", "x", None).is_err());
    }
}
