//! Git object hashes of files and directories, as Pkg's `GitTools.jl` computes them.
//!
//! A file is the blob `"blob <length>\0<contents>"`, a symbolic link the blob of its target, and a
//! directory the tree `"tree <length>\0"` followed by its entries, each
//! `"<mode> <name>\0<raw digest>"`. The hash of each object is the digest of these bytes.
//!
//! # Compatibility
//!
//! Git gives the same hash, except in the following points, where the names of artifacts
//! follow Pkg:
//!
//! - Entries named `.git`, files and directories alike, are left out at every level.
//! - Directories without any file below are left out, as git cannot represent them. But files in
//!   `.git` count for this: a directory with only `.git/config` counts as an empty tree.
//! - The length in the blob of a symbolic link counts *characters*, not bytes. So the hash of a
//!   tree with a link whose target is not ASCII differs from that of git and Tar.jl.
//!
//! Two points differ from Pkg. A file that cannot be read is an error here, while Pkg warns
//! and hashes it as if it were empty. FIFOs, sockets and devices are errors too, while Pkg tries to
//! read them.

use std::path::Path;

use scratchrs_fs as effect;
use scratchrs_fs::{FileKind, Progress};
use scratchrs_model::hash::{Sha256, TreeHash};
use sha1::Sha1;
use sha1::digest::{Digest, Output};

use crate::error::Error;
use crate::listing::{Kind, Listing, Purpose};
use crate::object::{self, LinkLength, Mode, TreeDigest};
use crate::platform;
use crate::record::{Content, TreeRecord};
use crate::source::{self, BUFFER_SIZE, SourceFile};

/// The git tree hash of the directory `root`, by which Pkg names artifacts.
///
/// An empty directory has the hash of the empty tree. A `root` that is a symbolic link to a
/// directory is followed; links inside are not. Files are hashed by several threads.
///
/// # Errors
///
/// An entry of the tree cannot be read, is a FIFO, socket or device, or changes while it is read;
/// `root` is not a directory; or the work is cancelled.
pub fn tree_hash(root: &Path, progress: &Progress) -> Result<TreeHash, Error> {
    hash_tree::<Sha1>(root, progress).map(|digest| TreeHash(digest.into()))
}

/// The git tree hash of the directory `root` by SHA-256, for sub-trees and files as well.
///
/// This is `tree_hash(SHA.SHA256_CTX, root)` of Pkg 1.6 and later, git's object format
/// `sha256`.
///
/// # Errors
///
/// As [`tree_hash`].
pub fn tree_hash_sha256(root: &Path, progress: &Progress) -> Result<Sha256, Error> {
    hash_tree::<sha2::Sha256>(root, progress).map(|digest| Sha256(digest.into()))
}

/// The record of the directory `root`, from which its tree hashes can be computed.
///
/// # Errors
///
/// As [`tree_hash`].
pub fn tree_record(root: &Path, progress: &Progress) -> Result<TreeRecord, Error> {
    let mut record = TreeRecord::default();
    for_each_leaf::<Sha1>(root, progress, |path, leaf| {
        let content = match &leaf {
            Leaf::File { executable, size, digest } => Content::File {
                executable: *executable,
                size: *size,
                blob: TreeHash((*digest).into()),
            },
            Leaf::Symlink(target) => Content::Symlink { target },
            Leaf::EmptyTree => Content::EmptyTree,
        };
        record.push(path, content);
    })?;
    Ok(record)
}

/// The git blob hash of a file, or of the target of a symbolic link.
///
/// # Errors
///
/// `path` cannot be read, is neither a file nor a symbolic link, or changes while it is read; or
/// the work is cancelled.
pub fn blob_hash(path: &Path, progress: &Progress) -> Result<TreeHash, Error> {
    hash_one_blob::<Sha1>(path, progress).map(|digest| TreeHash(digest.into()))
}

/// The git blob hash of a file, or of the target of a symbolic link, by SHA-256.
///
/// # Errors
///
/// As [`blob_hash`].
pub fn blob_hash_sha256(path: &Path, progress: &Progress) -> Result<Sha256, Error> {
    hash_one_blob::<sha2::Sha256>(path, progress).map(|digest| Sha256(digest.into()))
}

