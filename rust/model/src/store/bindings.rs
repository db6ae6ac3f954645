//! A file that binds names to contents.
//!
//! ```toml
//! [iris]
//! isdir = true
//! sha256 = "83c1aca5f0e9d222dee51861b3def4e789e57b17b035099570c54b51182853d4"
//! ```
//!
//! A binding may have `meta`, with any value of its package. Everything else in the file,
//! comments included, belongs to its author and stays when bindings are added or removed.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use smol_str::SmolStr;
use toml::Value;

use crate::diagnostic::Diagnostic;
use crate::hash::Sha256;
use crate::toml_events::{self, Definitions, Event, Place, Receiver, Scalar, Step, Stop};
use crate::toml_sections::{Section, sections_of};
use crate::toml_text::push_key;

const SHA256: &str = "sha256";
const IS_DIRECTORY: &str = "isdir";
const METADATA: &str = "meta";

/// The content that a name is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The content.
    pub hash: Sha256,
    /// Whether it was a tree when it was bound.
    pub is_directory: bool,
}

/// Why the entry of a name is invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidBinding(String);

/// The bindings of a file, with its text.
#[derive(Clone, Debug, Default)]
pub struct Bindings {
    text: String,
    entries: BTreeMap<SmolStr, Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    hash: Result<Sha256, InvalidBinding>,
    is_directory: bool,
    is_table: bool,
}

impl Entry {
    fn binding(&self) -> Result<Binding, InvalidBinding> {
        let hash = self.hash.clone()?;
        Ok(Binding { hash, is_directory: self.is_directory })
    }
}

impl Bindings {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// If it is not TOML, or has very many values for its size or very many invalid entries. A few
    /// invalid entries do not affect the others.
    pub fn read(bytes: &[u8]) -> Result<Self, Diagnostic> {
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let valid = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
            Diagnostic::at(&valid, valid.len(), "the file is not UTF-8")
        })?;
        let definitions = Definitions::of(text.len());
        let mut file = File { definitions, entries: BTreeMap::new(), invalid: 0 };
        toml_events::read(text, &mut file)?;
        Ok(Self { entries: file.entries, text: text.to_owned() })
    }

    /// The text of the file.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether there is an entry of this name, valid or not.
    pub fn has(&self, name: &str) -> bool {
        self.entries.contains_key(name)
    }

    /// The binding of a name; `None` if it is not bound.
    ///
    /// # Errors
    ///
    /// If the entry is invalid.
    pub fn get(&self, name: &str) -> Result<Option<Binding>, InvalidBinding> {
        self.entries.get(name).map(Entry::binding).transpose()
    }

    /// All names with their bindings, sorted.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Result<Binding, InvalidBinding>)> {
        self.entries.iter().map(|(name, entry)| (name.as_str(), entry.binding()))
    }

    /// The number of names.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether the file has no names.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Adds a new name, and returns the text that was added at the end.
    pub fn add(&mut self, name: &str, binding: Binding, metadata: Option<&Value>) -> &str {
        let before = self.text.len();
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.push('[');
        push_key(&mut self.text, name);
        self.text.push_str("]\n");
        let Binding { hash, is_directory } = binding;
        self.text.push_str(&format!("{IS_DIRECTORY} = {is_directory}\n"));
        if let Some(metadata) = metadata {
            self.text.push_str(&format!("{METADATA} = {metadata}\n"));
        }
        self.text.push_str(&format!("{SHA256} = \"{hash}\"\n"));
        self.entries.insert(name.into(), Entry { hash: Ok(hash), is_directory, is_table: true });
        &self.text[before..]
    }

    /// Removes names. Returns whether any of them existed.
    pub fn remove<'a>(&mut self, names: impl IntoIterator<Item = &'a str>) -> bool {
        let gone: BTreeSet<&str> = names.into_iter().filter(|name| self.has(name)).collect();
        if gone.is_empty() {
            return false;
        }
        let mut cuts = self.sections_of(&gone).into_iter().peekable();
        let mut at = 0;
        self.text.retain(|character| {
            cuts.next_if(|cut| cut.end <= at);
            let is_cut = cuts.peek().is_some_and(|cut| cut.contains(&at));
            at += character.len_utf8();
            !is_cut
        });
        let begin = self.text.len() - self.text.trim_start_matches('\n').len();
        self.text.drain(..begin);
        self.entries.retain(|name, _| !gone.contains(name.as_str()));
        true
    }
}

impl Bindings {
    /// The bytes of the sections of some names, in the order of the text, each with the empty line
    /// before it.
    fn sections_of(&self, names: &BTreeSet<&str>) -> Vec<Range<usize>> {
        let is_meant = |section: &Section<'_>| names.contains(&*section.name);
        // The text was read before.
        let sections = sections_of(&self.text, is_meant).unwrap_or_default();
        let mut position = 0;
        let cuts = sections.iter().map(|section| {
            let before = self.text[position..section.at].trim_end_matches([' ', '\t']);
            let is_spaced = before.ends_with("\n\n") || before == "\n";
            let begin = position + before.len() - usize::from(is_spaced);
            position = section.end;
            begin..section.end
        });
        cuts.collect()
    }
}

/// The maximum number of invalid entries: they take more memory than the shortest text of one.
const MOST_INVALID: usize = 1000;

/// Collects the entries of a file.
struct File {
    definitions: Definitions,
    entries: BTreeMap<SmolStr, Entry>,
    /// The number of invalid entries so far.
    invalid: usize,
}

