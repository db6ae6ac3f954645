//! The files of an artifact.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use scratchrs_fs::{self as fs, FileKind};

/// The files, links and directories of an artifact.
pub(crate) struct Tree {
    root: PathBuf,
    /// By path relative to the root, with slashes.
    entries: BTreeMap<String, FileKind>,
}

impl Tree {
    /// Lists a directory.
    ///
    /// # Errors
    ///
    /// It is not a directory, or cannot be read.
    pub(crate) fn list(root: &Path) -> fs::Result<Self> {
        let mut entries = BTreeMap::new();
        fs::walk(root, |cursor, entry| {
            let path = cursor.path().join(&entry.name);
            let below = path.strip_prefix(root).unwrap_or(&path);
            let names: Vec<_> = below.iter().map(|name| name.to_string_lossy()).collect();
            entries.insert(names.join("/"), entry.kind);
            true
        })?;
        Ok(Self { root: root.to_owned(), entries })
    }

    /// The directory.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The path of an entry in the file system.
    pub(crate) fn path(&self, entry: &str) -> PathBuf {
        self.root.join(entry)
    }

    /// The paths of regular files.
    pub(crate) fn files(&self) -> impl Iterator<Item = &str> {
        self.entries_of(FileKind::File)
    }

    /// The paths of symbolic links.
    pub(crate) fn links(&self) -> impl Iterator<Item = &str> {
        self.entries_of(FileKind::Link)
    }

    fn entries_of(&self, kind: FileKind) -> impl Iterator<Item = &str> {
        self.entries.iter().filter(move |(_, found)| **found == kind).map(|(path, _)| &**path)
    }

    /// The names of files, and of links to files, in a directory, in order.
    pub(crate) fn files_in(&self, directory: &str) -> impl Iterator<Item = &str> {
        let prefix = format!("{directory}/");
        self.entries.keys().filter_map(move |path| {
            let name = path.strip_prefix(&prefix)?;
            (!name.contains('/') && self.is_file(path)).then_some(name)
        })
    }

    /// Whether there is a file, or a link to one.
    pub(crate) fn is_file(&self, entry: &str) -> bool {
        match self.entries.get(entry) {
            Some(FileKind::File) => true,
            Some(FileKind::Link) => fs::is_file(&self.path(entry)),
            _ => false,
        }
    }

    /// Whether there is a file that can be executed.
    pub(crate) fn is_executable(&self, entry: &str) -> bool {
        let path = self.path(entry);
        let found = fs::metadata(&path).ok().flatten();
        found.is_some_and(|found| found.is_file() && fs::is_executable(&found, || path))
    }

    /// Whether there is anything, not counting links that lead nowhere.
    pub(crate) fn exists(&self, entry: &str) -> bool {
        self.entries.contains_key(entry) && fs::exists(&self.path(entry))
    }
}
