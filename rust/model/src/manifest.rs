//! What a manifest keeps from being collected: installed packages and clones.
//!
//! # Compatibility
//!
//! Manifests of format 1 (Julia up to 1.6) and 2 (since then) are read, under any file name; one of
//! an unknown format is read as the newest known one, as Pkg does. Source: Pkg, `manifest.jl:
//! read_manifest`.
//!
//! What Pkg finds wrong with a manifest is a [`Fault`] here too, but for texts that a collection
//! has no use for, such as versions. `Pkg.gc` then takes the manifest for one that keeps nothing.
//! Here it keeps all that it can be seen to name: its sound entries; where an entry does not say
//! which tree of a package it means, every tree of that package.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use hashbrown::{Equivalent, HashMap, HashSet};
use smol_str::SmolStr;
use toml::{Table, Value};
use uuid::Uuid;

use crate::fault::Fault;
use crate::hash::TreeHash;

/// What a manifest keeps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Manifest {
    /// The trees of packages. Manifests that one reader has read share those that are the same.
    pub packages: Vec<Arc<Package>>,
    /// The URLs and paths of which there are clones.
    pub sources: Vec<String>,
    /// Packages of which the manifest does not say which tree it means, since it is not whole.
    pub any_tree_of: BTreeSet<String>,
}

/// A tree of a package.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Package {
    /// The package's name. Only in a manifest that is no TOML, it can be missing.
    pub name: Option<SmolStr>,
    /// The package's UUID.
    pub uuid: Uuid,
    /// The tree.
    pub tree: TreeHash,
    /// The version that the tree is, in the words of the manifest.
    pub version: Option<SmolStr>,
}

/// Text that is longer is not read as TOML if it is not as Pkg prints it, since that would take
/// many times its length in memory.
const LONGEST_TOML: usize = 16 << 20;

/// Reads manifests one after the other: nearly all that one names others have named before.
#[derive(Debug, Default)]
pub struct ManifestReader {
    packages: HashSet<Arc<Package>>,
}

impl ManifestReader {
    /// How many packages are remembered.
    const MOST: usize = 1 << 16;

