//! The identities of projects: the active project, and the project of a file.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use scratchrs_fs::{self as fs, FileStamp};
use scratchrs_model::project::{FILE_NAMES, identity};
use uuid::Uuid;

use crate::error::Result;
use crate::place::in_current_directory;

/// The path, stamp and UUID of the last project file that was read. A session reads the same file
/// repeatedly.
static LAST: Mutex<Option<(PathBuf, FileStamp, Option<Uuid>)>> = Mutex::new(None);

/// The minimum age of a modification for its time to identify it. Most file systems have times in
/// milliseconds, some in steps of two seconds.
const SETTLED: Duration = Duration::from_secs(3);

/// The UUID in a project file. `None` if the file has no UUID, does not exist, or permission is
/// denied.
///
/// # Errors
///
/// If the file system fails to read the file.
pub fn uuid(file: &str, now: SystemTime) -> Result<Option<Uuid>> {
    let path = PathBuf::from(file);
    let Some(stamp) = FileStamp::of(&path) else { return Ok(None) };
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

/// Whether the project file at `path` is known to be missing. One whose metadata cannot be read may
/// exist.
pub(crate) fn is_missing(path: &str) -> bool {
    fs::metadata(Path::new(path)).is_ok_and(|found| !found.is_some_and(|found| found.is_file()))
}

/// The UUID of the package of a file, according to the nearest project file in its directory or
/// above. `None` if that project is not a package, permission is denied, or there is no project
/// file.
///
/// Julia assigns a module to a package by the same rule. As in Julia's search for files of
/// bindings, the root of the file system is not searched.
///
/// # Errors
///
/// If the file system fails to read the project file; or the path is relative and the current
/// directory does not exist.
pub fn package_of(file: &str) -> Result<Option<Uuid>> {
    let file = in_current_directory(file)?;
    let above = Path::new(file.as_ref()).ancestors().skip(1);
    let mut above = above.filter(|directory| directory.parent().is_some());
    let project = above.find_map(|directory| {
        let files = FILE_NAMES.iter().map(|name| directory.join(name));
        files.into_iter().find(|file| fs::is_file(file))
    });
    let text = match project.map(|project| fs::read(&project)) {
        None => return Ok(None),
        Some(Err(error)) if error.is_read_only() => return Ok(None),
        Some(result) => result?,
    };
    Ok(identity(&String::from_utf8_lossy(&text)).uuid)
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "93485645-17f1-6f3b-45bc-419db53815ea";

    #[expect(clippy::disallowed_methods, reason = "the test creates its files now")]
    fn now() -> SystemTime {
        SystemTime::now()
    }

    #[test]
    fn a_changed_file_is_read_again() {
        let project = tempfile::NamedTempFile::new().unwrap();
        let file = project.path().to_str().unwrap();
        let read = |clock| uuid(file, clock).unwrap().map(|uuid| uuid.to_string());
        for (text, expected) in [
            (format!("uuid = \"{UUID}\""), Some(UUID)),
            (format!("uuid = \"{}\"", Uuid::nil()), Some("00000000-0000-0000-0000-000000000000")),
            ("name = \"x\"".to_owned(), None),
        ] {
            std::fs::write(file, text).unwrap();
            assert_eq!(read(now()).as_deref(), expected);
        }
        // Once its time is long ago, the cache answers, until the file has another size.
        let later = now() + Duration::from_secs(60);
        assert_eq!([read(later), read(later)], [None, None]);
        std::fs::write(file, format!("uuid = \"{UUID}\" # longer")).unwrap();
        assert_eq!(read(later).as_deref(), Some(UUID));
        assert_eq!(uuid("/nowhere/Project.toml", later).unwrap(), None);
    }

    #[test]
    fn a_file_belongs_to_the_nearest_project() {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join(name).to_str().unwrap().to_owned();
        let package = |name: &str| {
            package_of(&path(name)).unwrap().map(|uuid| uuid.to_string()).unwrap_or_default()
        };
        std::fs::create_dir_all(path("pkg/deps/deep")).unwrap();
        std::fs::create_dir_all(path("pkg/test")).unwrap();
        assert_eq!(package("pkg/Artifacts.toml"), "");
        std::fs::write(path("pkg/Project.toml"), format!("name = \"P\"\nuuid = \"{UUID}\"\n"))
            .unwrap();
        std::fs::write(path("pkg/test/Project.toml"), "[deps]\n").unwrap();
        assert_eq!(package("pkg/Artifacts.toml"), UUID);
        assert_eq!(package("pkg/deps/deep/Artifacts.toml"), UUID, "a module's code may lie there");
        assert_eq!(package("pkg/test/Artifacts.toml"), "", "a project that is not a package");
        let other = Uuid::nil().to_string();
        std::fs::write(path("pkg/JuliaProject.toml"), format!("uuid = \"{other}\"\n")).unwrap();
        assert_eq!(package("pkg/Artifacts.toml"), other);
    }
}
