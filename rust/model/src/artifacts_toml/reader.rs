//! Reads the bindings of an artifact file.
//!
//! An entry is finished when another one begins. If a part of it follows later in the file, it is
//! continued; an entry without a hash can get one until the end.

mod draft;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::mem;

use super::part::Part;
use super::{Binding, Bindings, Elements};
use crate::diagnostic::{Diagnostic, Lines};
use crate::platform::Platform;
use crate::toml_events::{self, Definitions, Event, Path, Place, Receiver, Step, Stop};

use draft::Draft;

/// The maximum number of problems, and of entries without a hash: they take more memory than the
/// shortest text of an entry.
const MOST_PROBLEMS: usize = 1000;

/// Reads a text to its end.
///
/// # Errors
///
/// The errors of [`Bindings::read`].
pub(super) fn read(text: &str) -> Result<Bindings, Diagnostic> {
    let mut file = File {
        definitions: Definitions::of(text.len()),
        problems: Problems { lines: Lines::of(text.as_bytes()), left: MOST_PROBLEMS },
        bindings: Bindings::default(),
        entry: None,
        without_hash: BTreeMap::new(),
    };
    toml_events::read(text, &mut file)?;
    file.finish().map_err(|Stop { at, message }| Diagnostic::at(text, at, message))
}

struct File<'t> {
    definitions: Definitions,
    problems: Problems<'t>,
    bindings: Bindings,
    /// The entry that is being read.
    entry: Option<Draft<'t>>,
    /// Entries for all platforms that have no hash so far.
    without_hash: BTreeMap<Cow<'t, str>, Draft<'t>>,
}

impl<'t> Receiver<'t> for File<'t> {
    fn receive(&mut self, place: Place<'_, 't>, event: Event<'t>) -> Step {
        self.definitions.check(&place, &event)?;
        let Place { path, at, .. } = place;
        let name = path.key(0);
        match Part::of(&place, &event) {
            Part::Entry { is_element, .. } => {
                self.end()?;
                self.entry = match is_element {
                    true => Some(self.draft(path, at, true)),
                    false => self.resumed(path, at, true),
                };
                Ok(())
            }
            Part::Array => {
                self.end()?;
                self.elements(name);
                Ok(())
            }
            Part::End => self.end(),
            Part::Invalid => self.invalid(&place, &event),
            Part::Field => {
                if self.entry.as_ref().is_none_or(|entry| entry.name != name) {
                    self.end()?;
                    self.entry = self.resumed(path, at, false);
                }
                let entry = self.entry.as_mut();
                entry.map_or(Ok(()), |entry| entry.field(&place, &event, &mut self.problems))
            }
        }
    }
}

impl<'t> File<'t> {
    /// Reports a name with a value other than entries.
    fn invalid(&mut self, place: &Place<'_, 't>, event: &Event<'t>) -> Step {
        let (name, kind) = (place.path.key(0), event.kind());
        let message = match place.arrays {
            0 => format!("artifact `{name}` is {kind}: expected a table, or an array of tables"),
            _ => format!("artifact `{name}`: expected an array of tables, got {kind}"),
        };
        self.end()?;
        if !matches!(self.bindings.names.get(name), Some(Binding::Invalid(_))) {
            let problem = self.problems.add(place.at, message)?;
            self.bindings.names.insert(name.into(), Binding::Invalid(Box::new(problem)));
        }
        Ok(())
    }