    /// Reads a manifest in any state; the second value says what Pkg would not accept.
    pub fn read(&mut self, bytes: &[u8]) -> (Manifest, Option<Fault>) {
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let line = bytes[..error.valid_up_to()].iter().filter(|b| **b == b'\n').count() + 1;
                let message = "the text is not UTF-8".to_owned();
                let fault = Fault { line: Some(line), column: None, message };
                return (Manifest::seen_in(&String::from_utf8_lossy(bytes)), Some(fault));
            }
        };
        if let Some(entries) = printed::entries(text) {
            return self.of_entries(&entries);
        }
        if text.len() > LONGEST_TOML {
            let fault = whole("the text is too long, and not as Pkg prints it");
            return (Manifest::seen_in(text), Some(fault));
        }
        match text.parse::<Table>() {
            Ok(table) => self.of_table(&table),
            Err(error) => (Manifest::seen_in(text), Some(Fault::of_toml(text, &error))),
        }
    }

    fn of_table(&mut self, table: &Table) -> (Manifest, Option<Fault>) {
        let is_first_format = match table.get("manifest_format") {
            None => true,
            // A package of that name.
            Some(Value::Array(_)) => true,
            Some(Value::Table(format)) => format.contains_key("uuid"),
            Some(_) => false,
        };
        let nothing = Table::new();
        let (deps, mut fault) = match table.get("deps") {
            // Somebody has lost the line that says the format.
            Some(Value::Table(deps)) if is_first_format => {
                (deps, Some(whole("`manifest_format` is missing")))
            }
            _ if is_first_format => (table, None),
            None => (&nothing, None),
            Some(Value::Table(deps)) => (deps, None),
            Some(_) => (&nothing, Some(whole("`deps` is no table"))),
        };
        // Where a format that nobody knows yet, or whoever has mixed up two, has put what it names.
        let is_entry = |value: &Value| value.get("uuid").is_some();
        let strays = table.iter().filter(|(name, value)| {
            let entries = value.as_array().filter(|_| !is_first_format && *name != "deps");
            entries.is_some_and(|entries| entries.iter().any(is_entry))
        });
        let strays: Vec<_> = strays.collect();
        if let Some((name, _)) = strays.first() {
            fault.get_or_insert_with(|| whole(format!("`{name}` does not stand in `deps`")));
        }
        let mut entries = Vec::new();
        for (name, value) in deps.iter().chain(strays) {
            let Value::Array(values) = value else {
                fault.get_or_insert_with(|| whole(format!("`{name}` is no array of tables")));
                entries.push(Entry { name, is_broken: true, ..Entry::default() });
                continue;
            };
            for value in values {
                match value {
                    Value::Table(fields) => entries.push(Entry::of_table(name, fields)),
                    _ => entries.push(Entry { name, is_broken: true, ..Entry::default() }),
                }
            }
        }
        let (manifest, found) = self.of_entries(&entries);
        (manifest, fault.or(found))
    }

    fn of_entries(&mut self, entries: &[Entry<'_>]) -> (Manifest, Option<Fault>) {
        let mut manifest = Manifest::default();
        manifest.packages.reserve_exact(entries.len());
        let mut fault = None;
        let mut names = Names::with_capacity(entries.len());
        for entry in entries {
            let name = entry.name;
            let uuid = entry.uuid.and_then(parse_uuid);
            if let Some(uuid) = uuid {
                names.add(name, uuid);
            }
            let tree = entry.tree.map(str::parse::<TreeHash>);
            match (uuid, &tree) {
                (Some(uuid), Some(Ok(tree))) => {
                    let (name, tree, version) = (Some(name), *tree, entry.version);
                    manifest.packages.push(self.package(Words { name, uuid, tree, version }));
                }
                // A package of Julia's own, or one at a path.
                (Some(_), None) if !entry.is_broken => {}
                _ => {
                    manifest.any_tree_of.insert(name.to_owned());
                }
            }
            manifest.sources.extend(entry.source.map(str::to_owned));
            if uuid.is_none() || matches!(tree, Some(Err(_))) || entry.is_broken {
                fault.get_or_insert_with(|| whole(entry.complaint()));
            }
        }
        for entry in entries {
            for (dependency, complaint) in entry.missing(&names) {
                fault.get_or_insert_with(|| whole(complaint));
                manifest.any_tree_of.insert(dependency.to_owned());
            }
        }
        (manifest, fault)
    }

    fn package(&mut self, words: Words<'_>) -> Arc<Package> {
        if self.packages.len() > Self::MOST {
            self.packages.clear();
        }
        self.packages.get_or_insert_with(&words, |words| Arc::new(words.into())).clone()
    }
}

/// A package in the words of a manifest. It has the hash of the [`Package`].
#[derive(Hash)]
struct Words<'a> {
    name: Option<&'a str>,
    uuid: Uuid,
    tree: TreeHash,
    version: Option<&'a str>,
}

impl Equivalent<Arc<Package>> for Words<'_> {
    fn equivalent(&self, package: &Arc<Package>) -> bool {
        self.uuid == package.uuid
            && self.tree == package.tree
            && self.name == package.name.as_deref()
            && self.version == package.version.as_deref()
    }
}

impl From<&Words<'_>> for Package {
    fn from(&Words { name, uuid, tree, version }: &Words<'_>) -> Self {
        Self { name: name.map(SmolStr::from), uuid, tree, version: version.map(SmolStr::from) }
    }
}

impl Manifest {
    /// What lines of a text that is no TOML say, each for itself.
    fn seen_in(text: &str) -> Self {
        let mut seen = Seen::default();
        text.lines().for_each(|line| seen.line(line));
        seen.finish_entry();
        seen.manifest
    }
}

/// A fault of the manifest as a whole.
fn whole(message: impl Into<String>) -> Fault {
    Fault { line: None, column: None, message: message.into() }
}

/// The UUID that a text of 36 characters is. Other forms of UUIDs are none for Julia.
fn parse_uuid(text: &str) -> Option<Uuid> {
    (text.len() == 36).then(|| text.parse().ok()).flatten()
}

/// An entry of a manifest, as it stands in the text.
#[derive(Debug, Default, PartialEq)]
struct Entry<'a> {
    name: &'a str,
    uuid: Option<&'a str>,
    tree: Option<&'a str>,
    version: Option<&'a str>,
    source: Option<&'a str>,
    deps: Dependencies<'a>,
    weakdeps: Dependencies<'a>,
    /// Whether a field has a value of a type that Pkg does not accept.
    is_broken: bool,
}

