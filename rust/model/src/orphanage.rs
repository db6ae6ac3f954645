//! `logs/orphaned.toml`: since when nothing keeps what lies in a depot.
//!
//! ```toml
//! "/home/ada/.julia/artifacts/9f2c…" = 2026-11-21T23:04:53.914Z
//! ```
//!
//! # Compatibility
//!
//! `Pkg.gc` up to Julia 1.12 writes it anew at each collection, with the orphans of that moment, so
//! also with those that it then deletes. Its time of last change is the clock of the automatic
//! collection. Since Julia 1.13 nobody but us writes it. Printing is letter for letter that of
//! Pkg (`TOML.print(…; sorted = true)`).

use std::collections::BTreeMap;

use toml::{Table, Value};

use crate::fault::Fault;
use crate::time::DepotTime;
use crate::toml_text::push_key;

/// The orphans of a depot, by path, and since when each is one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Orphanage(pub BTreeMap<String, DepotTime>);

impl Orphanage {
    /// Reads the file in any state; what is beyond reading is in the second value.
    pub fn read(bytes: &[u8]) -> (Self, Vec<Fault>) {
        let mut orphanage = Self::default();
        let mut faults = Vec::new();
        let text = String::from_utf8_lossy(bytes);
        match text.parse::<Table>() {
            Ok(table) => orphanage.add(table, &mut faults),
            Err(error) => {
                faults.push(Fault::of_toml(&text, &error));
                // Each line stands for itself.
                text.lines().filter_map(|line| line.parse().ok()).for_each(|line| {
                    orphanage.add(line, &mut Vec::new());
                });
            }
        }
        (orphanage, faults)
    }

    fn add(&mut self, table: Table, faults: &mut Vec<Fault>) {
        for (path, value) in table {
            let time = match &value {
                Value::Datetime(time) => DepotTime::from_toml(time),
                _ => None,
            };
            match time {
                Some(time) => {
                    self.0.insert(path, time);
                }
                None => {
                    let message = format!("`{path}` has no date and time");
                    faults.push(Fault { line: None, column: None, message });
                }
            }
        }
    }

    /// The file's text, as Pkg prints it.
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        for (path, time) in &self.0 {
            push_key(&mut out, path);
            out.push_str(&format!(" = {time}\n"));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_pkg_wrote_is_written_again() {
        let text = "\"/d/artifacts/1111\" = 2026-11-21T23:04:53.914Z\n\
                    \"/d/artifacts/2222\" = 2026-11-20T00:00:00.000Z\n";
        let (orphanage, faults) = Orphanage::read(text.as_bytes());
        assert_eq!(faults, []);
        assert_eq!(orphanage.to_text(), text);
        assert_eq!(Orphanage::read(b""), (Orphanage::default(), vec![]));
    }

    #[test]
    fn good_lines_of_a_torn_file_count() {
        let text = "\"/a\" = 2026-11-21T23:04:53.914Z\n\"/b\" = 2026-11-2";
        let (orphanage, faults) = Orphanage::read(text.as_bytes());
        assert_eq!(orphanage.0.len(), 1);
        assert_eq!(faults[0].line, Some(2));
        let (orphanage, faults) = Orphanage::read(b"\"/a\" = 3\n\"/\xff\" = 12:00:00\n");
        assert!(orphanage.0.is_empty());
        assert_eq!(faults.len(), 2);
    }
}
