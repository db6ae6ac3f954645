//! The log of bindings: file, name, content and time of each.
//!
//! ```text
//! 2024-01-02T03:04:05.006Z 83c1… "/depot/…/Artifacts.toml" "iris" 1b9dd4cc5f2a6f31
//! ```
//!
//! The last word is a checksum of the others. A line is appended for each binding, and lines are
//! never changed, so a torn line affects only itself. The files of bindings determine the current
//! bindings; the log has the times, and lists the files outside of the store. The usage log of
//! OhMyArtifacts.jl, which lists each file of a tree, is derived from it.

use std::collections::BTreeMap;

use crate::hash::Sha256;
use crate::time::DepotTime;
use crate::toml_text::{push_key, push_string};

use super::line;

/// A logged binding.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Use {
    /// The time.
    pub time: DepotTime,
    /// The content.
    pub hash: Sha256,
    /// The file of bindings.
    pub file: String,
    /// The name in that file.
    pub name: String,
}

impl Use {
    /// The text to append to the log. It begins with a line end, so that it is separate from a torn
    /// line before.
    pub fn to_line(&self) -> String {
        let mut line = format!("{} {} ", self.time, self.hash);
        push_string(&mut line, &self.file);
        line.push(' ');
        push_string(&mut line, &self.name);
        line::sealed(&line)
    }

    fn parse(words: &str) -> Option<Self> {
        let (time, rest) = line::take_time(words)?;
        let (hash, rest) = rest.split_once(' ')?;
        let (file, rest) = line::take_string(rest)?;
        let (name, _) = line::take_string(rest.strip_prefix(' ')?)?;
        Some(Self { time, hash: hash.parse().ok()?, file, name })
    }
}

/// Reads the log in any state. The second value is the number of lines that cannot be read.
pub fn read(bytes: &[u8]) -> (Vec<Use>, usize) {
    line::read(bytes, Use::parse)
}

/// The text of a log.
pub fn to_text<'a>(uses: impl IntoIterator<Item = &'a Use>) -> String {
    uses.into_iter().map(Use::to_line).collect()
}

/// For each path in the store, the files that bind it, the names, and the times.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    paths: BTreeMap<String, BTreeMap<String, BTreeMap<String, DepotTime>>>,
}

impl Usage {
    /// Adds a use; of two times, the later counts.
    pub fn insert(&mut self, path: &str, file: &str, name: &str, time: DepotTime) {
        if !self.paths.contains_key(path) {
            self.paths.insert(path.to_owned(), BTreeMap::new());
        }
        let Some(files) = self.paths.get_mut(path) else { return };
        let names = files.entry(file.to_owned()).or_default();
        let known = names.entry(name.to_owned()).or_insert(time);
        *known = time.max(*known);
    }

    /// Whether a path is used.
    pub fn has(&self, path: &str) -> bool {
        self.paths.contains_key(path)
    }

    /// Removes the uses by some files.
    pub fn remove_files(&mut self, is_meant: impl Fn(&str) -> bool) {
        self.paths.retain(|_, files| {
            files.retain(|file, _| !is_meant(file));
            !files.is_empty()
        });
    }

    /// The files in which a name uses a path.
    pub fn files(&self, path: &str) -> impl Iterator<Item = &str> {
        self.paths.get(path).into_iter().flat_map(|files| files.keys().map(String::as_str))
    }

    /// Every use: path, file, name, time.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, &str, DepotTime)> {
        self.paths.iter().flat_map(|(path, files)| {
            files.iter().flat_map(move |(file, names)| {
                names
                    .iter()
                    .map(move |(name, time)| (path.as_str(), file.as_str(), name.as_str(), *time))
            })
        })
    }

    /// The text of `logs/my_artifact_usage.toml`.
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        for (path, files) in &self.paths {
            for (file, names) in files {
                if !out.is_empty() {
                    out.push('\n');
                }
                out.push('[');
                push_key(&mut out, path);
                out.push('.');
                push_key(&mut out, file);
                out.push_str("]\n");
                for (name, time) in names {
                    push_key(&mut out, name);
                    out.push_str(&format!(" = {time}\n"));
                }
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn used(file: &str, name: &str) -> Use {
        let time = DepotTime::from_toml(&"2024-01-02T03:04:05.006Z".parse().unwrap()).unwrap();
        Use { time, hash: Sha256([7; 32]), file: file.to_owned(), name: name.to_owned() }
    }

    #[test]
    fn a_torn_line_costs_that_line_only() {
        let log = to_text(&[used("/a", "first"), used("/b", "second")]);
        for cut in 0..log.len() {
            let torn = format!("{}{}", &log[..cut], used("/c", "third").to_line());
            let (uses, _) = read(torn.as_bytes());
            assert_eq!(uses.last().map(|used| used.name.as_str()), Some("third"), "cut at {cut}");
        }
        let damaged = log.replace("first", "frist");
        assert_eq!(read(damaged.as_bytes()), (vec![used("/b", "second")], 1));
    }

    #[test]
    fn the_usage_log_is_that_of_ohmyartifacts() {
        let mut usage = Usage::default();
        let time = used("", "").time;
        usage.insert("/s/83", "/p/Artifacts.toml", "iris", time);
        usage.insert("/s/83", "/p/Artifacts.toml", "iris 2", time);
        let text = "[\"/s/83\".\"/p/Artifacts.toml\"]\niris = 2024-01-02T03:04:05.006Z\n\
                    \"iris 2\" = 2024-01-02T03:04:05.006Z\n";
        assert_eq!(usage.to_text(), text);
        let table: toml::Table = text.parse().unwrap();
        assert_eq!(table["/s/83"]["/p/Artifacts.toml"]["iris 2"].to_string(), time.to_string());
    }

    proptest! {
        #[test]
        fn a_line_survives(file in any::<String>(), name in any::<String>()) {
            let used = used(&file, &name);
            let line = used.to_line();
            prop_assert_eq!(line.matches('\n').count(), 1);
            prop_assert_eq!(read(line.as_bytes()), (vec![used], 0));
        }
    }
}
