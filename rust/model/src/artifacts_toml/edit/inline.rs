//! Entries in braces and arrays in brackets.

use std::ops::Range;

use crate::toml_events::{self, Event, Place, Receiver, Step};

/// The value of a name: an inline table, or an array.
#[derive(Default)]
pub(super) struct Inline {
    /// Its bytes in the text of its section.
    pub(super) span: Range<usize>,
    pub(super) is_table: bool,
    /// Those of its elements.
    elements: Vec<Range<usize>>,
}

impl Inline {
    /// The value in the text of a section, `name = …`; `None` for a dotted key, and for another value.
    pub(super) fn of(text: &str) -> Option<Self> {
        let mut inline = Self::default();
        toml_events::read(text, &mut inline).ok()?;
        (inline.span.end > 0).then_some(inline)
    }

    /// The text without some elements of the array, with another one at its end.
    pub(super) fn with_elements(
        &self,
        text: &str,
        removed: &[usize],
        addition: Option<&str>,
    ) -> String {
        let begin = self.span.start + 1;
        let mut out = text[..begin].to_owned();
        let mut separator = "";
        let mut position = begin;
        for (index, element) in self.elements.iter().enumerate() {
            let next = self.elements.get(index + 1);
            let end = next
                .map_or(element.end, |next| element.end + comma(&text[element.end..next.start]));
            if removed.binary_search(&index).is_err() {
                out.push_str(separator);
                out.push_str(&text[position..end]);
                separator = ",";
            }
            position = next.map_or(end, |_| end + 1);
        }
        if let Some(addition) = addition {
            out.push_str(if separator.is_empty() { "" } else { ", " });
            out.push_str(addition);
        }
        out + &text[position..]
    }
}

/// The byte of the comma between two elements: not that of a comment.
fn comma(text: &str) -> usize {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let code = line.split('#').next().unwrap_or_default();
        if let Some(found) = code.find(',') {
            return at + found;
        }
        at += line.len();
    }
    at
}

impl<'t> Receiver<'t> for Inline {
    fn receive(&mut self, place: Place<'_, 't>, event: Event<'t>) -> Step {
        if place.path.len() != 1 {
            return Ok(());
        }
        let span = place.at..place.end;
        match (place.arrays, event) {
            (0, Event::OpenTable) => self.is_table = true,
            (0, Event::Close) => self.span = span,
            (1, Event::Close | Event::Scalar(_)) => self.elements.push(span),
            _ => {}
        }
        Ok(())
    }
}