/// The names and UUIDs of the packages that a manifest has entries for.
struct Names<'a> {
    entries: Vec<(&'a str, Uuid)>,
    counts: HashMap<&'a str, usize>,
    /// Made when it is needed first: most manifests tell a dependency by its name.
    by_uuid: OnceCell<HashMap<Uuid, &'a str>>,
}

impl<'a> Names<'a> {
    fn with_capacity(capacity: usize) -> Self {
        Self {
            entries: Vec::with_capacity(capacity),
            counts: HashMap::with_capacity(capacity),
            by_uuid: OnceCell::new(),
        }
    }

    fn add(&mut self, name: &'a str, uuid: Uuid) {
        self.entries.push((name, uuid));
        *self.counts.entry(name).or_default() += 1;
    }

    /// How many packages have a name.
    fn count(&self, name: &str) -> usize {
        self.counts.get(name).copied().unwrap_or(0)
    }

    /// The name of a package.
    fn of(&self, uuid: Uuid) -> Option<&'a str> {
        let by_uuid = || self.entries.iter().map(|(name, uuid)| (*uuid, *name)).collect();
        self.by_uuid.get_or_init(by_uuid).get(&uuid).copied()
    }
}

/// What an entry depends on.
#[derive(Debug, Default, PartialEq)]
enum Dependencies<'a> {
    #[default]
    None,
    /// Names, where each stands for one package.
    Names(Vec<&'a str>),
    /// Names with their UUIDs.
    Uuids(Vec<(&'a str, &'a str)>),
}

impl<'a> Entry<'a> {
    fn of_table(name: &'a str, fields: &'a Table) -> Self {
        let mut is_broken = false;
        let mut text = |key: &str| match fields.get(key) {
            None => None,
            Some(Value::String(text)) => Some(text.as_str()),
            Some(_) => {
                is_broken = true;
                None
            }
        };
        let mut entry = Self {
            name,
            uuid: text("uuid"),
            tree: text("git-tree-sha1"),
            version: text("version"),
            source: text("repo-url"),
            ..Self::default()
        };
        ["path", "repo-rev", "repo-subdir"].into_iter().for_each(|key| {
            text(key);
        });
        let is_pinned_or_not = matches!(fields.get("pinned"), None | Some(Value::Boolean(_)));
        entry.is_broken = is_broken || !is_pinned_or_not;
        entry.deps = entry.dependencies(fields.get("deps"));
        entry.weakdeps = entry.dependencies(fields.get("weakdeps"));
        entry
    }

