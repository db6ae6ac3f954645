//! The entries of a tree on disk, listed before any file is read.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::vec;

use scratchrs_fs as effect;
use scratchrs_fs::{FileKind, Progress, TreeCursor};

use crate::error::Error;
use crate::platform;

/// The entries below a directory.
pub(crate) struct Listing {
    root: PathBuf,
    /// The concatenated paths of all entries.
    paths: Vec<u8>,
    entries: Vec<Entry>,
    /// The paths of directories without entries that count; only in a listing for a hash.
    bare: Vec<Vec<u8>>,
}

struct Entry {
    path_at: usize,
    path_length: u32,
    kind: Kind,
}

/// The kind of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    File {
        size: u64,
        executable: bool,
    },
    Symlink,
    /// A directory; only in a listing for an archive.
    Directory,
    /// A directory without leaves that still counts as an entry of its parent; only in a listing
    /// for a hash.
    EmptyTree,
}

/// An entry of a listing with its path.
#[derive(Clone, Copy)]
pub(crate) struct Listed<'a> {
    /// Relative to the root, its components separated by slashes on every system.
    pub(crate) path: &'a [u8],
    pub(crate) kind: Kind,
}

/// The purpose of a listing, which determines its entries and their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The leaves that count in a tree hash, ordered by the bytes of their paths: without `.git`,
    /// and without directories that have no files.
    Hash,
    /// All entries, ordered by the bytes of the names, each directory before its entries.
    Archive,
}

impl Listing {
    /// Lists the tree at `root`. A `root` that is itself a symbolic link to a directory is
    /// followed; links inside are not.
    ///
    /// With a defined order, results and errors are the same on every file system.
    ///
    /// # Errors
    ///
    /// A directory cannot be read, or an entry is not a directory, a file or a symbolic link.
    pub(crate) fn new(root: &Path, purpose: Purpose, progress: &Progress) -> Result<Self, Error> {
        let mut listing = Self {
            root: root.to_owned(),
            paths: Vec::new(),
            entries: Vec::new(),
            bare: Vec::new(),
        };
        let mut path = Vec::new();
        let (mut cursor, children) = TreeCursor::open_and_list(root)?;
        let mut open = vec![OpenDirectory::new(&cursor, children, 0, purpose, 0)?];
        while let Some(directory) = open.last_mut() {
            path.truncate(directory.path_length);
            let Some(Child { name, kind }) = directory.children.next() else {
                let empty = listing.entries.len() == directory.entries_before;
                let has_git = directory.has_git;
                if empty && !path.is_empty() && purpose == Purpose::Hash {
                    if has_git && contains_files(&cursor.path().join(".git"))? {
                        listing.push(&path, Kind::EmptyTree);
                    } else {
                        listing.bare.push(path.clone());
                    }
                }
                open.pop();
                cursor.leave_checked()?;
                continue;
            };
            if purpose == Purpose::Hash && name == ".git" {
                directory.has_git = true;
                continue;
            }
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend_from_slice(platform::bytes(&name));
            if kind != Kind::Directory {
                listing.push(&path, kind);
                continue;
            }
            progress.check()?;
            if purpose == Purpose::Archive {
                listing.push(&path, kind);
            }
            let before = listing.entries.len();
            let children = cursor.enter_and_list(&name)?;
            open.push(OpenDirectory::new(&cursor, children, path.len(), purpose, before)?);
        }
        Ok(listing)
    }

    fn push(&mut self, path: &[u8], kind: Kind) {
        let path_at = self.paths.len();
        self.paths.extend_from_slice(path);
        self.entries.push(Entry { path_at, path_length: path.len() as u32, kind });
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn get(&self, index: usize) -> Listed<'_> {
        let Entry { path_at, path_length, kind } = self.entries[index];
        Listed { path: &self.paths[path_at..][..path_length as usize], kind }
    }

    /// The paths of the directories that do not count in a hash, innermost first.
    pub(crate) fn bare(self) -> Vec<Vec<u8>> {
        self.bare
    }

    /// The total size of all files.
    pub(crate) fn bytes(&self) -> u64 {
        self.entries
            .iter()
            .map(|entry| match entry.kind {
                Kind::File { size, .. } => size,
                Kind::Symlink | Kind::Directory | Kind::EmptyTree => 0,
            })
            .fold(0, u64::saturating_add)
    }

