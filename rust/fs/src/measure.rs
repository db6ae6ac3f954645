//! The size of a tree.

use std::ops::AddAssign;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::metadata::FileKind;
use crate::platform::{self, Stat};
use crate::walk::{MountPolicy, TreeCursor, walk_below};

/// The size of a file or a tree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "EncodedSize", into = "EncodedSize")]
pub struct Size {
    /// Sum of the lengths of its files and links.
    pub bytes: u64,
    /// The part of `bytes` in files with other hard links, which deletion does not free.
    pub shared: u64,
    /// Number of files and links.
    pub files: u64,
}

/// A size in results.
#[derive(Serialize, Deserialize, JsonSchema)]
struct EncodedSize {
    bytes: u64,
    freed: u64,
}

impl From<Size> for EncodedSize {
    fn from(size: Size) -> Self {
        Self { bytes: size.bytes, freed: size.freed() }
    }
}

/// The number of files is not part of results.
impl From<EncodedSize> for Size {
    fn from(EncodedSize { bytes, freed }: EncodedSize) -> Self {
        Self { bytes, shared: bytes.saturating_sub(freed), files: 0 }
    }
}

impl Size {
    /// The size of one file.
    pub(crate) fn of_metadata(metadata: &Stat) -> Self {
        Self::of_file(metadata.len(), platform::has_other_names(metadata))
    }

    pub(crate) fn of_file(bytes: u64, has_other_names: bool) -> Self {
        Self { bytes, shared: if has_other_names { bytes } else { 0 }, files: 1 }
    }

    /// The size of the file or tree at `path` that its removal would free, without following links.
    /// Mounts and unreadable directories count as empty.
    pub fn of(path: &Path) -> Self {
        let Ok(metadata) = platform::lstat(path) else { return Self::default() };
        if metadata.is_dir() { Self::of_entries(path) } else { Self::of_metadata(&metadata) }
    }

    /// As [`Size::of`], of the entries of the directory at `path`, or of the one that a link there
    /// leads to.
    pub fn of_entries(path: &Path) -> Self {
        let mut size = Self::default();
        if let Ok(mut cursor) = TreeCursor::open(path, MountPolicy::Refuse) {
            let skip = |_| Ok(());
            let _ = walk_below(&mut cursor, skip, |cursor, entry| {
                if entry.kind != FileKind::Directory {
                    let found = cursor.metadata(&entry.name);
                    size +=
                        found.map_or(Self::default(), |f| Self::of_file(f.size, f.has_other_names));
                }
                true
            });
        }
        size
    }

    /// The bytes that deletion frees.
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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::read_dir;
    use crate::testing::symlink;

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
        let mut found = read_dir(depot.path()).unwrap();
        found.sort_by(|a, b| a.name.cmp(&b.name));
        let found: Vec<_> = found
            .iter()
            .map(|entry| (entry.text().unwrap(), entry.kind, entry.is_dir_in(depot.path())))
            .collect();
        let expected = [
            ("circle", FileKind::Link, false),
            ("dangling", FileKind::Link, false),
            ("directory", FileKind::Directory, true),
            ("link", FileKind::Link, true),
            ("other name", FileKind::File, false),
        ];
        assert_eq!(found, expected);
        assert_eq!(Size::of(&at("directory")), Size { bytes: 5, shared: 5, files: 1 });
        // Windows counts no bytes for a link.
        let links =
            if cfg!(windows) { 0 } else { "directory".len() + "nowhere".len() + "circle".len() };
        assert_eq!(Size::of(depot.path()).bytes, 10 + links as u64);
        assert_eq!(read_dir(&at("circle/x")).unwrap(), []);
        assert_eq!(read_dir(&at("nothing")).unwrap(), []);
        assert_eq!(Size::of(&at("nothing")), Size::default());
    }
}
