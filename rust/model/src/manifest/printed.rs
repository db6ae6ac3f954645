//! Manifests exactly as Pkg prints them, which nearly all are: read many times as fast as TOML.

use super::names::Names;
use super::{Manifest, ManifestReader, Words, parse_uuid};
use crate::printed::{Line, lines, string, strings};

/// How many keys, or tables, something may have here. Each is compared with all others, and none
/// that Pkg has written has more.
const MOST: usize = 64;

/// What a manifest keeps that is valid TOML, as Pkg prints it, and in which nothing is wrong.
/// `None` for any other text.
pub(super) fn read(text: &str, reader: &mut ManifestReader) -> Option<Manifest> {
    let entries = entries(text)?;
    let mut manifest = Manifest::default();
    manifest.packages.reserve_exact(entries.len());
    let mut names = Names::with_capacity(entries.len());
    for entry in &entries {
        let (name, uuid) = (entry.name, parse_uuid(entry.uuid?)?);
        names.add(name, uuid);
        if let Some(tree) = entry.tree {
            let (name, tree, version) = (Some(name), tree.parse().ok()?, entry.version);
            manifest.packages.push(reader.package(Words { name, uuid, tree, version }));
        }
        manifest.sources.extend(entry.source.map(str::to_owned));
    }
    entries.iter().all(|entry| entry.is_whole(&names)).then_some(manifest)
}

/// An entry of a manifest, as it stands in the text.
#[derive(Debug, Default)]
struct Entry<'a> {
    name: &'a str,
    uuid: Option<&'a str>,
    tree: Option<&'a str>,
    version: Option<&'a str>,
    source: Option<&'a str>,
    deps: Dependencies<'a>,
    weakdeps: Dependencies<'a>,
}

/// What an entry depends on.
#[derive(Debug, Default)]
enum Dependencies<'a> {
    #[default]
    None,
    /// An array of names, where each stands for one package.
    Names(&'a str),
    /// Names with their UUIDs.
    Uuids(Vec<(&'a str, &'a str)>),
}

impl Entry<'_> {
    /// Whether there is one entry for each of its dependencies.
    fn is_whole(&self, names: &Names<&str>) -> bool {
        let dependencies = [(&self.deps, true), (&self.weakdeps, false)];
        dependencies.into_iter().all(|(dependencies, must_be_there)| match dependencies {
            Dependencies::None => true,
            Dependencies::Names(array) => {
                let mut last = "";
                strings(array, |name| {
                    // Pkg prints them sorted, so that none stands twice.
                    let is_behind = std::mem::replace(&mut last, name) < name;
                    is_behind && names.count(name) == 1
                })
            }
            Dependencies::Uuids(list) => list.iter().all(|(name, uuid)| {
                let uuid = parse_uuid(uuid);
                uuid.is_some_and(|uuid| !must_be_there || names.of(uuid) == Some(*name))
            }),
        })
    }
}

/// The table that lines belong to.
#[derive(Clone, Copy, PartialEq)]
enum Below {
    /// None yet: the keys at the top.
    Top,
    Entry,
    Extensions,
    Deps,
    WeakDeps,
}

/// The entries of a manifest that is valid TOML and as Pkg prints it. None for any other text,
/// valid or not.
fn entries(text: &str) -> Option<Vec<Entry<'_>>> {
    let mut entries: Vec<Entry<'_>> = Vec::new();
    let mut below = Below::Top;
    // The keys of the current table, and the tables of the current entry or of the top: one that
    // stands twice is not TOML.
    let mut keys: Vec<&str> = Vec::new();
    let mut tables: Vec<&str> = Vec::new();
    let mut first_format = None;
    for line in lines(text) {
        match Line::read(line)? {
            Line::Element(header) => {
                let name = match header.strip_prefix("deps.") {
                    Some(name) if first_format != Some(true) => {
                        // Without a word of its format, `deps` would be a package.
                        (first_format == Some(false)).then_some(name)?
                    }
                    // That format has no keys at the top.
                    _ if below == Below::Top && !keys.is_empty() => return None,
                    _ => (*first_format.get_or_insert(true)).then_some(header)?,
                };
                // Elements of an array stand behind each other, and so do the names: if they did
                // not, it could still be TOML, but what is a table once could be an array
                // elsewhere. An entry without a UUID is none.
                let is_behind =
                    entries.last().is_none_or(|last| last.name <= name && last.uuid.is_some());
                if name.contains('.') || !is_behind {
                    return None;
                }
                entries.push(Entry { name, ..Entry::default() });
                below = Below::Entry;
                keys.clear();
                tables.clear();
            }
            Line::Table(header) => {
                below = table(header, entries.last_mut(), first_format)?;
                if tables.contains(&header) {
                    return None;
                }
                tables.push(header);
                keys.clear();
            }
            Line::Field(key, value) => {
                if keys.contains(&key) || keys.len() == MOST {
                    return None;
                }
                keys.push(key);
                if below == Below::Top {
                    string(value)?;
                    if key == "deps" {
                        return None;
                    }
                    if key == "manifest_format" {
                        first_format = Some(false);
                    }
                } else {
                    field(below, entries.last_mut()?, key, value)?;
                }
            }
        }
    }
    // Keys at the top and no word of a format: such a text Pkg takes for one of the first format.
    (first_format.is_some() || keys.is_empty()).then_some(entries)
}

fn table<'a>(
    header: &'a str,
    entry: Option<&mut Entry<'a>>,
    first_format: Option<bool>,
) -> Option<Below> {
    let entry = entry?;
    let rest = match first_format? {
        true => header,
        false => header.strip_prefix("deps.")?,
    };
    match rest.strip_prefix(entry.name)? {
        ".extensions" => Some(Below::Extensions),
        ".deps" => begin(&mut entry.deps, Below::Deps),
        ".weakdeps" => begin(&mut entry.weakdeps, Below::WeakDeps),
        _ => None,
    }
}

fn begin(dependencies: &mut Dependencies<'_>, below: Below) -> Option<Below> {
    if !matches!(dependencies, Dependencies::None) {
        return None;
    }
    *dependencies = Dependencies::Uuids(Vec::new());
    Some(below)
}

fn field<'a>(below: Below, entry: &mut Entry<'a>, key: &'a str, value: &'a str) -> Option<()> {
    match (below, key) {
        (Below::Entry, "deps") => entry.deps = Dependencies::Names(value),
        (Below::Entry, "weakdeps") => entry.weakdeps = Dependencies::Names(value),
        (Below::Entry, "pinned") => {
            matches!(value, "true" | "false").then_some(())?;
        }
        (Below::Entry, _) => {
            let text = string(value)?;
            match key {
                "uuid" => entry.uuid = Some(text),
                "git-tree-sha1" => entry.tree = Some(text),
                "version" => entry.version = Some(text),
                "repo-url" => entry.source = Some(text),
                "path" | "repo-rev" | "repo-subdir" | "entryfile" => {}
                _ => return None,
            }
        }
        (Below::Deps | Below::WeakDeps, name) => {
            let list = if below == Below::Deps { &mut entry.deps } else { &mut entry.weakdeps };
            if let Dependencies::Uuids(list) = list {
                list.push((name, string(value)?));
            }
        }
        (Below::Extensions, _) => {
            let is_array = || strings(value, |_| true).then_some(());
            string(value).map(drop).or_else(is_array)?;
        }
        (Below::Top, _) => return None,
    }
    Some(())
}

/// Whether the short cut is taken, for tests.
#[cfg(test)]
pub(super) fn is_printed(text: &str) -> bool {
    read(text, &mut ManifestReader::default()).is_some()
}
