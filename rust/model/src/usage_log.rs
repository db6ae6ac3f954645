//! The usage logs of a depot: when each path was used, and for which projects.
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
//! the log, and gives up on the first line that is not TOML. So a log is read in any state: whole
//! records are read, and torn lines are reported. It is printed as Pkg prints
//! it (`TOML.print(…; sorted = true)`).

mod census;
mod reader;

use std::collections::{BTreeMap, BTreeSet};

use toml::Table;

use crate::diagnostic::Diagnostic;
use crate::time::DepotTime;
use crate::toml_text::{push_key, push_strings};

pub use census::{Census, census};

const TIME: &str = "time";
const PARENT_PROJECTS: &str = "parent_projects";

/// One logged use of a path.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    /// Its time. Missing in a torn record.
    pub time: Option<DepotTime>,
    /// The project files of the use (scratch spaces only).
    pub parent_projects: Vec<String>,
    /// Fields of other programs, which are preserved.
    pub others: Table,
}

/// A usage log: the records of each path, in the order of the file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UsageLog {
    entries: BTreeMap<String, Vec<Record>>,
}

/// The damage of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Damage {
    /// The invalid lines; of very many, the first ones.
    pub diagnostics: Vec<Diagnostic>,
    /// Whether the file is more than a log with torn lines: no record can be read, or most of it is
    /// not text. Then any number of records may be lost.
    pub is_lost: bool,
}

impl UsageLog {
    /// Reads a log in any state. The second value has the invalid lines.
    ///
    /// Damage does not affect the records before and after it. Time is linear in the bytes of the
    /// log.
    pub fn read(bytes: &[u8]) -> (Self, Vec<Diagnostic>) {
        let (log, damage) = Self::read_damaged(bytes);
        (log, damage.diagnostics)
    }

    /// Like [`Self::read`]; also returns whether records may be lost.
    pub fn read_damaged(bytes: &[u8]) -> (Self, Damage) {
        reader::read(bytes)
    }

    /// Adds a record at the end of a path's records.
    pub fn insert(&mut self, path: String, record: Record) {
        // Most paths have one record, as after a collection.
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
    /// This is the form of a log after `Pkg.gc`. Records without a time get `now`, because Pkg
    /// fails on them.
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

    /// Retains the records for which `keep` returns true, and the paths with records.
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
    /// The use of a scratch space by a project.
    pub fn of_project(time: DepotTime, project: &str) -> Self {
        Self { time: Some(time), parent_projects: vec![project.to_owned()], others: Table::new() }
    }

    /// The text to append to a log with a complete last line.
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

#[cfg(test)]
mod tests;
