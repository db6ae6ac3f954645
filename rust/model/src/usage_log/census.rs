//! Counting the records of a usage log.

use std::borrow::Cow;
use std::collections::HashSet;

use super::{PARENT_PROJECTS, TIME};
use crate::time::DepotTime;
use crate::toml_events::{self, Event, Place, Receiver, Scalar, Step, Stop};

/// The number of records of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Census {
    /// All records.
    pub records: usize,
    /// The records that would remain in the condensed log.
    pub paths: usize,
}

impl Census {
    /// Whether condensing the log now is cheap compared with its growth since the last time.
    pub fn is_crowded(self) -> bool {
        self.records > 2 * self.paths + 64
    }
}

/// Counts the records of a log whose records are complete and have the form in which peers write
/// them, so that a record can be appended. `None` for any other log, valid or not.
///
/// Faster than reading the log, because the first access of each session needs it.
pub fn census(bytes: &[u8]) -> Option<Census> {
    let text = std::str::from_utf8(bytes).ok()?;
    if !text.is_empty() && !text.ends_with('\n') {
        return None;
    }
    let mut counter = Counter { records: 0, paths: HashSet::new(), is_whole: [true; 2] };
    toml_events::read(text, &mut counter).ok()?;
    let is_whole = counter.is_whole == [true; 2];
    is_whole.then_some(Census { records: counter.records, paths: counter.paths.len() })
}

struct Counter<'t> {
    records: usize,
    paths: HashSet<Cow<'t, str>>,
    /// Whether the current record has a time, and parent projects: a field that is defined twice is
    /// not TOML, and `Pkg.gc` fails where one is missing.
    is_whole: [bool; 2],
}

impl<'t> Receiver<'t> for Counter<'t> {
    fn receive(&mut self, place: Place<'_, 't>, event: Event<'t>) -> Step {
        let Place { path, arrays, at, .. } = place;
        let [has_time, has_parents] = &mut self.is_whole;
        let is_expected = match (path.len(), path.key(1), arrays, event) {
            (1, _, 0, Event::Element) if *has_time && *has_parents => {
                self.records += 1;
                self.paths.insert(path.take(0));
                self.is_whole = [false; 2];
                true
            }
            (2, TIME, 0, Event::Scalar(Scalar::Time(time))) if !*has_time => {
                *has_time = true;
                DepotTime::from_toml(&time).is_some()
            }
            (2, PARENT_PROJECTS, 0, Event::OpenArray) => !*has_parents,
            (2, PARENT_PROJECTS, 1, Event::Scalar(Scalar::Text(_))) => {
                *has_parents = true;
                true
            }
            (2, PARENT_PROJECTS, 0, Event::Close) => *has_parents,
            _ => false,
        };
        let stop = || Stop { at, message: "expected a record as peers write it".to_owned() };
        is_expected.then_some(()).ok_or_else(stop)
    }
}
