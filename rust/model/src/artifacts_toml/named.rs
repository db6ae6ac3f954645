//! The artifacts that a file references: every hash in it.

use std::borrow::Cow;

use smol_str::SmolStr;

use super::HASH;
use super::part::Part;
use crate::diagnostic::Diagnostic;
use crate::hash::TreeHash;
use crate::root::{self, Reading};
use crate::toml_events::{self, Event, Path, Place, Receiver, Scalar, Step, Stop};

/// The artifacts in a file: for each name its hashes, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamedHashes {
    hashes: Vec<TreeHash>,
    /// The names, and where the hashes of each end. `None` for hashes of an unknown name.
    names: Vec<(Option<SmolStr>, usize)>,
}

impl NamedHashes {
    /// The artifacts, in the order of the file.
    pub fn hashes(&self) -> &[TreeHash] {
        &self.hashes
    }

    /// The artifacts, each with its name, where that is known.
    pub fn iter(&self) -> impl Iterator<Item = (TreeHash, Option<&str>)> {
        let mut begin = 0;
        self.names.iter().flat_map(move |(name, end)| {
            let hashes = &self.hashes[std::mem::replace(&mut begin, *end)..*end];
            hashes.iter().map(|hash| (*hash, name.as_deref()))
        })
    }

    /// The names that are bound to an artifact.
    pub fn names_of(&self, hash: TreeHash) -> impl Iterator<Item = &str> {
        self.iter().filter(move |(named, _)| *named == hash).filter_map(|(_, name)| name)
    }

    /// Adds an artifact to those of a name, which is the last one or a new one.
    pub(super) fn add(&mut self, name: Option<&str>, hash: TreeHash) {
        // The number of comparisons is limited, so that time stays linear. Duplicates do no harm.
        const COMPARED: usize = 64;
        let length = self.hashes.len();
        let is_last = self.names.last().is_some_and(|(last, _)| last.as_deref() == name);
        if !is_last {
            self.names.push((name.map(SmolStr::from), length));
        }
        let begin = self.names.len().checked_sub(2).map_or(0, |before| self.names[before].1);
        if self.hashes[begin..].iter().rev().take(COMPARED).any(|known| *known == hash) {
            return;
        }
        self.hashes.push(hash);
        if let Some((_, end)) = self.names.last_mut() {
            *end = length + 1;
        }
    }

    /// Adds all artifacts of another file.
    fn add_all(&mut self, other: Self) {
        other.iter().for_each(|(hash, name)| self.add(name, hash));
    }
}

/// All artifacts that a file references, for all platforms, lazy or not. Invalid sources and
/// platforms do not matter: they change no reference.
///
/// # Errors
///
/// The first invalid position of the file: it might reference any artifact.
pub fn named_hashes(bytes: &[u8]) -> Reading<NamedHashes> {
    root::read(bytes, read_text, NamedHashes::add_all)
}

fn read_text(text: &str) -> Reading<NamedHashes> {
    let mut entries = Entries::default();
    toml_events::read(text, &mut entries)?;
    let found = entries.finish();
    let found = found.map_err(|Stop { at, message }| Diagnostic::at(text, at, message))?;
    Ok((found, None))
}

/// The maximum number of tables without a hash up to the end of the file: their hash may follow
/// later.
const MOST_WITHOUT: usize = 64;

/// Collects the entries of a file.
#[derive(Default)]
struct Entries<'t> {
    found: NamedHashes,
    entry: Option<Entry<'t>>,
    /// Tables without a hash, and where they begin.
    without: Vec<(Cow<'t, str>, usize)>,
}

/// The entry that is being read.
struct Entry<'t> {
    name: Cow<'t, str>,
    at: usize,
    /// Whether it is an element of an array: one of several platforms.
    is_element: bool,
    /// Whether it is an inline table.
    is_inline: bool,
    has_hash: bool,
}

