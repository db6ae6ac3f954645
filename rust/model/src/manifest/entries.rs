//! Manifests of any form that is TOML, in two passes over their events: the entries, and then whether
//! each dependency has one.

use std::borrow::Cow;

use smallvec::SmallVec;
use smol_str::SmolStr;
use uuid::Uuid;

use super::names::Names;
use super::{Manifest, ManifestReader, Words, parse_uuid};
use crate::diagnostic::Diagnostic;
use crate::hash::TreeHash;
use crate::root::Reading;
use crate::toml_events::{self, Event, Path, Place, Receiver, Scalar, Step, Stop};

/// How many UUIDs, or trees, an entry may name. More than one is what a merge leaves.
const MOST: usize = 16;

/// Reads a manifest.
pub(super) fn read(text: &str, reader: &mut ManifestReader) -> Reading<Manifest> {
    let mut entries = Entries::new(reader);
    toml_events::read(text, &mut entries)?;
    entries.finish(text.len()).map_err(|Stop { at, message }| Diagnostic::at(text, at, message))?;
    let Entries { manifest, names, warning, .. } = entries;
    let mut dependencies = Dependencies { manifest, names, warning, cursor: Cursor::default() };
    toml_events::read(text, &mut dependencies)?;
    Ok((dependencies.manifest, dependencies.warning))
}

/// What an event says about entries.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Part {
    /// An entry begins at the path.
    Begin,
    /// Something in the current entry.
    Inside,
    /// The current entry ends.
    End,
    /// Nothing of an entry.
    Outside,
}

/// Finds the entries among the events: the elements of the arrays at the top, as in the first format,
/// and of those in the table `deps`, as in the second one.
#[derive(Default)]
struct Cursor<'t> {
    current: Option<Current<'t>>,
}

/// Where the current entry is.
struct Current<'t> {
    path: Path<'t>,
    /// Whether it stands in braces.
    is_inline: bool,
}

impl<'t> Cursor<'t> {
    /// What an event says, and whether the entry before it is over.
    fn follow(&mut self, place: &Place<'_, 't>, event: &Event<'t>) -> (Part, bool) {
        let Place { path, arrays, .. } = *place;
        let mut is_over = false;
        if let Some(Current { path: entry, is_inline }) = &self.current {
            let is_same = (0..entry.len()).all(|index| path.key(index) == entry.key(index));
            if is_same && path.len() > entry.len() {
                return (Part::Inside, false);
            }
            is_over = true;
            let is_end = *is_inline && *event == Event::Close;
            self.current = None;
            if is_end {
                return (Part::End, true);
            }
        }
        let is_inline = *event == Event::OpenTable && arrays == 1;
        let is_element = *event == Event::Element || is_inline;
        let has_place = path.len() == 1 || path.len() == 2 && path.key(0) == "deps";
        if !is_element || !has_place {
            return (Part::Outside, is_over);
        }
        self.current = Some(Current { path: path.clone(), is_inline });
        (Part::Begin, is_over)
    }

    /// How many keys lead to the current entry.
    fn depth(&self) -> usize {
        self.current.as_ref().map_or(0, |current| current.path.len())
    }

    /// The name of the current entry.
    fn name(&self) -> &str {
        self.current.as_ref().map_or("", |current| current.path.key(current.path.len() - 1))
    }
}

/// The first pass: what the entries name.
struct Entries<'t, 'r> {
    reader: &'r mut ManifestReader,
    manifest: Manifest,
    names: Names<Cow<'t, str>>,
    warning: Option<Diagnostic>,
    cursor: Cursor<'t>,
    entry: Option<Entry<'t>>,
    /// Whether the manifest says that its format is not the first one.
    is_second_format: bool,
    /// Whether there is a table `deps`.
    has_deps_table: bool,
    /// An entry with a UUID at the top, and whether it is called `deps`.
    entry_at_top: Option<(SmolStr, bool)>,
    /// What is wrong unless the format is the second one.
    wrong_in_first: Option<Stop>,
}

/// What was read of the current entry.
struct Entry<'t> {
    name: Cow<'t, str>,
    at: usize,
    is_at_top: bool,
    uuids: SmallVec<[Uuid; 1]>,
    trees: SmallVec<[TreeHash; 1]>,
    version: Option<Cow<'t, str>>,
    /// Whether it has a `uuid`, valid or not.
    has_uuid: bool,
    wrong: Option<Stop>,
}

impl Entry<'_> {
    fn refuse(&mut self, at: usize, message: String) {
        self.wrong.get_or_insert(Stop { at, message });
    }
}

