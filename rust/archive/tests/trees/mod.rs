//! Random trees, as values and on disk.

#![allow(dead_code, reason = "no test needs all of it")]

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use proptest::prelude::*;
use tempfile::TempDir;

/// A tree as a value. Directories may be empty.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    File { contents: Vec<u8>, mode: u32 },
    Link(String),
    Directory(Directory),
}

pub(crate) type Directory = BTreeMap<Vec<u8>, Node>;

/// Names that sort differently as files and as directories, need quoting on a command line, are
/// long, or are not UTF-8.
pub(crate) fn name() -> impl Strategy<Value = Vec<u8>> {
    let sorting =
        prop::sample::select(vec!["foo", "foo.bar", "foo-bar", "foo0", "foo ", "fo", "FOO"]);
    let awkward = prop::sample::select(vec![
        "-rf", "a\nb", "\\", "*", "schön", ".hidden", "...", "a\tb", "~", "\"",
    ]);
    prop_oneof![
        3 => sorting.prop_map(|name| name.as_bytes().to_vec()),
        1 => awkward.prop_map(|name| name.as_bytes().to_vec()),
        1 => (95..=160_usize).prop_map(|length| vec![b'n'; length]),
        2 => prop::collection::vec(any::<u8>(), 1..12).prop_filter("reserved names", |name| {
            // Git refuses `.git` in any case, and reads `.gitattributes`.
            let git = name.get(..4).is_some_and(|start| start.eq_ignore_ascii_case(b".git"));
            !git && name != b"." && name != b".." && !name.iter().any(|byte| matches!(byte, 0 | b'/'))
        }),
    ]
}

/// Targets of links that stay in the tree.
pub(crate) fn link_text() -> impl Strategy<Value = String> {
    "[ -.0-~é]([ -~ö]{0,130})".prop_filter("leads out", |text| !text.contains(".."))
}

pub(crate) fn directory() -> impl Strategy<Value = Directory> {
    let contents = prop_oneof![
        8 => prop::collection::vec(any::<u8>(), 0..40),
        4 => (500..=1100_usize).prop_map(|length| vec![b'c'; length]),
        // More than the read buffer.
        1 => Just(vec![b'\n'; 300_000]),
    ];
    let mode = prop::sample::select(vec![0o644, 0o755, 0o600, 0o700, 0o654]);
    let leaf = prop_oneof![
        4 => (contents, mode).prop_map(|(contents, mode)| Node::File { contents, mode }),
        1 => link_text().prop_map(Node::Link),
    ];
    let node = leaf.prop_recursive(4, 40, 6, |inner| {
        prop::collection::btree_map(name(), inner, 0..6).prop_map(Node::Directory)
    });
    prop::collection::btree_map(name(), node, 0..8)
}

pub(crate) fn build(tree: &Directory, at: &Path, backwards: bool) {
    let mut entries: Vec<_> = tree.iter().collect();
    if backwards {
        entries.reverse();
    }
    for (name, node) in entries {
        let path = at.join(OsStr::from_bytes(name));
        match node {
            Node::File { contents, mode } => {
                fs::write(&path, contents).unwrap();
                fs::set_permissions(&path, fs::Permissions::from_mode(*mode)).unwrap();
            }
            Node::Link(target) => symlink(target, &path).unwrap(),
            Node::Directory(entries) => {
                fs::create_dir(&path).unwrap();
                build(entries, &path, backwards);
            }
        }
    }
}

pub(crate) fn built(tree: &Directory, backwards: bool) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    build(tree, directory.path(), backwards);
    directory
}
