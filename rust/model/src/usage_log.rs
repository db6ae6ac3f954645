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

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashSet};

use toml::{Table, Value};

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

/// Something in a log that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The line, counted from one, where it is known.
    pub line: Option<usize>,
    /// What is wrong with it.
    pub reason: String,
}

/// As much of a text as somebody reads: a torn line may have megabytes.
fn beginning(text: &str) -> &str {
    const LONGEST: usize = 200;
    text.char_indices().nth(LONGEST).map_or(text, |(end, _)| &text[..end])
}

impl UsageLog {
    /// Reads a log in any state; what is beyond reading is in the second value.
    pub fn read(bytes: &[u8]) -> (Self, Vec<Skipped>) {
        let text = std::str::from_utf8(bytes).ok();
        if let Some(log) = text.and_then(Self::of_printed) {
            return (log, Vec::new());
        }
        match text.and_then(|text| text.parse::<Table>().ok()) {
            Some(table) => Self::from_table(table),
            None => Recovery::read(bytes),
        }
    }

    /// Reads a log in which every line is as a peer or we would write it, many times as fast as TOML
    /// in general. None for any other log, valid or not.
    fn of_printed(text: &str) -> Option<Self> {
        let mut log = Self::default();
        let mut current: Option<(String, Record)> = None;
        for line in printed_lines(text) {
            match (line?, &mut current) {
                (Line::Record(path), _) => {
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

    fn from_table(table: Table) -> (Self, Vec<Skipped>) {
        let mut log = Self::default();
        let mut skipped = Vec::new();
        for (path, value) in table {
            let records = match value {
                Value::Array(records) => records,
                record => vec![record],
            };
            for record in records {
                let Value::Table(fields) = record else {
                    skipped.push(Skipped {
                        line: None,
                        reason: format!("`{}` is no array of tables", beginning(&path)),
                    });
                    continue;
                };
                let mut record = Record::default();
                skipped.extend(record.set(fields).into_iter().map(|reason| Skipped {
                    line: None,
                    reason: format!("{reason} for `{}`", beginning(&path)),
                }));
                log.insert(path.clone(), record);
            }
        }
        (log, skipped)
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

    /// Takes over the fields of a table. What cannot be is in the answer.
    fn set(&mut self, fields: Table) -> Vec<String> {
        let mut faults = Vec::new();
        for (key, value) in fields {
            match (key.as_str(), value) {
                (TIME, Value::Datetime(time)) => match DepotTime::from_toml(&time) {
                    Some(time) => self.time = Some(time),
                    None => faults.push(format!("`{TIME}` is no date and time")),
                },
                (TIME, _) => faults.push(format!("`{TIME}` is no date and time")),
                (PARENT_PROJECTS, Value::Array(parents)) => {
                    for parent in parents {
                        match parent {
                            Value::String(parent) => self.parent_projects.push(parent),
                            _ => faults.push(format!("`{PARENT_PROJECTS}` has more than paths")),
                        }
                    }
                }
                (PARENT_PROJECTS, Value::String(parent)) => self.parent_projects.push(parent),
                (PARENT_PROJECTS, _) => faults.push(format!("`{PARENT_PROJECTS}` is no array")),
                (_, value) => {
                    self.others.insert(key, value);
                }
            }
        }
        faults
    }
}

/// Reads a log that is not TOML, line by line.
#[derive(Default)]
struct Recovery {
    log: UsageLog,
    skipped: Vec<Skipped>,
    /// The record that the next fields belong to. None after a header that could not be read.
    current: Option<(String, Record)>,
}

impl Recovery {
    fn read(bytes: &[u8]) -> (UsageLog, Vec<Skipped>) {
        let mut recovery = Self::default();
        for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            match std::str::from_utf8(line) {
                Ok(line) => recovery.line(index + 1, line.trim()),
                Err(_) => {
                    recovery.skip(index + 1, "the line is not UTF-8".to_owned());
                    if line.trim_ascii_start().starts_with(b"[") {
                        recovery.finish_record();
                    }
                }
            }
        }
        recovery.finish_record();
        (recovery.log, recovery.skipped)
    }

    fn line(&mut self, number: usize, line: &str) {
        if line.is_empty() || line.starts_with('#') {
            return;
        }
        match line.parse::<Table>() {
            Ok(table) if line.starts_with("[[") => self.header(number, table),
            Ok(fields) if !line.starts_with('[') => self.fields(number, fields),
            _ => self.torn(number, line),
        }
    }

    fn header(&mut self, number: usize, table: Table) {
        self.finish_record();
        for (path, value) in table {
            match value {
                Value::Array(_) => self.current = Some((path, Record::default())),
                _ => self.skip(number, format!("`{path}` is no array of tables")),
            }
        }
    }

    fn fields(&mut self, number: usize, fields: Table) {
        let faults = match &mut self.current {
            Some((_, record)) => record.set(fields),
            None => vec!["the line belongs to no record".to_owned()],
        };
        for fault in faults {
            self.skip(number, fault);
        }
    }

    /// A line that a writer did not finish. Another writer may have begun a record behind it.
    fn torn(&mut self, number: usize, line: &str) {
        self.skip(number, format!("the line is torn: `{}`", beginning(line).escape_debug()));
        let mut later = line.match_indices("[[").map(|(at, _)| &line[at..]);
        let glued = later.find(|rest| rest.len() < line.len() && rest.parse::<Table>().is_ok());
        if glued.is_some() || line.starts_with('[') {
            self.finish_record();
        }
        if let Some(rest) = glued {
            self.line(number, rest);
        }
    }

    fn finish_record(&mut self) {
        if let Some((path, record)) = self.current.take() {
            self.log.insert(path, record);
        }
    }

    fn skip(&mut self, line: usize, reason: String) {
        self.skipped.push(Skipped { line: Some(line), reason });
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
    while let Some(next) = rest.strip_prefix(", ") {
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
        'u' => {
            let code = rest.as_str().get(..4).filter(|code| !code.starts_with('+'))?;
            return Some((char::from_u32(u32::from_str_radix(code, 16).ok()?)?, &text[5..]));
        }
        _ => return None,
    };
    Some((character, rest.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn time(text: &str) -> DepotTime {
        DepotTime::from_toml(&text.parse().unwrap()).unwrap()
    }

    fn now() -> DepotTime {
        time("2026-11-21T12:00:00")
    }

    /// A log as the three writers leave it: Pkg condensed, we and Scratch.jl appended.
    const GOOD: &str = r#"[["/depot/scratchspaces/u/a"]]
parent_projects = ["/a/Project.toml", "/b/Project.toml"]
time = 2024-01-02T03:04:05.006Z

[["/depot/scratchspaces/u/b"]]
parent_projects = ["/a/Project.toml"]
time = 2024-01-02T03:04:05.006Z
[["/depot/scratchspaces/u/a"]]
time = 2024-01-03T03:04:05.1Z
parent_projects = ["/c/Project.toml"]
"#;

    #[test]
    fn a_log_of_all_writers_is_read_and_condensed() {
        let (log, skipped) = UsageLog::read(GOOD.as_bytes());
        assert_eq!(skipped, []);
        assert_eq!(log.records("/depot/scratchspaces/u/a").len(), 2);
        let expected = r#"[["/depot/scratchspaces/u/a"]]
parent_projects = ["/a/Project.toml", "/b/Project.toml", "/c/Project.toml"]
time = 2024-01-03T03:04:05.100Z

[["/depot/scratchspaces/u/b"]]
parent_projects = ["/a/Project.toml"]
time = 2024-01-02T03:04:05.006Z
"#;
        assert_eq!(log.condensed(now()).to_text(), expected);
        assert_eq!(census(GOOD.as_bytes()), Some(Census { records: 3, paths: 2 }));
    }

    #[test]
    fn a_torn_end_loses_only_itself() {
        for cut in 0..GOOD.len() {
            let (log, _) = UsageLog::read(&GOOD.as_bytes()[..cut]);
            let whole = GOOD[..cut].matches("time = 2024-01-02T03:04:05.006Z\n").count();
            let read = log.iter().flat_map(|(_, records)| records);
            assert!(read.filter(|record| record.time.is_some()).count() >= whole, "cut at {cut}");
        }
    }

    #[test]
    fn a_record_glued_to_a_torn_one_is_read() {
        for torn in
            ["[[\"/x", "[[\"/x\"]]\ntime = 2024-01-0", "[[\"/x\"]]\nparent_projects = [\"/p"]
        {
            let text = format!("{torn}{GOOD}");
            let (log, skipped) = UsageLog::read(text.as_bytes());
            assert!(!skipped.is_empty());
            assert_eq!(log.records("/depot/scratchspaces/u/a").len(), 2, "after {torn:?}");
            let first = &log.records("/depot/scratchspaces/u/a")[0];
            assert_eq!(first.parent_projects.len(), 2, "after {torn:?}");
        }
    }

    #[test]
    fn fields_behind_a_torn_header_do_not_go_to_the_record_before() {
        let text = "[[\"/a\"]]\nparent_projects = [\"/p\"]\n[[\"/b\nparent_projects = [\"/q\"]\n";
        let (log, skipped) = UsageLog::read(text.as_bytes());
        assert_eq!(log.records("/a")[0].parent_projects, ["/p"]);
        assert_eq!(skipped.iter().filter_map(|skip| skip.line).collect::<Vec<_>>(), [3, 4]);
    }

    #[test]
    fn other_bytes_are_no_obstacle() {
        let mut bytes = b"\xff\xfe\0\n".to_vec();
        bytes.extend(GOOD.as_bytes());
        bytes.extend(b"[[\"/\xff\"]]\ntime = 2024-01-02T03:04:05.006Z\n");
        let (log, skipped) = UsageLog::read(&bytes);
        assert_eq!(log.iter().count(), 2);
        assert_eq!(skipped.len(), 3);
    }

    #[test]
    fn values_of_other_types_are_reported_and_the_path_kept() {
        let text = "[[\"/a\"]]\ntime = 3\nparent_projects = {}\n[b]\n[c]\ntime = \"x\"\n";
        let (log, skipped) = UsageLog::read(text.as_bytes());
        assert_eq!(log.iter().map(|(path, _)| path).collect::<Vec<_>>(), ["/a", "b", "c"]);
        assert_eq!(skipped.len(), 3, "{skipped:?}");
        let (_, skipped) = UsageLog::read(b"\"/a\" = 1\n");
        assert_eq!(skipped[0].reason, "`/a` is no array of tables");
    }

    #[test]
    fn a_path_without_time_gets_one_for_pkg() {
        let (log, _) = UsageLog::read(b"[[\"/a\"]]\nparent_projects = [\"/p\"]\n");
        assert_eq!(log.condensed(now()).records("/a")[0].time, Some(now()));
    }

    #[test]
    fn fields_of_others_are_kept() {
        let text = "[[\"/a\"]]\nhost = \"n1\"\ntime = 2024-01-02T03:04:05.006Z\n";
        let (log, _) = UsageLog::read(text.as_bytes());
        assert_eq!(log.condensed(now()).to_text(), text);
        assert_eq!(census(text.as_bytes()), None);
    }

    #[test]
    fn only_whole_logs_have_a_census() {
        for cut in 0..GOOD.len() {
            let text = &GOOD[..cut];
            if census(text.as_bytes()).is_some() {
                assert!(text.is_empty() || text.ends_with('\n'), "cut at {cut}");
                assert!(text.parse::<Table>().is_ok(), "cut at {cut}");
            }
        }
        for missing in ["time = 2024-01-02T03:04:05Z\n", "parent_projects = [\"/p\"]\n"] {
            assert_eq!(census(format!("[[\"/a\"]]\n{missing}").as_bytes()), None);
            assert_eq!(census(format!("[[\"/a\"]]\n{missing}{GOOD}").as_bytes()), None);
        }
        let twice = "[[\"/a\"]]\ntime = 2024-01-02T03:04:05Z\ntime = 2024-01-02T03:04:05Z\n";
        assert_eq!(census(twice.as_bytes()), None);
    }

    #[test]
    fn a_log_is_crowded_when_most_of_it_is_repetition() {
        assert!(!Census { records: 64, paths: 1 }.is_crowded());
        assert!(Census { records: 67, paths: 1 }.is_crowded());
        assert!(!Census { records: 5000, paths: 5000 }.is_crowded());
    }

    fn any_time() -> impl Strategy<Value = DepotTime> {
        (0..4_000_000_000_000i64).prop_map(|millis| {
            let time = chrono::DateTime::from_timestamp_millis(millis).unwrap();
            DepotTime::from_local(time.naive_utc())
        })
    }

    fn any_log() -> impl Strategy<Value = UsageLog> {
        let record = (any_time(), prop::collection::vec(any::<String>(), 1..3)).prop_map(
            |(time, parent_projects)| Record {
                time: Some(time),
                parent_projects,
                others: Table::new(),
            },
        );
        let path = prop_oneof![any::<String>(), "/[a-z/\"\\\\é]{0,12}"];
        prop::collection::btree_map(path, prop::collection::vec(record, 1..3), 0..5)
            .prop_map(|entries| UsageLog { entries })
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read(log in any_log()) {
            let text = log.to_text();
            prop_assert_eq!(UsageLog::read(text.as_bytes()), (log.clone(), vec![]));
            // Bare keys (relative paths of one word) are for the slow reader.
            if log.iter().all(|(path, _)| path.contains('/')) {
                let records = log.iter().map(|(_, records)| records.len()).sum();
                let expected = Census { records, paths: log.iter().count() };
                prop_assert_eq!(census(text.as_bytes()), Some(expected));
                prop_assert_eq!(UsageLog::of_printed(&text), Some(log));
            }
        }

        #[test]
        fn what_is_read_line_by_line_is_what_toml_says(
            log in any_log(),
            at in any::<prop::sample::Index>(),
            more in prop_oneof![
                any::<String>(),
                prop::sample::select(vec!["\n", "\r\n", "\"", "\\", "]", "[[\"/a\"]]\n", "time = 2024-01-02\n"])
                    .prop_map(str::to_owned),
            ],
            cut in any::<prop::sample::Index>(),
        ) {
            let mut text = log.to_text();
            let begins = |text: &str, at: usize| (0..=at).rev().find(|at| text.is_char_boundary(*at));
            let at = begins(&text, at.index(text.len() + 1)).unwrap();
            text.insert_str(at, &more);
            let cut = begins(&text, cut.index(2 * text.len() + 1).min(text.len())).unwrap();
            text.truncate(cut);
            if let Some(log) = UsageLog::of_printed(&text) {
                let table = text.parse::<Table>();
                prop_assert!(table.is_ok(), "{}", text);
                prop_assert_eq!(UsageLog::from_table(table.unwrap()), (log, vec![]));
            }
        }

        #[test]
        fn a_census_means_that_it_is_toml(log in any_log(), at in any::<prop::sample::Index>(), byte: u8) {
            let mut bytes = log.to_text().into_bytes();
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            if census(&bytes).is_some() {
                let text = std::str::from_utf8(&bytes).unwrap();
                prop_assert!(text.parse::<Table>().is_ok(), "{}", text);
            }
        }

        #[test]
        fn any_bytes_can_be_read(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            UsageLog::read(&bytes);
            census(&bytes);
        }

        #[test]
        fn condensing_keeps_paths_parents_and_latest_times(log in any_log()) {
            let condensed = log.clone().condensed(now());
            prop_assert_eq!(condensed.clone().condensed(now()), condensed.clone());
            for (path, records) in log.iter() {
                let one = &condensed.records(path)[0];
                prop_assert_eq!(one.time, records.iter().map(|record| record.time).max().unwrap());
                for parent in records.iter().flat_map(|record| &record.parent_projects) {
                    prop_assert!(one.parent_projects.contains(parent));
                }
            }
        }
    }
}