impl<'t> Receiver<'t> for Entries<'t> {
    fn receive(&mut self, place: Place<'_, 't>, event: Event<'t>) -> Step {
        let Place { path, arrays, at, .. } = place;
        let stop = |message: String| Err(Stop { at, message });
        let name = path.key(0);
        match Part::of(&place, &event) {
            Part::Entry { is_element, is_inline } => {
                return self.begin(path, at, is_element, is_inline);
            }
            Part::Array => return Ok(()),
            Part::End if self.entry.as_ref().is_some_and(|entry| entry.is_inline) => {
                return self.end();
            }
            Part::End => return Ok(()),
            Part::Invalid => {
                return stop(format!("artifact `{name}`: expected a table, or an array of tables"));
            }
            Part::Field => {}
        }
        if self.entry.as_ref().is_none_or(|entry| entry.name != name) {
            // A part of an entry in another place of the file.
            self.begin(path, at, false, false)?;
        }
        if path.key(1) != HASH {
            return Ok(());
        }
        match event {
            Event::Scalar(Scalar::Text(hash)) if path.len() == 2 && arrays == 0 => {
                let hash = hash.parse().map_err(|error| {
                    let message = format!("artifact `{name}`: `{HASH}`: {error}");
                    Stop { at, message }
                })?;
                self.found.add(Some(name), hash);
                if let Some(entry) = &mut self.entry {
                    entry.has_hash = true;
                }
                Ok(())
            }
            _ => stop(format!("artifact `{name}`: `{HASH}`: expected a string")),
        }
    }
}

impl<'t> Entries<'t> {
    fn begin(&mut self, path: &Path<'t>, at: usize, is_element: bool, is_inline: bool) -> Step {
        self.end()?;
        let name = path.take(0);
        self.entry = Some(Entry { name, at, is_element, is_inline, has_hash: false });
        Ok(())
    }

    fn end(&mut self) -> Step {
        let Some(Entry { name, at, is_element, has_hash, .. }) = self.entry.take() else {
            return Ok(());
        };
        if has_hash {
            return Ok(());
        }
        if is_element || self.without.len() == MOST_WITHOUT {
            return Err(without_hash(&name, at));
        }
        self.without.push((name, at));
        Ok(())
    }

    fn finish(mut self) -> Step<NamedHashes> {
        self.end()?;
        for (name, at) in self.without {
            let mut names = self.found.names.iter();
            if !names.any(|(known, _)| known.as_deref() == Some(&*name)) {
                return Err(without_hash(&name, at));
            }
        }
        Ok(self.found)
    }
}

