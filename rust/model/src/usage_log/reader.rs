//! Reads a usage log from its events: TOML of any form, or the valid records of a damaged log.

use memchr::memmem;

use super::{Damage, PARENT_PROJECTS, Record, TIME, UsageLog};
use crate::diagnostic::{Diagnostic, Lines, brief};
use crate::time::DepotTime;
use crate::toml_events::{self, Event, Place, Receiver, Scalar, Step, Stop};

/// The maximum number of diagnostics of a log.
pub(super) const MAX_DIAGNOSTICS: usize = 100;

/// Reads a log in any state.
pub(super) fn read(bytes: &[u8]) -> (UsageLog, Damage) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        let mut records = Records::new(bytes);
        if toml_events::read(text, &mut records).is_ok() {
            let (log, diagnostics) = records.finish();
            return (log, Damage { diagnostics, is_lost: false });
        }
    }
    let mut records = Records::new(bytes);
    let salvaged = toml_events::salvage(bytes, &mut records);
    let is_full = records.capacity.is_exceeded;
    let (log, diagnostics) = records.finish();
    let is_nothing =
        log.entries.is_empty() && salvaged.damaged > 0 && !is_part_of_one_record(bytes);
    let is_mostly_no_text = salvaged.not_text > salvaged.read;
    let is_lost = is_nothing || is_mostly_no_text || salvaged.is_cut || is_full;
    (log, Damage { diagnostics, is_lost })
}

/// Whether a log is the beginning of one record: its writer was stopped at the first record.
fn is_part_of_one_record(bytes: &[u8]) -> bool {
    let text = bytes.trim_ascii_start();
    let is_begun = text.starts_with(b"[[") || b"[[".starts_with(text);
    let has_another = text.get(2..).is_some_and(|rest| memmem::find(rest, b"[[").is_some());
    let is_printable = |byte: &u8| matches!(byte, b' '..=b'~' | b'\t'..=b'\r');
    is_begun && !has_another && text.iter().all(is_printable)
}

/// The maximum number of records and parent projects of a log. Each takes many times its shortest
/// text in memory. No peer writes so many in so few bytes, because all paths are absolute.
struct Capacity {
    left: usize,
    /// The maximum size of unknown fields in bytes.
    others: usize,
    is_exceeded: bool,
}

impl Capacity {
    /// The cost of a record, where a parent project costs one.
    const RECORD: usize = 2;

    fn of(length: usize) -> Self {
        Self { left: 4096 + length / 24, others: 1 << 16, is_exceeded: false }
    }

    fn take(&mut self, amount: usize, at: usize) -> Step {
        match self.left.checked_sub(amount) {
            Some(left) => self.left = left,
            None => {
                self.is_exceeded = true;
                let message = "there are too many records for the size of the log".to_owned();
                return Err(Stop { at, message });
            }
        }
        Ok(())
    }
}

/// Collects the records of a log.
struct Records<'t> {
    bytes: &'t [u8],
    capacity: Capacity,
    log: UsageLog,
    current: Option<Current>,
    /// The beginning of the value of an unknown field.
    other_at: usize,
    problems: Problems<'t>,
}

/// The record that is being read.
struct Current {
    path: String,
    record: Record,
    /// Whether it is an inline table.
    is_inline: bool,
    /// The number of its parent projects before those of the current array.
    parents_before: Option<usize>,
}

impl<'t> Receiver<'t> for Records<'t> {
    fn receive(&mut self, place: Place<'_, 't>, event: Event<'t>) -> Step {
        let Place { path, arrays, at, .. } = place;
        let key = path.key(0);
        match (path.len(), &event) {
            (1, Event::Table | Event::Element) => self.begin(key, false, at),
            (1, Event::OpenTable) if arrays <= 1 => self.begin(key, true, at),
            (1, Event::OpenArray) if arrays == 0 => Ok(()),
            (1, Event::Close) => {
                if self.current.as_ref().is_some_and(|current| current.is_inline) {
                    self.finish_record();
                }
                Ok(())
            }
            (1, _) => {
                let message =
                    || format!("invalid entry `{}`: expected an array of tables", brief(key));
                self.problems.add(at, message);
                Ok(())
            }
            (2, _) => {
                // A part of a record may be in another place.
                if self.current.as_ref().is_none_or(|current| current.path != key) {
                    self.begin(key, false, at)?;
                }
                self.field(place, event)
            }
            _ => Ok(()),
        }
    }

    fn damaged(&mut self, damage: toml_events::Damage<'t>) {
        match damage {
            toml_events::Damage::Torn { at, text } => {
                if let Some(Current { record, parents_before: Some(before), .. }) =
                    &mut self.current
                {
                    record.parent_projects.truncate(*before);
                }
                let is_inline = self.current.as_ref().is_some_and(|current| current.is_inline);
                if text.starts_with('[') || is_inline {
                    self.finish_record();
                }
                let message = || format!("the line is torn: `{}`", brief(text).escape_debug());
                self.problems.add(at, message);
            }
            toml_events::Damage::NotUnicode { at } => {
                self.problems.replace(at, "the line is not UTF-8");
            }
            toml_events::Damage::Control { at } => {
                self.problems.add(at, || "the line has control characters".to_owned());
            }
        }
    }
}

