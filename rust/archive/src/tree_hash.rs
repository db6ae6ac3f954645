//! Git object hashes of files and directories, as Pkg's `GitTools.jl` computes them.
//!
//! A file is the blob `"blob <length>\0<contents>"`, a symbolic link the blob of its text, and a
//! directory the tree `"tree <length>\0"` followed by its entries, each
//! `"<mode> <name>\0<raw digest>"`. The hash of each object is the digest of these bytes.
//!
//! # Compatibility
//!
//! Git gives the same hash, except in the following points, where Pkg's answer is the one that
//! artifacts are named by:
//!
//! - Entries named `.git`, files and directories alike, are left out at every level.
//! - Directories with no file anywhere below are left out, as git cannot hold them. But what is in
//!   `.git` counts as files here: a directory with nothing in it but `.git/config` enters as an
//!   empty tree.
//! - The length in the blob of a symbolic link counts *characters*, not bytes. So the hash of a
//!   tree with a link whose text is not ASCII is one which neither git nor Tar.jl computes.
//!
//! In two points Pkg is not followed. A file that cannot be read is an error here, while Pkg warns
//! and hashes it as if it were empty. FIFOs, sockets and devices are errors too, while Pkg tries to
//! read them.

use std::ffi::OsString;
use std::fs;
use std::iter;
use std::path::{Path, PathBuf};

use scratchrs_model::hash::{Sha256, TreeHash};
use sha1::Sha1;
use sha1::digest::{Digest, Output};

use crate::error::{Context, Error, Operation};
use crate::parallel;
use crate::platform;
use crate::source::{self, BUFFER_SIZE, Leaf, SourceFile};

/// The git tree hash of the directory `root`: the name that Pkg gives to an artifact.
///
/// An empty directory has the hash of the empty tree. A `root` that is a symbolic link to a
/// directory is followed; links inside are not. Files are hashed by several threads.
///
/// # Errors
///
/// Something in the tree cannot be read, is a FIFO, socket or device, or changes while it is read;
/// or `root` is not a directory.
pub fn tree_hash(root: &Path) -> Result<TreeHash, Error> {
    hash_tree::<Sha1>(root).map(|digest| TreeHash(digest.into()))
}

/// The git tree hash of the directory `root` by SHA-256, for sub-trees and files as well.
///
/// This is `tree_hash(SHA.SHA256_CTX, root)` of Pkg 1.6 and later, and what git calls the
/// `sha256` object format.
///
/// # Errors
///
/// As [`tree_hash`].
pub fn tree_hash_sha256(root: &Path) -> Result<Sha256, Error> {
    hash_tree::<sha2::Sha256>(root).map(|digest| Sha256(digest.into()))
}

/// The git blob hash of a file, or of the text of a symbolic link.
///
/// # Errors
///
/// `path` cannot be read, is neither a file nor a symbolic link, or changes while it is read.
pub fn blob_hash(path: &Path) -> Result<TreeHash, Error> {
    hash_one_blob::<Sha1>(path).map(|digest| TreeHash(digest.into()))
}

/// The git blob hash of a file, or of the text of a symbolic link, by SHA-256.
///
/// # Errors
///
/// As [`blob_hash`].
pub fn blob_hash_sha256(path: &Path) -> Result<Sha256, Error> {
    hash_one_blob::<sha2::Sha256>(path).map(|digest| Sha256(digest.into()))
}

/// What a tree says about one of its entries beside name and digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Directory,
    File,
    Executable,
    Symlink,
}

impl Mode {
    /// The mode as it stands in a tree: octal digits, no leading zero.
    fn text(self) -> &'static str {
        match self {
            Self::Directory => "40000",
            Self::File => "100644",
            Self::Executable => "100755",
            Self::Symlink => "120000",
        }
    }
}

/// One entry of a tree, hashed.
struct TreeEntry<D: Digest> {
    mode: Mode,
    name: OsString,
    digest: Output<D>,
}

impl<D: Digest> TreeEntry<D> {
    /// What git orders the entries of a tree by: the name, with a slash after that of a directory.
    fn sort_key(&self) -> impl Iterator<Item = u8> {
        let slash = (self.mode == Mode::Directory).then_some(b'/');
        platform::bytes(&self.name).iter().copied().chain(slash)
    }
}