impl<'t> Receiver<'t> for File {
    fn receive(&mut self, place: Place<'_, 't>, event: Event<'t>) -> Step {
        self.definitions.check(&place, &event)?;
        let Place { path, arrays, .. } = place;
        let name = path.key(0);
        if !self.entries.contains_key(name) {
            let is_table = path.len() > 1 || matches!(event, Event::Table | Event::OpenTable);
            self.add_invalid(name, is_table, place.at)?;
        }
        let entry = self.entries.get_mut(name).filter(|entry| entry.is_table && arrays == 0);
        let Some(entry) = entry else { return Ok(()) };
        match (path.len(), path.key(1), event) {
            (2, SHA256, Event::Scalar(Scalar::Text(text))) => {
                let hash = text.parse();
                self.invalid -= usize::from(hash.is_ok());
                entry.hash = hash.map_err(|error| invalid(name, format!("`{SHA256}`: {error}")));
            }
            (2, IS_DIRECTORY, Event::Scalar(Scalar::Boolean(value))) => {
                entry.is_directory = value;
            }
            _ => {}
        }
        Ok(())
    }
}

impl File {
    /// Adds an entry without its hash.
    fn add_invalid(&mut self, name: &str, is_table: bool, at: usize) -> Step {
        self.invalid += 1;
        if self.invalid > MOST_INVALID {
            let message = format!("there are more than {MOST_INVALID} invalid entries");
            return Err(Stop { at, message });
        }
        let message = match is_table {
            true => format!("missing `{SHA256}`"),
            false => "expected a table".to_owned(),
        };
        let entry = Entry { hash: Err(invalid(name, message)), is_directory: false, is_table };
        self.entries.insert(name.into(), entry);
        Ok(())
    }
}

fn invalid(name: &str, message: String) -> InvalidBinding {
    InvalidBinding(format!("entry \"{name}\": {message}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEX: &str = "83c1aca5f0e9d222dee51861b3def4e789e57b17b035099570c54b51182853d4";

    fn bound(is_directory: bool) -> Binding {
        Binding { hash: HEX.parse().unwrap(), is_directory }
    }

    fn read(text: &str) -> Bindings {
        Bindings::read(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_file_is_written_as_ohmyartifacts_writes_it() {
        let mut bindings = read("");
        bindings.add("iris", bound(true), None);
        let added = bindings.add("iris.names", bound(false), None).to_owned();
        let expected = format!(
            "[iris]\nisdir = true\nsha256 = \"{HEX}\"\n\n[\"iris.names\"]\nisdir = false\nsha256 = \"{HEX}\"\n"
        );
        assert_eq!(bindings.text(), expected);
        assert!(expected.ends_with(&added));
        assert_eq!(read(&expected).get("iris.names"), Ok(Some(bound(false))));
    }

    #[test]
    fn what_is_not_removed_stays_letter_for_letter() {
        let other = "# mine\n[b]\nsha256 = \"x\"   # odd\n\n    [b.meta]\n    list = [\n  1,\n]\n";
        let mut bindings = read(other);
        bindings.add("a", bound(false), None);
        bindings.add("c", bound(false), None);
        assert!(bindings.remove(["a", "c", "d"]));
        assert_eq!(bindings.text(), other);
        assert!(!bindings.remove(["a"]));
        assert!(bindings.remove(["b"]));
        assert_eq!(bindings.text(), "# mine\n");
    }

    #[test]
    fn a_text_of_another_kind_can_be_changed_too() {
        let text = format!(
            "a = {{ sha256 = \"{HEX}\" }}\nb.sha256 = \"{HEX}\"\nc.sha256 = \"{HEX}\"\nc.meta = \"\"\"\n[b]\n\"\"\"\n"
        );
        let mut bindings = read(&text);
        assert_eq!(bindings.len(), 3);
        assert!(bindings.remove(["b"]));
        let rest = read(bindings.text());
        assert_eq!(rest.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["a", "c"]);
        assert!(rest.text().contains("[b]"), "what looks like a section is a text");
    }

    #[test]
    fn an_entry_that_says_nothing_is_told_from_none() {
        let text = "a = 1\n[b]\nisdir = true\n[c]\nsha256 = \"12\"\n";
        let bindings = read(text);
        let message = |name| bindings.get(name).unwrap_err().to_string();
        assert_eq!(message("a"), "entry \"a\": expected a table");
        assert_eq!(message("b"), "entry \"b\": missing `sha256`");
        assert!(message("c").ends_with("invalid hash `12`: expected 64 hexadecimal digits, got 2"));
        assert_eq!(bindings.get("d"), Ok(None));
    }

    #[test]
    fn a_fault_has_its_place() {
        let diagnostic = Bindings::read(b"[a]\nsha256 = \"\xc3\xa9\" x\n").unwrap_err();
        assert_eq!((diagnostic.line, diagnostic.column), (Some(2), Some(14)), "{diagnostic}");
        let diagnostic = Bindings::read(b"[a]\n\xff\n").unwrap_err();
        assert_eq!((diagnostic.line, diagnostic.column), (Some(2), Some(1)));
    }

    proptest! {
        /// For any names, added and removed in any order.
        #[test]
        fn every_name_can_come_and_go(
            names in prop::collection::btree_set(any::<String>(), 1..8),
            gone in any::<prop::sample::Selector>(),
            note in any::<String>(),
        ) {
            let mut bindings = read("");
            let note = Value::String(note);
            for (index, name) in names.iter().enumerate() {
                bindings.add(name, bound(index % 2 == 0), (index % 3 == 0).then_some(&note));
            }
            let again = read(bindings.text());
            prop_assert_eq!(again.iter().map(|(name, _)| name).collect::<Vec<_>>(),
                            names.iter().map(String::as_str).collect::<Vec<_>>());
            let gone = gone.select(&names);
            bindings.remove([gone.as_str()]);
            let rest = read(bindings.text());
            prop_assert!(!rest.has(gone));
            prop_assert_eq!(rest.len(), names.len() - 1);
        }
    }
}
