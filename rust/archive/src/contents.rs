//! Trees of the store: their records, and the hashes computed from these.

use std::path::{Path, PathBuf};

use scratchrs_fs::Progress;
use scratchrs_model::hash::Sha256;
use scratchrs_model::store::record::{Entry, Kind, Record};

use crate::error::Error;
use crate::object::{self, LinkLength, Mode, TreeDigest};
use crate::platform;
use crate::tree_hash::{Leaf, for_each_leaf};

/// The record of the directory `root`, without `.git` at any level. Several threads hash the files.
///
/// # Errors
///
/// As [`crate::tree_hash_sha256`], whose hash [`content_record_hash`] gives for the record.
pub fn content_record(root: &Path, progress: &Progress) -> Result<Record, Error> {
    let mut entries = Vec::new();
    let listing = for_each_leaf::<sha2::Sha256>(root, progress, |path, leaf| {
        let kind = match leaf {
            Leaf::File { executable: is_executable, size, digest } => {
                Kind::File { hash: Sha256(digest.into()), size, is_executable }
            }
            Leaf::Symlink(text) => Kind::Link(text),
            Leaf::EmptyTree => Kind::EmptyTree,
        };
        entries.push(Entry { path: path.to_owned(), kind });
    })?;
    let bare = listing.bare().into_iter();
    entries.extend(bare.map(|path| Entry { path, kind: Kind::Directory }));
    Ok(Record { link: String::new(), entries })
}

/// The path of an entry on this system; `None` if the system can't represent it.
pub fn entry_path(path: &[u8]) -> Option<PathBuf> {
    platform::to_path(path).map(Path::to_owned)
}

/// The hash of the tree of a record: git's SHA-256 tree hash, as Pkg computes it.
pub fn content_record_hash(record: &Record) -> Sha256 {
    let mut tree = TreeDigest::new();
    for Entry { path, kind } in &record.entries {
        match kind {
            Kind::File { hash, is_executable, .. } => {
                tree.add::<sha2::Sha256>(path, Mode::of_file(*is_executable), &hash.0);
            }
            Kind::Link(text) => {
                let digest = object::link::<sha2::Sha256>(text, LinkLength::Characters);
                tree.add::<sha2::Sha256>(path, Mode::Symlink, &digest);
            }
            Kind::Directory => {}
            Kind::EmptyTree => tree.add_empty_tree::<sha2::Sha256>(path),
        }
    }
    Sha256(tree.finish::<sha2::Sha256>().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Tree;
    use crate::tree_hash_sha256;

    fn check(tree: &Tree) -> Record {
        let record = content_record(tree.path(), &Progress::default()).unwrap();
        let expected = tree_hash_sha256(tree.path(), &Progress::default()).unwrap();
        assert_eq!(content_record_hash(&record), expected, "{}", record.to_text());
        record
    }

    #[test]
    fn a_record_gives_the_hash_of_its_tree() {
        check(&Tree::new());
        check(&Tree::new().file("s/f", "hi").file("s.x", "").file("s-x/y/z", "a").file("é", ""));
        check(&Tree::new().file("a/b", "1").link("schön", "a").link("l", "schön"));
        let record =
            check(&Tree::new().file_with_mode("bin/run", "#!", 0o755).file("bin/data", "x"));
        let executables = record
            .entries
            .iter()
            .filter(|entry| matches!(entry.kind, Kind::File { is_executable: true, size: 2, .. }));
        assert_eq!(executables.count(), 1);
    }

    #[test]
    fn directories_without_entries_are_recorded() {
        let tree = Tree::new()
            .directory("empty/below")
            .file("full/f", "")
            .directory("full/none")
            .directory("full.x")
            .file("git/.git/x", "")
            .directory("git/e")
            .file("both/.git/x", "")
            .file("both/f", "")
            .directory("void/.git");
        let record = check(&tree);
        let found: Vec<_> = record
            .entries
            .iter()
            .map(|entry| (String::from_utf8_lossy(&entry.path).into_owned(), &entry.kind))
            .filter(|(_, kind)| !matches!(kind, Kind::File { .. }))
            .collect();
        let expected = [
            ("git".to_owned(), &Kind::EmptyTree),
            ("empty/below".to_owned(), &Kind::Directory),
            ("empty".to_owned(), &Kind::Directory),
            ("full.x".to_owned(), &Kind::Directory),
            ("full/none".to_owned(), &Kind::Directory),
            ("git/e".to_owned(), &Kind::Directory),
            ("void".to_owned(), &Kind::Directory),
        ];
        assert_eq!(found, expected);
    }
}
