//! The identity of the active project.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use scratchrs_fs::{self as fs, Stamp};
use scratchrs_model::project::identity;
use uuid::Uuid;

use crate::error::Result;

/// What the last project file said, and how the file looked then: a session asks for the same one
/// over and over.
static LAST: Mutex<Option<(PathBuf, Stamp, Option<Uuid>)>> = Mutex::new(None);

/// How old the last change of a file must be for it to be recognised by its time: file systems
/// keep times to some milliseconds, the coarsest to two seconds.
const SETTLED: Duration = Duration::from_secs(3);

/// The UUID that a project file gives its package. None if it gives none, is missing, or may not
/// be looked at.
///
/// # Errors
///
/// If the file is there and the system fails to read it.
pub fn uuid(file: &str, now: SystemTime) -> Result<Option<Uuid>> {
    let path = PathBuf::from(file);
    let Some(stamp) = Stamp::of(&path) else { return Ok(None) };
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((known, then, uuid)) = &*last
        && *known == path
        && *then == stamp
    {
        return Ok(*uuid);
    }
    let text = match fs::read(&path) {
        Err(error) if error.is_read_only() => return Ok(None),
        result => result?,
    };
    let uuid = identity(&String::from_utf8_lossy(&text)).uuid;
    *last = stamp.is_older_than(SETTLED, now).then_some((path, stamp, uuid));
    Ok(uuid)
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "93485645-17f1-6f3b-45bc-419db53815ea";

    #[expect(clippy::disallowed_methods, reason = "the files of the test are made now")]
    fn now() -> SystemTime {
        SystemTime::now()
    }

    #[test]
    fn a_file_that_changes_is_read_again() {
        let project = tempfile::NamedTempFile::new().unwrap();
        let file = project.path().to_str().unwrap();
        let later = now() + Duration::from_secs(60);
        for (text, expected) in [
            (format!("uuid = \"{UUID}\""), Some(UUID)),
            (format!("uuid = \"{}\"", Uuid::nil()), Some("00000000-0000-0000-0000-000000000000")),
            ("name = \"x\"".to_owned(), None),
        ] {
            std::fs::write(file, text).unwrap();
            let found = uuid(file, now()).unwrap().map(|uuid| uuid.to_string());
            assert_eq!(found.as_deref(), expected);
            assert_eq!(uuid(file, later).unwrap(), uuid(file, later).unwrap());
        }
        assert_eq!(uuid("/nowhere/Project.toml", later).unwrap(), None);
    }
}
