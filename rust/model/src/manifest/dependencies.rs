//! Checks that each dependency of a manifest has an entry.

use std::borrow::Cow;
use std::collections::BTreeSet;

use hashbrown::HashMap;
use uuid::Uuid;

use super::parse_uuid;
use crate::diagnostic::brief;
use crate::toml_events::{Step, Stop};

/// The packages with entries in a manifest, and their dependencies.
#[derive(Default)]
pub(super) struct Dependencies<'t> {
    names: HashMap<Cow<'t, str>, Name<'t>>,
    /// The maximum number of names in a valid manifest of this length.
    max_names: usize,
    /// The names and UUIDs of the entries.
    entries: Vec<(Cow<'t, str>, Uuid)>,
    pairs: Vec<Pair<'t>>,
    /// The first dependency with an invalid UUID.
    invalid: Option<Stop>,
}

/// The name of a package.
#[derive(Default)]
struct Name<'t> {
    /// The number of entries with this name.
    entries: usize,
    /// The first dependency by this name.
    needed: Option<Need<'t>>,
}

/// A dependency.
struct Need<'t> {
    /// The name of its entry.
    by: Cow<'t, str>,
    at: usize,
}

/// A dependency by name and UUID.
struct Pair<'t> {
    name: Cow<'t, str>,
    uuid: Uuid,
    need: Need<'t>,
}

impl<'t> Dependencies<'t> {
    /// The empty sets for a manifest of this length.
    pub(super) fn of_text(length: usize) -> Self {
        // A UUID alone has 36 characters.
        Self { max_names: 16 + length / 40, ..Self::default() }
    }

    /// Adds an entry.
    pub(super) fn add_entry(&mut self, name: Cow<'t, str>, uuid: Uuid, at: usize) -> Step {
        self.name(name.clone(), at)?.entries += 1;
        self.entries.push((name, uuid));
        Ok(())
    }

    /// Adds a dependency by its name.
    pub(super) fn add_name(&mut self, name: Cow<'t, str>, by: Cow<'t, str>, at: usize) -> Step {
        self.name(name, at)?.needed.get_or_insert(Need { by, at });
        Ok(())
    }

    /// Adds a dependency by its name and UUID. A weak one needs no entry.
    pub(super) fn add_pair(
        &mut self,
        name: Cow<'t, str>,
        uuid: &str,
        by: Cow<'t, str>,
        at: usize,
        needs_entry: bool,
    ) {
        let need = Need { by, at };
        match parse_uuid(uuid) {
            Some(uuid) if needs_entry => self.pairs.push(Pair { name, uuid, need }),
            Some(_) => {}
            None => {
                self.invalid.get_or_insert_with(|| need.stop(&name, "has an invalid UUID"));
            }
        }
    }

    fn name(&mut self, name: Cow<'t, str>, at: usize) -> Step<&mut Name<'t>> {
        if self.names.len() >= self.max_names && !self.names.contains_key(&name) {
            let message = "there are more dependencies than entries".to_owned();
            return Err(Stop { at, message });
        }
        Ok(self.names.entry(name).or_default())
    }

    /// Checks that each dependency has an entry. The names of those that may mean several entries
    /// are added to `ambiguous`, and the first of them is described in the result.
    ///
    /// # Errors
    ///
    /// The first dependency without an entry.
    pub(super) fn check(&mut self, ambiguous: &mut BTreeSet<String>) -> Step<Option<String>> {
        let mut first_error = self.invalid.take();
        let mut first_warning: Option<Stop> = None;
        let keep_first = |first: &mut Option<Stop>, found: Stop| {
            if first.as_ref().is_none_or(|first| found.at < first.at) {
                *first = Some(found);
            }
        };
        for (name, Name { entries, needed }) in &self.names {
            let Some(need) = needed else { continue };
            match entries {
                0 => keep_first(&mut first_error, need.stop(name, "has no entry")),
                1 => {}
                _ => {
                    ambiguous.insert(name.to_string());
                    keep_first(&mut first_warning, need.stop(name, "has several entries"));
                }
            }
        }
        let by_uuid: HashMap<Uuid, &str> = match self.pairs.is_empty() {
            true => HashMap::new(),
            // The last of several names counts.
            false => self.entries.iter().map(|(name, uuid)| (*uuid, &**name)).collect(),
        };
        for Pair { name, uuid, need } in &self.pairs {
            match by_uuid.get(uuid) {
                Some(found) if found == name => {}
                None => keep_first(&mut first_error, need.stop(name, "has no entry")),
                Some(other) => {
                    ambiguous.insert(name.to_string());
                    let what = format!("has the UUID of `{}`", brief(other));
                    keep_first(&mut first_warning, need.stop(name, &what));
                }
            }
        }
        match first_error {
            Some(error) => Err(error),
            None => Ok(first_warning.map(|warning| warning.message)),
        }
    }
}

impl Need<'_> {
    fn stop(&self, name: &str, what: &str) -> Stop {
        let message = format!("`{}` depends on `{}`, which {what}", brief(&self.by), brief(name));
        Stop { at: self.at, message }
    }
}
