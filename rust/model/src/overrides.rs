//! `artifacts/Overrides.toml`: artifacts that are replaced by another directory or another
//! artifact.
//!
//! ```toml
//! 78f35e74ff113f02274ce60dab6e92b4546ef806 = "/path/to/replacement"
//! c76f8cda85f83a06d17de6c57aabf9e294eb2537 = "fb886e813a4aed4147d5979fcdf27457d20aa35d"
//! fb886e813a4aed4147d5979fcdf27457d20aa35d = ""     # removes the override of an outer depot
//!
//! [d57dbccd-ca19-4d82-b9b8-9d660942965b]             # names that this package binds
//! libfoo = "/path/to/libfoo"
//! ```
//!
//! # Compatibility
//!
//! The rules are those of Julia's `Artifacts.load_overrides`, with its messages for invalid
//! entries. Such an entry is skipped, and the others are valid. Two behaviours of Julia are not
//! copied: it throws on an invalid entry in the table of a package, and overflows the stack on a
//! cycle.

use std::collections::{BTreeMap, HashMap};
use std::sync::OnceLock;

use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::artifacts_toml::Bindings;
use crate::diagnostic::Diagnostic;
use crate::hash::TreeHash;
use crate::toml_events::{self, Event, Place, Receiver, Scalar, Step, Stop};

/// The replacement of an artifact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Target {
    /// A directory.
    Path(String),
    /// Another artifact, which may be overridden in turn.
    Artifact(TreeHash),
}

/// The overrides of all depots of a stack.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    by_hash: BTreeMap<TreeHash, Target>,
    by_name: BTreeMap<Uuid, BTreeMap<String, Target>>,
    /// The final target of each override; computed on the first request.
    ends: OnceLock<HashMap<TreeHash, Option<Target>>>,
}

/// The computed targets do not count.
impl PartialEq for Overrides {
    fn eq(&self, other: &Self) -> bool {
        self.by_hash == other.by_hash && self.by_name == other.by_name
    }
}

impl Eq for Overrides {}

/// A cycle of overrides.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the overrides of artifact {0} lead back to it")]
pub struct Cycle(pub TreeHash);

impl Overrides {
    /// Adds the text of a depot's file, which has priority over the files before it. So a stack is
    /// read from its last depot to its first. The result has the invalid entries.
    ///
    /// # Errors
    ///
    /// If the text is not TOML, or has two targets for one artifact.
    pub fn merge(&mut self, text: &str) -> Result<Vec<Diagnostic>, Diagnostic> {
        let mut file = File { text, ..File::default() };
        toml_events::read(text, &mut file)?;
        file.by_hash.into_iter().for_each(|(hash, target)| set(&mut self.by_hash, hash, target));
        for (package, names) in file.by_name {
            let overridden = self.by_name.entry(package).or_default();
            names.into_iter().for_each(|(name, target)| set(overridden, name, target));
        }
        self.ends = OnceLock::new();
        Ok(file.diagnostics)
    }

    /// Applies the overrides of a package's names to the artifacts that the package binds to them,
    /// on every platform.
    pub fn apply(&mut self, package: Uuid, bindings: &Bindings) {
        let Some(names) = self.by_name.get(&package) else { return };
        for (name, target) in names {
            for (_, entry) in bindings.entries(name) {
                self.by_hash.insert(entry.hash, target.clone());
            }
        }
        self.ends = OnceLock::new();
    }

    /// The final target of an artifact. `None` if it is not overridden.
    ///
    /// # Errors
    ///
    /// If the overrides form a cycle.
    pub fn of_artifact(&self, hash: TreeHash) -> Result<Option<Target>, Cycle> {
        if self.by_hash.is_empty() {
            return Ok(None);
        }
        match self.ends.get_or_init(|| self.follow_all()).get(&hash) {
            None => Ok(None),
            Some(None) => Err(Cycle(hash)),
            Some(Some(target)) => Ok(Some(target.clone())),
        }
    }

    /// The final target of the artifact that a package calls `name`. `None` if it is not
    /// overridden.
    ///
    /// # Errors
    ///
    /// If the overrides form a cycle.
    pub fn of_name(&self, package: Uuid, name: &str) -> Result<Option<Target>, Cycle> {
        let target = self.by_name.get(&package).and_then(|names| names.get(name));
        target
            .map(|target| match target {
                Target::Artifact(hash) => {
                    Ok(self.of_artifact(*hash)?.unwrap_or_else(|| target.clone()))
                }
                Target::Path(_) => Ok(target.clone()),
            })
            .transpose()
    }