impl<'t> Receiver<'t> for Entries<'t, '_> {
    fn receive(&mut self, place: Place<'_, 't>, event: Event<'t>) -> Step {
        let (part, is_over) = self.cursor.follow(&place, &event);
        if is_over {
            self.finish_entry()?;
        }
        match part {
            Part::Begin => {
                let is_at_top = place.path.len() == 1;
                self.has_deps_table |= !is_at_top;
                self.entry = Some(Entry {
                    name: place.path.take(place.path.len() - 1),
                    at: place.at,
                    is_at_top,
                    uuids: SmallVec::new(),
                    trees: SmallVec::new(),
                    version: None,
                    has_uuid: false,
                    wrong: None,
                });
                Ok(())
            }
            Part::Inside => self.field(&place, event),
            Part::End => Ok(()),
            Part::Outside => self.outside(&place, &event),
        }
    }
}

impl<'t, 'r> Entries<'t, 'r> {
    fn new(reader: &'r mut ManifestReader) -> Self {
        Self {
            reader,
            manifest: Manifest::default(),
            names: Names::with_capacity(0),
            warning: None,
            cursor: Cursor::default(),
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
    fn field(&mut self, place: &Place<'_, 't>, event: Event<'t>) -> Step {
        let Some(entry) = &mut self.entry else { return Ok(()) };
        let depth = self.cursor.depth();
        let Place { path, arrays, at, .. } = *place;
        let is_field = path.len() == depth + 1;
        let key = path.key(depth);
        let has_right_type = match key {
            "uuid" | "git-tree-sha1" | "version" | "repo-url" | "path" | "repo-rev"
            | "repo-subdir" => is_field && arrays == 0 && is_text(&event),
            "pinned" => is_field && event == Event::Scalar(Scalar::Boolean),
            "deps" | "weakdeps" => is_dependency(path.len() - depth, arrays, &event),
            // An array of tables is an entry, and none belongs into another.
            _ => event != Event::Element,
        };
        if !has_right_type {
            let message = format!("`{key}` of `{}` has the wrong type", entry.name);
            entry.has_uuid |= key == "uuid";
            entry.refuse(at, message);
            return Ok(());
        }
        let Event::Scalar(Scalar::Text(text)) = event else { return Ok(()) };
        if !is_field || arrays > 0 {
            return Ok(());
        }
        match key {
            "uuid" => {
                entry.has_uuid = true;
                match parse_uuid(&text) {
                    Some(uuid) if entry.uuids.contains(&uuid) => {}
                    Some(uuid) if entry.uuids.len() < MOST => entry.uuids.push(uuid),
                    Some(_) => entry.refuse(at, format!("`{}` has too many UUIDs", entry.name)),
                    None => {
                        let name = &entry.name;
                        let message = format!("`uuid` of `{name}` is no UUID: `{}`", brief(&text));
                        entry.refuse(at, message);
                    }
                }
            }
            "git-tree-sha1" => match text.parse() {
                Ok(tree) if entry.trees.contains(&tree) => {}
                Ok(tree) if entry.trees.len() < MOST => entry.trees.push(tree),
                Ok(_) => entry.refuse(at, format!("`{}` has too many trees", entry.name)),
                Err(_) => {
                    let name = &entry.name;
                    let message =
                        format!("`git-tree-sha1` of `{name}` is no hash: `{}`", brief(&text));
                    entry.refuse(at, message);
                }
            },
            "version" => entry.version = Some(text),
            "repo-url" => self.manifest.sources.push(text.into_owned()),
            _ => {}
        }
        Ok(())
    }

    fn finish_entry(&mut self) -> Step {
        let Some(mut entry) = self.entry.take() else { return Ok(()) };
        let name = entry.name;
        if !entry.has_uuid {
            let message = format!("the entry `{}` has no `uuid`", brief(&name));
            let stop = Stop { at: entry.at, message };
            if !entry.is_at_top {
                return Err(stop);
            }
            // In the second format it is something that Pkg does not know.
            self.wrong_in_first.get_or_insert(stop);
            return Ok(());
        }
        if let Some(wrong) = entry.wrong.take() {
            return Err(wrong);
        }
        if entry.is_at_top {
            let is_deps = name == "deps" || self.entry_at_top.as_ref().is_some_and(|(_, is)| *is);
            self.entry_at_top = Some((SmolStr::from(brief(&name)), is_deps));
        }
        if entry.uuids.len() > 1 || entry.trees.len() > 1 {
            self.warn(format!("the entry `{}` says what it is more than once", brief(&name)));
        }
        for uuid in entry.uuids {
            for tree in &entry.trees {
                let (name, tree, version) = (Some(&*name), *tree, entry.version.as_deref());
                let package = self.reader.package(Words { name, uuid, tree, version });
                self.manifest.packages.push(package);
            }
            self.names.add(name.clone(), uuid);
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
                return stop("`manifest_format` is no array of tables".to_owned());
            }
            "deps" => {
                let is_table = matches!(event, Event::Table | Event::OpenTable | Event::Close);
                self.has_deps_table |=
                    length > 1 || *event == Event::Table || *event == Event::OpenTable;
                match length {
                    1 if is_array || is_table && arrays == 0 => {}
                    1 => return stop("`deps` is no table".to_owned()),
                    2 if is_array => {}
                    _ => {
                        let name = brief(path.key(1));
                        return stop(format!("`{name}` in `deps` is no array of tables"));
                    }
                }
            }
            _ if length == 1 && is_array => {}
            _ => {
                let message = || format!("`{}` is no array of tables", brief(key));
                self.wrong_in_first.get_or_insert_with(|| Stop { at, message: message() });
            }
        }
        Ok(())
    }

    fn finish(&mut self, end: usize) -> Step {
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
                let message = format!("`{name}` does not stand in `deps`");
                self.warn(message);
            }
            None => {}
        }
        if !self.is_second_format && self.has_deps_table {
            self.warn("`manifest_format` is missing".to_owned());
        }
        Ok(())
    }
}

