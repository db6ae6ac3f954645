//! Random trees, hashed by git and unpacked by GNU tar.
//!
//! Linux only: elsewhere file systems refuse names that are not UTF-8, and `tar` is not GNU's.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot set up its tree has failed")]

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use proptest::prelude::*;
use scratchrs_archive::{Compression, Error, Packed, TreeRecord, UnpackOptions, unpack};
use scratchrs_fs::Watch;
use scratchrs_model::hash::{Sha256, TreeHash};
use tempfile::TempDir;

/// A tree as a value. Directories may be empty.
#[derive(Clone, Debug)]
enum Node {
    File { contents: Vec<u8>, mode: u32 },
    Link(String),
    Directory(Directory),
}

type Directory = BTreeMap<Vec<u8>, Node>;

/// Names that sort differently as files and as directories, that need care on a command line, that
/// are long, that are not UTF-8.
fn name() -> impl Strategy<Value = Vec<u8>> {
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
            // Git takes no `.git` in any case, and reads `.gitattributes`.
            let git = name.get(..4).is_some_and(|start| start.eq_ignore_ascii_case(b".git"));
            !git && name != b"." && name != b".." && !name.iter().any(|byte| matches!(byte, 0 | b'/'))
        }),
    ]
}

/// Texts of links that stay in the tree, wherever they are: unpacking refuses others.
fn link_text() -> impl Strategy<Value = String> {
    "[ -.0-~é]([ -~ö]{0,130})".prop_filter("leads out", |text| !text.contains(".."))
}

