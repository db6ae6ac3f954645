//! Files with problems.

use scratchrs_core::gc::{Consequence, Note};

use crate::human::{count, visible};
use crate::{Context, text};

/// The problems that share a consequence.
pub(super) struct Group {
    /// How many there are, and the consequence.
    pub(super) title: String,
    /// A line for each.
    pub(super) lines: Vec<String>,
}

impl From<Group> for text::Note {
    fn from(Group { title, lines }: Group) -> Self {
        Self::new(format!("{title}\n  {}", lines.join("\n  ")))
    }
}

/// The problems of files, by consequence.
pub(super) fn grouped(notes: &[Note], is_dry_run: bool, context: &Context<'_>) -> Vec<Group> {
    let consequences =
        [Consequence::Unreadable, Consequence::Faulty, Consequence::Healed, Consequence::Passed];
    let group = |consequence| {
        let notes = notes.iter().filter(|note| note.consequence == consequence);
        let lines: Vec<_> = notes.map(|note| line(note, context)).collect();
        let title = title(consequence, lines.len() as u64, is_dry_run, context);
        (!lines.is_empty()).then_some(Group { title, lines })
    };
    consequences.into_iter().filter_map(group).collect()
}

fn title(consequence: Consequence, number: u64, is_dry_run: bool, context: &Context<'_>) -> String {
    match consequence {
        Consequence::Unreadable => {
            let (they, them) = if number == 1 { ("it", "it") } else { ("they", "them") };
            format!(
                "{}: everything that {they} may reference is kept. Repair or delete {them}, or pass {}",
                count(number, "unreadable file"),
                context.spell("`--ignore-root PATH`", "`ignore_roots`"),
            )
        }
        Consequence::Faulty => format!(
            "{} with invalid entries: everything that the readable part references is kept",
            count(number, "file")
        ),
        Consequence::Healed => {
            let removed = if is_dry_run { "removed by a collection" } else { "removed" };
            format!("{}: {removed}", count(number, "invalid log record"))
        }
        Consequence::Passed => format!("{} left alone", count(number, "file")),
    }
}

fn line(note: &Note, context: &Context<'_>) -> String {
    let mut place = context.path(&note.path);
    for number in [note.diagnostic.line, note.diagnostic.column].into_iter().flatten() {
        place.push_str(&format!(":{number}"));
    }
    format!("{place} {}", visible(&note.diagnostic.message))
}
