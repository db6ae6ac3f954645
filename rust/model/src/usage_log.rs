//! The usage logs of a depot: who used what, and when.
//!
//! `logs/scratch_usage.toml`, and the logs of manifests and artifacts, map a path to an array of
//! tables: one table for each time that its use was logged.
//!
//! ```toml
//! [["/home/ada/.julia/scratchspaces/7e1d…/cache"]]
//! parent_projects = ["/home/ada/work/Project.toml"]
//! time = 2024-01-02T03:04:05.006Z
//! ```
//!
//! # Compatibility
//!
//! Scratch.jl appends records without a lock and dies in the middle at times; `Pkg.gc` rewrites
//! the log, and gives up on the first line that is not TOML. So a log is read in any state: what
//! is whole is kept, what is torn is reported with its line. Printing is letter for letter that
//! of Pkg (`TOML.print(…; sorted = true)`).

mod any_toml;
mod recovery;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashSet};

use toml::{Table, Value};

use crate::diagnostic::Diagnostic;
use crate::printed::lines;
use crate::time::DepotTime;
use crate::toml_text::{push_key, push_strings};

const TIME: &str = "time";
const PARENT_PROJECTS: &str = "parent_projects";

/// One logged use of a path.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    /// When it was. Missing in a torn record.
    pub time: Option<DepotTime>,
    /// The project files on whose behalf it was (scratch spaces only).
    pub parent_projects: Vec<String>,
    /// Fields that are not ours: kept for whoever wrote them.
    pub others: Table,
}

/// A usage log: the records of each path, in the order of the file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UsageLog {
    entries: BTreeMap<String, Vec<Record>>,
}

/// What is wrong with a log as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Damage {
    /// What could not be read; of very much, the beginning.
    pub skipped: Vec<Diagnostic>,
    /// Whether the log is not one with torn lines, but something else: nothing in it can be read, or
    /// most of it is no text. Then any number of records may be lost.
    pub is_lost: bool,
}

/// For how many records and parent projects a log has room. Each takes many times its shortest text in
/// memory; a log that has so many in so few bytes was written by no peer, since all paths are absolute.
struct Room {
    left: usize,
    /// How many bytes fields that are not ours may have.
    others: usize,
}

impl Room {
    /// What a record takes, where a parent project takes one.
    const RECORD: usize = 2;

    fn of(length: usize) -> Self {
        Self { left: 4096 + length / 24, others: 1 << 16 }
    }

    /// Takes room; `None` if there is no more.
    fn take(&mut self, room: usize) -> Option<()> {
        self.left = self.left.checked_sub(room)?;
        Some(())
    }

    /// The value of a field that is not ours; `None` if it is none, or there is no room for it.
    fn other(&mut self, value: &str) -> Option<Value> {
        self.others = self.others.checked_sub(value.len().max(64))?;
        format!("x = {value}").parse::<Table>().ok()?.remove("x")
    }
}

/// As much of a text as somebody reads: a torn line may have megabytes.
fn beginning(text: &str) -> &str {
    const LONGEST: usize = 200;
    text.char_indices().nth(LONGEST).map_or(text, |(end, _)| &text[..end])
}

impl UsageLog {
    /// Reads a log in any state; what is beyond reading is in the second value.
    ///
    /// Each record that can be read is, whatever stands before and behind it. Time is linear in the
    /// bytes of the log.
    pub fn read(bytes: &[u8]) -> (Self, Vec<Diagnostic>) {
        let (log, damage) = Self::read_damaged(bytes);
        (log, damage.skipped)
    }

    /// As [`Self::read`], with what the damage of the log means.
    pub fn read_damaged(bytes: &[u8]) -> (Self, Damage) {
        let text = std::str::from_utf8(bytes).ok();
        if let Some(log) = text.and_then(Self::of_printed) {
            return (log, Damage::default());
        }
        match text.and_then(any_toml::read) {
            Some((log, skipped)) => (log, Damage { skipped, is_lost: false }),
            None => recovery::read(bytes),
        }
    }

