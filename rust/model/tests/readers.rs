//! Fuzzers of the readers: what they make of damaged files.
//!
//! Each mutates the files in `tests/corpus/` for `SCRATCHRS_FUZZ_SECONDS` (one, if it is not set),
//! beginning with `SCRATCHRS_FUZZ_SEED`. A failure prints the text.

#![expect(clippy::unwrap_used, reason = "what cannot be set up ends the test")]
#![expect(clippy::disallowed_methods, reason = "tests prepare files themselves")]

#[path = "readers/mutation.rs"]
mod mutation;

use std::collections::BTreeSet;

use mutation::{Random, corpus, fuzz};
use scratchrs_model::artifacts_toml::{
    BindOptions, Bindings, Field, bind, named_hashes, read_download, unbind,
};
use scratchrs_model::diagnostic::Diagnostic;
use scratchrs_model::generation::Generated;
use scratchrs_model::hash::TreeHash;
use scratchrs_model::manifest::ManifestReader;
use scratchrs_model::orphans::Orphans;
use scratchrs_model::overrides::Overrides;
use scratchrs_model::platform::Platform;
use scratchrs_model::project::identity;
use scratchrs_model::store::{bindings, record, users, uses};
use scratchrs_model::time::DepotTime;
use scratchrs_model::usage_log::{Damage, Record, UsageLog, census};
use toml::{Table, Value};

type References = BTreeSet<(String, String)>;

/// What TOML in general says of a text; the inner `None` if it is TOML but for repetitions.
fn toml_of(bytes: &[u8]) -> Option<Option<Table>> {
    match std::str::from_utf8(bytes).ok()?.parse::<Table>() {
        Ok(table) => Some(Some(table)),
        Err(error) => {
            let message = error.message();
            let is_repetition =
                message.contains("duplicate key") || message.contains("cannot extend");
            is_repetition.then_some(None)
        }
    }
}

/// What a root references, read by TOML in general.
fn check_root(bytes: &[u8], read: Option<References>, references: impl Fn(&Table) -> References) {
    let shown = || String::from_utf8_lossy(bytes);
    let Some(kept) = read else { return };
    match toml_of(bytes) {
        Some(Some(table)) => {
            let expected = references(&table);
            assert!(kept.is_superset(&expected), "{kept:?}\n{expected:?}\n{}", shown());
        }
        Some(None) => {}
        None => {
            let has_marker = shown().lines().any(|line| line.starts_with("<<<<<<<"));
            assert!(has_marker, "this is read, and not TOML:\n{}", shown());
        }
    }
}

fn text(entry: &Value, key: &str) -> Option<String> {
    entry.get(key).and_then(Value::as_str).map(str::to_lowercase)
}

#[test]
fn manifests() {
    let mut reader = ManifestReader::default();
    fuzz(&corpus(&["manifest"]), |bytes, _| {
        let read = reader.read(bytes).ok().map(|(manifest, _)| {
            let packages = manifest.packages.iter();
            let trees = packages.map(|it| (it.uuid.to_string(), it.tree.to_string()));
            let sources = manifest.sources.iter();
            trees.chain(sources.map(|url| (url.to_lowercase(), String::new()))).collect()
        });
        check_root(bytes, read, |table| {
            let deps = table.get("deps").and_then(Value::as_table).into_iter().flatten();
            let mut found = References::new();
            for (_, entries) in deps.chain(table) {
                for entry in entries.as_array().into_iter().flatten() {
                    found.extend(text(entry, "uuid").zip(text(entry, "git-tree-sha1")));
                    found.extend(text(entry, "repo-url").map(|url| (url, String::new())));
                }
            }
            found
        });
    });
}

#[test]
fn artifact_files() {
    fuzz(&corpus(&["artifacts"]), |bytes, _| {
        let read = named_hashes(bytes).ok().map(|(named, _)| {
            named.hashes().iter().map(|hash| (hash.to_string(), String::new())).collect()
        });
        check_root(bytes, read, |table| {
            let mut found = References::new();
            for (_, value) in table {
                let entries = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
                for entry in entries {
                    found.extend(text(entry, "git-tree-sha1").map(|hash| (hash, String::new())));
                }
            }
            found
        });
    });
}

/// The valid entries of a file, by name: hash, whether it is lazy, tags and downloads.
type Entries = Vec<(String, String, bool, Vec<String>, Vec<String>)>;

fn entries(bindings: &Bindings) -> Entries {
    let mut found = Entries::new();
    for name in bindings.names() {
        for (platform, entry) in bindings.entries(name) {
            let tags = platform.into_iter().flat_map(|platform| platform.tags());
            let tags = tags.map(|(tag, value)| format!("{tag}={value}"));
            let downloads = entry.downloads.iter().flatten();
            let downloads = downloads.map(|it| format!("{} {} {:?}", it.url, it.sha256, it.size));
            let (tags, downloads) = (tags.collect(), downloads.collect());
            found.push((name.to_owned(), entry.hash.to_string(), entry.lazy, tags, downloads));
        }
    }
    found
}