    fn draft(&mut self, path: &Path<'t>, at: usize, is_element: bool) -> Draft<'t> {
        Draft::new(path.take(0), is_element, at, self.problems.lines.place(at))
    }

    /// The entry that has a part here: the last one of an array, or a new one. `None` if it is
    /// invalid. The place of an entry is that of its header.
    fn resumed(&mut self, path: &Path<'t>, at: usize, is_header: bool) -> Option<Draft<'t>> {
        let new = self.draft(path, at, false);
        let name = path.key(0);
        let mut known = match (self.without_hash.remove(name), self.bindings.names.get_mut(name)) {
            (Some(draft), _) => {
                self.problems.left += 1;
                draft
            }
            (None, None) => return Some(new),
            (None, Some(Binding::ByPlatform(elements))) => {
                let (platform, entry) = elements.pop_if(|(_, entry)| entry.is_ok())?;
                Draft::of(entry.ok()?, Some(platform))
            }
            (None, Some(Binding::Everywhere(Ok(_)))) => match self.bindings.names.remove(name)? {
                Binding::Everywhere(entry) => Draft::of(entry.ok()?, None),
                _ => return None,
            },
            (None, Some(Binding::Everywhere(Err(_)) | Binding::Invalid(_))) => return None,
        };
        known.name = new.name;
        if is_header {
            (known.at, known.line, known.column) = (new.at, new.line, new.column);
        }
        Some(known)
    }

    /// Finishes the entry that was read.
    fn end(&mut self) -> Step {
        let Some(mut entry) = self.entry.take() else { return Ok(()) };
        entry.end_source(&mut self.problems)?;
        if entry.hash.is_none() && !entry.is_element {
            self.problems.take(entry.at)?;
            self.without_hash.insert(entry.name.clone(), entry);
            return Ok(());
        }
        self.finish_entry(entry)
    }

    fn finish_entry(&mut self, mut entry: Draft<'t>) -> Step {
        let platform = match entry.platform.take() {
            None if entry.is_element => Some(entry.platform(&mut self.problems)?),
            platform => platform,
        };
        let name = entry.name.clone();
        let (entry, warnings) = entry.finish(&mut self.problems)?;
        self.bindings.warnings.extend(warnings);
        match platform {
            None => drop(self.bindings.names.insert((&*name).into(), Binding::Everywhere(entry))),
            // An array with an element other than a table is invalid as a whole.
            Some(platform) => {
                if let Some(elements) = self.elements(&name) {
                    elements.push((platform, entry));
                }
            }
        }
        Ok(())
    }

    /// The array of a name; `None` if the name has another value.
    fn elements(&mut self, name: &str) -> Option<&mut Elements> {
        let names = &mut self.bindings.names;
        match names.entry(name.into()).or_insert_with(|| Binding::ByPlatform(Vec::new())) {
            Binding::ByPlatform(elements) => Some(elements),
            Binding::Everywhere(_) | Binding::Invalid(_) => None,
        }
    }

    fn finish(mut self) -> Step<Bindings> {
        self.end()?;
        for (_, entry) in mem::take(&mut self.without_hash) {
            self.problems.left += 1;
            self.finish_entry(entry)?;
        }
        for (name, binding) in &self.bindings.names {
            if let Binding::ByPlatform(elements) = binding {
                let left = MOST_PROBLEMS.saturating_sub(self.bindings.warnings.len());
                self.bindings.warnings.extend(clashes(name, elements).into_iter().take(left));
            }
        }
        Ok(self.bindings)
    }
}

/// Warnings about entries for the same platform as an earlier one.
fn clashes(name: &str, elements: &Elements) -> Vec<Diagnostic> {
    let valid = elements.iter().filter_map(|(platform, entry)| {
        let (platform, entry) = (platform.as_ref().ok()?, entry.as_ref().ok()?);
        Some((platform, entry.line, entry.column))
    });
    let mut valid: Vec<(&Platform, u32, Option<u16>)> = valid.collect();
    valid.sort_unstable();
    let same = valid.windows(2).filter(|pair| pair[0].0 == pair[1].0);
    let clashes = same.map(|pair| {
        let (platform, line, column) = pair[1];
        let message = format!("artifact `{name}` is bound twice for {platform}: the last counts");
        let (line, column) = (Some(line as usize), column.map(usize::from));
        Diagnostic { line, column, message }
    });
    clashes.take(MOST_PROBLEMS).collect()
}

/// The problems of a file.
struct Problems<'t> {
    lines: Lines<'t>,
    /// The number of further problems that are accepted.
    left: usize,
}

impl Problems<'_> {
    /// A problem at a byte of the file.
    ///
    /// # Errors
    ///
    /// If there are too many.
    fn add(&mut self, at: usize, message: String) -> Step<Diagnostic> {
        self.take(at)?;
        let (line, column) = self.lines.place(at);
        Ok(Diagnostic { line: Some(line), column, message })
    }

    fn take(&mut self, at: usize) -> Step {
        let message = || format!("there are more than {MOST_PROBLEMS} invalid entries");
        self.left = self.left.checked_sub(1).ok_or_else(|| Stop { at, message: message() })?;
        Ok(())
    }
}
