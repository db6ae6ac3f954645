//! The parts of a TOML text, for edits that leave all others as they are.

use std::borrow::Cow;

use crate::diagnostic::Diagnostic;
use crate::toml_events::{self, Event, Place, Receiver, Step};

/// How a section begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `name = …` or `name.x = …`, before all headers.
    Value,
    /// `[name]`
    Table,
    /// `[[name]]`
    Element,
    /// `[name.x]` or `[[name.x]]`, behind a section of another name.
    Nested,
}

/// A key with its value, or a header with all that is below it: fields, and tables of the same name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Section<'t> {
    pub(crate) name: Cow<'t, str>,
    pub(crate) kind: Kind,
    /// The byte at which the comments and empty lines above it begin.
    pub(crate) above: usize,
    /// The byte at which it begins.
    pub(crate) at: usize,
    /// The byte behind its last line.
    pub(crate) end: usize,
}

/// The sections of a text. Between them, and behind the last one, are comments and empty lines.
///
/// # Errors
///
/// The first place at which the text is not TOML.
pub(crate) fn sections(text: &str) -> Result<Vec<Section<'_>>, Diagnostic> {
    sections_of(text, |_| true)
}

/// Some of the sections of a text.
///
/// # Errors
///
/// As [`sections`].
pub(crate) fn sections_of<'t>(
    text: &'t str,
    is_meant: impl Fn(&Section<'t>) -> bool,
) -> Result<Vec<Section<'t>>, Diagnostic> {
    let (sections, last, has_header, depth) = Default::default();
    let mut outline = Outline { text, is_meant, sections, last, has_header, depth };
    toml_events::read(text, &mut outline)?;
    let Outline { is_meant, mut sections, last, .. } = outline;
    sections.extend(last.filter(is_meant));
    Ok(sections)
}

struct Outline<'t, F> {
    text: &'t str,
    is_meant: F,
    sections: Vec<Section<'t>>,
    /// The section that is being read.
    last: Option<Section<'t>>,
    has_header: bool,
    /// How many arrays and inline tables are open.
    depth: usize,
}

impl<'t, F: Fn(&Section<'t>) -> bool> Receiver<'t> for Outline<'t, F> {
    fn receive(&mut self, place: Place<'_, 't>, event: Event<'t>) -> Step {
        let is_outermost = self.depth == 0;
        let kind = match (&event, place.path.len()) {
            (Event::Table, 1) => Kind::Table,
            (Event::Element, 1) => Kind::Element,
            (Event::Table | Event::Element, _) => Kind::Nested,
            _ => Kind::Value,
        };
        match event {
            Event::OpenTable | Event::OpenArray => self.depth += 1,
            Event::Close => self.depth -= 1,
            Event::Table | Event::Element | Event::Scalar(_) => {}
        }
        if is_outermost {
            self.begin(&place, kind);
        }
        if self.depth == 0
            && let Some(section) = &mut self.last
        {
            section.end = toml_events::line_end(self.text, place.end);
        }
        Ok(())
    }
}

impl<'t, F: Fn(&Section<'t>) -> bool> Outline<'t, F> {
    fn begin(&mut self, place: &Place<'_, 't>, kind: Kind) {
        let last = self.last.as_ref();
        let is_part = match kind {
            Kind::Value => self.has_header,
            Kind::Nested => {
                last.is_some_and(|last| last.kind != Kind::Value && last.name == place.path.key(0))
            }
            Kind::Table | Kind::Element => false,
        };
        self.has_header |= kind != Kind::Value;
        if !is_part {
            let above = last.map_or_else(|| byte_order_mark(self.text), |last| last.end);
            let at = if kind == Kind::Value { place.key_at } else { place.at };
            let section = Section { name: place.path.take(0), kind, above, at, end: at };
            let before = self.last.replace(section);
            self.sections.extend(before.filter(&self.is_meant));
        }
    }
}

/// How many bytes at the beginning of a text are a byte order mark.
fn byte_order_mark(text: &str) -> usize {
    text.len() - text.trim_start_matches('\u{feff}').len()
}