impl<'t> Records<'t> {
    fn new(bytes: &'t [u8]) -> Self {
        let capacity = Capacity::of(bytes.len());
        let (log, current, other_at) = Default::default();
        Self { bytes, capacity, log, current, other_at, problems: Problems::of(bytes) }
    }

    fn begin(&mut self, path: &str, is_inline: bool, at: usize) -> Step {
        self.capacity.take(Capacity::RECORD, at)?;
        self.finish_record();
        let (path, record) = (path.to_owned(), Record::default());
        self.current = Some(Current { path, record, is_inline, parents_before: None });
        Ok(())
    }

    fn finish_record(&mut self) {
        if let Some(Current { path, record, .. }) = self.current.take() {
            self.log.insert(path, record);
        }
    }

    /// Receives a field of the current record.
    fn field(&mut self, place: Place<'_, 't>, event: Event<'t>) -> Step {
        let Some(current) = &mut self.current else { return Ok(()) };
        let Place { path, arrays, at, end, .. } = place;
        let key = path.key(1);
        let problem = match (key, event) {
            (TIME, Event::Scalar(Scalar::Time(time))) if arrays == 0 => {
                match DepotTime::from_toml(&time) {
                    Some(time) => {
                        current.record.time = current.record.time.max(Some(time));
                        return Ok(());
                    }
                    None => format!("invalid `{TIME}`: expected a date and time"),
                }
            }
            (TIME, _) => format!("invalid `{TIME}`: expected a date and time"),
            (PARENT_PROJECTS, Event::Scalar(Scalar::Text(parent))) if arrays <= 1 => {
                self.capacity.take(1, at)?;
                current.record.parent_projects.push(parent.into_owned());
                return Ok(());
            }
            (PARENT_PROJECTS, event @ (Event::OpenArray | Event::Close)) if arrays == 0 => {
                let is_open = event == Event::OpenArray;
                current.parents_before = is_open.then_some(current.record.parent_projects.len());
                return Ok(());
            }
            (PARENT_PROJECTS, _) => {
                format!("invalid `{PARENT_PROJECTS}`: expected an array of paths")
            }
            (_, Event::OpenArray | Event::OpenTable) if arrays == 0 => {
                self.other_at = at;
                return Ok(());
            }
            (_, event @ (Event::Scalar(_) | Event::Close)) if arrays == 0 => {
                let at = if event == Event::Close { self.other_at } else { at };
                match self.other(at, end) {
                    Some(value) => {
                        if let Some(current) = &mut self.current {
                            current.record.others.insert(key.to_owned(), value);
                        }
                        return Ok(());
                    }
                    None => format!("`{}` is too long", brief(key)),
                }
            }
            (_, Event::Table | Event::Element) => {
                format!("invalid `{}`: expected a value, not a table of its own", brief(key))
            }
            _ => return Ok(()),
        };
        let of = self.current.as_ref().map(|current| format!(" for `{}`", brief(&current.path)));
        self.problems.add(at, || format!("{problem}{}", of.unwrap_or_default()));
        Ok(())
    }

    /// The value of an unknown field; `None` if all of these together are too long.
    fn other(&mut self, at: usize, end: usize) -> Option<toml::Value> {
        let text = std::str::from_utf8(&self.bytes[at..end]).ok()?;
        self.capacity.others = self.capacity.others.checked_sub(text.len().max(64))?;
        format!("x = {text}").parse::<toml::Table>().ok()?.remove("x")
    }

    fn finish(mut self) -> (UsageLog, Vec<Diagnostic>) {
        self.finish_record();
        (self.log, self.problems.finish())
    }
}

/// The diagnostics of a log: one of each line, and of very many lines the first ones.
struct Problems<'t> {
    lines: Lines<'t>,
    diagnostics: Vec<Diagnostic>,
    /// The number of further lines with problems.
    omitted: usize,
    /// The line of the last problem.
    last: usize,
}

impl<'t> Problems<'t> {
    fn of(bytes: &'t [u8]) -> Self {
        Self { lines: Lines::of(bytes), diagnostics: Vec::new(), omitted: 0, last: 0 }
    }

    fn add(&mut self, at: usize, message: impl FnOnce() -> String) {
        let line = self.lines.line(at);
        if line <= self.last {
            return;
        }
        self.last = line;
        match self.diagnostics.len() < MAX_DIAGNOSTICS {
            true => self.diagnostics.push(Diagnostic::of_line(line, message())),
            false => self.omitted += 1,
        }
    }

    /// Adds a problem that explains others of the same line.
    fn replace(&mut self, at: usize, message: &str) {
        self.add(at, || message.to_owned());
        let of_line = self.diagnostics.last_mut();
        if let Some(last) = of_line.filter(|last| last.line == Some(self.last)) {
            last.message = message.to_owned();
        }
    }

    fn finish(mut self) -> Vec<Diagnostic> {
        if self.omitted > 0 {
            let message = format!("{} more lines cannot be read", self.omitted);
            self.diagnostics.push(Diagnostic::of_file(message));
        }
        self.diagnostics
    }
}
