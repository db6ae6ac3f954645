//! `file` URLs of local paths, as libcurl reads them: Pkg and others write the same path in several ways.
//!
//! | the URL | the path on Windows |
//! |---|---|
//! | `file:///C:/dir/x`, `file://localhost/C:/dir/x` | `C:\dir\x` |
//! | `file://C:/dir/x`, `file://C:\dir\x` (`"file://$path"` in Julia) | `C:\dir\x` |
//! | the same with `\|` for `:`, or percent-encoded | `C:\dir\x` |
//! | `file://server/share/x`, `file:////server/share/x` | refused: it is on another machine |

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, percent_encode};

use crate::error::Reason;

/// How a system writes paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paths {
    Unix,
    /// With a drive, and with backslashes.
    Windows,
}

/// The paths of this system.
pub(crate) const PATHS: Paths = if cfg!(windows) { Paths::Windows } else { Paths::Unix };

/// The characters of a path to percent-encode.
const ENCODED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The `file` URL of a local path.
pub fn file_url(path: &Path) -> String {
    url_of(path.as_os_str().as_encoded_bytes(), PATHS)
}

fn url_of(path: &[u8], paths: Paths) -> String {
    if paths == Paths::Unix {
        return format!("file://{}", percent_encode(path, ENCODED));
    }
    let path: Vec<u8> = path.iter().map(|byte| if *byte == b'\\' { b'/' } else { *byte }).collect();
    // `//?/` makes a path long on Windows, and means nothing in a URL.
    let path = match path.strip_prefix(b"//?/") {
        Some(rest) => rest.strip_prefix(b"UNC/").map_or(rest.to_vec(), |unc| [b"//", unc].concat()),
        None => path,
    };
    match drive(&path) {
        Some((letter, rest)) => {
            format!("file:///{}:{}", char::from(letter), percent_encode(rest, ENCODED))
        }
        None => format!("file:{}", percent_encode(&path, ENCODED)),
    }
}

/// The drive at the beginning of a path, and the rest.
fn drive(path: &[u8]) -> Option<(u8, &[u8])> {
    match path {
        [letter, b':' | b'|', rest @ ..] if letter.is_ascii_alphabetic() => match rest {
            [] | [b'/' | b'\\', ..] => Some((*letter, rest)),
            _ => None,
        },
        _ => None,
    }
}

/// A URL in which a drive is not taken for the name of a machine: `file:///C:/…`. Every other text is unchanged.
pub(crate) fn with_drive_in_path(text: &str, paths: Paths) -> Cow<'_, str> {
    let rewritten = || {
        let (scheme, rest) = text.trim().split_at_checked("file:".len())?;
        let is_file = scheme.eq_ignore_ascii_case("file:");
        if paths != Paths::Windows || !is_file || text.chars().any(char::is_control) {
            return None;
        }
        let (path, end) = rest.split_at(rest.find(['?', '#']).unwrap_or(rest.len()));
        let path: Vec<u8> = percent_decode(path.as_bytes()).collect();
        let slashes = path.iter().take_while(|byte| matches!(byte, b'/' | b'\\')).count();
        drive(&path[slashes..])?;
        Some(url_of(&path[slashes..], Paths::Windows) + end)
    };
    rewritten().map_or(text.into(), Cow::Owned)
}

/// The local path that the `path` of a `file` URL for `host` names.
///
/// # Errors
///
/// It is on another machine, or is not a valid path on this system.
pub(crate) fn local_path(host: &str, path: &str, paths: Paths) -> Result<PathBuf, Reason> {
    let is_here = matches!(host, "" | "127.0.0.1") || host.eq_ignore_ascii_case("localhost");
    let bytes: Vec<u8> = percent_decode(path.as_bytes()).collect();
    if !is_here || paths == Paths::Windows && is_share(&bytes) {
        return Err(Reason::RemoteFile);
    }
    if bytes.contains(&0) {
        return Err(Reason::InvalidUrl);
    }
    if paths == Paths::Unix {
        return path_of(bytes);
    }
    match bytes.split_first().and_then(|(_, path)| drive(path)) {
        Some((letter, rest)) => {
            let rest = rest.iter().map(|byte| if *byte == b'/' { b'\\' } else { *byte });
            path_of([letter, b':'].into_iter().chain(rest).collect())
        }
        None => Err(Reason::NoDrive),
    }
}

/// Whether a path begins as `\\server\share`.
fn is_share(path: &[u8]) -> bool {
    path.len() > 1 && path[..2].iter().all(|byte| matches!(byte, b'/' | b'\\'))
}

