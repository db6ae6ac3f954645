//! The record of a tree: its entries, and how its files are linked to their contents.
//!
//! ```text
//! link hardlink
//! 100644 38043f88… 4551 iris.names
//! 100755 f7e1c1bd… 18 bin/run
//! 120000 iris.names latest
//! 40000 empty
//! ```
//!
//! Like git's tree, a line has the mode, the hash of a file or the text of a symbolic link, and the
//! path; for a file also its size. Spaces, `%` and bytes other than printable ASCII are `%` with
//! two hexadecimal digits. `40000` marks directories that do not count in the hash because they are
//! empty; `40000 -` marks empty trees that count, as Pkg counts a directory with only `.git` in it.
//!
//! The hash of a tree is computed from its record, so a damaged record is detected: its hash does
//! not match its name.

use std::fmt::Write;

use crate::hash::Sha256;

/// The kind of an entry of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file.
    File {
        /// Its content.
        hash: Sha256,
        /// Its size in bytes.
        size: u64,
        /// Whether its owner may execute it.
        is_executable: bool,
    },
    /// A symbolic link with this text.
    Link(Vec<u8>),
    /// A directory that does not count in the tree's hash, because it is empty.
    Directory,
    /// A directory that is an empty tree in the hash: it had only a `.git`.
    EmptyTree,
}

/// An entry of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The path from the root, with slashes.
    pub path: Vec<u8>,
    /// Its kind.
    pub kind: Kind,
}

/// The entries of a tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// The name of the mode in which the tree's files are linked; empty if it is unknown.
    pub link: String,
    /// The entries that count in the hash, in git's order, and then the other directories.
    /// Directories with content have no entry.
    pub entries: Vec<Entry>,
}

impl Record {
    /// The contents of the tree's files, with repetitions.
    pub fn contents(&self) -> impl Iterator<Item = Sha256> {
        self.entries.iter().filter_map(|entry| match entry.kind {
            Kind::File { hash, .. } => Some(hash),
            _ => None,
        })
    }

    /// The sum of the sizes of its files.
    pub fn bytes(&self) -> u64 {
        let sizes = self.entries.iter().map(|entry| match entry.kind {
            Kind::File { size, .. } => size,
            _ => 0,
        });
        sizes.sum()
    }

    /// The text of the record.
    pub fn to_text(&self) -> String {
        let mut out = format!("link {}\n", self.link);
        for Entry { path, kind } in &self.entries {
            // Writing to a `String` cannot fail.
            let _ = match kind {
                Kind::File { hash, size, is_executable } => {
                    let mode = if *is_executable { "100755" } else { "100644" };
                    write!(out, "{mode} {hash} {size} ")
                }
                Kind::Link(text) => write!(out, "120000 {} ", escaped(text)),
                Kind::Directory => write!(out, "40000 "),
                Kind::EmptyTree => write!(out, "40000 - "),
            };
            out.push_str(&escaped(path));
            out.push('\n');
        }
        out
    }

    /// Reads a record. `None` if the text is invalid or incomplete.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?.strip_suffix('\n')?;
        let mut lines = text.split('\n');
        let link = lines.next()?.strip_prefix("link ")?.to_owned();
        let entries = lines.map(entry).collect::<Option<_>>()?;
        Some(Self { link, entries })
    }
}

fn entry(line: &str) -> Option<Entry> {
    let (mode, rest) = line.split_once(' ')?;
    let (kind, path) = match mode {
        "100644" | "100755" => {
            let (hash, rest) = rest.split_once(' ')?;
            let (size, path) = rest.split_once(' ')?;
            let is_executable = mode == "100755";
            let (hash, size) = (hash.parse().ok()?, size.parse().ok()?);
            (Kind::File { hash, size, is_executable }, path)
        }
        "120000" => {
            let (text, path) = rest.split_once(' ')?;
            (Kind::Link(unescaped(text)?), path)
        }
        "40000" => match rest.strip_prefix("- ") {
            Some(path) => (Kind::EmptyTree, path),
            None => (Kind::Directory, rest),
        },
        _ => return None,
    };
    Some(Entry { path: unescaped(path)?, kind })
}

fn escaped(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for byte in bytes {
        if byte.is_ascii_graphic() && *byte != b'%' {
            out.push(*byte as char);
        } else {
            let _ = write!(out, "%{byte:02x}");
        }
    }
    out
}

fn unescaped(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let mut digit = || (bytes.next()? as char).to_digit(16);
        let (high, low) = (digit()?, digit()?);
        out.push((high << 4 | low) as u8);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn kind() -> impl Strategy<Value = Kind> {
        prop_oneof![
            (any::<[u8; 32]>(), any::<u64>(), any::<bool>()).prop_map(
                |(hash, size, is_executable)| Kind::File {
                    hash: Sha256(hash),
                    size,
                    is_executable
                }
            ),
            any::<Vec<u8>>().prop_map(Kind::Link),
            Just(Kind::Directory),
            Just(Kind::EmptyTree),
        ]
    }

    proptest! {
        #[test]
        fn a_record_survives_its_text(
            entries in prop::collection::vec((prop::collection::vec(any::<u8>(), 1..20), kind()), 0..8)
        ) {
            // A path of one byte `-` and a directory that counts differ in the text after the mode.
            let entries = entries.into_iter().map(|(path, kind)| Entry { path, kind }).collect();
            let record = Record { link: "copy".to_owned(), entries };
            prop_assert_eq!(Record::read(record.to_text().as_bytes()), Some(record));
        }
    }

    #[test]
    fn a_part_of_a_record_is_none() {
        let file = Kind::File { hash: Sha256([1; 32]), size: 4551, is_executable: false };
        let entries = vec![
            Entry { path: b"iris.names".to_vec(), kind: file },
            Entry { path: b"caf\xe9 1%".to_vec(), kind: Kind::Link(b"iris.names".to_vec()) },
        ];
        let record = Record { link: "symlink".to_owned(), entries };
        let text = record.to_text();
        assert!(text.ends_with("120000 iris.names caf%e9%201%25\n"), "{text}");
        assert_eq!((record.bytes(), record.contents().count()), (4551, 1));
        let line_ends: Vec<_> = text.match_indices('\n').map(|(at, _)| at + 1).collect();
        for cut in (0..text.len()).filter(|cut| !line_ends.contains(cut)) {
            assert_eq!(Record::read(&text.as_bytes()[..cut]), None, "cut at {cut}");
        }
    }
}
