//! An entry that is being read.

use std::borrow::Cow;

use super::super::read_download;
use super::super::{DOWNLOAD, Download, Entry, Field, HASH, LAZY, Readable, SHA256, SIZE, URL};
use super::Problems;
use crate::diagnostic::Diagnostic;
use crate::hash::TreeHash;
use crate::platform::Platform;
use crate::toml_events::{Event, Place, Scalar, Step};

/// An entry that is being read.
#[derive(Default)]
pub(super) struct Draft<'t> {
    pub(super) name: Cow<'t, str>,
    pub(super) at: usize,
    pub(super) line: u32,
    pub(super) column: Option<u16>,
    /// Whether it is an element of an array: one of several platforms.
    pub(super) is_element: bool,
    /// The platform of an element that was finished before.
    pub(super) platform: Option<Readable<Platform>>,
    /// The strings of an element, which are tags of its platform.
    tags: Vec<(Cow<'t, str>, Cow<'t, str>)>,
    pub(super) hash: Option<Readable<TreeHash>>,
    lazy: Option<bool>,
    downloads: Option<Vec<Download>>,
    invalid_downloads: Vec<Diagnostic>,
    /// Problems that are reported only if the entry is valid.
    warnings: Vec<Diagnostic>,
    /// The element of `download` that is being read.
    source: Option<Source<'t>>,
}