/// A tree on disk before anything is hashed.
struct Listing {
    /// The root first, and each directory somewhere after its parent.
    directories: Vec<Directory>,
    blobs: Vec<Blob>,
}

struct Directory {
    path: PathBuf,
    /// Empty for the root, which has no name in any tree.
    name: OsString,
    /// Index of the directory that it lies in; the root's own is 0.
    parent: usize,
    has_git: bool,
}

/// A file or a symbolic link.
struct Blob {
    name: OsString,
    /// Index of the directory that it lies in.
    directory: usize,
    leaf: Leaf,
}

fn hash_tree<D: Digest>(root: &Path) -> Result<Output<D>, Error>
where
    Output<D>: Send,
{
    let Listing { directories, blobs } = list_tree(root)?;
    let hashes = parallel::try_map(&blobs, |blob, buffer| {
        let path = directories[blob.directory].path.join(&blob.name);
        hash_blob::<D>(&path, blob.leaf, buffer)
    })?;

    let mut trees: Vec<Vec<TreeEntry<D>>> = directories.iter().map(|_| Vec::new()).collect();
    for (Blob { name, directory, .. }, (mode, digest)) in iter::zip(blobs, hashes) {
        trees[directory].push(TreeEntry { mode, name, digest });
    }
    // Backwards, so that each directory has all its sub-directories when its turn comes.
    for (index, Directory { path, name, parent, has_git }) in
        directories.into_iter().enumerate().skip(1).rev()
    {
        let entries = std::mem::take(&mut trees[index]);
        if !entries.is_empty() || has_git && contains_files(&path.join(".git"))? {
            trees[parent].push(TreeEntry {
                mode: Mode::Directory,
                name,
                digest: hash_entries(entries),
            });
        }
    }
    Ok(hash_entries(trees.swap_remove(0)))
}

/// Lists the tree below `root`, without `.git` at any level.
fn list_tree(root: &Path) -> Result<Listing, Error> {
    let root =
        Directory { path: root.to_owned(), name: OsString::new(), parent: 0, has_git: false };
    let mut listing = Listing { directories: vec![root], blobs: Vec::new() };
    let mut current = 0;
    while current < listing.directories.len() {
        for (name, file_type) in source::list_directory(&listing.directories[current].path)? {
            let directory = &mut listing.directories[current];
            if name == ".git" {
                directory.has_git = true;
                continue;
            }
            let path = directory.path.join(&name);
            if file_type.is_dir() {
                listing.directories.push(Directory { path, name, parent: current, has_git: false });
            } else {
                let leaf = Leaf::of(file_type, &path)?;
                listing.blobs.push(Blob { name, directory: current, leaf });
            }
        }
        current += 1;
    }
    Ok(listing)
}

/// Whether `path` is something other than a directory, or there is such a thing anywhere below it.
fn contains_files(path: &Path) -> Result<bool, Error> {
    if !lstat(path)?.is_dir() {
        return Ok(true);
    }
    let mut pending = vec![path.to_owned()];
    while let Some(directory) = pending.pop() {
        for (name, file_type) in source::list_directory(&directory)? {
            if !file_type.is_dir() {
                return Ok(true);
            }
            pending.push(directory.join(name));
        }
    }
    Ok(false)
}

fn hash_one_blob<D: Digest>(path: &Path) -> Result<Output<D>, Error> {
    let leaf = Leaf::of(lstat(path)?.file_type(), path)?;
    let (_, digest) = hash_blob::<D>(path, leaf, &mut vec![0; BUFFER_SIZE])?;
    Ok(digest)
}

fn hash_blob<D: Digest>(
    path: &Path,
    leaf: Leaf,
    buffer: &mut [u8],
) -> Result<(Mode, Output<D>), Error> {
    match leaf {
        Leaf::Symlink => {
            let target = source::read_link(path)?;
            let text = platform::bytes(&target);
            let digest = object::<D>("blob", julia_length(text)).chain_update(text).finalize();
            Ok((Mode::Symlink, digest))
        }
        Leaf::File => {
            let file = SourceFile::open(path)?;
            let mode = if file.executable { Mode::Executable } else { Mode::File };
            let mut hasher = object::<D>("blob", file.size);
            file.read(buffer, |piece| {
                hasher.update(piece);
                Ok(())
            })?;
            Ok((mode, hasher.finalize()))
        }
    }
}