    /// The path of an entry on disk.
    pub(crate) fn on_disk(&self, path: &[u8]) -> Result<PathBuf, Error> {
        match platform::to_path(path) {
            Some(path) => Ok(self.root.join(path)),
            None => {
                let path = self.root.join(platform::to_path_lossy(path));
                let error = io::Error::new(io::ErrorKind::InvalidData, "its name is not Unicode");
                Err(effect::Error::on("read", path)(error).into())
            }
        }
    }
}

/// A directory that is being listed.
struct OpenDirectory {
    /// The length of its path in bytes.
    path_length: usize,
    children: vec::IntoIter<Child>,
    has_git: bool,
    /// The number of entries before it.
    entries_before: usize,
}

struct Child {
    name: OsString,
    kind: Kind,
}

impl OpenDirectory {
    fn new(
        cursor: &TreeCursor,
        children: Vec<effect::DirEntry>,
        path_length: usize,
        purpose: Purpose,
        entries_before: usize,
    ) -> Result<Self, Error> {
        let children = children.into_iter().map(|found| child(cursor, found));
        let mut children = children.collect::<Result<Vec<_>, Error>>()?;
        match purpose {
            Purpose::Archive => children.sort_unstable_by(|a, b| a.bytes().cmp(b.bytes())),
            Purpose::Hash => children.sort_unstable_by(|a, b| a.sort_key().cmp(b.sort_key())),
        }
        Ok(Self { path_length, children: children.into_iter(), has_git: false, entries_before })
    }
}

impl Child {
    fn bytes(&self) -> &[u8] {
        platform::bytes(&self.name)
    }

    /// Git's sort key of an entry: its name, with a slash if it is a directory.
    fn sort_key(&self) -> impl Iterator<Item = u8> {
        let slash = (self.kind == Kind::Directory).then_some(b'/');
        self.bytes().iter().copied().chain(slash)
    }
}

fn child(cursor: &TreeCursor, child: effect::DirEntry) -> Result<Child, Error> {
    let effect::DirEntry { name, kind } = child;
    let kind = match kind {
        FileKind::Directory => Kind::Directory,
        FileKind::Link => Kind::Symlink,
        FileKind::File => {
            // The size is needed for the progress, and for starting large files first.
            let found = cursor.metadata(&name);
            let inspect = |error| effect::Error::on("inspect", cursor.path().join(&name))(error);
            let found = found.map_err(inspect)?;
            let executable = effect::is_executable(&found, || cursor.path().join(&name));
            Kind::File { size: found.size, executable }
        }
        // Not hashed, but its directory counts; an archive refuses it when it is opened.
        FileKind::Special(_) if name == ".git" => Kind::File { size: 0, executable: false },
        FileKind::Special(found) => {
            return Err(Error::UnsupportedFileType { path: cursor.path().join(name), found });
        }
    };
    Ok(Child { name, kind })
}

/// Whether `path` is not a directory, or has an entry below that is not a directory.
fn contains_files(path: &Path) -> Result<bool, Error> {
    let found = effect::symlink_metadata(path)?;
    if !found.is_some_and(|found| found.is_dir()) {
        return Ok(true);
    }
    let mut is_found = false;
    effect::walk(path, |_, entry| {
        is_found |= entry.kind != FileKind::Directory;
        !is_found
    })?;
    Ok(is_found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Tree;

    fn paths(tree: &Tree, purpose: Purpose) -> Vec<String> {
        let listing = Listing::new(tree.path(), purpose, &Progress::default()).unwrap();
        let path = |index| String::from_utf8(listing.get(index).path.to_vec()).unwrap();
        (0..listing.len()).map(path).collect()
    }

    #[test]
    fn the_purpose_determines_entries_and_order() {
        let tree = Tree::new()
            .file("foo.bar", "")
            .file("foo/x", "")
            .file("Z", "")
            .link("é", "Z")
            .directory("foo/empty")
            .file("only-git/.git/x", "");
        assert_eq!(paths(&tree, Purpose::Hash), ["Z", "foo.bar", "foo/x", "only-git", "é"]);
        let archive = [
            "Z",
            "foo",
            "foo/empty",
            "foo/x",
            "foo.bar",
            "only-git",
            "only-git/.git",
            "only-git/.git/x",
            "é",
        ];
        assert_eq!(paths(&tree, Purpose::Archive), archive);
    }
}