/// The same, from a tree of values.
fn entries_of_tree(table: &Table) -> Entries {
    let mut found = Entries::new();
    for (name, value) in table {
        let elements = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        if !elements.iter().all(Value::is_table) {
            continue;
        }
        for entry in elements {
            let string = |key: &str| entry.get(key).and_then(Value::as_str);
            let hash = string("git-tree-sha1").and_then(|hash| hash.parse::<TreeHash>().ok());
            let Some(hash) = hash else { continue };
            let mut tags = Vec::new();
            if value.is_array()
                && let (Some(arch), Some(os)) = (string("arch"), string("os"))
            {
                let others = entry.as_table().into_iter().flatten();
                let others =
                    others.filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)));
                let no_tags = ["arch", "os", "git-tree-sha1"];
                let others = others.filter(|(key, _)| !no_tags.contains(key));
                if let Ok(platform) = Platform::new(arch, os, others) {
                    tags = platform.tags().map(|(tag, value)| format!("{tag}={value}")).collect();
                }
            }
            let downloads = entry.get("download").and_then(Value::as_array).into_iter().flatten();
            let downloads = downloads.filter_map(|download| {
                let field = |key: &str| match download.get(key) {
                    None => Field::Missing,
                    Some(Value::String(text)) => Field::Text(text),
                    Some(Value::Integer(number)) => Field::Integer(Some(*number)),
                    Some(other) => Field::Other(other.type_str()),
                };
                let is_table = download.is_table();
                let (found, _) = read_download(field("url"), field("sha256"), field("size"));
                let found = found.filter(|_| is_table)?;
                Some(format!("{} {} {:?}", found.url, found.sha256, found.size))
            });
            let lazy = entry.get("lazy").and_then(Value::as_bool).unwrap_or_default();
            found.push((name.clone(), hash.to_string(), lazy, tags, downloads.collect()));
        }
    }
    found
}

#[test]
fn artifact_files_with_all_fields() {
    fuzz(&corpus(&["artifacts"]), |bytes, _| {
        let Ok(text) = std::str::from_utf8(bytes) else { return };
        match (Bindings::read(text), toml_of(bytes)) {
            (Ok(bindings), Some(Some(table))) => {
                assert_eq!(entries(&bindings), entries_of_tree(&table), "{text}");
                assert!(bindings.names().eq(table.keys().map(String::as_str)), "{text}");
            }
            (Err(_), Some(None) | None) => {}
            // In braces, the `toml` crate takes line ends around `=`, which TOML does not allow.
            (Err(error), _) if error.message.ends_with("found newline") => {}
            (read, expected) => panic!("{read:?}\n{expected:?}\n{text}"),
        }
    });
}

