//! The parts of an artifact file.

use crate::toml_events::{Event, Place};

/// The part of an artifact file to which an event belongs. The name is the first key of its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// An entry begins.
    Entry {
        /// Whether it is an element of an array: one of several platforms.
        is_element: bool,
        is_inline: bool,
    },
    /// An array of entries begins.
    Array,
    /// An entry in braces, or an array of entries, ends.
    End,
    /// A field of an entry, or a value in one.
    Field,
    /// A value other than entries.
    Invalid,
}

impl Part {
    pub(super) fn of(place: &Place<'_, '_>, event: &Event<'_>) -> Self {
        if place.path.len() > 1 {
            return Self::Field;
        }
        match (event, place.arrays) {
            (Event::Table, _) => Self::Entry { is_element: false, is_inline: false },
            (Event::Element, _) => Self::Entry { is_element: true, is_inline: false },
            (Event::OpenTable, arrays @ (0 | 1)) => {
                Self::Entry { is_element: arrays == 1, is_inline: true }
            }
            (Event::OpenArray, 0) => Self::Array,
            (Event::Close, _) => Self::End,
            _ => Self::Invalid,
        }
    }
}