/// A leaf of a tree.
pub(crate) enum Leaf<D: Digest> {
    File { executable: bool, size: u64, digest: Output<D> },
    Symlink(Vec<u8>),
    EmptyTree,
}

fn hash_tree<D: Digest>(root: &Path, progress: &Progress) -> Result<Output<D>, Error>
where
    Output<D>: Send,
{
    let mut tree = TreeDigest::new();
    for_each_leaf::<D>(root, progress, |path, leaf| match leaf {
        Leaf::File { executable, digest, .. } => {
            tree.add::<D>(path, Mode::of_file(executable), &digest);
        }
        Leaf::Symlink(target) => {
            let digest = object::link::<D>(&target, LinkLength::Characters);
            tree.add::<D>(path, Mode::Symlink, &digest);
        }
        Leaf::EmptyTree => tree.add_empty_tree::<D>(path),
    })?;
    Ok(tree.finish::<D>())
}

/// Hashes the leaves of a tree and passes them to `sink` ordered by the bytes of their paths.
/// Returns the tree's listing.
pub(crate) fn for_each_leaf<D: Digest>(
    root: &Path,
    progress: &Progress,
    mut sink: impl FnMut(&[u8], Leaf<D>),
) -> Result<Listing, Error>
where
    Output<D>: Send,
{
    let listing = Listing::new(root, Purpose::Hash, progress)?;
    progress.expect(listing.bytes());
    let indices = large_files_first(&listing);
    let buffer = || vec![0; BUFFER_SIZE];
    let leaves = effect::try_parallel_map(&indices, buffer, |buffer, &index| {
        let entry = listing.get(index as usize);
        read_leaf::<D>(&listing.on_disk(entry.path)?, entry.kind, buffer, progress)
    })?;
    let mut leaves: Vec<_> = indices.into_iter().zip(leaves).collect();
    leaves.sort_unstable_by_key(|(index, _)| *index);
    for (index, leaf) in leaves {
        sink(listing.get(index as usize).path, leaf);
    }
    Ok(listing)
}

/// The indices of all entries, large files first: one that starts last would keep one thread busy
/// while the others are idle.
fn large_files_first(listing: &Listing) -> Vec<u32> {
    const LARGE: u64 = 4 << 20;
    let is_small = |index: &u32| match listing.get(*index as usize).kind {
        Kind::File { size, .. } => size < LARGE,
        _ => true,
    };
    let mut indices: Vec<u32> = (0..listing.len() as u32).collect();
    indices.sort_by_key(is_small);
    indices
}

fn hash_one_blob<D: Digest>(path: &Path, progress: &Progress) -> Result<Output<D>, Error> {
    let found = source::inspect(path)?;
    let kind = match found.kind {
        FileKind::Link => Kind::Symlink,
        FileKind::File => Kind::File {
            size: found.size,
            executable: effect::is_executable(&found, || path.to_owned()),
        },
        kind => return Err(source::unsupported(kind, path)),
    };
    progress.expect(found.size);
    // For a small file, one byte more than its size, to detect its end with one read: allocating
    // the whole buffer would take longer than hashing the file.
    let length = (found.size + 1).min(BUFFER_SIZE as u64) as usize;
    Ok(match read_leaf::<D>(path, kind, &mut vec![0; length], progress)? {
        Leaf::File { digest, .. } => digest,
        Leaf::Symlink(target) => object::link::<D>(&target, LinkLength::Characters),
        Leaf::EmptyTree => object::blob::<D>(0).finalize(),
    })
}

fn read_leaf<D: Digest>(
    path: &Path,
    kind: Kind,
    buffer: &mut [u8],
    progress: &Progress,
) -> Result<Leaf<D>, Error> {
    match kind {
        Kind::Directory | Kind::EmptyTree => Ok(Leaf::EmptyTree),
        Kind::Symlink => {
            let target = source::read_link(path)?;
            Ok(Leaf::Symlink(platform::bytes(&target).to_vec()))
        }
        Kind::File { size, executable } => {
            progress.check()?;
            let file = SourceFile::open_listed(path, size, executable)?;
            let mut hasher = object::blob::<D>(size);
            file.read(buffer, |piece| {
                hasher.update(piece);
                progress.advance(piece.len() as u64);
                Ok(progress.check()?)
            })?;
            Ok(Leaf::File { executable, size, digest: hasher.finalize() })
        }
    }
}

