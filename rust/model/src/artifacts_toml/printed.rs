//! What a file names that is as Pkg and BinaryBuilder print it.

use super::{DOWNLOAD, HASH, NamedHashes};
use crate::printed::{Line, lines, string};

/// All artifacts that a text names in which each line is as Julia prints it, and each entry has its
/// hash. None for any other text.
///
/// It says the same as the reader of all TOML, to which it does not matter either what stands
/// twice.
pub(super) fn all_hashes(text: &str) -> Option<NamedHashes> {
    let mut found = NamedHashes::default();
    let mut entry = Entry { name: "", is_hashed: true, is_in_download: false };
    for line in lines(text) {
        match Line::read(line)? {
            Line::Element(header) if is_download(header, entry.name) => {
                entry.is_in_download = true;
            }
            Line::Element(name) | Line::Table(name) => {
                let is_name = !name.bytes().any(|byte| byte == b'.');
                if !entry.is_hashed || !is_name {
                    return None;
                }
                entry = Entry { name, is_hashed: false, is_in_download: false };
            }
            Line::Field(HASH, hash) if !entry.is_in_download && !entry.name.is_empty() => {
                found.add(Some(entry.name), string(hash)?.parse().ok()?);
                entry.is_hashed = true;
            }
            Line::Field(_, value) => {
                (!entry.name.is_empty() && is_simple(value)).then_some(())?;
            }
        }
    }
    entry.is_hashed.then_some(found)
}

/// What was read of an entry.
struct Entry<'a> {
    name: &'a str,
    is_hashed: bool,
    /// Whether the lines belong to a place to download it from.
    is_in_download: bool,
}

/// Whether `header` is that of a place from which the artifact `name` can be downloaded.
fn is_download(header: &str, name: &str) -> bool {
    let rest = header.strip_prefix(name).and_then(|rest| rest.strip_prefix('.'));
    !name.is_empty() && rest == Some(DOWNLOAD)
}

/// Whether a value is a string without escapes, a word for yes or no, or a number of digits.
fn is_simple(value: &str) -> bool {
    let is_number = || {
        let is_short = (1..=18).contains(&value.len());
        let has_zero = value.len() > 1 && value.starts_with('0');
        is_short && !has_zero && value.bytes().all(|byte| byte.is_ascii_digit())
    };
    string(value).is_some() || matches!(value, "true" | "false") || is_number()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASHED: &str = "git-tree-sha1 = \"dbd04e28be047a54fbe9bf67e934be5b5e0d357a\"\n";

    #[test]
    fn a_text_that_looks_different_is_not_read() {
        let good = format!("[a]\n{HASHED}lazy = true\n\n    [[a.download]]\n    url = \"u\"\n");
        assert_eq!(all_hashes(&good).map(|named| named.hashes().len()), Some(1));
        for other in [
            format!("{good}x = 1_0\n"),
            format!("{good}x = 'y'\n"),
            format!("{good}x = 01\n"),
            format!("{good}x = \"\\n\"\n"),
            format!("{good}[b]\n"),
            format!("{good}[[b.download]]\n"),
            format!("[a.b]\n{HASHED}"),
            format!("{HASHED}{good}"),
            format!("x = 1\n{good}"),
            good.replace("dbd0", "dbd"),
            good.replace("[a]", "[\"a\"]"),
        ] {
            assert!(all_hashes(&other).is_none(), "{other}");
        }
    }
}