    /// The final target of each override, or `None` for a cycle. Each override is followed once.
    fn follow_all(&self) -> HashMap<TreeHash, Option<Target>> {
        let mut ends: HashMap<TreeHash, Option<Target>> = HashMap::new();
        for start in self.by_hash.keys() {
            let mut way = Vec::new();
            let mut hash = *start;
            let end = loop {
                if let Some(end) = ends.get(&hash) {
                    break end.clone();
                }
                match self.by_hash.get(&hash) {
                    None => break Some(Target::Artifact(hash)),
                    Some(Target::Path(path)) => {
                        way.push(hash);
                        break Some(Target::Path(path.clone()));
                    }
                    Some(Target::Artifact(next)) => {
                        way.push(hash);
                        // Until the target is known, an override that leads back here is in a
                        // circle.
                        ends.insert(hash, None);
                        hash = *next;
                    }
                }
            };
            way.into_iter().for_each(|hash| drop(ends.insert(hash, end.clone())));
        }
        ends
    }

    /// The artifacts that are overridden, with their direct targets.
    pub fn by_hash(&self) -> impl Iterator<Item = (TreeHash, &Target)> {
        self.by_hash.iter().map(|(hash, target)| (*hash, target))
    }

    /// The names of packages that are overridden, with their direct targets.
    pub fn by_name(&self) -> impl Iterator<Item = (Uuid, &str, &Target)> {
        self.by_name.iter().flat_map(|(package, names)| {
            names.iter().map(|(name, target)| (*package, name.as_str(), target))
        })
    }
}

/// The overrides of one file.
#[derive(Default)]
struct File<'t> {
    text: &'t str,
    by_hash: BTreeMap<TreeHash, Option<Target>>,
    by_name: BTreeMap<Uuid, BTreeMap<String, Option<Target>>>,
    diagnostics: Vec<Diagnostic>,
}

/// The maximum number of reported invalid entries.
const MOST_DIAGNOSTICS: usize = 100;

impl<'t> Receiver<'t> for File<'t> {
    fn receive(&mut self, place: Place<'_, 't>, event: Event<'t>) -> Step {
        let Place { path, arrays, key_at: at, .. } = place;
        let key = path.key(0);
        let text = match &event {
            Event::Scalar(Scalar::Text(text)) if arrays == 0 => Some(&**text),
            _ => None,
        };
        match (path.len(), &event) {
            // The value was reported when it began.
            (_, Event::Close) => {}
            (1 | 2, Event::Scalar(_)) if arrays > 0 => {}
            (1, Event::Table | Event::OpenTable) if arrays == 0 => match key.parse::<Uuid>() {
                Ok(_) => {}
                Err(_) => self.diagnostic(at, format!("Invalid UUID '{key}'")),
            },
            (1, _) => match (text, key.parse()) {
                (None, _) => self.diagnostic(at, format!("failed to parse entry `{key}`")),
                (Some(text), hash) => match (target_of(text), hash) {
                    (Some(target), Ok(hash)) => {
                        let known = self.by_hash.insert(hash, target.clone());
                        return once(known, &target, key, at);
                    }
                    (None, _) => self.diagnostic(at, no_target(key)),
                    (_, Err(_)) => self.diagnostic(at, format!("Invalid SHA1 hash '{key}'")),
                },
            },
            (2, _) => {
                let Ok(package) = key.parse() else { return Ok(()) };
                let name = path.key(1);
                match text.and_then(target_of) {
                    Some(target) => {
                        let names = self.by_name.entry(package).or_default();
                        let known = names.insert(name.to_owned(), target.clone());
                        return once(known, &target, name, at);
                    }
                    None => self.diagnostic(at, no_target(name)),
                }
            }
            _ => {}
        }
        Ok(())
    }
}

impl File<'_> {
    fn diagnostic(&mut self, at: usize, message: String) {
        if self.diagnostics.len() < MOST_DIAGNOSTICS {
            self.diagnostics.push(Diagnostic::at(self.text, at, message));
        }
    }
}

/// A repeated entry must have the same target.
fn once(known: Option<Option<Target>>, target: &Option<Target>, entry: &str, at: usize) -> Step {
    match known {
        Some(known) if known != *target => {
            let message = format!("entry '{entry}' is defined twice, with different targets");
            Err(Stop { at, message })
        }
        _ => Ok(()),
    }
}

/// The target of an entry; the inner `None` removes the override of an outer depot.
fn target_of(text: &str) -> Option<Option<Target>> {
    if text.is_empty() {
        return Some(None);
    }
    if is_absolute(text) {
        return Some(Some(Target::Path(text.to_owned())));
    }
    text.parse().ok().map(|hash| Some(Target::Artifact(hash)))
}

/// Whether a path is absolute for Julia's `isabspath` on this system.
fn is_absolute(path: &str) -> bool {
    match cfg!(windows) {
        true => {
            let is_drive = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphabetic());
            let rest = match path.split_once(':') {
                Some((drive, rest)) if !drive.is_empty() && is_drive(drive) => rest,
                _ => path,
            };
            rest.starts_with(['/', '\\'])
        }
        false => path.starts_with('/'),
    }
}

fn no_target(entry: &str) -> String {
    format!("entry '{entry}' must map to an absolute path or SHA1 hash!")
}