/// The entries of all names but one.
fn other_entries(text: &str, name: &str) -> Entries {
    let bindings = Bindings::read(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    entries(&bindings).into_iter().filter(|(other, ..)| other != name).collect()
}

#[test]
fn artifact_files_under_edit() {
    let (hash, platform) = (TreeHash([7; 20]), "x86_64-linux-gnu".parse().unwrap());
    fuzz(&corpus(&["artifacts"]), |bytes, random| {
        let Ok(text) = std::str::from_utf8(bytes) else { return };
        let Ok(before) = Bindings::read(text) else {
            assert!(bind(text, "new", hash, BindOptions::default()).is_err());
            return;
        };
        before.diagnostics();
        let name = *random.pick(&["new", "iris", "tool", "a", "b", "c"].each_ref());
        let platform = Some(&platform).filter(|_| random.below(2) == 0);
        let options = BindOptions { platform, force: true, ..BindOptions::default() };
        let bound = bind(text, name, hash, options).unwrap();
        assert_eq!(other_entries(&bound, name), other_entries(text, name), "{text}\n{bound}");
        let after = Bindings::read(&bound).unwrap();
        let found = after.entries(name);
        assert!(found.iter().any(|(_, entry)| entry.hash == hash), "{text}\n{bound}");
        assert!(before.names().all(|name| after.names().any(|other| other == name)), "{text}");
        let without = unbind(&bound, name, None).unwrap().expect(&bound);
        assert_eq!(other_entries(&without, name), other_entries(text, name), "{text}\n{without}");
        assert!(Bindings::read(&without).unwrap().names().all(|other| other != name), "{without}");
    });
}

fn now() -> DepotTime {
    DepotTime::from_toml(&"2026-11-21T12:00:00Z".parse().unwrap()).unwrap()
}

#[test]
fn usage_logs_are_healed() {
    fuzz(&corpus(&["usage", "manifest"]), |bytes, _| {
        let (log, damage) = UsageLog::read_damaged(bytes);
        if census(bytes).is_some() {
            assert_eq!(damage, Damage::default(), "{}", String::from_utf8_lossy(bytes));
        }
        for healed in [log.clone(), log.condensed(now())] {
            let text = healed.to_text();
            assert!(text.parse::<Table>().is_ok(), "{text}");
            assert_eq!(UsageLog::read_damaged(text.as_bytes()), (healed, Damage::default()));
        }
    });
}

/// Each valid record is read, with any text on the lines before it.
#[test]
fn usage_logs_lose_no_record() {
    let record = Record::of_project(now(), "/p/Project.toml").to_text("/space");
    fuzz(&corpus(&["usage", "manifest", "artifacts", "project"]), |bytes, random| {
        // A comment continues to the end of its line, and a list can continue on the next one: the
        // text after a complete record does not matter.
        let at = random.below(bytes.len() + 1);
        let (before, after) = bytes.split_at(at);
        let separator = random.pick(&[&b"\n"[..], b"\r\n", b"\n\0", b"\n\xef\xbb\xbf"]);
        let all = [before, separator, record.as_bytes(), after].concat();
        if toml_of(&all).is_some() {
            // It may stand in a text of several lines.
            return;
        }
        let (log, _) = UsageLog::read_damaged(&all);
        let is_whole = |found: &Record| {
            found.time >= Some(now())
                && found.parent_projects.iter().any(|it| it == "/p/Project.toml")
        };
        assert!(log.records("/space").iter().any(is_whole), "{}", String::from_utf8_lossy(&all));
    });
}

#[test]
fn overrides() {
    fuzz(&corpus(&["overrides"]), |bytes, _| {
        let Ok(text) = std::str::from_utf8(bytes) else { return };
        let mut overrides = Overrides::default();
        let read = overrides.merge(text);
        // Keys that differ for TOML may be the same hash or UUID.
        let is_twice = |error: &Diagnostic| error.message.contains("is defined twice");
        match toml_of(bytes) {
            Some(Some(_)) => assert!(read.as_ref().err().is_none_or(is_twice), "{text}"),
            Some(None) => {}
            None => assert!(read.is_err(), "{text}"),
        }
        let hashes: Vec<TreeHash> = overrides.by_hash().map(|(hash, _)| hash).collect();
        hashes.into_iter().for_each(|hash| drop(overrides.of_artifact(hash)));
    });
}

#[test]
fn projects() {
    fuzz(&corpus(&["project"]), |bytes, _| {
        let Ok(text) = std::str::from_utf8(bytes) else { return };
        let found = identity(text);
        if let Ok(table) = text.parse::<Table>() {
            assert_eq!(found.name.as_deref(), table.get("name").and_then(Value::as_str), "{text}");
        }
    });
}

#[test]
fn orphans() {
    fuzz(&corpus(&["orphaned"]), |bytes, _| {
        let (orphans, _) = Orphans::read(bytes);
        assert_eq!(Orphans::read(orphans.to_text().as_bytes()), (orphans, vec![]));
    });
}

#[test]
fn files_of_the_store() {
    fuzz(&corpus(&["store"]), |bytes, _| {
        let text = std::str::from_utf8(bytes).ok();
        text.map(Generated::parse);
        uses::read(bytes);
        users::read(bytes);
        record::Record::read(bytes);
        let Ok(mut bindings) = bindings::Bindings::read(bytes) else { return };
        let Some(gone) = bindings.iter().next().map(|(name, _)| name.to_owned()) else { return };
        let names = bindings.len();
        bindings.remove([gone.as_str()]);
        let again = bindings::Bindings::read(bindings.text().as_bytes()).unwrap();
        assert_eq!((again.len(), again.has(&gone)), (names - 1, false));
    });
}

/// Nesting and long paths take no stack, which would end the process.
#[test]
fn depth_ends_no_process() {
    let times = 1 << 14;
    for text in [
        format!("a = {}", "[".repeat(times)),
        format!("a = {}", "{a=".repeat(times)),
        format!("a = {}1{}\n", "[".repeat(times), "]".repeat(times)),
        format!("a{} = 1\n", ".a".repeat(times)),
        format!("[a{}]\n", ".a".repeat(times)),
        format!("[[a{}]]\n", ".a".repeat(times)),
        format!("a = {{ a{} = 1 }}\n", ".a".repeat(times)),
    ] {
        let bytes = text.as_bytes();
        let _ = ManifestReader::default().read(bytes);
        let _ = named_hashes(bytes);
        let _ = Bindings::read(&text);
        let _ = bind(&text, "new", TreeHash([7; 20]), BindOptions::default());
        let _ = unbind(&text, "a", None);
        UsageLog::read(bytes);
        let _ = Overrides::default().merge(&text);
        identity(&text);
        Orphans::read(bytes);
        Generated::parse(&text);
        let _ = bindings::Bindings::read(bytes).map(|mut bindings| bindings.remove(["a"]));
    }
}

/// The same damage hits the same files again, so that a failure can be repeated.
#[test]
fn damage_is_repeatable() {
    let seeds = corpus(&["usage"]);
    let damage = |seed| mutation::mutated(&seeds, &mut Random::new(seed));
    assert_eq!(damage(7), damage(7));
    assert!((0..50).any(|seed| damage(seed) != damage(7)));
}