#[cfg(test)]
mod tests {
    #[cfg(unix)]
    use std::fs;

    use super::*;
    use crate::fixture::Tree;

    const EMPTY: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

    fn hash(tree: &Tree) -> String {
        tree_hash(tree.path(), &Progress::default()).unwrap().to_string()
    }

    /// The hash that git gives, or Pkg did on Julia 1.5.3.
    #[test]
    fn tree_hashes_are_those_of_pkg() {
        let hello = "Hello, world.\n";
        let vectors = [
            (Tree::new(), EMPTY),
            (Tree::new().file("s/f", "hi"), "3acb8594e7cfdd21a47dc36f81104fb02f234b7c"),
            (Tree::new().file("hello.txt", hello), "0a890bd10328d68f6d85efd2535e3a4c588ee8e6"),
            (
                Tree::new().directory("foo/bar").link("foo/bar_link", "bar"),
                "8bc80be82b2ae4bd69f50a1a077a81b8678c9024",
            ),
            (
                Tree::new().file("5.28.1/foo", "").link("5.28", "5.28.1"),
                "5e50a4254773a7c689bebca79e2954630cab9c04",
            ),
            (Tree::new().file("foo", "foo"), "2f42e2c1c1afd4ef8c66a2aaba5d5e1baddcab33"),
            (Tree::new().file("foo", "Hello, world!"), "339aad93c0f854604248ea3b7c5b7edea20625a9"),
        ];
        for (tree, expected) in vectors {
            assert_eq!(hash(&tree), expected);
        }
    }

    #[test]
    fn sha256_is_used_at_all_levels() {
        for (tree, expected) in [
            (Tree::new(), "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321"),
            (
                Tree::new().file("s/f", "hi"),
                "f1810fb6247ab771c40516b1282bdde1cd4544d3ba6ef7fd135d5da17a910115",
            ),
        ] {
            assert_eq!(
                tree_hash_sha256(tree.path(), &Progress::default()).unwrap().to_string(),
                expected
            );
        }
    }

    #[test]
    fn blob_hashes_are_those_of_git() {
        let tree = Tree::new().file("f", "hi").link("l", "hi").link("broken", "nowhere");
        for name in ["f", "l"] {
            let path = tree.path().join(name);
            assert_eq!(
                blob_hash(&path, &Progress::default()).unwrap().to_string(),
                "32f95c0d1244a78b2be1bab8de17906fabb2c4a8"
            );
            assert_eq!(
                blob_hash_sha256(&path, &Progress::default()).unwrap().to_string(),
                "a4e13f7dfd8345eae550125113b9d9bcd4b0f781037c02afb133fd98f5f973ae"
            );
        }
        assert!(blob_hash(&tree.path().join("broken"), &Progress::default()).is_ok());
    }

    #[test]
    fn only_the_owners_execute_bit_counts() {
        for (mode, expected) in [
            (0o755, "952cfce0fb589c02736482fa75f9f9bb492242f8"),
            (0o700, "952cfce0fb589c02736482fa75f9f9bb492242f8"),
            (0o655, "0a890bd10328d68f6d85efd2535e3a4c588ee8e6"),
            (0o600, "0a890bd10328d68f6d85efd2535e3a4c588ee8e6"),
        ] {
            let tree = Tree::new().file_with_mode("hello.txt", "Hello, world.\n", mode);
            assert_eq!(hash(&tree), expected, "{mode:o}");
        }
    }

    #[test]
    fn git_is_left_out_everywhere() {
        let plain = hash(&Tree::new().file("a/b/f", "f"));
        let tree = Tree::new()
            .file("a/b/f", "f")
            .file(".git/config", "")
            .file("a/.git", "gitdir: elsewhere")
            .link("a/b/.git", "nowhere");
        assert_eq!(hash(&tree), plain);
        assert_ne!(hash(&tree.file("a/.gitignore", "")), plain);
        assert_eq!(hash(&Tree::new().file(".git/x", "")), EMPTY);
    }

