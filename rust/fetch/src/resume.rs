//! Resuming: the record of a partial file, and the headers of ranges.
//!
//! # On disk
//!
//! `<partial file>.resume` records the URL of the partial file, and how to recognise that the
//! server still has the same content. It is deleted when the download is complete. A partial file
//! without it can't be resumed.
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

/// Identifies one version of the content of a URL, for the header If-Range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Validator(String);

impl Validator {
    /// From a response: its strong entity tag, else its modification time.
    pub(crate) fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let tag = text(headers, "etag").filter(|tag| tag.starts_with('"'));
        tag.or_else(|| text(headers, "last-modified")).map(|text| Self(text.trim().to_owned()))
    }

    pub(crate) fn header(&self) -> &str {
        &self.0
    }
}

/// The record beside a partial file.
#[derive(Debug)]
pub(crate) struct ResumeRecord {
    path: PathBuf,
    url: String,
}

impl ResumeRecord {
    /// The record for the partial file at `partial`, downloaded from `url`.
    pub(crate) fn new(partial: &Path, url: &Url) -> Self {
        let digest = sha2::Sha256::digest(url.as_str().as_bytes());
        Self { path: path_beside(partial), url: Sha256(digest.into()).to_string() }
    }

    /// The recorded validator, if the record is for the same URL.
    pub(crate) fn read(&self) -> Option<Validator> {
        let text = String::from_utf8(fs::read(&self.path).ok()?).ok()?;
        let mut lines = text.lines();
        let is_same_url = lines.next() == Some(FIRST_LINE) && lines.next() == Some(&self.url);
        let validator = lines.next().filter(|line| is_same_url && !line.is_empty())?;
        Some(Validator(validator.to_owned()))
    }

    pub(crate) fn write(&self, validator: &Validator) -> fs::Result<()> {
        let text = format!("{FIRST_LINE}\n{}\n{}\n", self.url, validator.0);
        fs::replace(&self.path, &text).map(drop)
    }

    pub(crate) fn remove(&self) -> fs::Result<()> {
        fs::remove(&self.path)
    }
}

fn path_beside(partial: &Path) -> PathBuf {
    let mut path = OsString::from(partial);
    path.push(".resume");
    path.into()
}

/// Removes a partial file that will not be resumed, and its record.
///
/// # Errors
///
/// The file system refuses.
pub fn discard(partial: &Path) -> fs::Result<()> {
    fs::remove(partial)?;
    fs::remove(&path_beside(partial))
}

/// The length of the whole content, if the response continues after `have` bytes.
pub(crate) fn total_length(headers: &HeaderMap, have: u64) -> Option<u64> {
    if let Some(range) = text(headers, "content-range") {
        return range.rsplit('/').next()?.trim().parse().ok();
    }
    let length: u64 = text(headers, "content-length")?.trim().parse().ok()?;
    length.checked_add(have)
}

/// The offset at which the content of a partial response begins.
pub(crate) fn range_start(headers: &HeaderMap) -> Option<u64> {
    text(headers, "content-range")?
        .trim()
        .strip_prefix("bytes ")?
        .split('-')
        .next()?
        .trim()
        .parse()
        .ok()
}

/// The length of the whole content, in a response without the requested range.
pub(crate) fn unsatisfied_total(headers: &HeaderMap) -> Option<u64> {
    text(headers, "content-range")?.trim().strip_prefix("bytes */")?.trim().parse().ok()
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn validator(headers: &[(&'static str, &str)]) -> Option<String> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        Validator::from_headers(&map).map(|validator| validator.0)
    }

    #[test]
    fn a_weak_tag_is_not_used() {
        let time = ("last-modified", "Tue, 24 Nov 2026 10:00:00 GMT");
        assert_eq!(validator(&[("etag", "\"a\""), time]).as_deref(), Some("\"a\""));
        assert_eq!(validator(&[("etag", "W/\"a\""), time]).as_deref(), Some(time.1));
        assert_eq!(validator(&[("etag", "W/\"a\"")]), None);
        assert_eq!(validator(&[]), None);
    }

    #[test]
    fn a_record_is_for_one_url() {
        let directory = tempfile::tempdir().unwrap();
        let partial = directory.path().join("x");
        let record = |url| ResumeRecord::new(&partial, &Url::parse(url).unwrap());
        let tag = Validator("\"a\"".to_owned());
        assert_eq!(record("http://h/x?token=secret").read(), None);
        record("http://h/x?token=secret").write(&tag).unwrap();
        assert_eq!(record("http://h/x?token=secret").read(), Some(tag));
        assert_eq!(record("http://h/y").read(), None);
        let text = std::fs::read_to_string(directory.path().join("x.resume")).unwrap();
        assert!(!text.contains("secret"));
        std::fs::write(directory.path().join("x.resume"), b"\xff").unwrap();
        assert_eq!(record("http://h/x?token=secret").read(), None);
        record("http://h/x").remove().unwrap();
        assert_eq!(directory.path().read_dir().unwrap().count(), 0);
    }
}
