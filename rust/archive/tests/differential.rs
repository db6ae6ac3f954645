//! Random trees, hashed by git and unpacked by GNU tar.
//!
//! Linux only: elsewhere file systems refuse names that are not UTF-8, and `tar` is not GNU's.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a failed setup fails the test")]
#![expect(clippy::disallowed_methods, reason = "tests prepare files themselves")]

mod trees;

use std::fs;
use std::path::Path;
use std::process::Command;

use proptest::prelude::*;
use scratchrs_archive::{Compression, Error, Packed, TreeRecord, UnpackOptions, unpack};
use scratchrs_fs::Progress;
use scratchrs_model::hash::{Sha256, TreeHash};
use tempfile::TempDir;
use trees::{built, directory};

/// The hash of the tree by git, without the configuration of the user.
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
    scratchrs_archive::tree_hash(tree, &Progress::default())
}

fn tree_hash_sha256(tree: &Path) -> Result<Sha256, Error> {
    scratchrs_archive::tree_hash_sha256(tree, &Progress::default())
}

fn tree_record(tree: &Path) -> TreeRecord {
    scratchrs_archive::tree_record(tree, &Progress::default()).unwrap()
}

fn pack(tree: &Path, tarball: &Path) -> Result<Packed, Error> {
    scratchrs_archive::pack(tree, tarball, Compression::Gzip, &Progress::default())
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
            // Otherwise there are links whose length Pkg counts differently.
            let sha256 = tree_hash_sha256(tree.path()).unwrap();
            prop_assert_eq!(sha256.to_string(), git_tree_hash(tree.path(), "sha256"));
        }
    }

    #[test]
    fn gnu_tar_unpacks_packed_trees(tree in directory()) {
        let tree = built(&tree, false);
        let out = tempfile::tempdir().unwrap();
        let tarball = out.path().join("a.tar.gz");
        let packed = pack(tree.path(), &tarball).unwrap();
        let unpacked = unpack_with_gnu_tar(&tarball);
        prop_assert_eq!(tree_hash(unpacked.path()).unwrap(), tree_hash(tree.path()).unwrap());
        // The tarball has the empty directories, which the hash ignores.
        prop_assert_eq!(pack(unpacked.path(), &tarball).unwrap(), packed);
    }

    #[test]
    fn packed_trees_are_unpacked(tree in directory()) {
        let tree = built(&tree, false);
        let out = tempfile::tempdir().unwrap();
        let [tarball, into, again] = ["a", "into", "again"].map(|name| out.path().join(name));
        for compression in [Compression::Gzip, Compression::Zstandard] {
            let progress = Progress::default();
            let packed = scratchrs_archive::pack(tree.path(), &tarball, compression, &progress).unwrap();
            fs::create_dir(&into).unwrap();
            let archive = fs::File::open(&tarball).unwrap();
            let unpacked = unpack(archive, &into, &UnpackOptions::default(), &progress).unwrap();
            prop_assert_eq!(&unpacked.record, &tree_record(tree.path()));
            prop_assert_eq!(&unpacked.record, &tree_record(&into));
            prop_assert_eq!(unpacked.hashes.pkg, tree_hash(tree.path()).unwrap());
            prop_assert_eq!(scratchrs_archive::pack(&into, &again, compression, &progress).unwrap(), packed);
            fs::remove_dir_all(&into).unwrap();
        }
    }

    #[test]
    fn a_record_survives_serialisation(tree in directory()) {
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
