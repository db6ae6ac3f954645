//! The record of a generated scratch space, `<key>@generated.toml` beside the space.
//!
//! # Crash
//!
//! A space is generated in a directory beside it, which then replaces the space in one step. No
//! file system can change a record in the same step, so the record is written twice: before, with
//! the directory as `pending`, and after, without. If a record has `pending` and no generator runs,
//! the identity of the space shows whether the directory has replaced it.

use serde::{Deserialize, Serialize};
use toml::value::Datetime;

/// The record of the content of a generated space.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generated {
    /// The version that the caller of the generator gave, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Whether the generator left nothing in the space. Otherwise a space without content is not
    /// the generated one: `Pkg.gc` removes a space and leaves this record.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub empty: bool,
    /// A running generation, or one that was killed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending: Option<Pending>,
}

/// A generation in a directory beside the space, which may have replaced the space.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// Its start time.
    pub started: Datetime,
    /// The identity (inode number) of the directory, when it is complete.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// The version that the space will have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Whether the space will be empty.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub empty: bool,
}

impl Pending {
    /// Whether the directory aside is not ready yet, so that the space has not changed.
    pub fn is_under_construction(&self) -> bool {
        self.identity.is_none()
    }
}

/// The directory of a space, if it exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Space {
    /// A directory without content.
    Empty,
    /// A directory with content.
    Filled,
}

impl Generated {
    /// Reads a record. `None` if it is invalid: it then counts as missing.
    pub fn parse(text: &str) -> Option<Self> {
        // A tree of values takes many times its text in memory, and a record is short.
        const LONGEST: usize = 1 << 16;
        let text = Some(text).filter(|text| text.len() <= LONGEST);
        text.and_then(|text| toml::from_str(text).ok())
    }

    /// The record's text.
    pub fn to_text(&self) -> String {
        let body = toml::to_string(self).unwrap_or_default();
        format!("# How ScratchRS generated the scratch space beside this file.\n{body}")
    }

    /// The valid record after a generation was killed. `published` is whether the directory has
    /// replaced the space.
    pub fn settled(self, published: bool) -> Self {
        match self.pending {
            Some(Pending { version, empty, .. }) if published => {
                Self { version, empty, pending: None }
            }
            _ => Self { pending: None, ..self },
        }
    }
}

/// Whether a space has the requested content; otherwise it has to be generated.
///
/// A space with content but without a record was not filled by a generator: it is accepted, unless
/// a version is requested. An empty space without a record has only been opened.
pub fn is_current(space: Space, record: Option<&Generated>, version: Option<&str>) -> bool {
    let is_filled = space == Space::Filled;
    match record {
        None => is_filled && version.is_none(),
        Some(record) => {
            let is_the_version = version.is_none() || record.version.as_deref() == version;
            let is_settled = record.pending.as_ref().is_none_or(Pending::is_under_construction);
            is_settled && (is_filled || record.empty) && is_the_version
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pending(version: &str) -> Option<Pending> {
        Some(Pending {
            started: "2026-11-21T12:00:00Z".parse().unwrap(),
            identity: Some("17".to_owned()),
            version: Some(version.to_owned()),
            empty: false,
        })
    }

    fn made(version: Option<&str>) -> Generated {
        Generated { version: version.map(str::to_owned), ..Generated::default() }
    }

    #[test]
    fn a_record_survives_its_text() {
        let killed = Generated { pending: pending("2\n\""), ..made(Some("1")) };
        let empty = Generated { empty: true, ..made(None) };
        for record in [made(None), made(Some("1")), killed, empty] {
            assert_eq!(Generated::parse(&record.to_text()), Some(record));
        }
    }

    #[test]
    fn a_killed_generation_has_happened_or_not() {
        let record = Generated { pending: pending("2"), ..made(Some("1")) };
        assert_eq!(record.clone().settled(true), made(Some("2")));
        assert_eq!(record.settled(false), made(Some("1")));
    }

    #[test]
    fn what_is_current() {
        use Space::{Empty, Filled};
        assert!(is_current(Filled, None, None), "filled by other means");
        assert!(!is_current(Filled, None, Some("1")), "of unknown version");
        assert!(!is_current(Empty, None, None), "merely opened");
        assert!(!is_current(Empty, Some(&made(None)), None), "removed by Pkg.gc, then opened");
        let empty = Generated { empty: true, ..made(None) };
        assert!(is_current(Empty, Some(&empty), None), "a generator may leave nothing");
        assert!(is_current(Filled, Some(&made(Some("1"))), Some("1")));
        assert!(!is_current(Filled, Some(&made(Some("1"))), Some("2")));
        assert!(!is_current(Filled, Some(&made(None)), Some("2")));
        assert!(is_current(Filled, Some(&made(Some("1"))), None), "any version will do");
        let mut killed = Generated { pending: pending("2"), ..made(Some("1")) };
        assert!(!is_current(Filled, Some(&killed), Some("1")), "not settled yet");
        assert!(!is_current(Filled, Some(&killed), None), "not settled yet");
        killed.pending.as_mut().unwrap().identity = None;
        assert!(is_current(Filled, Some(&killed), Some("1")), "the old version is still there");
    }
}
