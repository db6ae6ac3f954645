//! What a file of bindings keeps from being collected: every hash in it.

use std::borrow::Cow;

use smol_str::SmolStr;
use toml::Table;

use super::{Bindings, HASH, printed};
use crate::fault::Fault;
use crate::hash::TreeHash;

/// The artifacts that a file names: for each name its hashes, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamedHashes {
    hashes: Vec<TreeHash>,
    /// The names, and where the hashes of each end. None for hashes whose name cannot be made out.
    names: Vec<(Option<SmolStr>, usize)>,
}

impl NamedHashes {
    /// The artifacts, in the order of their names.
    pub fn hashes(&self) -> &[TreeHash] {
        &self.hashes
    }

    /// The artifacts, each with its name, where that can be made out.
    pub fn iter(&self) -> impl Iterator<Item = (TreeHash, Option<&str>)> {
        let mut begin = 0;
        self.names.iter().flat_map(move |(name, end)| {
            let hashes = &self.hashes[std::mem::replace(&mut begin, *end)..*end];
            hashes.iter().map(|hash| (*hash, name.as_deref()))
        })
    }

    /// The names that stand for an artifact.
    pub fn names_of(&self, hash: TreeHash) -> impl Iterator<Item = &str> {
        self.iter().filter(move |(named, _)| *named == hash).filter_map(|(_, name)| name)
    }

    /// Adds an artifact to those of a name, which is the last one or a new one.
    pub(super) fn add(&mut self, name: Option<&str>, hash: TreeHash) {
        let length = self.hashes.len();
        let is_last = self.names.last().is_some_and(|(last, _)| last.as_deref() == name);
        if !is_last {
            self.names.push((name.map(SmolStr::from), length));
        }
        let begin = self.names.len().checked_sub(2).map_or(0, |before| self.names[before].1);
        if self.hashes[begin..].contains(&hash) {
            return;
        }
        self.hashes.push(hash);
        if let Some((_, end)) = self.names.last_mut() {
            *end = length + 1;
        }
    }
}

/// Reads artifact files one after the other: it remembers the platforms that it has come across.
#[derive(Debug, Default)]
pub struct HashReader {
    platforms: printed::KnownPlatforms,
}

impl HashReader {
    /// All artifacts that a file names, for every platform, lazy or not: what a collection must keep
    /// as long as the file is there.
    ///
    /// Of a file in any state: one that is not TOML, or has entries that make no sense, still keeps
    /// what can be seen in it. What is wrong is in the second value.
    pub fn read(&mut self, bytes: &[u8]) -> (NamedHashes, Vec<Fault>) {
        // Nearly all are ASCII, which this tells faster than the one that replaces what is wrong.
        let text = std::str::from_utf8(bytes);
        let text = text.map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed);
        if let Some(named) = printed::all_hashes(&text, &mut self.platforms) {
            return (named, Vec::new());
        }
        let (mut named, faults) = read_all_hashes(&text);
        if !faults.is_empty() {
            let mut seen = hashes_in_sight(&text);
            // One without a name is the same as one with: it comes last.
            seen.sort_by(|(one, _), (other, _)| {
                (one.is_none(), one).cmp(&(other.is_none(), other))
            });
            for (name, hash) in seen {
                let is_known = match &name {
                    Some(name) => named.names_of(hash).any(|known| known == name),
                    None => named.hashes().contains(&hash),
                };
                if !is_known {
                    named.add(name.as_deref(), hash);
                }
            }
        }
        (named, faults)
    }
}

/// The artifacts in the entries that make sense, and what is wrong with the others.
pub(super) fn read_all_hashes(text: &str) -> (NamedHashes, Vec<Fault>) {
    let mut named = NamedHashes::default();
    let bindings = match Bindings::read(text) {
        Ok(bindings) => bindings,
        Err(fault) => return (named, vec![fault]),
    };
    for name in bindings.names() {
        for (_, entry) in bindings.entries(name) {
            named.add(Some(name), entry.hash);
        }
    }
    (named, bindings.faults().into_iter().cloned().collect())
}