fn is_text(event: &Event<'_>) -> bool {
    matches!(event, Event::Scalar(Scalar::Text(_)))
}

/// Whether `deps` may have an event at this depth: they are an array of texts, or a table of texts.
fn is_dependency(depth: usize, arrays: usize, event: &Event<'_>) -> bool {
    match (depth, arrays, event) {
        (1, 0, Event::OpenArray | Event::OpenTable | Event::Table | Event::Close) => true,
        (1, 1, event) | (2, 0, event) => is_text(event),
        _ => false,
    }
}

/// As much of a text as a message shows.
fn brief(text: &str) -> &str {
    const LONGEST: usize = 100;
    text.char_indices().nth(LONGEST).map_or(text, |(end, _)| &text[..end])
}

/// The second pass: whether each dependency has one entry.
struct Dependencies<'t> {
    manifest: Manifest,
    names: Names<Cow<'t, str>>,
    warning: Option<Diagnostic>,
    cursor: Cursor<'t>,
}

impl<'t> Receiver<'t> for Dependencies<'t> {
    fn receive(&mut self, place: Place<'_, 't>, event: Event<'t>) -> Step {
        let (part, _) = self.cursor.follow(&place, &event);
        let depth = self.cursor.depth();
        let Event::Scalar(Scalar::Text(text)) = event else { return Ok(()) };
        let Place { path, arrays, at, .. } = place;
        let key = path.key(depth);
        if part != Part::Inside || !matches!(key, "deps" | "weakdeps") {
            return Ok(());
        }
        let found = match path.len() - depth {
            1 if arrays == 1 => self.name(&text),
            2 => self.pair(path.key(depth + 1), &text, key == "deps"),
            _ => Ok(()),
        };
        found.map_err(|message| Stop { at, message })
    }
}

impl Dependencies<'_> {
    /// A dependency that is told by its name.
    fn name(&mut self, name: &str) -> Result<(), String> {
        match self.names.count(name) {
            0 => Err(self.complaint(name, "has no entry")),
            1 => Ok(()),
            _ => {
                let complaint = self.complaint(name, "has several entries");
                self.keep_all(name, complaint);
                Ok(())
            }
        }
    }

    /// A dependency that is told by its name and its UUID.
    fn pair(&mut self, name: &str, uuid: &str, must_be_there: bool) -> Result<(), String> {
        let Some(uuid) = parse_uuid(uuid) else {
            return Err(self.complaint(name, "has a UUID that is none"));
        };
        match self.names.of(uuid) {
            _ if !must_be_there => {}
            Some(found) if found == name => {}
            None => return Err(self.complaint(name, "has no entry")),
            Some(other) => {
                let found = format!("has the UUID of `{}`", brief(other));
                let complaint = self.complaint(name, &found);
                self.keep_all(name, complaint);
            }
        }
        Ok(())
    }

    fn complaint(&self, name: &str, what: &str) -> String {
        format!("`{}` depends on `{}`, which {what}", brief(self.cursor.name()), brief(name))
    }

    /// Keeps every tree of a package.
    fn keep_all(&mut self, name: &str, complaint: String) {
        self.manifest.any_tree_of.insert(name.to_owned());
        self.warning.get_or_insert_with(|| Diagnostic::of_file(complaint));
    }
}
