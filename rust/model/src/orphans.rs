//! `logs/orphaned.toml`: since when items of a depot are unreachable.
//!
//! ```toml
//! "/home/ada/.julia/artifacts/9f2c…" = 2026-11-21T23:04:53.914Z
//! ```
//!
//! # Compatibility
//!
//! `Pkg.gc` up to Julia 1.12 writes it anew at each collection, with the orphans of that moment, so
//! also with those that it then deletes. Its time of last change is the clock of the automatic
//! collection. Since Julia 1.13 only ScratchRS writes it. It is printed as Pkg prints
//! it (`TOML.print(…; sorted = true)`).

use std::collections::BTreeMap;

use crate::diagnostic::Diagnostic;
use crate::time::DepotTime;
use crate::toml_events::{self, Event, Place, Receiver, Scalar, Step};
use crate::toml_text::push_key;

/// The orphans of a depot by path, and since when they are unreachable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Orphans(pub BTreeMap<String, DepotTime>);

impl Orphans {
    /// Reads the file in any state. The second value has the diagnostics.
    pub fn read(bytes: &[u8]) -> (Self, Vec<Diagnostic>) {
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let line = memchr::memchr_iter(b'\n', &bytes[..error.valid_up_to()]).count() + 1;
            Diagnostic::of_line(line, "the text is not UTF-8")
        });
        let mut times = Times::default();
        let read = text.and_then(|text| toml_events::read(text, &mut times));
        let Err(diagnostic) = read else { return (times.orphans, times.diagnostics) };
        let mut times = Times::default();
        toml_events::salvage(bytes, &mut times);
        (times.orphans, vec![diagnostic])
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

/// The maximum number of reported entries without a time.
const MOST_DIAGNOSTICS: usize = 100;

/// Collects the entries of a file.
#[derive(Default)]
struct Times {
    orphans: Orphans,
    diagnostics: Vec<Diagnostic>,
}

impl<'t> Receiver<'t> for Times {
    fn receive(&mut self, place: Place<'_, 't>, event: Event<'t>) -> Step {
        if place.path.len() != 1 || place.arrays > 0 || event == Event::Close {
            return Ok(());
        }
        let path = place.path.key(0);
        let time = match &event {
            Event::Scalar(Scalar::Time(time)) => DepotTime::from_toml(time),
            _ => None,
        };
        match time {
            Some(time) => drop(self.orphans.0.insert(path.to_owned(), time)),
            None if self.diagnostics.len() < MOST_DIAGNOSTICS => {
                let message = format!("`{path}` has no date and time");
                self.diagnostics.push(Diagnostic::of_file(message));
            }
            None => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_pkg_wrote_is_written_again() {
        let text = "\"/d/artifacts/1111\" = 2026-11-21T23:04:53.914Z\n\
                    \"/d/artifacts/2222\" = 2026-11-20T00:00:00.000Z\n";
        let (orphans, diagnostics) = Orphans::read(text.as_bytes());
        assert_eq!(diagnostics, []);
        assert_eq!(orphans.to_text(), text);
        assert_eq!(Orphans::read(b""), (Orphans::default(), vec![]));
    }

    #[test]
    fn good_lines_of_a_torn_file_count() {
        let text = "\"/a\" = 2026-11-21T23:04:53.914Z\n\"/b\" = 2026-11-2";
        let (orphans, diagnostics) = Orphans::read(text.as_bytes());
        assert_eq!(orphans.0.len(), 1);
        assert_eq!(diagnostics[0].line, Some(2));
        let (orphans, diagnostics) = Orphans::read(b"\"/a\" = 3\n\"/b\" = 12:00:00\n");
        assert!(orphans.0.is_empty());
        assert_eq!(diagnostics.len(), 2);
        let text = b"\"/a\" = 2026-11-21T23:04:53.914Z\n\"/\xff\" = 2026-11-21T23:04:53.914Z\n";
        let (orphans, diagnostics) = Orphans::read(text);
        assert_eq!((orphans.0.len(), diagnostics[0].line), (1, Some(2)));
    }
}