/// Every `git-tree-sha1 = "…"` in a text, TOML or not, with the name in the header above it.
fn hashes_in_sight(text: &str) -> Vec<(Option<String>, TreeHash)> {
    let mut name = None;
    let mut hashes = Vec::new();
    for line in text.lines() {
        let line = line.trim();
        if line.starts_with('[') {
            name = line.parse::<Table>().ok().and_then(|table| table.keys().next().cloned());
        }
        for (at, key) in line.match_indices(HASH) {
            let value = line[at + key.len()..].trim_start_matches(['"', '\'']).trim_start();
            let Some(value) = value.strip_prefix('=') else { continue };
            let value = value.trim_start().trim_start_matches(['"', '\'']);
            let hash = value.get(..40).and_then(|digits| digits.parse().ok());
            hashes.extend(hash.map(|hash| (name.clone(), hash)));
        }
    }
    hashes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const IRIS: &str = "dbd04e28be047a54fbe9bf67e934be5b5e0d357a";
    const OTHER: &str = "43563e7631a7eafae1f9f8d9d332e3de44ad7239";

    #[test]
    fn each_name_has_its_hashes_once() {
        let [iris, other]: [TreeHash; 2] = [IRIS, OTHER].map(|hash| hash.parse().unwrap());
        let mut named = NamedHashes::default();
        let added = [("a", iris), ("a", other), ("a", iris), ("b", iris), ("b", iris)];
        added.iter().for_each(|(name, hash)| named.add(Some(name), *hash));
        assert_eq!(named.hashes(), [iris, other, iris]);
        let expected = [(iris, Some("a")), (other, Some("a")), (iris, Some("b"))];
        assert_eq!(named.iter().collect::<Vec<_>>(), expected);
        assert_eq!(named.names_of(iris).collect::<Vec<_>>(), ["a", "b"]);
    }

    fn named(text: &str) -> Vec<(String, Option<String>)> {
        let (hashes, _) = HashReader::default().read(text.as_bytes());
        hashes.iter().map(|(hash, name)| (hash.to_string(), name.map(str::to_owned))).collect()
    }

    #[test]
    fn all_hashes_of_a_good_file_are_those_of_every_platform() {
        let text = format!(
            "[iris]\ngit-tree-sha1 = \"{IRIS}\"\nlazy = true\n\
             [[tool]]\narch = \"x86_64\"\nos = \"linux\"\ngit-tree-sha1 = \"{OTHER}\"\n\
             [[tool]]\narch = \"x86_64\"\nos = \"windows\"\ngit-tree-sha1 = \"{IRIS}\"\n"
        );
        let some = |name: &str| Some(name.to_owned());
        let expected = [
            (IRIS.to_owned(), some("iris")),
            (OTHER.to_owned(), some("tool")),
            (IRIS.to_owned(), some("tool")),
        ];
        assert_eq!(named(&text), expected);
    }

    #[test]
    fn a_file_in_any_state_keeps_what_can_be_seen() {
        let torn = format!(
            "[iris]\ngit-tree-sha1 = \"{IRIS}\"\n[tool\n'git-tree-sha1'='{OTHER}'\nx = \"\n"
        );
        let (hashes, faults) = HashReader::default().read(torn.as_bytes());
        let expected = [(IRIS, Some("iris")), (OTHER, None)];
        let expected = expected.map(|(hash, name)| (hash.to_owned(), name.map(str::to_owned)));
        assert_eq!(named(&torn), expected);
        assert_eq!((hashes.hashes().len(), faults.len()), (2, 1));
        // An entry for no platform that can be told is still somebody's.
        let odd = format!("[[tool]]\nos = \"linux\"\ngit-tree-sha1 = \"{IRIS}\"\n");
        assert_eq!(named(&odd).len(), 1);
    }

    proptest! {
        #[test]
        fn any_bytes_can_be_read(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            HashReader::default().read(&bytes);
        }

        #[test]
        fn no_cut_loses_a_hash_before_it(cut in 0usize..400) {
            let text = format!(
                "[iris]\ngit-tree-sha1 = \"{IRIS}\"\n\n    [[iris.download]]\n    url = \"u\"\n\n\
                 [[tool]]\narch = \"x86_64\"\ngit-tree-sha1 = \"{OTHER}\"\nos = \"linux\"\n"
            );
            let cut = &text[..cut.min(text.len())];
            let seen: Vec<String> = named(cut).into_iter().map(|(hash, _)| hash).collect();
            for hash in [IRIS, OTHER] {
                prop_assert_eq!(seen.contains(&hash.to_owned()), cut.contains(hash));
            }
        }
    }
}