fn set<K: Ord>(overrides: &mut BTreeMap<K, Target>, key: K, target: Option<Target>) {
    match target {
        Some(target) => drop(overrides.insert(key, target)),
        None => drop(overrides.remove(&key)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKAGE: &str = "7b879065-7f74-5fa4-bdd5-9b7a15df8941";

    fn hash(digit: &str) -> TreeHash {
        digit.repeat(40).parse().unwrap()
    }

    fn package() -> Uuid {
        PACKAGE.parse().unwrap()
    }

    fn merged(texts: &[String]) -> Overrides {
        let mut overrides = Overrides::default();
        for text in texts {
            assert_eq!(overrides.merge(text), Ok(vec![]));
        }
        overrides
    }

    fn path(path: &str) -> Result<Option<Target>, Cycle> {
        Ok(Some(Target::Path(path.to_owned())))
    }

    #[test]
    fn the_inner_depot_goes_first() {
        let (one, two, three) = (hash("1"), hash("2"), hash("3"));
        let outer = format!(
            "{one} = \"{two}\"\n{three} = \"/three\"\n[{PACKAGE}]\na = \"{two}\"\nb = \"/b\"\n"
        );
        let inner = format!("{one} = \"\"\n{two} = \"/two\"\n[{PACKAGE}]\na = \"/a\"\n");
        let overrides = merged(std::slice::from_ref(&outer));
        assert_eq!(overrides.of_artifact(one), Ok(Some(Target::Artifact(two))));
        assert_eq!(overrides.of_name(package(), "a"), Ok(Some(Target::Artifact(two))));
        let overrides = merged(&[outer, inner]);
        assert_eq!(overrides.of_artifact(one), Ok(None));
        assert_eq!(overrides.of_artifact(two), path("/two"));
        assert_eq!(overrides.of_artifact(three), path("/three"));
        assert_eq!(overrides.of_name(package(), "a"), path("/a"));
        assert_eq!(overrides.of_name(package(), "b"), path("/b"));
        assert_eq!(overrides.of_name(Uuid::nil(), "b"), Ok(None));
    }

    #[test]
    fn overrides_are_followed_to_their_end() {
        let (one, two, three) = (hash("1"), hash("2"), hash("3"));
        let text = format!("{one} = \"{two}\"\n{two} = \"{three}\"\n{three} = \"/end\"\n");
        assert_eq!(merged(&[text]).of_artifact(one), path("/end"));
        let circle = format!("{one} = \"{two}\"\n{two} = \"{three}\"\n{three} = \"{two}\"\n");
        let overrides = merged(&[circle]);
        for hash in [one, two, three] {
            assert_eq!(overrides.of_artifact(hash), Err(Cycle(hash)));
        }
        assert!(merged(&[format!("{one} = \"{one}\"\n")]).of_artifact(one).is_err());
    }

    #[test]
    fn a_name_is_overridden_for_whatever_is_bound_to_it() {
        let text = format!("[{PACKAGE}]\ntool = \"/tool\"\n");
        let mut overrides = merged(&[text]);
        let element = |os: &str, digit: &str| {
            format!(
                "[[tool]]\nos = \"{os}\"\narch = \"x86_64\"\ngit-tree-sha1 = \"{}\"\n",
                hash(digit)
            )
        };
        let bindings = Bindings::read(&(element("linux", "1") + &element("windows", "2"))).unwrap();
        overrides.apply(Uuid::nil(), &bindings);
        assert_eq!(overrides.of_artifact(hash("1")), Ok(None));
        overrides.apply(package(), &bindings);
        assert_eq!(overrides.of_artifact(hash("1")), path("/tool"));
        assert_eq!(overrides.of_artifact(hash("2")), path("/tool"));
    }

    #[test]
    fn an_invalid_entry_is_skipped_and_the_others_are_valid() {
        let one = hash("1");
        let text = format!(
            "nothash = \"/a\"\n{one} = \"relative\"\n{two} = \"/two\"\nnumber = 3\n\
             [nouuid]\nx = \"/x\"\n[{PACKAGE}]\na = 3\nb = \"x\"\nc = \"/c\"\n",
            two = hash("2"),
        );
        let mut overrides = Overrides::default();
        let mut diagnostics = overrides.merge(&text).unwrap();
        diagnostics.sort_by_key(|diagnostic| diagnostic.line);
        let expected = [
            "1:1: Invalid SHA1 hash 'nothash'".to_owned(),
            format!("2:1: entry '{one}' must map to an absolute path or SHA1 hash!"),
            "4:1: failed to parse entry `number`".to_owned(),
            "5:2: Invalid UUID 'nouuid'".to_owned(),
            "8:1: entry 'a' must map to an absolute path or SHA1 hash!".to_owned(),
            "9:1: entry 'b' must map to an absolute path or SHA1 hash!".to_owned(),
        ];
        let diagnostics: Vec<String> = diagnostics.iter().map(Diagnostic::to_string).collect();
        assert_eq!(diagnostics, expected);
        assert_eq!(overrides.of_artifact(hash("2")), path("/two"));
        assert_eq!(overrides.of_name(package(), "c"), path("/c"));
        assert_eq!(overrides.merge("[x\n").map_err(|diagnostic| diagnostic.line), Err(Some(1)));
    }
}