    fn dependencies(&mut self, value: Option<&'a Value>) -> Dependencies<'a> {
        let found = match value {
            None => return Dependencies::None,
            Some(Value::Array(names)) => {
                let names: Option<_> = names.iter().map(Value::as_str).collect();
                names.map(Dependencies::Names)
            }
            Some(Value::Table(uuids)) => {
                let pair = |(name, uuid): (&'a String, &'a Value)| Some((&**name, uuid.as_str()?));
                uuids.iter().map(pair).collect::<Option<_>>().map(Dependencies::Uuids)
            }
            Some(_) => None,
        };
        self.is_broken |= found.is_none();
        found.unwrap_or_default()
    }

    fn complaint(&self) -> String {
        let Self { name, uuid, tree, .. } = self;
        match (uuid, tree) {
            (None, _) => format!("the entry `{name}` has no `uuid`"),
            (Some(uuid), _) if parse_uuid(uuid).is_none() => {
                format!("`uuid` of `{name}` is no UUID: `{uuid}`")
            }
            (_, Some(tree)) if tree.parse::<TreeHash>().is_err() => {
                format!("`git-tree-sha1` of `{name}` is no hash: `{tree}`")
            }
            _ => format!("the entry `{name}` has a field of the wrong type"),
        }
    }

    /// The dependencies that the manifest has no entry for, or no one entry, and what is wrong.
    fn missing(&self, names: &Names<'_>) -> Vec<(&'a str, String)> {
        let user = self.name;
        let mut missing = Vec::new();
        for (dependencies, must_be_there) in [(&self.deps, true), (&self.weakdeps, false)] {
            match dependencies {
                Dependencies::None => {}
                Dependencies::Names(list) => {
                    // Pkg prints them sorted.
                    let is_sorted = list.is_sorted_by(|one, next| one < next);
                    let mut distinct = HashSet::new();
                    for name in list {
                        if !is_sorted && !distinct.insert(name) {
                            let complaint = format!("`{user}` depends on `{name}` twice");
                            missing.push((*name, complaint));
                            continue;
                        }
                        let complaint = match names.count(name) {
                            1 => continue,
                            0 => format!("`{user}` depends on `{name}`, which has no entry"),
                            _ => format!("`{user}` depends on `{name}`, which has several entries"),
                        };
                        missing.push((*name, complaint));
                    }
                }
                Dependencies::Uuids(list) => {
                    for (name, uuid) in list {
                        let found = parse_uuid(uuid).map(|uuid| names.of(uuid));
                        let complaint = match found {
                            None => format!("`{user}` depends on `{name}`, whose UUID is none"),
                            _ if !must_be_there => continue,
                            Some(Some(found)) if found == *name => continue,
                            Some(None) => {
                                format!("`{user}` depends on `{name}`, which has no entry")
                            }
                            Some(Some(other)) => {
                                format!("`{user}` depends on `{name}`, whose entry is of `{other}`")
                            }
                        };
                        missing.push((*name, complaint));
                    }
                }
            }
        }
        missing
    }
}

/// Manifests exactly as Pkg prints them, which nearly all are: read many times as fast as TOML.
mod printed {
    use super::{Dependencies, Entry};
    use crate::printed::{Line, lines, string, strings};

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
    pub(super) fn entries(text: &str) -> Option<Vec<Entry<'_>>> {
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
                    // elsewhere.
                    let is_behind = entries.last().is_none_or(|last| last.name <= name);
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
                    if keys.contains(&key) {
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
        if *dependencies != Dependencies::None {
            return None;
        }
        *dependencies = Dependencies::Uuids(Vec::new());
        Some(below)
    }

    fn field<'a>(below: Below, entry: &mut Entry<'a>, key: &'a str, value: &'a str) -> Option<()> {
        match (below, key) {
            (Below::Entry, "deps") => entry.deps = Dependencies::Names(strings(value)?),
            (Below::Entry, "weakdeps") => entry.weakdeps = Dependencies::Names(strings(value)?),
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
                string(value).map(drop).or_else(|| strings(value).map(drop))?;
            }
            (Below::Top, _) => return None,
        }
        Some(())
    }
}

/// Gathers what lines name that are no TOML together.
#[derive(Default)]
struct Seen {
    manifest: Manifest,
    name: Option<SmolStr>,
    uuids: Vec<Uuid>,
    trees: Vec<TreeHash>,
}

impl Seen {
    fn line(&mut self, line: &str) {
        let line = line.trim();
        if line.starts_with('[') {
            self.header(line);
            return;
        }
        let (key, value) = line.split_once('=').unwrap_or((line, ""));
        let key = key.trim().trim_matches('"');
        let value = value.trim();
        match key {
            "uuid" => self.uuids.extend(quoted(value).find_map(parse_uuid)),
            "git-tree-sha1" => {
                let tree: Option<TreeHash> = quoted(value).find_map(|tree| tree.parse().ok());
                // A tree that cannot be told stands for all of the package.
                if tree.is_none() {
                    self.name_any_tree();
                }
                self.trees.extend(tree);
            }
            "repo-url" => self.manifest.sources.extend(quoted(value).next().map(str::to_owned)),
            "deps" | "weakdeps" => self.name_all(quoted(value)),
            // A dependency with its UUID, or the end of a list that was broken into lines.
            _ if quoted(value).any(|text| parse_uuid(text).is_some()) => self.name_all([key]),
            _ if !line.contains('=') => self.name_all(quoted(line)),
            _ => {}
        }
    }

    /// `[[deps.Name]]` and `[[Name]]` begin an entry, and `[deps.Name.deps]` belongs to one.
    fn header(&mut self, line: &str) {
        let inner = line.trim_matches(['[', ']', ' ']);
        if !line.starts_with("[[") {
            return;
        }
        self.finish_entry();
        let name = inner.strip_prefix("deps.").unwrap_or(inner).trim_matches('"');
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80;
        let is_whole = line.ends_with("]]");
        self.name = (is_whole && name.bytes().all(is_name)).then(|| name.into());
    }

