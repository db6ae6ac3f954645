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
    let mut outline = Outline { text, sections: Vec::new(), has_header: false, depth: 0 };
    toml_events::read(text, &mut outline)?;
    Ok(outline.sections)
}

struct Outline<'t> {
    text: &'t str,
    sections: Vec<Section<'t>>,
    has_header: bool,
    /// How many arrays and inline tables are open.
    depth: usize,
}

impl<'t> Receiver<'t> for Outline<'t> {
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
            && let Some(section) = self.sections.last_mut()
        {
            section.end = toml_events::line_end(self.text, place.end);
        }
        Ok(())
    }
}

impl<'t> Outline<'t> {
    fn begin(&mut self, place: &Place<'_, 't>, kind: Kind) {
        let last = self.sections.last();
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
            self.sections.push(section);
        }
    }
}

/// How many bytes at the beginning of a text are a byte order mark.
fn byte_order_mark(text: &str) -> usize {
    text.len() - text.trim_start_matches('\u{feff}').len()
}
