//! Reads a manifest of any form that is TOML, in one pass over its events.

use std::borrow::Cow;

use smallvec::SmallVec;
use smol_str::SmolStr;
use uuid::Uuid;

use super::dependencies::Dependencies;
use super::{Manifest, ManifestReader, Words, parse_uuid};
use crate::diagnostic::{Diagnostic, brief};
use crate::hash::TreeHash;
use crate::root::Reading;
use crate::toml_events::{self, Event, Path, Place, Receiver, Scalar, Step, Stop};

/// The maximum number of UUIDs, and of trees, of an entry. More than one is the result of a merge.
const MAX_SPELLINGS: usize = 16;

/// Reads a manifest.
pub(super) fn read(text: &str, reader: &mut ManifestReader) -> Reading<Manifest> {
    let mut entries = Entries::new(reader, text.len());
    toml_events::read(text, &mut entries)?;
    let read = entries.finish(text.len());
    read.map_err(|Stop { at, message }| Diagnostic::at(text, at, message))
}

/// Collects the entries among the events: the elements of the arrays at the top, as in the first
/// format, and of those in the table `deps`, as in the second one.
struct Entries<'t, 'r> {
    reader: &'r mut ManifestReader,
    manifest: Manifest,
    dependencies: Dependencies<'t>,
    warning: Option<Diagnostic>,
    entry: Option<Entry<'t>>,
    /// Whether `manifest_format` gives another format than the first one.
    is_second_format: bool,
    /// Whether the manifest has a table `deps`.
    has_deps_table: bool,
    /// An entry with a UUID at the top, and whether its name is `deps`.
    entry_at_top: Option<(SmolStr, bool)>,
    /// The problem unless the format is the second one.
    wrong_in_first: Option<Stop>,
}

/// The current entry as far as it was read.
struct Entry<'t> {
    path: Path<'t>,
    at: usize,
    /// Whether it is an inline table.
    is_inline: bool,
    uuids: SmallVec<[Uuid; 1]>,
    trees: SmallVec<[TreeHash; 1]>,
    version: Option<Cow<'t, str>>,
    /// Whether it has a `uuid`, valid or not.
    has_uuid: bool,
    wrong: Option<Stop>,
}

impl<'t> Entry<'t> {
    fn name(&self) -> &str {
        self.path.key(self.path.len() - 1)
    }

    /// Whether an event with a path is in the entry.
    fn has(&self, path: &Path<'t>) -> bool {
        let depth = self.path.len();
        path.len() > depth && (0..depth).all(|index| path.key(index) == self.path.key(index))
    }

    fn refuse(&mut self, at: usize, message: String) {
        self.wrong.get_or_insert(Stop { at, message });
    }

    /// Receives a field with a string.
    fn field(&mut self, key: &str, at: usize, text: Cow<'t, str>) {
        match key {
            "uuid" => {
                self.has_uuid = true;
                match parse_uuid(&text) {
                    Some(uuid) if self.uuids.contains(&uuid) => {}
                    Some(uuid) if self.uuids.len() < MAX_SPELLINGS => self.uuids.push(uuid),
                    Some(_) => self.refuse(at, format!("entry `{}`: too many UUIDs", self.name())),
                    None => self.refuse(at, self.invalid(key, &text)),
                }
            }
            "git-tree-sha1" => match text.parse() {
                Ok(tree) if self.trees.contains(&tree) => {}
                Ok(tree) if self.trees.len() < MAX_SPELLINGS => self.trees.push(tree),
                Ok(_) => self.refuse(at, format!("entry `{}`: too many trees", self.name())),
                Err(_) => self.refuse(at, self.invalid(key, &text)),
            },
            "version" => self.version = Some(text),
            _ => {}
        }
    }

    fn invalid(&self, key: &str, text: &str) -> String {
        format!("entry `{}`: invalid `{key}` `{}`", self.name(), brief(text))
    }
}

impl<'t> Receiver<'t> for Entries<'t, '_> {
    fn receive(&mut self, place: Place<'_, 't>, event: Event<'t>) -> Step {
        let is_header = matches!(event, Event::Table | Event::Element);
        if let Some(entry) = &self.entry {
            let is_below_its_header = !is_header && !entry.is_inline;
            if is_below_its_header || entry.has(place.path) {
                return self.inside(&place, event);
            }
            let is_end = entry.is_inline && event == Event::Close;
            self.finish_entry()?;
            if is_end {
                return Ok(());
            }
        }
        let Place { path, arrays, at, .. } = place;
        let is_inline = event == Event::OpenTable && arrays == 1;
        let is_at_top = path.len() == 1;
        let has_place = is_at_top || path.len() == 2 && path.key(0) == "deps";
        if !has_place || !is_inline && event != Event::Element {
            return self.outside(&place, &event);
        }
        self.has_deps_table |= !is_at_top;
        self.entry = Some(Entry {
            path: path.clone(),
            at,
            is_inline,
            uuids: SmallVec::new(),
            trees: SmallVec::new(),
            version: None,
            has_uuid: false,
            wrong: None,
        });
        Ok(())
    }
}

impl<'t, 'r> Entries<'t, 'r> {
    fn new(reader: &'r mut ManifestReader, length: usize) -> Self {
        Self {
            reader,
            manifest: Manifest::default(),
            dependencies: Dependencies::of_text(length),
            warning: None,
            entry: None,
            is_second_format: false,
            has_deps_table: false,
            entry_at_top: None,
            wrong_in_first: None,
        }
    }

    fn warn(&mut self, message: String) {
        self.warning.get_or_insert_with(|| Diagnostic::of_file(message));
    }