#[cfg(unix)]
fn path_of(bytes: Vec<u8>) -> Result<PathBuf, Reason> {
    use std::os::unix::ffi::OsStringExt;
    Ok(std::ffi::OsString::from_vec(bytes).into())
}

#[cfg(not(unix))]
fn path_of(bytes: Vec<u8>) -> Result<PathBuf, Reason> {
    String::from_utf8(bytes).map(PathBuf::from).map_err(|_| Reason::InvalidUrl)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::url::Url;
    use proptest::prelude::*;

    fn path(text: &str, paths: Paths) -> Result<PathBuf, Reason> {
        Url::parse_for(text, paths)?.file_path_for(paths)
    }

    #[test]
    fn a_file_url_is_a_path() {
        let path = |text| path(text, Paths::Unix);
        assert_eq!(path("file:///a%20b/c").unwrap(), PathBuf::from("/a b/c"));
        assert_eq!(path("file://localhost/a").unwrap(), PathBuf::from("/a"));
        assert_eq!(path("file:///C:/a").unwrap(), PathBuf::from("/C:/a"));
        assert!(matches!(path("file://host/a"), Err(Reason::RemoteFile)));
        assert!(matches!(path("file://C:/a"), Err(Reason::RemoteFile)));
        assert!(matches!(path("file:///a%00b"), Err(Reason::InvalidUrl)));
    }

    #[test]
    fn a_drive_is_not_a_machine() {
        for text in [
            "file:///C:/a b/x",
            "file:///C:/a%20b/x",
            "file:///C|/a b/x",
            "file:/C:/a b/x",
            "file://C:/a b/x",
            r"file://C:\a b\x",
            r"file:///C:\a b\x",
            r"FILE://C:\a b/x",
            "file://C%3A%5Ca%20b%5Cx",
            "file://localhost/C:/a%20b/x",
            "file://LOCALHOST/C:/a%20b/x",
            "file://127.0.0.1/C:/a%20b/x",
            "file:///C:/a%20b/x#fragment",
        ] {
            assert_eq!(path(text, Paths::Windows), Ok(PathBuf::from(r"C:\a b\x")), "{text}");
        }
    }

    #[test]
    fn other_machines_are_refused() {
        for text in [
            "file://server/share/x",
            "file:////server/share/x",
            r"file:///\\server\share\x",
            "file://%5C%5Cserver/share/x",
            "file://localhost//server/share/x",
        ] {
            let found = path(text, Paths::Windows);
            assert!(
                matches!(found, Err(Reason::RemoteFile | Reason::InvalidUrl)),
                "{text} {found:?}"
            );
        }
        assert_eq!(path("file:///dir/x", Paths::Windows), Err(Reason::NoDrive));
        assert_eq!(path("file:///C:x", Paths::Windows), Err(Reason::NoDrive));
    }

    #[test]
    fn paths_of_windows_have_urls() {
        for (path, url) in [
            (r"C:\a b\x", "file:///C:/a%20b/x"),
            (r"c:\100%#.gz", "file:///c:/100%25%23.gz"),
            (r"\\?\C:\a\x", "file:///C:/a/x"),
            (r"\\server\share\x", "file://server/share/x"),
            (r"\\?\UNC\server\share\x", "file://server/share/x"),
        ] {
            assert_eq!(url_of(path.as_bytes(), Paths::Windows), url);
        }
    }

    proptest! {
        #[test]
        fn every_path_has_a_url(name in "[^\0/\\\\:|]{0,30}", letter in "[A-Za-z]") {
            for (full, paths) in
                [(format!("/{name}"), Paths::Unix), (format!("{letter}:\\{name}"), Paths::Windows)]
            {
                let url = url_of(full.as_bytes(), paths);
                prop_assert_eq!(path(&url, paths), Ok(PathBuf::from(full)));
            }
        }

        #[test]
        #[cfg(unix)]
        fn every_path_of_unix_has_a_url(bytes in proptest::collection::vec(1..=255_u8, 1..40)) {
            let mut name = b"/".to_vec();
            name.extend(bytes);
            let url = url_of(&name, Paths::Unix);
            prop_assert_eq!(path(&url, Paths::Unix), path_of(name));
        }

        #[test]
        fn no_url_panics(text in "(file:)?[/\\\\]{0,4}\\PC{0,20}") {
            for paths in [Paths::Unix, Paths::Windows] {
                let _ = path(&text, paths);
            }
        }
    }
}