/// An element of `download`: where it begins, and its fields with their places.
struct Source<'t> {
    at: usize,
    fields: [Option<(usize, Event<'t>)>; 3],
}

const SOURCE_FIELDS: [&str; 3] = [URL, SHA256, SIZE];

impl<'t> Draft<'t> {
    /// An entry that begins at a byte, line and column of the file.
    pub(super) fn new(
        name: Cow<'t, str>,
        is_element: bool,
        at: usize,
        (line, column): (usize, Option<usize>),
    ) -> Self {
        let line = line.try_into().unwrap_or(u32::MAX);
        let column = column.and_then(|column| column.try_into().ok());
        Self { name, is_element, at, line, column, ..Self::default() }
    }

    /// Continues an entry; an element with its platform.
    pub(super) fn of(entry: Entry, platform: Option<Readable<Platform>>) -> Self {
        let Entry { hash, lazy, downloads, invalid_downloads, line, column } = entry;
        let (is_element, hash, lazy) = (platform.is_some(), Some(Ok(hash)), Some(lazy));
        let invalid_downloads = invalid_downloads.into_vec();
        Self {
            is_element,
            platform,
            hash,
            lazy,
            downloads,
            invalid_downloads,
            line,
            column,
            ..Self::default()
        }
    }

    /// Takes an event below the entry.
    pub(super) fn field(
        &mut self,
        place: &Place<'_, 't>,
        event: &Event<'t>,
        problems: &mut Problems<'_>,
    ) -> Step {
        let Place { path, arrays, at, .. } = *place;
        let is_direct = path.len() == 2 && arrays == 0;
        if path.len() == 2 {
            self.end_source(problems)?;
        }
        // A dotted key makes a table of its first part.
        let kind = if path.len() == 2 { event.kind() } else { "table" };
        match path.key(1) {
            HASH if self.hash.is_none() => {
                let text = match event {
                    Event::Scalar(Scalar::Text(text)) if is_direct => Ok(text),
                    _ => {
                        Err(format!("invalid `{HASH}`: expected 40 hexadecimal digits, got {kind}"))
                    }
                };
                let parse = |text: &Cow<'_, str>| {
                    text.parse().map_err(|error| format!("`{HASH}`: {error}"))
                };
                let hash = text.and_then(parse);
                let name = &self.name;
                self.hash = Some(match hash {
                    Ok(hash) => Ok(hash),
                    Err(problem) => {
                        Err(Box::new(problems.add(at, format!("artifact `{name}`: {problem}"))?))
                    }
                });
                return Ok(());
            }
            HASH => return Ok(()),
            LAZY if self.lazy.is_none() => match event {
                Event::Scalar(Scalar::Boolean(lazy)) if is_direct => self.lazy = Some(*lazy),
                _ => {
                    let message = format!("`{LAZY}` is neither true nor false");
                    let warning = self.problem(at, &message, problems)?;
                    self.warnings.push(warning);
                    self.lazy = Some(false);
                }
            },
            DOWNLOAD => self.download(place, event, problems)?,
            _ => {}
        }
        if let (true, Event::Scalar(Scalar::Text(text))) = (self.is_element && is_direct, event) {
            self.tags.push((path.take(1), text.clone()));
        }
        Ok(())
    }

    fn problem(&self, at: usize, message: &str, problems: &mut Problems<'_>) -> Step<Diagnostic> {
        problems.add(at, format!("artifact `{}`: {message}", self.name))
    }

    /// Takes an event of `download` or below.
    fn download(
        &mut self,
        place: &Place<'_, 't>,
        event: &Event<'t>,
        problems: &mut Problems<'_>,
    ) -> Step {
        let Place { path, arrays, at, .. } = *place;
        let expected = match (path.len(), event, arrays) {
            (2, Event::Element, _) | (2, Event::OpenTable, 1) => {
                self.downloads.get_or_insert_default();
                self.source = Some(Source { at, fields: Default::default() });
                return Ok(());
            }
            (2, Event::OpenArray, 0) => {
                self.downloads.get_or_insert_default();
                return Ok(());
            }
            (2, Event::Close, _) => return Ok(()),
            (2, _, 1) => "a table",
            (2 | 3, _, 0) if self.downloads.is_none() => "an array of tables",
            (3.., ..) => {
                let index = SOURCE_FIELDS.iter().position(|field| *field == path.key(2));
                if let (Some(index), Some(source)) = (index, &mut self.source) {
                    let event = if path.len() == 3 { event.clone() } else { Event::Table };
                    source.fields[index].get_or_insert((at, event));
                }
                return Ok(());
            }
            _ => return Ok(()),
        };
        self.downloads.get_or_insert_default();
        let message = format!("invalid `{DOWNLOAD}`: expected {expected}");
        let problem = self.problem(at, &message, problems)?;
        self.invalid_downloads.push(problem);
        Ok(())
    }

    /// Finishes the element of `download` that was read.
    pub(super) fn end_source(&mut self, problems: &mut Problems<'_>) -> Step {
        let Some(Source { at, fields }) = self.source.take() else { return Ok(()) };
        let field = |index: usize| match &fields[index] {
            None => Field::Missing,
            Some((_, Event::Scalar(Scalar::Text(text)))) => Field::Text(text),
            Some((_, Event::Scalar(Scalar::Integer(number)))) => Field::Integer(Some(*number)),
            Some((_, other)) => Field::Other(other.kind()),
        };
        let (download, invalid) = read_download(field(0), field(1), field(2));
        for invalid in invalid {
            let index = SOURCE_FIELDS.iter().position(|field| *field == invalid.field);
            let given = index.and_then(|index| fields[index].as_ref());
            let at = given.map_or(at, |(at, _)| *at);
            let problem = self.problem(at, &invalid.to_string(), problems)?;
            self.invalid_downloads.push(problem);
        }
        self.downloads.get_or_insert_default().extend(download);
        Ok(())
    }

    /// The platform of an element.
    pub(super) fn platform(&mut self, problems: &mut Problems<'_>) -> Step<Readable<Platform>> {
        let tags = std::mem::take(&mut self.tags);
        let tag = |name| tags.iter().find(|(tag, _)| tag == name).map(|(_, value)| &**value);
        let problem = match (tag("os"), tag("arch")) {
            (Some(os), Some(arch)) => {
                let others = tags.iter().map(|(tag, value)| (&**tag, &**value));
                let others = others.filter(|(tag, _)| !matches!(*tag, "os" | "arch"));
                match Platform::new(arch, os, others) {
                    Ok(platform) => return Ok(Ok(platform)),
                    Err(error) => format!("artifact `{}`: {error}", self.name),
                }
            }
            (os, _) => {
                let missing = if os.is_none() { "os" } else { "arch" };
                format!("artifact `{}`, for one platform, has no `{missing}`", self.name)
            }
        };
        Ok(Err(Box::new(problems.add(self.at, problem)?)))
    }

    /// The entry, and problems that do not make it invalid.
    pub(super) fn finish(
        self,
        problems: &mut Problems<'_>,
    ) -> Step<(Readable<Entry>, Vec<Diagnostic>)> {
        let hash = match self.hash {
            Some(Ok(hash)) => hash,
            Some(Err(problem)) => return Ok((Err(problem), Vec::new())),
            None => {
                let problem = self.problem(self.at, &format!("missing `{HASH}`"), problems)?;
                return Ok((Err(Box::new(problem)), Vec::new()));
            }
        };
        let Self { lazy, downloads, invalid_downloads, line, column, .. } = self;
        let (lazy, invalid_downloads) = (lazy.unwrap_or_default(), invalid_downloads.into());
        let entry = Entry { hash, lazy, downloads, invalid_downloads, line, column };
        Ok((Ok(entry), self.warnings))
    }
}
