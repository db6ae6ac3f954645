//! The fields of an entry with a header of its own, replaced one by one.

use std::borrow::Cow;
use std::ops::Range;

use super::addition::{Addition, key};
use super::file::end_line;
use crate::toml_events::{self, Event, Place, Receiver, Step};

/// A field directly below a header, and the comments above it.
struct Field<'t> {
    /// `None` for a dotted key.
    key: Option<Cow<'t, str>>,
    lines: Range<usize>,
    value: Range<usize>,
}

/// The text of an entry, which begins with its header, with the fields of another one. Comments of the header
/// and of fields that stay are kept.
pub(super) fn with_fields(text: &str, name: &str, addition: &Addition<'_>) -> String {
    let mut found = Fields { text, fields: Vec::new(), end: 0, headers: 0, depth: 0 };
    // The text was read before.
    let _ = toml_events::read(text, &mut found);
    let mut new = addition.fields();
    let header = found.fields.first().map_or(found.end, |field| field.lines.start);
    let mut lines: Vec<(Cow<'_, str>, String)> = Vec::new();
    let is_sorted = found.fields.iter().filter_map(|field| field.key.as_ref()).is_sorted();
    for Field { key, lines: own, value } in found.fields {
        let Some(key) = key else { continue };
        if let Some(new) = new.remove(&*key) {
            let line = [&text[own.start..value.start], &new, &text[value.end..own.end]].concat();
            lines.push((key, line));
        }
    }
    lines.extend(new.into_iter().map(|(field, value)| {
        (Cow::Owned(field.to_owned()), format!("{} = {value}\n", key(field)))
    }));
    if is_sorted {
        lines.sort_by(|(a, _), (b, _)| a.cmp(b));
    }
    let mut out = text[..header].to_owned();
    for (_, line) in lines {
        end_line(&mut out);
        out.push_str(&line);
    }
    end_line(&mut out);
    addition.push_downloads(name, &mut out);
    out
}

struct Fields<'t> {
    text: &'t str,
    fields: Vec<Field<'t>>,
    /// The end of the last line that was read.
    end: usize,
    headers: usize,
    /// How many arrays and inline tables are open.
    depth: usize,
}

impl<'t> Receiver<'t> for Fields<'t> {
    fn receive(&mut self, place: Place<'_, 't>, event: Event<'t>) -> Step {
        let is_header = matches!(event, Event::Table | Event::Element);
        self.headers += usize::from(is_header);
        if self.headers > 1 {
            return Ok(());
        }
        if self.depth == 0 && !is_header {
            let key = (place.path.len() == 2).then(|| place.path.take(1));
            let (lines, value) = (self.end..self.end, place.at..place.at);
            self.fields.push(Field { key, lines, value });
        }
        match event {
            Event::OpenTable | Event::OpenArray => self.depth += 1,
            Event::Close => self.depth -= 1,
            _ => {}
        }
        if self.depth == 0 {
            self.end = toml_events::line_end(self.text, place.end);
            if let Some(field) = self.fields.last_mut().filter(|_| !is_header) {
                (field.value.end, field.lines.end) = (place.end, self.end);
            }
        }
        Ok(())
    }
}