    #[test]
    fn a_directory_with_files_in_git_counts() {
        let with_x = "0a8a87dd80eda4132d290a67b0676cde6ec1cb29";
        assert_eq!(hash(&Tree::new().file("a/.git/x", "")), with_x);
        assert_eq!(hash(&Tree::new().file("a/.git/deep/er/x", "")), with_x);
        assert_eq!(hash(&Tree::new().file("a/.git", "")), with_x);
        assert_eq!(hash(&Tree::new().link("a/.git", "nowhere")), with_x);
        #[cfg(unix)]
        assert_eq!(hash(&Tree::new().fifo("a/.git/x")), with_x);
        assert_eq!(hash(&Tree::new().directory("a/.git/empty/too")), EMPTY);
    }

    #[test]
    fn directories_without_files_are_left_out() {
        let tree =
            Tree::new().directory("a/b/c").directory("a/d").file("s/f", "hi").directory("s/t/u");
        assert_eq!(hash(&tree), "3acb8594e7cfdd21a47dc36f81104fb02f234b7c");
        assert_eq!(hash(&Tree::new().directory("a/b/c")), EMPTY);
    }

    #[test]
    fn a_links_length_counts_characters() {
        let tree = Tree::new().link("l", "é");
        assert_eq!(hash(&tree), "e540c2617169fd630b01545af81b58b8113fd200");
        assert!(hash(&Tree::new().link("link", "schön")).starts_with("23b444ff"));
    }

    #[test]
    fn links_are_not_followed() {
        let elsewhere = Tree::new().file("f", "f");
        let tree = Tree::new().link("l", elsewhere.path());
        let before = hash(&tree);
        let _elsewhere = elsewhere.file("g", "g");
        assert_eq!(hash(&tree), before);
    }

    #[test]
    fn the_root_itself_may_be_a_link() {
        let tree = Tree::new().file("s/f", "hi");
        let link = Tree::new().link("l", tree.path());
        assert_eq!(
            tree_hash(&link.path().join("l"), &Progress::default()).unwrap(),
            tree_hash(tree.path(), &Progress::default()).unwrap()
        );
    }

    #[test]
    #[cfg(unix)]
    fn fifos_sockets_and_devices_are_refused() {
        use std::os::unix::net::UnixListener;
        let found = |result: Result<TreeHash, Error>| match result {
            Err(Error::UnsupportedFileType { path, found }) => (path, found),
            other => panic!("{other:?}"),
        };
        let tree = Tree::new().file("f", "").fifo("d/fifo");
        let fifo = tree.path().join("d/fifo");
        assert_eq!(found(tree_hash(tree.path(), &Progress::default())), (fifo.clone(), "a FIFO"));
        assert_eq!(found(blob_hash(&fifo, &Progress::default())), (fifo, "a FIFO"));

        let tree = Tree::new();
        let socket = tree.path().join("socket");
        let _listener = UnixListener::bind(&socket).unwrap();
        assert_eq!(found(tree_hash(tree.path(), &Progress::default())), (socket, "a socket"));
        assert_eq!(
            found(blob_hash(Path::new("/dev/null"), &Progress::default())).1,
            "a character device"
        );
        assert_eq!(found(blob_hash(tree.path(), &Progress::default())).1, "a directory");
    }

    /// A file that was replaced by a FIFO or a link after the directory was listed.
    #[test]
    #[cfg(unix)]
    fn a_replaced_file_is_detected() {
        let tree = Tree::new().fifo("fifo").file("f", "").link("l", "f");
        let kind = Kind::File { size: 0, executable: false };
        let hash = |name| {
            let path = tree.path().join(name);
            read_leaf::<Sha1>(&path, kind, &mut [0; 16], &Progress::default()).map(|_| ())
        };
        assert!(matches!(hash("fifo"), Err(Error::UnsupportedFileType { found: "a FIFO", .. })));
        assert!(matches!(hash("l"), Err(Error::Io(error)) if error.operation() == "open"));
        hash("f").unwrap();
    }

