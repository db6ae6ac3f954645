//! What could not be read, or was left alone.

use scratchrs_core::gc::{Note, Problem};

use crate::Reader;
use crate::human::{count, visible};

/// The lines that tell of notes: a title for each consequence, and below it what it is about.
pub fn notes(notes: &[Note], is_dry_run: bool, reader: &Reader<'_>) -> Vec<(String, Vec<String>)> {
    let titled = [
        (
            Problem::Unreadable,
            &*format!(
                "that cannot be read completely: nothing that it may reference is deleted. Repair it, \
                 delete it, or pass {}",
                reader.spell("`--ignore-root PATH`", "`ignore_roots`"),
            ),
        ),
        (Problem::Faulty, "with faults: all that it can be seen to name is kept"),
        (
            Problem::Healed,
            if is_dry_run {
                "in logs that cannot be read: a collection removes it"
            } else {
                "in logs that cannot be read: it is removed"
            },
        ),
        (Problem::Passed, "left alone"),
    ];
    let mut told = Vec::new();
    for (problem, consequence) in titled {
        let of_it: Vec<&Note> = notes.iter().filter(|note| note.problem == problem).collect();
        if of_it.is_empty() {
            continue;
        }
        let one = if problem == Problem::Healed { "thing" } else { "file" };
        let title = format!("{} {consequence}", count(of_it.len() as u64, one));
        let line = |note: &&Note| {
            let mut place = reader.path(&note.path);
            for number in [note.diagnostic.line, note.diagnostic.column].into_iter().flatten() {
                place.push_str(&format!(":{number}"));
            }
            format!("{place} {}", visible(&note.diagnostic.message))
        };
        told.push((title, of_it.iter().map(line).collect()));
    }
    told
}