    fn finish_entry(&mut self) {
        if self.trees.is_empty() || self.uuids.is_empty() {
            self.name_any_tree();
        }
        let name = self.name.take();
        let uuids = std::mem::take(&mut self.uuids);
        let trees = std::mem::take(&mut self.trees);
        // More than one of a kind is what is left of two entries.
        let name = name.filter(|_| uuids.len() == 1 && trees.len() == 1);
        for uuid in uuids {
            let package =
                |tree: &TreeHash| Package { name: name.clone(), uuid, tree: *tree, version: None };
            self.manifest.packages.extend(trees.iter().map(package).map(Arc::new));
        }
    }

    fn name_any_tree(&mut self) {
        self.manifest.any_tree_of.extend(self.name.as_ref().map(SmolStr::to_string));
    }

    fn name_all<'a>(&mut self, names: impl IntoIterator<Item = &'a str>) {
        let is_name = |name: &&str| {
            let mut bytes = name.bytes();
            !name.is_empty()
                && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80)
        };
        let names = names.into_iter().filter(is_name).map(str::to_owned);
        self.manifest.any_tree_of.extend(names);
    }
}

/// What stands between quotation marks, the last of which may be missing.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split(['"', '\'']).skip(1).step_by(2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const EXAMPLE: &str = "7876af07-990d-54b4-ab0e-23690620f79a";
    const TREE: &str = "46e44e869b4d90b96bd8ed1fdcf32244fddfb6cc";

    const SECOND_FORMAT: &str = r#"# This file is machine-generated - editing it directly is not advised

julia_version = "1.10.8"
manifest_format = "2.0"
project_hash = "7b9a8ddd8a8d4b7a3b3d7a8f3d2b1c0d9e8f7a6b"

[[deps.Dates]]
deps = ["Printf"]
uuid = "ade2ca70-3891-5945-98fb-dc099432e06a"

[[deps.Example]]
deps = ["Dates"]
git-tree-sha1 = "46e44e869b4d90b96bd8ed1fdcf32244fddfb6cc"
pinned = true
repo-rev = "master"
repo-url = "https://github.com/JuliaLang/Example.jl.git"
uuid = "7876af07-990d-54b4-ab0e-23690620f79a"
version = "0.5.4"
weakdeps = ["Absent"]

    [deps.Example.extensions]
    AbsentExt = "Absent"
    TwoExt = ["Absent", "Dates"]

[[deps.Printf]]
uuid = "de0858da-6303-5e67-8744-51eddeeeb8d7"

    [deps.Printf.deps]
    Dates = "ade2ca70-3891-5945-98fb-dc099432e06a"
"#;

    const FIRST_FORMAT: &str = r#"# This file is machine-generated - editing it directly is not advised

[[Dates]]
uuid = "ade2ca70-3891-5945-98fb-dc099432e06a"

