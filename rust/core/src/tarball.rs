//! Downloading, unpacking and hashing files outside of depots.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use scratchrs_archive::{self as archive, Links, UnpackOptions};
use scratchrs_fetch::{self as fetch, Client, Request, Settings};
use scratchrs_fs::{self as fs, IfExists, Progress};
use scratchrs_model::hash::Sha256;
use sha2::Digest;

use crate::error::{Error, Result};

/// Downloads `url` to the file `to`, which is replaced if it exists.
///
/// # Crash
///
/// A killed process leaves an existing file unchanged, and a file `.scratchrs-…` beside it.
///
/// # Errors
///
/// If the download fails, the file system refuses, or the work is cancelled. An existing file is
/// then unchanged.
pub fn download(url: &str, to: &Path, settings: &Settings, progress: &Progress) -> Result<()> {
    progress.begin(format!("Downloading {}", shown(to)));
    let part = beside(to);
    let request = Request { url, ..Request::default() };
    let client = Client::new(settings, progress);
    let downloaded = client.download(&request, &part).map_err(|error| match error {
        fetch::Error::Cancelled => Error::Cancelled,
        fetch::Error::Disk(error) => error.into(),
        error => Error::Download(error.to_string()),
    });
    let done = downloaded.and_then(|_| Ok(fs::place(&part, to, IfExists::Replace).map(drop)?));
    if done.is_err() {
        // It cannot be resumed: the next download has another name.
        let _ = fetch::discard(&part);
    }
    done
}

/// Unpacks a tarball into a directory, which must be missing or empty.
///
/// # Crash
///
/// A killed process leaves the directory unchanged, and a directory `.scratchrs-…` beside it.
///
/// # Errors
///
/// If the directory is not empty, the tarball is malformed or has invalid members, the file system
/// refuses, or the work is cancelled. The directory is then unchanged.
pub fn unpack(tarball: &Path, directory: &Path, links: Links, progress: &Progress) -> Result<()> {
    progress.begin(format!("Unpacking {}", shown(tarball)));
    let file = fs::open(tarball)?;
    progress.expect(file.metadata().map_or(0, |metadata| metadata.len()));
    let built = beside(directory);
    fs::with_parent_dir(&built, || fs::create_dir(&built))?;
    let options = UnpackOptions { links, ..UnpackOptions::default() };
    let unpacked = archive::unpack(file, &built, &options, progress).map_err(Error::from);
    // A rename replaces an empty directory, but not one with content.
    let done =
        unpacked.and_then(|_| Ok(fs::place(&built, directory, IfExists::Replace).map(drop)?));
    if done.is_err() {
        // The first error is returned.
        let _ = fs::remove(&built);
    }
    done
}

/// The SHA-256 of a file.
///
/// # Errors
///
/// If the file cannot be read, or the work is cancelled.
pub fn sha256(path: &Path, progress: &Progress) -> Result<Sha256> {
    let failed = |error| fs::Error::on("read", path)(error);
    let mut file = fs::open(path)?;
    let mut hasher = sha2::Sha256::new();
    let mut buffer = vec![0; 128 * 1024];
    loop {
        progress.check()?;
        match file.read(&mut buffer).map_err(failed)? {
            0 => return Ok(Sha256(hasher.finalize().into())),
            count => hasher.update(&buffer[..count]),
        }
    }
}

/// A temporary path beside `path` that no other running process uses.
fn beside(path: &Path) -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    path.with_file_name(format!("{}{}-{number}", fs::TEMP_PREFIX, std::process::id()))
}

fn shown(path: &Path) -> String {
    format!("`{}`", path.file_name().unwrap_or(path.as_os_str()).to_string_lossy())
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn a_tarball_is_unpacked_completely_or_not_at_all() {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join(name);
        let progress = Progress::default();
        std::fs::create_dir(path("tree")).unwrap();
        std::fs::write(path("tree/file"), "content").unwrap();
        let gzip = archive::Compression::Gzip;
        let packed = archive::pack(&path("tree"), &path("x.tar.gz"), gzip, &progress).unwrap();
        assert_eq!(sha256(&path("x.tar.gz"), &progress).unwrap(), packed.sha256);
        let unpack =
            |from: &str, to: &str| unpack(&path(from), &path(to), Links::default(), &progress);
        unpack("x.tar.gz", "deep/new").unwrap();
        assert_eq!(std::fs::read(path("deep/new/file")).unwrap(), b"content");
        assert!(matches!(unpack("x.tar.gz", "tree"), Err(Error::Io(_))), "it is not empty");
        assert!(unpack("tree/file", "other").is_err());
        assert!(matches!(unpack("missing", "other"), Err(Error::Io(_))));
        let mut names = fs::names(root.path()).unwrap();
        names.sort();
        assert_eq!(names, ["deep", "tree", "x.tar.gz"]);
    }

    #[test]
    fn a_failed_download_leaves_an_existing_file() {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join(name);
        let settings = Settings::new([("JULIA_PKG_SERVER", "")], SystemTime::UNIX_EPOCH);
        std::fs::write(path("old"), "old").unwrap();
        std::fs::write(path("source"), "new").unwrap();
        let get = |name: &str| {
            let url = fetch::file_url(&path(name));
            download(&url, &path("old"), &settings, &Progress::default())
        };
        assert!(matches!(get("missing"), Err(Error::Download(_))));
        assert_eq!(std::fs::read(path("old")).unwrap(), b"old");
        get("source").unwrap();
        assert_eq!(std::fs::read(path("old")).unwrap(), b"new");
        assert_eq!(fs::names(root.path()).unwrap().len(), 2);
    }
}