fn without_hash(name: &str, at: usize) -> Stop {
    Stop { at, message: format!("artifact `{name}`: missing `{HASH}`") }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use toml::{Table, Value};

    use super::*;

    const IRIS: &str = "dbd04e28be047a54fbe9bf67e934be5b5e0d357a";
    const OTHER: &str = "43563e7631a7eafae1f9f8d9d332e3de44ad7239";

    fn example() -> String {
        format!(
            "# mine\n[iris]\ngit-tree-sha1 = \"{IRIS}\"\nlazy = true\n\n    [[iris.download]]\n    \
             sha256 = \"{}\"\n    size = 12\n    url = \"https://example.org/iris.tar.gz\"\n\n\
             [[tool]]\narch = \"x86_64\"\ngit-tree-sha1 = \"{OTHER}\"\nos = \"linux\"\n\n\
             [[tool]]\narch = \"x86_64\"\ngit-tree-sha1 = \"{IRIS}\"\nos = \"windows\"\n",
            "0".repeat(64)
        )
    }

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
        let (hashes, _) = named_hashes(text.as_bytes()).unwrap();
        hashes.iter().map(|(hash, name)| (hash.to_string(), name.map(str::to_owned))).collect()
    }

    fn refusal(text: &str) -> String {
        named_hashes(text.as_bytes()).expect_err(text).to_string()
    }

    #[test]
    fn all_hashes_of_a_good_file_are_those_of_every_platform() {
        let text = example();
        let some = |name: &str| Some(name.to_owned());
        let expected = [
            (IRIS.to_owned(), some("iris")),
            (OTHER.to_owned(), some("tool")),
            (IRIS.to_owned(), some("tool")),
        ];
        assert_eq!(named(&text), expected);
    }

    #[test]
    fn any_form_of_an_entry_is_read() {
        for text in [
            format!("iris = {{ git-tree-sha1 = '{IRIS}' }}\n"),
            format!("iris = [{{ os = 'linux', git-tree-sha1 = '{IRIS}' }}]\n"),
            format!("iris.lazy = true\niris.\"git-tree-sha1\" = '{IRIS}'\n"),
            format!("[[iris.download]]\nurl = 'u'\n[iris]\ngit-tree-sha1 = '{IRIS}'\n"),
            // Entries with invalid platforms or downloads.
            format!("[[iris]]\nos = \"linux\"\ngit-tree-sha1 = \"{IRIS}\"\n"),
            format!("[iris]\nlazy = 1\ndownload = [3]\ngit-tree-sha1 = \"{IRIS}\"\n"),
        ] {
            assert_eq!(named(&text), [(IRIS.to_owned(), Some("iris".to_owned()))], "{text}");
        }
        assert_eq!(named("tool = []\n"), []);
        assert_eq!(named("# nothing\n"), []);
    }

    #[test]
    fn what_stands_twice_all_counts() {
        let text = format!(
            "[iris]\ngit-tree-sha1 = \"{IRIS}\"\ngit-tree-sha1 = \"{OTHER}\"\n[iris]\n\
             git-tree-sha1 = \"{}\"\n",
            "9".repeat(40)
        );
        assert_eq!(named(&text).len(), 3);
        let conflict = format!(
            "[iris]\n<<<<<<< HEAD\ngit-tree-sha1 = \"{IRIS}\"\n=======\ngit-tree-sha1 = \"{OTHER}\"\n\
             >>>>>>> other\n"
        );
        assert_eq!(named(&conflict).len(), 2);
        let (_, warning) = named_hashes(conflict.as_bytes()).unwrap();
        assert_eq!(warning.unwrap().line, Some(2));
    }

    #[test]
    fn what_is_no_entry_is_not_understood() {
        for (text, reason) in [
            ("a = 3\n", "1:5: artifact `a`: expected a table, or an array of tables"),
            ("a = [3]\n", "1:6: artifact `a`: expected a table, or an array of tables"),
            ("[a]\n", "1:1: artifact `a`: missing `git-tree-sha1`"),
            ("[[a]]\n[a.git-tree-sha1]\n", "2:1: artifact `a`: `git-tree-sha1`: expected a string"),
            ("[a]\ngit-tree-sha1 = 3\n", "2:17: artifact `a`: `git-tree-sha1`: expected a string"),
            (
                "[a]\ngit-tree-sha1 = \"abc\"\n",
                "2:17: artifact `a`: `git-tree-sha1`: invalid hash `abc`: expected 40 hexadecimal digits, got 3",
            ),
            ("[[a]]\nos = \"linux\"\n[[a]]\n", "1:1: artifact `a`: missing `git-tree-sha1`"),
            ("{}", "1:1: expected a key, found `{`"),
            ("<html>", "1:1: invalid unquoted key, expected letters, numbers, `-`, `_`"),
        ] {
            assert!(
                refusal(text).starts_with(&reason[..20.min(reason.len())]),
                "{}",
                refusal(text)
            );
            if !text.starts_with('<') {
                assert_eq!(refusal(text), reason);
            }
        }
        for bytes in [&b""[..], b"\0\0", b"[a]\rgit-tree-sha1 = \"", b"\xff\xfe[\0a\0]\0"] {
            assert!(named_hashes(bytes).is_err(), "{bytes:?}");
        }
    }

    /// The artifacts in a text according to a TOML parser.
    fn references(text: &str) -> Option<BTreeSet<String>> {
        let table: Table = text.parse().ok()?;
        let mut found = BTreeSet::new();
        for (_, value) in &table {
            let elements = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
            for entry in elements {
                let hash = entry.get(HASH).and_then(Value::as_str);
                found.extend(hash.map(str::to_lowercase));
            }
        }
        Some(found)
    }

    /// A damaged file is invalid, or all references that are left are read.
    fn check(text: &str) {
        let Ok((named, _)) = named_hashes(text.as_bytes()) else { return };
        let kept: BTreeSet<String> = named.hashes().iter().map(TreeHash::to_string).collect();
        if let Some(references) = references(text) {
            assert!(kept.is_superset(&references), "{kept:?}\n{references:?}\n{text}");
        }
    }

    #[test]
    fn no_damage_loses_a_hash_in_silence() {
        let text = example();
        for at in 0..text.len() {
            check(&text[..at]);
            check(&text[at..]);
            for byte in ["", "\0", "\n", "\"", "[", "]", "=", "x", "#", ".", " ", "0", "é"] {
                check(&format!("{}{byte}{}", &text[..at], &text[at + 1..]));
            }
        }
        // It ends within an entry, so it is incomplete.
        let cut = text.find(OTHER).unwrap();
        assert!(named_hashes(&text.as_bytes()[..cut]).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_can_be_read(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = named_hashes(&bytes);
        }

        #[test]
        fn any_toml_can_be_read(text in crate::toml_events::pieces(), at in any::<prop::sample::Index>()) {
            check(&text);
            let example = example();
            let at = at.index(example.len());
            check(&format!("{}{text}{}", &example[..at], &example[at..]));
        }
    }
}
