//! What is known of a partial file: of what it is a part.
//!
//! # On disk
//!
//! Beside `<partial file>`, `<partial file>.resume`: which URL it comes from, and how to tell that
//! the server still has the same content. It goes when the download is complete. Without it, the
//! partial file is of no use.
//!
//! ```text
//! scratchrs 1
//! <sha256 of the URL>
//! <value of the header ETag or Last-Modified>
//! ```

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use scratchrs_fs as fs;
use scratchrs_model::hash::Sha256;
use sha2::Digest;
use ureq::http::HeaderMap;

use crate::url::Url;

const FIRST_LINE: &str = "scratchrs 1";

/// What tells one content of a URL from another, for the header If-Range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Validator(String);

impl Validator {
    /// What the server gives: an entity tag that stands for the very bytes, else a time.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let tag = text("etag").filter(|tag| tag.starts_with('"'));
        tag.or_else(|| text("last-modified")).map(|text| Self(text.trim().to_owned()))
    }

    pub(crate) fn header(&self) -> &str {
        &self.0
    }
}

/// The note beside a partial file.
#[derive(Debug)]
pub(crate) struct Note {
    path: PathBuf,
    url: String,
}

impl Note {
    /// The note beside the partial file at `partial`, which is to come from `url`.
    pub(crate) fn beside(partial: &Path, url: &Url) -> Self {
        let digest = sha2::Sha256::digest(url.as_str().as_bytes());
        Self { path: path_beside(partial), url: Sha256(digest.into()).to_string() }
    }

    /// What it says, if it is about the same URL.
    pub(crate) fn read(&self) -> Option<Validator> {
        let text = String::from_utf8(fs::read(&self.path).ok()?).ok()?;
        let mut lines = text.lines();
        let is_ours = lines.next() == Some(FIRST_LINE) && lines.next() == Some(&self.url);
        let validator = lines.next().filter(|line| is_ours && !line.is_empty())?;
        Some(Validator(validator.to_owned()))
    }

    /// Writes it.
    pub(crate) fn write(&self, validator: &Validator) -> fs::Result<()> {
        let text = format!("{FIRST_LINE}\n{}\n{}\n", self.url, validator.0);
        fs::replace(&self.path, &text, None).map(drop)
    }

    /// Removes it.
    pub(crate) fn remove(&self) -> fs::Result<()> {
        fs::remove(&self.path)
    }
}

fn path_beside(partial: &Path) -> PathBuf {
    let mut path = OsString::from(partial);
    path.push(".resume");
    path.into()
}

/// Removes a partial file with which nobody is to go on, and the note beside it.
///
/// # Errors
///
/// If the file system refuses; what could not be removed stays.
pub fn discard(partial: &Path) -> fs::Result<()> {
    fs::remove(partial)?;
    fs::remove(&path_beside(partial))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn validator(headers: &[(&'static str, &str)]) -> Option<String> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        Validator::of(&map).map(|validator| validator.0)
    }

    #[test]
    fn a_weak_tag_tells_nothing() {
        let time = ("last-modified", "Tue, 24 Nov 2026 10:00:00 GMT");
        assert_eq!(validator(&[("etag", "\"a\""), time]).as_deref(), Some("\"a\""));
        assert_eq!(validator(&[("etag", "W/\"a\""), time]).as_deref(), Some(time.1));
        assert_eq!(validator(&[("etag", "W/\"a\"")]), None);
        assert_eq!(validator(&[]), None);
    }

    #[test]
    fn a_note_is_about_one_url() {
        let directory = tempfile::tempdir().unwrap();
        let partial = directory.path().join("x");
        let note = |url| Note::beside(&partial, &Url::parse(url).unwrap());
        let tag = Validator("\"a\"".to_owned());
        assert_eq!(note("http://h/x?token=secret").read(), None);
        note("http://h/x?token=secret").write(&tag).unwrap();
        assert_eq!(note("http://h/x?token=secret").read(), Some(tag));
        assert_eq!(note("http://h/y").read(), None);
        let text = std::fs::read_to_string(directory.path().join("x.resume")).unwrap();
        assert!(!text.contains("secret"));
        std::fs::write(directory.path().join("x.resume"), b"\xff").unwrap();
        assert_eq!(note("http://h/x?token=secret").read(), None);
        note("http://h/x").remove().unwrap();
        assert_eq!(directory.path().read_dir().unwrap().count(), 0);
    }
}