fn hash_entries<D: Digest>(mut entries: Vec<TreeEntry<D>>) -> Output<D> {
    entries.sort_unstable_by(|a, b| a.sort_key().cmp(b.sort_key()));
    let mut body = Vec::new();
    for TreeEntry { mode, name, digest } in &entries {
        body.extend_from_slice(mode.text().as_bytes());
        body.push(b' ');
        body.extend_from_slice(platform::bytes(name));
        body.push(0);
        body.extend_from_slice(digest);
    }
    object::<D>("tree", body.len() as u64).chain_update(body).finalize()
}

/// A digest that has taken in the header of a git object.
fn object<D: Digest>(kind: &str, length: u64) -> D {
    D::new_with_prefix(format!("{kind} {length}\0"))
}

fn lstat(path: &Path) -> Result<fs::Metadata, Error> {
    fs::symlink_metadata(path).context(Operation::Inspect, path)
}

/// The number of characters in `text` as Julia's `length(::String)` counts them, for text that is
/// not UTF-8 too.
///
/// In Julia a character is a leading byte with as many continuation bytes as it calls for, or as
/// there are if they are fewer; any byte that leads nothing is a character alone.
fn julia_length(text: &[u8]) -> u64 {
    let mut characters = 0;
    let mut rest = text;
    while let Some((lead, tail)) = rest.split_first() {
        let called_for = match lead {
            0xc0..=0xdf => 1,
            0xe0..=0xef => 2,
            0xf0..=0xf7 => 3,
            _ => 0,
        };
        let found = tail.iter().take(called_for).take_while(|byte| *byte & 0xc0 == 0x80).count();
        rest = &tail[found..];
        characters += 1;
    }
    characters
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use crate::fixture::Tree;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::net::UnixListener;

    const EMPTY: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

    fn hash(tree: &Tree) -> String {
        tree_hash(tree.path()).unwrap().to_string()
    }

    /// The hash that git gives, or Pkg did on Julia 1.5.3.
    #[test]
    fn trees_have_the_hashes_that_pkg_gives_them() {
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
    fn sha256_goes_all_the_way_down() {
        for (tree, expected) in [
            (Tree::new(), "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321"),
            (
                Tree::new().file("s/f", "hi"),
                "f1810fb6247ab771c40516b1282bdde1cd4544d3ba6ef7fd135d5da17a910115",
            ),
        ] {
            assert_eq!(tree_hash_sha256(tree.path()).unwrap().to_string(), expected);
        }
    }

    #[test]
    fn blobs_have_the_hashes_that_git_gives_them() {
        let tree = Tree::new().file("f", "hi").link("l", "hi").link("broken", "nowhere");
        for name in ["f", "l"] {
            let path = tree.path().join(name);
            assert_eq!(
                blob_hash(&path).unwrap().to_string(),
                "32f95c0d1244a78b2be1bab8de17906fabb2c4a8"
            );
            assert_eq!(
                blob_hash_sha256(&path).unwrap().to_string(),
                "a4e13f7dfd8345eae550125113b9d9bcd4b0f781037c02afb133fd98f5f973ae"
            );
        }
        assert!(blob_hash(&tree.path().join("broken")).is_ok());
    }

    #[test]
    fn the_owner_alone_decides_what_is_executable() {
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
    fn what_is_in_git_keeps_its_directory_alive() {
        let holding_x = "0a8a87dd80eda4132d290a67b0676cde6ec1cb29";
        assert_eq!(hash(&Tree::new().file("a/.git/x", "")), holding_x);
        assert_eq!(hash(&Tree::new().file("a/.git/deep/er/x", "")), holding_x);
        assert_eq!(hash(&Tree::new().file("a/.git", "")), holding_x);
        assert_eq!(hash(&Tree::new().link("a/.git", "nowhere")), holding_x);
        assert_eq!(hash(&Tree::new().fifo("a/.git/x")), holding_x);
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

    /// Lengths counted by Julia 1.5.3.
    #[test]
    fn characters_are_counted_as_julia_does() {
        let vectors: [(&[u8], u64); 19] = [
            (b"", 0),
            (b"abc", 3),
            (b"sch\xc3\xb6n", 5),
            (b"\xe2\x82\xac", 1),
            (b"\xf0\x9f\x98\x80", 1),
            (b"\xc3", 1),
            (b"\xc3a", 2),
            (b"\xe2\x82", 1),
            (b"\xe2\x82z", 2),
            (b"\xf0\x9f\x98", 1),
            (b"\xf0\x9fz", 2),
            (b"\x80\x80", 2),
            (b"\xff\xfe", 2),
            (b"\xf8\x88\x80\x80\x80", 5),
            (b"\xc0\x80", 1),
            (b"\xed\xa0\x80", 1),
            (b"\xe9t\xe9", 3),
            (b"\xc3\xa9\xa9", 2),
            (b"\xf4\x90\x80\x80", 1),
        ];
        for (text, length) in vectors {
            assert_eq!(julia_length(text), length, "{}", text.escape_ascii());
        }
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
        assert_eq!(tree_hash(&link.path().join("l")).unwrap(), tree_hash(tree.path()).unwrap());
    }

    #[test]
    fn what_is_not_a_file_is_refused_at_once() {
        let found = |result: Result<TreeHash, Error>| match result {
            Err(Error::UnsupportedFileType { path, found }) => (path, found),
            other => panic!("{other:?}"),
        };
        let tree = Tree::new().file("f", "").fifo("d/fifo");
        let fifo = tree.path().join("d/fifo");
        assert_eq!(found(tree_hash(tree.path())), (fifo.clone(), "a FIFO"));
        assert_eq!(found(blob_hash(&fifo)), (fifo, "a FIFO"));

        let tree = Tree::new();
        let socket = tree.path().join("socket");
        let _listener = UnixListener::bind(&socket).unwrap();
        assert_eq!(found(tree_hash(tree.path())), (socket, "a socket"));
        assert_eq!(found(blob_hash(Path::new("/dev/null"))).1, "a character device");
        assert_eq!(found(blob_hash(tree.path())).1, "a directory");
    }

    /// A FIFO or link that takes a file's name after the directory was listed.
    #[test]
    fn what_was_a_file_is_looked_at_again() {
        let tree = Tree::new().fifo("fifo").file("f", "").link("l", "f");
        let hash = |name| {
            hash_blob::<Sha1>(&tree.path().join(name), Leaf::File, &mut [0; 16])
                .map(|(mode, _)| mode)
        };
        assert!(matches!(hash("fifo"), Err(Error::UnsupportedFileType { found: "a FIFO", .. })));
        assert!(matches!(hash("l"), Err(Error::Io { operation: Operation::Open, .. })));
        assert_eq!(hash("f").unwrap(), Mode::File);
    }

    #[test]
    fn a_missing_root_is_named() {
        let tree = Tree::new().file("f", "");
        for name in ["missing", "f"] {
            let root = tree.path().join(name);
            let Err(Error::Io { operation: Operation::List, path, .. }) = tree_hash(&root) else {
                panic!("{name} was taken for a directory");
            };
            assert_eq!(path, root);
        }
    }

    /// Files of the kernel that lie about their size, or refuse to be read.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_that_does_not_read_as_it_looks_is_an_error() {
        let status = blob_hash(Path::new("/proc/self/status"));
        assert!(
            matches!(status, Err(Error::ChangedWhileReading { expected: 0, .. })),
            "{status:?}"
        );
        let memory = blob_hash(Path::new("/proc/self/mem"));
        assert!(matches!(memory, Err(Error::Io { operation: Operation::Read, .. })), "{memory:?}");
    }

    #[test]
    fn a_very_deep_tree_is_no_danger_to_the_stack() {
        let deep = "d/".repeat(400);
        let tree = Tree::new().file(&format!("{deep}f"), "hi");
        let small_stack = std::thread::Builder::new().stack_size(64 * 1024);
        let path = tree.path().to_owned();
        let hash = small_stack.spawn(move || tree_hash(&path)).unwrap().join().unwrap();
        assert_ne!(hash.unwrap().to_string(), EMPTY);
    }

    #[test]
    fn names_are_bytes() {
        let latin1 = Tree::new();
        fs::write(latin1.path().join(OsStr::from_bytes(b"caf\xe9")), "").unwrap();
        assert_eq!(hash(&latin1), "987facb3e8e8fd1bff45222b836903e9d2503045");
    }
}