    /// Reads a log in which every line is as a peer or we would write it, many times as fast as TOML
    /// in general. None for any other log, valid or not.
    fn of_printed(text: &str) -> Option<Self> {
        let mut log = Self::default();
        let mut room = Room::of(text.len());
        let mut current: Option<(String, Record)> = None;
        for line in printed_lines(text) {
            match (line?, &mut current) {
                (Line::Record(path), _) => {
                    room.take(Room::RECORD)?;
                    if let Some((path, record)) = current.replace((path.into(), Record::default()))
                    {
                        log.insert(path, record);
                    }
                }
                (Line::Time(time), Some((_, record))) if record.time.is_none() => {
                    record.time = Some(time);
                }
                (Line::ParentProjects(parents), Some((_, record)))
                    if record.parent_projects.is_empty() =>
                {
                    room.take(parents.len())?;
                    record.parent_projects = parents.into_iter().map(Cow::into_owned).collect();
                }
                // A field that stands twice, or belongs to no record.
                _ => return None,
            }
        }
        if let Some((path, record)) = current {
            log.insert(path, record);
        }
        Some(log)
    }

    /// Adds a record at the end of a path's records.
    pub fn insert(&mut self, path: String, record: Record) {
        // Most paths have one record, since a collection leaves no more.
        self.entries.entry(path).or_insert_with(|| Vec::with_capacity(1)).push(record);
    }

    /// The paths in the log with their records, sorted by path.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[Record])> {
        self.entries.iter().map(|(path, records)| (path.as_str(), records.as_slice()))
    }

    /// The records of a path.
    pub fn records(&self, path: &str) -> &[Record] {
        self.entries.get(path).map_or(&[], Vec::as_slice)
    }

    /// The log with one record for each path: the latest time, all parent projects.
    ///
    /// That is the form in which `Pkg.gc` leaves a log. A path whose records have no time gets
    /// `now`: Pkg fails on a record without.
    pub fn condensed(self, now: DepotTime) -> Self {
        let entries = self.entries.into_iter().map(|(path, records)| {
            let time = records.iter().filter_map(|record| record.time).max().unwrap_or(now);
            let mut parents = BTreeSet::new();
            let mut others = Table::new();
            for record in records {
                parents.extend(record.parent_projects);
                others.extend(record.others);
            }
            let parent_projects = parents.into_iter().collect();
            (path, vec![Record { time: Some(time), parent_projects, others }])
        });
        Self { entries: entries.collect() }
    }

    /// Keeps the records that `keep` says yes to, and the paths that have any.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, &Record) -> bool) {
        self.entries.retain(|path, records| {
            records.retain(|record| keep(path, record));
            !records.is_empty()
        });
    }

    /// The log's text, as Pkg prints it.
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        for (path, records) in self.iter() {
            if !out.is_empty() {
                out.push('\n');
            }
            for record in records {
                record.push_text(path, &mut out);
            }
        }
        out
    }
}

impl Record {
    /// The use of a scratch space on behalf of a project.
    pub fn of_project(time: DepotTime, project: &str) -> Self {
        Self { time: Some(time), parent_projects: vec![project.to_owned()], others: Table::new() }
    }

    /// The record's text, ready to be appended to a log whose last line is whole.
    pub fn to_text(&self, path: &str) -> String {
        let mut out = String::new();
        self.push_text(path, &mut out);
        out
    }

    fn push_text(&self, path: &str, out: &mut String) {
        out.push_str("[[");
        push_key(out, path);
        out.push_str("]]\n");
        let mut fields: Vec<(&str, String)> = Vec::new();
        if !self.parent_projects.is_empty() {
            let mut parents = String::new();
            push_strings(&mut parents, self.parent_projects.iter().map(String::as_str));
            fields.push((PARENT_PROJECTS, parents));
        }
        if let Some(time) = self.time {
            fields.push((TIME, time.to_string()));
        }
        fields.extend(self.others.iter().map(|(key, value)| (key.as_str(), value.to_string())));
        fields.sort();
        for (key, value) in fields {
            push_key(out, key);
            out.push_str(" = ");
            out.push_str(&value);
            out.push('\n');
        }
    }
}

/// How many records a log has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Census {
    /// All records.
    pub records: usize,
    /// Those that would remain if the log were condensed.
    pub paths: usize,
}

impl Census {
    /// Whether condensing the log now is cheap compared with what it grew by since the last time.
    pub fn is_crowded(self) -> bool {
        self.records > 2 * self.paths + 64
    }
}