    /// An event in the current entry.
    fn inside(&mut self, place: &Place<'_, 't>, event: Event<'t>) -> Step {
        let Some(entry) = &mut self.entry else { return Ok(()) };
        let depth = entry.path.len();
        let Place { path, arrays, at, .. } = *place;
        let is_field = path.len() == depth + 1;
        let key = path.key(depth);
        let is_text = matches!(event, Event::Scalar(Scalar::Text(_)));
        let has_right_type = match key {
            "uuid" | "git-tree-sha1" | "version" | "repo-url" | "path" | "repo-rev"
            | "repo-subdir" => is_field && arrays == 0 && is_text,
            "pinned" => is_field && matches!(event, Event::Scalar(Scalar::Boolean(_))),
            "deps" | "weakdeps" => match (path.len() - depth, arrays) {
                (1, 0) => !matches!(event, Event::Scalar(_) | Event::Element),
                (1, 1) | (2, 0) => is_text,
                _ => false,
            },
            // An array of tables is an entry, and an entry has no array of tables.
            _ => event != Event::Element,
        };
        if !has_right_type {
            let message = format!("entry `{}`: `{key}` has the wrong type", entry.name());
            entry.has_uuid |= key == "uuid";
            entry.refuse(at, message);
            return Ok(());
        }
        let Event::Scalar(Scalar::Text(text)) = event else { return Ok(()) };
        match key {
            "deps" | "weakdeps" if is_field => {
                let by = entry.path.take(depth - 1);
                return self.dependencies.add_name(text, by, at);
            }
            "deps" | "weakdeps" => {
                let (name, by) = (path.take(depth + 1), entry.path.take(depth - 1));
                self.dependencies.add_pair(name, &text, by, at, key == "deps");
            }
            "repo-url" => self.manifest.sources.push(text.into_owned()),
            _ if is_field && arrays == 0 => entry.field(key, at, text),
            _ => {}
        }
        Ok(())
    }

    fn finish_entry(&mut self) -> Step {
        let Some(mut entry) = self.entry.take() else { return Ok(()) };
        let (name, is_at_top) = (entry.path.take(entry.path.len() - 1), entry.path.len() == 1);
        if !entry.has_uuid {
            let message = format!("entry `{}`: missing `uuid`", brief(&name));
            let stop = Stop { at: entry.at, message };
            if !is_at_top {
                return Err(stop);
            }
            // In the second format, Pkg ignores it.
            self.wrong_in_first.get_or_insert(stop);
            return Ok(());
        }
        if let Some(wrong) = entry.wrong.take() {
            return Err(wrong);
        }
        if is_at_top {
            let is_deps = name == "deps" || self.entry_at_top.as_ref().is_some_and(|(_, is)| *is);
            self.entry_at_top = Some((SmolStr::from(brief(&name)), is_deps));
        }
        if entry.uuids.len() > 1 || entry.trees.len() > 1 {
            self.warn(format!("the entry `{}` has more than one UUID or tree", brief(&name)));
        }
        for uuid in entry.uuids {
            for tree in &entry.trees {
                let (name, tree, version) = (Some(&*name), *tree, entry.version.as_deref());
                let package = self.reader.package(Words { name, uuid, tree, version });
                self.manifest.packages.push(package);
            }
            self.dependencies.add_entry(name.clone(), uuid, entry.at)?;
        }
        Ok(())
    }

    /// An event outside of all entries.
    fn outside(&mut self, place: &Place<'_, 't>, event: &Event<'t>) -> Step {
        let Place { path, arrays, at, .. } = *place;
        let (key, length) = (path.key(0), path.len());
        let is_array = arrays == 0 && matches!(event, Event::OpenArray | Event::Close);
        let stop = |message: String| Err(Stop { at, message });
        match key {
            "manifest_format" if length == 1 => {
                let is_format = matches!(event, Event::Scalar(_) | Event::OpenTable | Event::Table);
                self.is_second_format |= is_format && arrays == 0;
            }
            "manifest_format" if matches!(path.key(1), "uuid" | "git-tree-sha1") => {
                return stop("`manifest_format`: expected an array of tables".to_owned());
            }
            "deps" => {
                let is_table = matches!(event, Event::Table | Event::OpenTable | Event::Close);
                self.has_deps_table |=
                    length > 1 || *event == Event::Table || *event == Event::OpenTable;
                match length {
                    1 if is_array || is_table && arrays == 0 => {}
                    1 => return stop("`deps`: expected a table".to_owned()),
                    2 if is_array => {}
                    _ => {
                        let name = brief(path.key(1));
                        return stop(format!("`{name}` in `deps`: expected an array of tables"));
                    }
                }
            }
            _ if length == 1 && is_array => {}
            _ => {
                let message = || format!("`{}`: expected an array of tables", brief(key));
                self.wrong_in_first.get_or_insert_with(|| Stop { at, message: message() });
            }
        }
        Ok(())
    }

    fn finish(mut self, end: usize) -> Step<(Manifest, Option<Diagnostic>)> {
        self.finish_entry()?;
        let is_first_format = !self.is_second_format && !self.has_deps_table;
        if is_first_format && let Some(wrong) = self.wrong_in_first.take() {
            return Err(wrong);
        }
        match &self.entry_at_top {
            _ if is_first_format => {}
            Some((_, true)) => {
                let message = "`deps` is both a package and the table of all packages".to_owned();
                return Err(Stop { at: end, message });
            }
            Some((name, false)) => {
                let message = format!("`{name}` is outside of `deps`");
                self.warn(message);
            }
            None => {}
        }
        if !self.is_second_format && self.has_deps_table {
            self.warn("`manifest_format` is missing".to_owned());
        }
        if let Some(ambiguous) = self.dependencies.check(&mut self.manifest.any_tree_of)? {
            self.warn(ambiguous);
        }
        Ok((self.manifest, self.warning))
    }
}