    #[test]
    fn an_error_names_a_missing_root() {
        let tree = Tree::new().file("f", "");
        for name in ["missing", "f"] {
            let root = tree.path().join(name);
            let Err(Error::Io(error)) = tree_hash(&root, &Progress::default()) else {
                panic!("{name} was taken for a directory");
            };
            assert_eq!((error.operation(), error.path()), ("list the directory", root.as_path()));
        }
    }

    /// Kernel files with a wrong size, or that cannot be read.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_with_a_wrong_size_is_an_error() {
        let status = blob_hash(Path::new("/proc/self/status"), &Progress::default());
        assert!(
            matches!(status, Err(Error::ChangedWhileReading { expected: 0, .. })),
            "{status:?}"
        );
        let memory = blob_hash(Path::new("/proc/self/mem"), &Progress::default());
        assert!(
            matches!(&memory, Err(Error::Io(error)) if error.operation() == "read"),
            "{memory:?}"
        );
    }

    #[test]
    fn a_deep_tree_needs_little_stack() {
        let deep = "d/".repeat(400);
        let tree = Tree::new().file(&format!("{deep}f"), "hi");
        let small_stack = std::thread::Builder::new().stack_size(64 * 1024);
        let path = tree.path().to_owned();
        let hash = small_stack
            .spawn(move || tree_hash(&path, &Progress::default()))
            .unwrap()
            .join()
            .unwrap();
        assert_ne!(hash.unwrap().to_string(), EMPTY);
    }

    /// Paths longer than the limit of the system are hashed, archived, and read from the archive.
    #[test]
    #[cfg(unix)]
    fn a_tree_may_be_deeper_than_the_longest_path() {
        use rustix::fs::{Mode, OFlags};
        const LEVELS: usize = 1_200;
        let (tree, name) = (Tree::new(), "directory");
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
        let mut at = rustix::fs::open(tree.path(), flags, Mode::empty()).unwrap();
        for _ in 0..LEVELS {
            rustix::fs::mkdirat(&at, name, Mode::RWXU).unwrap();
            at = rustix::fs::openat(&at, name, flags, Mode::empty()).unwrap();
        }
        let flags = OFlags::CREATE | OFlags::WRONLY | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&at, "file", flags, Mode::RUSR).unwrap();
        rustix::io::write(&file, b"hi").unwrap();
        rustix::fs::symlinkat("file", &at, "link").unwrap();
        rustix::fs::mkdirat(&at, "empty", Mode::RWXU).unwrap();

        let object = |kind: &str, body: &[u8]| -> Vec<u8> {
            let header = format!("{kind} {}\0", body.len());
            Sha1::new_with_prefix(header).chain_update(body).finalize().to_vec()
        };
        let (hi, link) = (object("blob", b"hi"), object("blob", b"file"));
        let body = [&b"100644 file\0"[..], &hi, b"120000 link\0", &link].concat();
        let mut expected = object("tree", &body);
        for _ in 0..LEVELS {
            let body = [format!("40000 {name}\0").as_bytes(), &expected].concat();
            expected = object("tree", &body);
        }
        let progress = Progress::default();
        let found = tree_hash(tree.path(), &progress).unwrap();
        assert_eq!(found.0.to_vec(), expected);
        let out = Tree::new();
        let tarball = out.path().join("tarball");
        crate::pack(tree.path(), &tarball, crate::Compression::Gzip, &progress).unwrap();
        let inspected = crate::inspect(fs::File::open(&tarball).unwrap(), &progress).unwrap();
        assert_eq!(inspected.hashes.pkg, found);
        let into = out.path().join("into");
        fs::create_dir(&into).unwrap();
        let options = crate::UnpackOptions::default();
        let error = crate::unpack(fs::File::open(&tarball).unwrap(), &into, &options, &progress);
        assert!(error.unwrap_err().to_string().contains("too long for this system"));
        effect::remove(&tree.path().join(name)).unwrap();
        effect::remove(&into).unwrap();
    }

    #[test]
    #[cfg(unix)]
    fn names_may_be_invalid_utf8() {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt;
        let latin1 = Tree::new();
        fs::write(latin1.path().join(OsStr::from_bytes(b"caf\xe9")), "").unwrap();
        assert_eq!(hash(&latin1), "987facb3e8e8fd1bff45222b836903e9d2503045");
    }
}