/// Counts the records of a log in which every line is as a peer or we would write it, and whole,
/// so that a record can be appended to it. `None` for any other log, valid or not.
///
/// Much faster than reading the log, since every first access of a session asks.
pub fn census(bytes: &[u8]) -> Option<Census> {
    let text = std::str::from_utf8(bytes).ok()?;
    let Some(text) = text.strip_suffix('\n') else {
        return text.is_empty().then_some(Census { records: 0, paths: 0 });
    };
    let mut records = 0;
    let mut paths = HashSet::new();
    // Which fields the current record has: one that stands twice is not TOML, and `Pkg.gc` fails
    // where one is missing.
    let (mut has_time, mut has_parents) = (true, true);
    for line in printed_lines(text) {
        match line? {
            Line::Record(path) if has_time && has_parents => {
                records += 1;
                paths.insert(path);
                (has_time, has_parents) = (false, false);
            }
            Line::Time(_) if !has_time => has_time = true,
            Line::ParentProjects(_) if !has_parents => has_parents = true,
            _ => return None,
        }
    }
    (has_time && has_parents).then_some(Census { records, paths: paths.len() })
}

/// A line of a log that says something.
enum Line<'a> {
    /// `[["path"]]`
    Record(Cow<'a, str>),
    /// `time = …`
    Time(DepotTime),
    /// `parent_projects = ["path", …]`
    ParentProjects(Vec<Cow<'a, str>>),
}

/// The lines of a log that say something; none in the place of one that neither a peer nor we would
/// have written.
fn printed_lines(text: &str) -> impl Iterator<Item = Option<Line<'_>>> {
    lines(text).map(printed_line)
}

fn printed_line(line: &str) -> Option<Line<'_>> {
    if let Some(path) = line.strip_prefix("[[").and_then(|rest| rest.strip_suffix("]]")) {
        let (path, rest) = basic_string(path)?;
        return rest.is_empty().then_some(Line::Record(path));
    }
    if let Some(time) = line.strip_prefix("time = ") {
        return DepotTime::from_toml(&time.parse().ok()?).map(Line::Time);
    }
    let (parent, mut rest) = basic_string(line.strip_prefix("parent_projects = [")?)?;
    let mut parents = vec![parent];
    let most = Room::of(line.len()).left;
    while parents.len() <= most
        && let Some(next) = rest.strip_prefix(", ")
    {
        let (parent, after) = basic_string(next)?;
        parents.push(parent);
        rest = after;
    }
    (rest == "]").then_some(Line::ParentProjects(parents))
}

/// The basic string at the beginning of `text`, if there is one, and what follows it.
fn basic_string(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let text = text.strip_prefix('"')?;
    let mut value = Cow::Borrowed("");
    let mut rest = text;
    loop {
        let end = rest.bytes().position(|c| c == b'"' || c == b'\\' || c.is_ascii_control())?;
        match &mut value {
            // So far, it stands in the text as it is.
            Cow::Borrowed(value) => *value = &text[..text.len() - rest.len() + end],
            Cow::Owned(value) => value.push_str(&rest[..end]),
        }
        let (special, after) = rest[end..].split_at(1);
        match special {
            "\"" => return Some((value, after)),
            "\\" => {
                let (character, after) = escaped(after)?;
                value.to_mut().push(character);
                rest = after;
            }
            _ => return None,
        }
    }
}

/// The character that the text behind a backslash stands for, and what follows.
fn escaped(text: &str) -> Option<(char, &str)> {
    let mut rest = text.chars();
    let character = match rest.next()? {
        'b' => '\u{8}',
        't' => '\t',
        'n' => '\n',
        'f' => '\u{c}',
        'r' => '\r',
        character @ ('"' | '\\') => character,
        long @ ('u' | 'U') => {
            let length = if long == 'u' { 4 } else { 8 };
            let code = rest.as_str().get(..length).filter(|code| !code.starts_with('+'))?;
            return Some((
                char::from_u32(u32::from_str_radix(code, 16).ok()?)?,
                &text[1 + length..],
            ));
        }
        _ => return None,
    };
    Some((character, rest.as_str()))
}

#[cfg(test)]
mod tests;
