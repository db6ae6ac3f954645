//! What is in a directory, and how much.

use std::ffi::OsString;
use std::fs::{self, DirEntry, FileType, Metadata};
use std::io;
use std::ops::AddAssign;
use std::path::Path;

use crate::error::{Error, Result};
use crate::platform;
use crate::short::Short;
use crate::trail::{Child, Crossing, FileKind, Trail};

/// Something in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: OsString,
    /// What it is.
    pub kind: EntryKind,
}

/// What something in a directory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A directory.
    Directory,
    /// A link to a directory.
    LinkToDirectory,
    /// A link to anything else, or to nothing.
    Link,
    /// A file, or what is neither file nor directory nor link.
    File,
}

/// What is in the directory at `path`, in no order. A missing one has nothing in it, and so has
/// what is no directory.
///
/// # Errors
///
/// If it is there and cannot be read.
pub fn entries(path: &Path) -> Result<Vec<Entry>> {
    let failed = || Error::on("read the directory", path);
    let found = match Short::of(path).and_then(|short| Ok((fs::read_dir(short.path())?, short))) {
        Err(error) if is_absent(&error) => return Ok(Vec::new()),
        found => found.map_err(failed())?,
    };
    let (found, _short) = found;
    let mut entries = Vec::new();
    for entry in found {
        let entry = match entry {
            // The directory was removed while it was read.
            Err(error) if is_absent(&error) => break,
            entry => entry.map_err(failed())?,
        };
        // It may be gone by now.
        let Ok(kind) = entry.file_type() else { continue };
        entries.push(Entry { kind: kind_of(kind, &entry), name: entry.file_name() });
    }
    Ok(entries)
}

fn kind_of(kind: FileType, entry: &DirEntry) -> EntryKind {
    if kind.is_dir() {
        EntryKind::Directory
    } else if !kind.is_symlink() {
        EntryKind::File
    } else if platform::is_directory(&entry.path()) {
        EntryKind::LinkToDirectory
    } else {
        EntryKind::Link
    }
}

/// Whether an error says that there is no such file, nor can there be: a path through a file,
/// through links that go round in a circle, or that no file system can have.
pub(crate) fn is_absent(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidFilename, InvalidInput, NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory | InvalidInput | InvalidFilename)
        || platform::is_link_loop(error)
}

/// How large something is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// The sum of the lengths of its files and links.
    pub bytes: u64,
    /// Of these, what belongs to files that have other names too, perhaps elsewhere: it is not
    /// freed when these go.
    pub shared: u64,
    /// How many files and links there are.
    pub files: u64,
}

impl Size {
    /// The size of one file.
    pub(crate) fn of(metadata: &Metadata) -> Self {
        Self::of_file(metadata.len(), platform::has_other_names(metadata))
    }

    pub(crate) fn of_file(bytes: u64, has_other_names: bool) -> Self {
        Self { bytes, shared: if has_other_names { bytes } else { 0 }, files: 1 }
    }

    /// The bytes that are freed when it is removed.
    pub fn freed(self) -> u64 {
        self.bytes - self.shared
    }
}

impl AddAssign for Size {
    fn add_assign(&mut self, other: Self) {
        self.bytes += other.bytes;
        self.shared += other.shared;
        self.files += other.files;
    }
}

impl std::iter::Sum for Size {
    fn sum<I: Iterator<Item = Self>>(sizes: I) -> Self {
        sizes.fold(Self::default(), |mut sum, size| {
            sum += size;
            sum
        })
    }
}

/// The size of what is at `path`, links not followed, as its removal would count it: what cannot be read
/// counts as nothing, and so does what is mounted in it.
pub fn measure(path: &Path) -> Size {
    let Ok(metadata) = fs::symlink_metadata(path) else { return Size::default() };
    if metadata.is_dir() { measure_directory(path) } else { Size::of(&metadata) }
}

/// The size of what is in the directory at `path`, or in the one that a link there leads to. Else as
/// [`measure`].
pub fn measure_directory(path: &Path) -> Size {
    let mut size = Size::default();
    let Ok(mut trail) = Trail::open(path, Crossing::Forbidden) else { return size };
    let mut pending = vec![trail.entries().unwrap_or_default()];
    while let Some(children) = pending.last_mut() {
        let Some(Child { name, kind }) = children.pop() else {
            pending.pop();
            // What is lost on the way was removed or moved by another process.
            while trail.leave().is_err() {
                pending.pop();
            }
            continue;
        };
        if kind != FileKind::Directory {
            let found = trail.properties(&name);
            size += found.map_or(Size::default(), |f| Size::of_file(f.size, f.has_other_names));
        } else if trail.enter(&name).is_ok() {
            pending.push(trail.entries().unwrap_or_default());
        }
    }
    size
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_are_told_apart_and_not_followed() {
        let depot = tempfile::tempdir().unwrap();
        let at = |name: &str| depot.path().join(name);
        fs::create_dir(at("directory")).unwrap();
        fs::write(at("directory/file"), "12345").unwrap();
        fs::hard_link(at("directory/file"), at("other name")).unwrap();
        symlink("directory", at("link")).unwrap();
        symlink("nowhere", at("dangling")).unwrap();
        symlink("circle", at("circle")).unwrap();
        let mut found = entries(depot.path()).unwrap();
        found.sort_by(|a, b| a.name.cmp(&b.name));
        let found: Vec<_> =
            found.iter().map(|entry| (entry.name.to_str().unwrap(), entry.kind)).collect();
        let expected = [
            ("circle", EntryKind::Link),
            ("dangling", EntryKind::Link),
            ("directory", EntryKind::Directory),
            ("link", EntryKind::LinkToDirectory),
            ("other name", EntryKind::File),
        ];
        assert_eq!(found, expected);
        assert_eq!(measure(&at("directory")), Size { bytes: 5, shared: 5, files: 1 });
        let links = "directory".len() + "nowhere".len() + "circle".len();
        assert_eq!(measure(depot.path()).bytes, 10 + links as u64);
        assert_eq!(entries(&at("circle/x")).unwrap(), []);
        assert_eq!(entries(&at("nothing")).unwrap(), []);
        assert_eq!(measure(&at("nothing")), Size::default());
    }
}