fn directory() -> impl Strategy<Value = Directory> {
    let contents = prop_oneof![
        8 => prop::collection::vec(any::<u8>(), 0..40),
        4 => (500..=1100_usize).prop_map(|length| vec![b'c'; length]),
        // More than is read at a time.
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

fn build(tree: &Directory, at: &Path, backwards: bool) {
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

fn built(tree: &Directory, backwards: bool) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    build(tree, directory.path(), backwards);
    directory
}

/// What git, with no configuration but the one given here, calls the tree.
fn git_tree_hash(tree: &Path, object_format: &str) -> String {
    let repository = tempfile::tempdir().unwrap();
    let git = |arguments: &[&str]| {
        let output = Command::new("git")
            .args([
                "-c",
                "core.autocrlf=false",
                "-c",
                "core.fileMode=true",
                "-c",
                "core.symlinks=true",
            ])
            .args([
                "-c",
                "core.ignoreCase=false",
                "-c",
                "core.protectNTFS=false",
                "-c",
                "core.protectHFS=false",
            ])
            .args(["-c", "core.attributesFile=/dev/null", "-c", "core.excludesFile=/dev/null"])
            .args(arguments)
            .current_dir(tree)
            .env("GIT_DIR", repository.path())
            .env("GIT_WORK_TREE", tree)
            .env("GIT_INDEX_FILE", repository.path().join("index"))
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_ATTR_NOSYSTEM", "1")
            .env("GIT_TEMPLATE_DIR", "")
            .env_remove("GIT_CONFIG_PARAMETERS")
            .env_remove("GIT_CONFIG_COUNT")
            .env_remove("GIT_OBJECT_DIRECTORY")
            .env_remove("GIT_ALTERNATE_OBJECT_DIRECTORIES")
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "git {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    };
    git(&["init", "--quiet", "--object-format", object_format]);
    git(&["add", "--all", "--force", "."]);
    git(&["write-tree"])
}

fn tree_hash(tree: &Path) -> Result<TreeHash, Error> {
    scratchrs_archive::tree_hash(tree, &Watch::default())
}

fn tree_hash_sha256(tree: &Path) -> Result<Sha256, Error> {
    scratchrs_archive::tree_hash_sha256(tree, &Watch::default())
}

fn tree_record(tree: &Path) -> TreeRecord {
    scratchrs_archive::tree_record(tree, &Watch::default()).unwrap()
}

fn pack(tree: &Path, tarball: &Path) -> Result<Packed, Error> {
    scratchrs_archive::pack(tree, tarball, Compression::Gzip, &Watch::default())
}

fn unpack_with_gnu_tar(tarball: &Path) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let output = Command::new("tar")
        .args(["--extract", "--gzip", "--no-same-owner", "--file"])
        .arg(tarball)
        .current_dir(directory.path())
        .output()
        .unwrap();
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    directory
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn git_gives_the_same_hash(tree in directory()) {
        let tree = built(&tree, false);
        let hashes = tree_record(tree.path()).hashes();
        prop_assert_eq!(hashes.git.to_string(), git_tree_hash(tree.path(), "sha1"));
        prop_assert_eq!(hashes.pkg, tree_hash(tree.path()).unwrap());
        if hashes.pkg == hashes.git {
            // Else there are links whose length Pkg does not count as git does.
            let sha256 = tree_hash_sha256(tree.path()).unwrap();
            prop_assert_eq!(sha256.to_string(), git_tree_hash(tree.path(), "sha256"));
        }
    }

    #[test]
    fn gnu_tar_unpacks_what_was_packed(tree in directory()) {
        let tree = built(&tree, false);
        let out = tempfile::tempdir().unwrap();
        let tarball = out.path().join("a.tar.gz");
        let packed = pack(tree.path(), &tarball).unwrap();
        let unpacked = unpack_with_gnu_tar(&tarball);
        prop_assert_eq!(tree_hash(unpacked.path()).unwrap(), tree_hash(tree.path()).unwrap());
        // Empty directories, which the hash does not see, are in the tarball.
        prop_assert_eq!(pack(unpacked.path(), &tarball).unwrap(), packed);
    }

    #[test]
    fn what_was_packed_is_unpacked(tree in directory()) {
        let tree = built(&tree, false);
        let out = tempfile::tempdir().unwrap();
        let [tarball, into, again] = ["a", "into", "again"].map(|name| out.path().join(name));
        for compression in [Compression::Gzip, Compression::Zstandard] {
            let watch = Watch::default();
            let packed = scratchrs_archive::pack(tree.path(), &tarball, compression, &watch).unwrap();
            fs::create_dir(&into).unwrap();
            let archive = fs::File::open(&tarball).unwrap();
            let unpacked = unpack(archive, &into, &UnpackOptions::default(), &watch).unwrap();
            prop_assert_eq!(&unpacked.record, &tree_record(tree.path()));
            prop_assert_eq!(&unpacked.record, &tree_record(&into));
            prop_assert_eq!(unpacked.hashes.pkg, tree_hash(tree.path()).unwrap());
            prop_assert_eq!(scratchrs_archive::pack(&into, &again, compression, &watch).unwrap(), packed);
            fs::remove_dir_all(&into).unwrap();
        }
    }

    #[test]
    fn a_record_is_read_as_it_was_written(tree in directory()) {
        let record = tree_record(built(&tree, false).path());
        let bytes = record.to_bytes();
        prop_assert_eq!(&TreeRecord::from_bytes(&bytes).unwrap(), &record);
        prop_assert!(record.differences(&record).is_empty());
    }

    #[test]
    fn the_same_tree_gives_the_same_bytes(tree in directory()) {
        let (one, other) = (built(&tree, false), built(&tree, true));
        let out = tempfile::tempdir().unwrap();
        let [first, again, reversed] = [("1", &one), ("2", &one), ("3", &other)].map(|(name, tree)| {
            let tarball = out.path().join(name);
            pack(tree.path(), &tarball).unwrap();
            fs::read(tarball).unwrap()
        });
        prop_assert!(first == again);
        prop_assert!(first == reversed);
        prop_assert_eq!(tree_hash(one.path()).unwrap(), tree_hash(other.path()).unwrap());
    }
}