[[Example]]
deps = ["Dates"]
git-tree-sha1 = "46e44e869b4d90b96bd8ed1fdcf32244fddfb6cc"
uuid = "7876af07-990d-54b4-ab0e-23690620f79a"
version = "0.5.4"
"#;

    fn read(bytes: &[u8]) -> (Manifest, Option<Fault>) {
        ManifestReader::default().read(bytes)
    }

    fn example() -> Arc<Package> {
        Arc::new(Package {
            name: Some("Example".into()),
            uuid: EXAMPLE.parse().unwrap(),
            tree: TREE.parse().unwrap(),
            version: Some("0.5.4".into()),
        })
    }

    /// As [`read`], without the short cut.
    fn read_slowly(text: &str) -> (Manifest, Option<Fault>) {
        ManifestReader::default().of_table(&text.parse().unwrap())
    }

    #[test]
    fn manifests_share_packages_that_are_the_same_in_all() {
        let mut reader = ManifestReader::default();
        let mut package = |text: &str| reader.read(text.as_bytes()).0.packages.remove(0);
        let first = package(SECOND_FORMAT);
        assert!(Arc::ptr_eq(&first, &package(FIRST_FORMAT)));
        for (from, to) in [("0.5.4", "0.5.5"), ("46e4", "46e5"), ("7876", "7877")] {
            let other = package(&FIRST_FORMAT.replace(from, to));
            assert_eq!(other, read(FIRST_FORMAT.replace(from, to).as_bytes()).0.packages[0]);
            assert_ne!(other, first, "{to}");
        }
    }

    #[test]
    fn both_formats_are_read_in_both_ways() {
        for text in [SECOND_FORMAT, FIRST_FORMAT, "", "manifest_format = \"2.0\"\n"] {
            assert!(printed::entries(text).is_some(), "{text}");
            assert_eq!(read(text.as_bytes()), read_slowly(text), "{text}");
        }
        let (manifest, fault) = read(FIRST_FORMAT.as_bytes());
        assert_eq!((manifest.packages, fault), (vec![example()], None));
        let (manifest, fault) = read(SECOND_FORMAT.as_bytes());
        assert_eq!(manifest.packages, [example()]);
        assert_eq!(manifest.sources, ["https://github.com/JuliaLang/Example.jl.git"]);
        // A weak dependency has no entry if nobody has loaded it, and stands in a table then.
        assert_eq!(fault, Some(whole("`Example` depends on `Absent`, which has no entry")));
    }

    #[test]
    fn what_others_write_is_read_as_toml() {
        let text = format!(
            "manifest_format = '3.7'\ndeps.Example = [{{ uuid = '{EXAMPLE}', git-tree-sha1 = \
             '{}', version = '0.5.4', other = {{ x = 1 }} }}]\n[registries.General]\nuuid = ''\n",
            TREE.to_uppercase()
        );
        assert!(printed::entries(&text).is_none());
        let (manifest, fault) = read(text.as_bytes());
        assert_eq!((manifest.packages, fault), (vec![example()], None));
    }

    #[test]
    fn a_package_may_be_called_manifest_format() {
        let text = format!(
            "[[manifest_format]]\nuuid = \"{EXAMPLE}\"\n[[deps]]\nuuid = \"{EXAMPLE}\"\n\
             git-tree-sha1 = \"{TREE}\"\n"
        );
        let (manifest, _) = read(text.as_bytes());
        assert_eq!(manifest.packages[0].name.as_deref(), Some("deps"));
    }

    #[test]
    fn an_entry_with_faults_keeps_all_of_its_package() {
        for (entry, complaint) in [
            (format!("git-tree-sha1 = \"{TREE}\""), "the entry `A` has no `uuid`"),
            ("uuid = \"1\"".to_owned(), "`uuid` of `A` is no UUID: `1`"),
            (
                format!("uuid = \"{EXAMPLE}\"\ngit-tree-sha1 = \"12\""),
                "`git-tree-sha1` of `A` is no hash: `12`",
            ),
            (
                format!("uuid = \"{EXAMPLE}\"\ngit-tree-sha1 = 12"),
                "the entry `A` has a field of the wrong type",
            ),
            (
                format!("uuid = \"{EXAMPLE}\"\npinned = \"yes\""),
                "the entry `A` has a field of the wrong type",
            ),
        ] {
            let text = format!("{FIRST_FORMAT}\n[[A]]\n{entry}\n");
            let (manifest, fault) = read(text.as_bytes());
            assert_eq!(fault.expect(complaint).message, complaint);
            assert!(manifest.packages.contains(&example()), "{complaint}");
            assert!(manifest.any_tree_of.contains("A"), "{complaint}");
        }
    }

    #[test]
    fn a_dependency_without_entry_is_kept_by_name() {
        let cases = [
            ("deps = [\"B\"]", "`A` depends on `B`, which has no entry"),
            ("deps = [\"B\", \"B\"]", "`A` depends on `B`, which has no entry"),
            ("[A.deps]\nB = \"1\"", "`A` depends on `B`, whose UUID is none"),
            (
                "[A.deps]\nB = \"7876af07-990d-54b4-ab0e-23690620f79b\"",
                "`A` depends on `B`, which has no entry",
            ),
            (
                "[A.deps]\nB = \"7876af07-990d-54b4-ab0e-23690620f79a\"",
                "`A` depends on `B`, whose entry is of `A`",
            ),
        ];
        for (dependencies, complaint) in cases {
            let text = format!("[[A]]\nuuid = \"{EXAMPLE}\"\n{dependencies}\n");
            let (manifest, fault) = read(text.as_bytes());
            assert_eq!(fault.expect(complaint).message, complaint);
            assert!(manifest.any_tree_of.contains("B"), "{dependencies}");
        }
        let weak = "[A.weakdeps]\nB = \"7876af07-990d-54b4-ab0e-23690620f79b\"";
        let text = format!("[[A]]\nuuid = \"{EXAMPLE}\"\n{weak}\n");
        assert_eq!(read(text.as_bytes()), (Manifest::default(), None));
    }

    #[test]
    fn wherever_a_manifest_is_torn_it_keeps_what_is_seen() {
        for cut in 0..SECOND_FORMAT.len() {
            let torn = format!("{}\u{0}garbage = \n", &SECOND_FORMAT[..cut]);
            let (manifest, fault) = read(torn.as_bytes());
            assert!(fault.is_some(), "cut at {cut}");
            if SECOND_FORMAT[..cut].contains(TREE) {
                let is_kept = manifest.any_tree_of.contains("Example")
                    || manifest.packages.iter().any(|package| package.tree == example().tree);
                assert!(is_kept, "cut at {cut}");
            }
            let is_named = SECOND_FORMAT[..cut].contains("[\"Printf\"]");
            assert!(!is_named || manifest.any_tree_of.contains("Printf"), "cut at {cut}");
        }
    }

    #[test]
    fn wherever_a_piece_is_missing_the_rest_is_kept() {
        let text = SECOND_FORMAT;
        for start in 0..text.len() {
            for length in [1, 7, 40] {
                let Some(rest) = text.get(start + length..) else { continue };
                let torn = format!("{}{rest}", &text[..start]);
                let (manifest, _) = read(torn.as_bytes());
                if torn.contains(TREE)
                    && torn.contains(EXAMPLE)
                    && torn.contains("git-tree-sha1 = ")
                {
                    let keeps = manifest.any_tree_of.contains("Example")
                        || manifest.packages.iter().any(|package| package.tree == example().tree)
                        // The entry has lost its own key, and is that of another package now.
                        || !torn.contains("\nuuid = \"7876") || !torn.contains("\ngit-tree");
                    assert!(keeps, "{length} missing at {start}:\n{torn}");
                }
            }
        }
    }

    #[test]
    fn text_that_is_not_unicode_has_a_place() {
        let bytes = [b"\n\n\xff\n", FIRST_FORMAT.as_bytes()].concat();
        let (manifest, fault) = read(&bytes);
        assert_eq!(fault.unwrap().line, Some(3));
        assert_eq!(manifest.packages.len(), 1);
    }

    #[test]
    fn a_text_beyond_measure_is_read_line_by_line() {
        let mut text = FIRST_FORMAT.to_owned();
        text.push_str(&format!("x = '{}'\n", "x".repeat(LONGEST_TOML)));
        let (manifest, fault) = read(text.as_bytes());
        assert!(fault.is_some());
        assert_eq!(manifest.packages[0].tree, example().tree);
    }

    proptest! {
        #[test]
        fn the_short_cut_changes_nothing(
            at in any::<prop::sample::Index>(),
            with in prop_oneof![
                "[\\[\\]\"=\\. \n#a-zA-Z]{0,3}",
                Just("\n".to_owned()),
                Just("[[deps.Example]]\n".to_owned()),
                Just("deps = [\"Dates\"]\n".to_owned()),
                Just("    [deps.Example.deps]\n".to_owned()),
                Just(String::new()),
            ],
            length in 0..30_usize,
            first in any::<bool>(),
        ) {
            let text = if first { FIRST_FORMAT } else { SECOND_FORMAT };
            let at = at.index(text.len());
            let end = (at + length).min(text.len());
            let text = format!("{}{with}{}", &text[..at], &text[end..]);
            if printed::entries(&text).is_some() {
                let table = text.parse::<Table>();
                prop_assert!(table.is_ok(), "{}\n{}", table.unwrap_err(), text);
                let (mut quick, fault) = read(text.as_bytes());
                let (mut slow, slow_fault) = read_slowly(&text);
                // A table has its keys in another order.
                quick.packages.sort_by_key(|package| (package.uuid, package.tree));
                slow.packages.sort_by_key(|package| (package.uuid, package.tree));
                prop_assert_eq!(quick, slow);
                prop_assert_eq!(fault.is_some(), slow_fault.is_some());
            }
        }

        #[test]
        fn any_bytes_can_be_read(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            read(&bytes);
        }
    }
}
