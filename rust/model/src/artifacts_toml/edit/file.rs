//! A file under edit: its text with entries added, replaced and removed.

use std::borrow::Cow;

use super::Refusal;
use super::addition::Addition;
use super::decor::{attached, detached, has_comment, without_blank_start};
use super::fields::with_fields;
use super::inline::Inline;
use crate::toml_sections::{Kind, Section, sections};

/// A file under edit.
pub(super) struct File<'t> {
    text: &'t str,
    sections: Vec<Section<'t>>,
}

/// The change of a section.
enum Change {
    Keep,
    Remove,
    /// It has this text, below the comments that are above it.
    Replace(String),
}

impl<'t> File<'t> {
    pub(super) fn of(text: &'t str) -> Result<Self, Refusal> {
        let sections = sections(text).map_err(Refusal::Malformed)?;
        Ok(Self { text, sections })
    }

    fn text_of(&self, section: &Section<'_>) -> &'t str {
        &self.text[section.at..section.end]
    }

    fn above(&self, section: &Section<'_>) -> &'t str {
        &self.text[section.above..section.at]
    }

    /// The sections of a name, in the order of the file.
    fn of_name(&self, name: &str) -> impl DoubleEndedIterator<Item = usize> {
        let sections = self.sections.iter().enumerate();
        sections.filter(move |(_, section)| section.name == name).map(|(index, _)| index)
    }

    /// The section of a name that is a value, and that value.
    fn inline(&self, name: &str) -> Option<(usize, Inline)> {
        let index = self.of_name(name).next()?;
        let section = &self.sections[index];
        let inline = (section.kind == Kind::Value).then(|| Inline::of(self.text_of(section)));
        Some((index, inline??))
    }

    /// The text with changed sections. Comments above a removed section that are not its own stay,
    /// and the empty lines around it go.
    fn changed(&self, mut change: impl FnMut(usize) -> Change) -> String {
        let begin = self.sections.first().map_or(self.text.len(), |section| section.above);
        let mut out = self.text[..begin].to_owned();
        let (mut kept, mut is_first) = (None::<String>, true);
        for (index, section) in self.sections.iter().enumerate() {
            let own = self.above(section);
            let above = match kept.take() {
                Some(kept) => Cow::Owned(kept + without_blank_start(own)),
                None => Cow::Borrowed(own),
            };
            let text = match change(index) {
                Change::Keep => Cow::Borrowed(self.text_of(section)),
                Change::Replace(text) => Cow::Owned(text),
                Change::Remove => {
                    let comments = detached(&above);
                    let next = self.sections.get(index + 1);
                    let is_followed = next.is_some_and(|next| next.name == section.name);
                    if is_first || is_followed || has_comment(comments) {
                        kept = Some(comments.to_owned());
                    }
                    continue;
                }
            };
            is_first = false;
            out.push_str(&above);
            out.push_str(&text);
        }
        let end = self.sections.last().map_or(begin, |section| section.end);
        let trailing = &self.text[end..];
        match kept.filter(|kept| has_comment(kept)) {
            Some(kept) => out + &kept + without_blank_start(trailing),
            None => out + trailing,
        }
    }

    /// Adds an entry of an unbound name, at the position where Pkg would put it: sorted by name, if
    /// the file is sorted.
    pub(super) fn add(&self, name: &str, addition: &Addition<'_>) -> String {
        let entry = addition.to_text(name);
        let headers = || self.sections.iter().filter(|section| section.kind != Kind::Value);
        let is_sorted = headers().is_sorted_by(|a, b| a.name <= b.name);
        let next = headers().find(|section| is_sorted && *section.name > *name);
        let Some(next) = next else { return self.with_last(&entry) };
        let (at, entry) = match next.above == self.sections[0].above {
            true => (next.above + detached(self.above(next)).len(), format!("{entry}\n")),
            false => (next.above, format!("\n{entry}")),
        };
        [&self.text[..at], &entry, &self.text[at..]].concat()
    }

    /// Adds an entry at the end.
    fn with_last(&self, entry: &str) -> String {
        let mut out = self.text.to_owned();
        end_line(&mut out);
        if !(out.is_empty() || out == "\n" || out.ends_with("\n\n")) {
            out.push('\n');
        }
        out + entry
    }

    /// Replaces the entries of a name by another entry, at the same place.
    pub(super) fn replace(&self, name: &str, addition: &Addition<'_>) -> Result<String, Refusal> {
        let Some(first) = self.of_name(name).next() else { return Ok(self.add(name, addition)) };
        let section = &self.sections[first];
        let text = self.text_of(section);
        let is_for_all = addition.options.platform.is_none();
        let new = match section.kind {
            Kind::Value => match Inline::of(text) {
                Some(Inline { span, is_table: true, .. }) if is_for_all => {
                    [&text[..span.start], &addition.to_inline(), &text[span.end..]].concat()
                }
                _ => return Ok(File::of(&self.remove(name))?.add(name, addition)),
            },
            Kind::Table if is_for_all => with_fields(text, name, addition),
            _ => addition.to_text(name),
        };
        Ok(self.changed(|index| match self.sections[index].name == name {
            true if index == first => Change::Replace(new.clone()),
            true => Change::Remove,
            false => Change::Keep,
        }))
    }

    /// Adds an element to the array of a name, and removes those at `same`, of as many as `length`.
    pub(super) fn with_element(
        &self,
        name: &str,
        same: &[usize],
        length: usize,
        addition: &Addition<'_>,
    ) -> Result<String, Refusal> {
        match same.len() == length && self.inline(name).is_none() {
            true => self.replace(name, addition),
            false => Ok(self.with_elements(name, same, Some(addition))),
        }
    }

    /// Removes elements of the array of a name, of which others stay, and adds one at its end.
    pub(super) fn with_elements(
        &self,
        name: &str,
        removed: &[usize],
        addition: Option<&Addition<'_>>,
    ) -> String {
        if let Some((index, inline)) = self.inline(name) {
            let text = self.text_of(&self.sections[index]);
            let new = addition.map(Addition::to_inline);
            let new = inline.with_elements(text, removed, new.as_deref());
            let change = |section| match section == index {
                true => Change::Replace(new.clone()),
                false => Change::Keep,
            };
            return self.changed(change);
        }
        let elements = self.elements(name);
        let is_removed = |element: usize| removed.binary_search(&element).is_ok();
        let last = elements.iter().rfind(|(_, element)| !is_removed(*element));
        self.changed(|section| {
            let element = elements.binary_search_by_key(&section, |(section, _)| *section);
            match element.map(|at| elements[at].1) {
                Ok(element) if is_removed(element) => Change::Remove,
                Ok(_) if last.is_some_and(|(last, _)| *last == section) => {
                    let mut text = self.text_of(&self.sections[section]).to_owned();
                    if let Some(addition) = addition {
                        end_line(&mut text);
                        text.push_str(&self.above_element(&elements, removed));
                        text.push_str(&addition.to_text(name));
                    }
                    Change::Replace(text)
                }
                _ => Change::Keep,
            }
        })
    }

    /// The sections of the array of a name, each with the number of its element.
    fn elements(&self, name: &str) -> Vec<(usize, usize)> {
        let mut elements = Vec::new();
        let mut count = 0;
        for index in self.of_name(name) {
            count += usize::from(self.sections[index].kind == Kind::Element);
            elements.push((index, count.saturating_sub(1)));
        }
        elements
    }

    /// The lines above a new element: an empty one if the last element has one, and the comments of
    /// the first one that is removed.
    fn above_element(&self, elements: &[(usize, usize)], removed: &[usize]) -> String {
        let above = |at: &(usize, usize)| self.above(&self.sections[at.0]);
        let last = elements.iter().rfind(|(section, element)| {
            *element > 0 && self.sections[*section].kind == Kind::Element
        });
        let is_spaced = last.is_some_and(|last| above(last).starts_with('\n'));
        let first = removed.first();
        let first = elements.iter().find(|(_, element)| Some(element) == first);
        let blank = if is_spaced { "\n" } else { "" };
        format!("{blank}{}", first.map_or("", |first| attached(above(first))))
    }

    /// Removes a name, if it is bound.
    pub(super) fn remove(&self, name: &str) -> String {
        self.changed(|index| match self.sections[index].name == name {
            true => Change::Remove,
            false => Change::Keep,
        })
    }
}

/// Ends the last line of a text.
pub(super) fn end_line(text: &mut String) {
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
}
