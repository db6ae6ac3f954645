//! Logs that are TOML in another form than that in which peers write them.

use super::{PARENT_PROJECTS, Record, Room, TIME, UsageLog, beginning};
use crate::diagnostic::Diagnostic;
use crate::time::DepotTime;
use crate::toml_events::{self, Event, Place, Receiver, Scalar, Step, Stop};

/// The records of a log that is TOML, and what in it is none. `None` if it is not TOML, or has no room
/// for all of them.
pub(super) fn read(text: &str) -> Option<(UsageLog, Vec<Diagnostic>)> {
    let room = Room::of(text.len());
    let (log, skipped, current) = Default::default();
    let mut records = Records { text, room, log, skipped, current, other: 0 };
    toml_events::read(text, &mut records).ok()?;
    records.finish_record();
    Some((records.log, records.skipped))
}

struct Records<'t> {
    text: &'t str,
    room: Room,
    log: UsageLog,
    skipped: Vec<Diagnostic>,
    /// The record that is being read, and whether it stands in braces.
    current: Option<(String, Record, bool)>,
    /// Where the value of a field that is not ours begins.
    other: usize,
}

impl<'t> Receiver<'t> for Records<'t> {
    fn receive(&mut self, place: Place<'_, 't>, event: Event<'t>) -> Step {
        let Place { path, arrays, at, end, .. } = place;
        let key = path.key(0);
        let full = || Stop { at, message: "there is no room for all records".to_owned() };
        match (path.len(), &event) {
            (1, Event::Table | Event::Element) => self.begin(key, false).ok_or_else(full)?,
            (1, Event::OpenTable) if arrays <= 1 => self.begin(key, true).ok_or_else(full)?,
            (1, Event::OpenArray) if arrays == 0 => {}
            (1, Event::Close) => {
                if let Some((_, _, true)) = &self.current {
                    self.finish_record();
                }
            }
            (1, _) => self.skip(format!("`{}` is no array of tables", beginning(key))),
            (2, _) if !self.is_of_current(key) => {
                // A part of a record that stands elsewhere.
                self.begin(key, false).ok_or_else(full)?;
                self.field(path.key(1), arrays, event, at, end).ok_or_else(full)?;
            }
            (2, _) => self.field(path.key(1), arrays, event, at, end).ok_or_else(full)?,
            _ => {}
        }
        Ok(())
    }
}

impl Records<'_> {
    fn is_of_current(&self, path: &str) -> bool {
        self.current.as_ref().is_some_and(|(current, _, _)| current == path)
    }

    fn begin(&mut self, path: &str, is_inline: bool) -> Option<()> {
        self.room.take(Room::RECORD)?;
        self.finish_record();
        self.current = Some((path.to_owned(), Record::default(), is_inline));
        Some(())
    }

    fn finish_record(&mut self) {
        if let Some((path, record, _)) = self.current.take() {
            self.log.insert(path, record);
        }
    }

    /// Takes a field; `None` if there is no room for it.
    fn field(
        &mut self,
        key: &str,
        arrays: usize,
        event: Event<'_>,
        at: usize,
        end: usize,
    ) -> Option<()> {
        let Some((_, record, _)) = &mut self.current else { return Some(()) };
        let diagnostic = match (key, event) {
            (TIME, Event::Scalar(Scalar::Time(time))) if arrays == 0 => {
                match DepotTime::from_toml(&time) {
                    Some(time) => {
                        record.time = record.time.max(Some(time));
                        return Some(());
                    }
                    None => format!("`{TIME}` is no date and time"),
                }
            }
            (TIME, _) => format!("`{TIME}` is no date and time"),
            (PARENT_PROJECTS, Event::Scalar(Scalar::Text(parent))) if arrays <= 1 => {
                self.room.take(1)?;
                record.parent_projects.push(parent.into_owned());
                return Some(());
            }
            (PARENT_PROJECTS, Event::OpenArray | Event::Close) if arrays == 0 => return Some(()),
            (PARENT_PROJECTS, _) => format!("`{PARENT_PROJECTS}` is no array of paths"),
            (_, Event::OpenArray | Event::OpenTable) if arrays == 0 => {
                self.other = at;
                return Some(());
            }
            (_, Event::Scalar(_)) if arrays == 0 => match self.room.other(&self.text[at..end]) {
                Some(value) => {
                    record.others.insert(key.to_owned(), value);
                    return Some(());
                }
                None => format!("`{}` is too long", beginning(key)),
            },
            (_, Event::Close) if arrays == 0 => {
                match self.room.other(&self.text[self.other..end]) {
                    Some(value) => {
                        record.others.insert(key.to_owned(), value);
                        return Some(());
                    }
                    None => format!("`{}` is too long", beginning(key)),
                }
            }
            (_, Event::Table | Event::Element) => {
                format!("`{}` is a table of its own", beginning(key))
            }
            _ => return Some(()),
        };
        self.skip(diagnostic);
        Some(())
    }

    fn skip(&mut self, reason: String) {
        if self.skipped.len() < super::recovery::MOST_SKIPPED {
            let of =
                self.current.as_ref().map(|(path, _, _)| format!(" for `{}`", beginning(path)));
            let reason = format!("{reason}{}", of.unwrap_or_default());
            self.skipped.push(Diagnostic::of_file(reason));
        }
    }
}
