//! The digests of git objects: blobs, trees, and trees from sorted leaves.
//!
//! A file is the blob `"blob <length>\0<contents>"`, a symbolic link the blob of its text, and a
//! directory the tree `"tree <length>\0"` followed by its entries, each
//! `"<mode> <name>\0<raw digest>"`.

use sha1::digest::{Digest, Output};

/// The mode of an entry of a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Directory,
    File,
    Executable,
    Symlink,
}

impl Mode {
    /// The mode of a file.
    pub(crate) fn of_file(executable: bool) -> Self {
        if executable { Self::Executable } else { Self::File }
    }

    /// The mode in a tree: octal digits, no leading zero.
    fn text(self) -> &'static str {
        match self {
            Self::Directory => "40000",
            Self::File => "100644",
            Self::Executable => "100755",
            Self::Symlink => "120000",
        }
    }
}

/// A digest, begun with the header of a blob of `length` bytes.
pub(crate) fn blob<D: Digest>(length: u64) -> D {
    object("blob", length)
}

/// How the blob of a symbolic link counts the length of its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LinkLength {
    /// As git and Tar.jl do.
    Bytes,
    /// As Pkg does, by the `length` of a Julia string.
    Characters,
}

impl LinkLength {
    /// The length of a link's target.
    pub(crate) fn of(self, text: &[u8]) -> u64 {
        match self {
            Self::Bytes => text.len() as u64,
            Self::Characters => julia_length(text),
        }
    }
}

/// The digest of a symbolic link.
pub(crate) fn link<D: Digest>(text: &[u8], length: LinkLength) -> Output<D> {
    blob::<D>(length.of(text)).chain_update(text).finalize()
}

fn object<D: Digest>(kind: &str, length: u64) -> D {
    D::new_with_prefix(format!("{kind} {length}\0"))
}

fn tree<D: Digest>(body: &[u8]) -> Output<D> {
    object::<D>("tree", body.len() as u64).chain_update(body).finalize()
}

/// Computes the digest of a tree from its leaves, added in the order of the bytes of their paths.
///
/// This is git's order: git compares names as if those of directories ended in a slash. So a
/// directory is complete when a path is added that is not below it, and memory holds only the
/// directories above one leaf.
pub(crate) struct TreeDigest {
    /// The path of the innermost incomplete directory, with a trailing slash.
    path: Vec<u8>,
    /// The incomplete directories, the root first.
    open: Vec<OpenDirectory>,
}

#[derive(Default)]
struct OpenDirectory {
    /// The offset of its name in the path.
    name_at: usize,
    body: Vec<u8>,
}

impl TreeDigest {
    pub(crate) fn new() -> Self {
        Self { path: Vec::new(), open: vec![OpenDirectory::default()] }
    }

    /// Adds a leaf. `path` is relative to the root, its components separated by slashes.
    pub(crate) fn add<D: Digest>(&mut self, path: &[u8], mode: Mode, digest: &[u8]) {
        while !path.starts_with(&self.path) {
            self.close::<D>();
        }
        let name_at = path.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
        for component in path[self.path.len()..name_at].split_inclusive(|byte| *byte == b'/') {
            let name_at = self.path.len();
            self.open.push(OpenDirectory { name_at, body: Vec::new() });
            self.path.extend_from_slice(component);
        }
        self.push(mode, &path[name_at..], digest);
    }

    /// Adds a directory without entries, which Pkg hashes although git can't represent it.
    pub(crate) fn add_empty_tree<D: Digest>(&mut self, path: &[u8]) {
        self.add::<D>(path, Mode::Directory, &tree::<D>(b""));
    }

    /// The digest of the root.
    pub(crate) fn finish<D: Digest>(mut self) -> Output<D> {
        while self.open.len() > 1 {
            self.close::<D>();
        }
        tree::<D>(&self.open[0].body)
    }

    fn close<D: Digest>(&mut self) {
        let Some(OpenDirectory { name_at, body }) = self.open.pop() else { return };
        let name = self.path.split_off(name_at);
        self.push(Mode::Directory, &name[..name.len() - 1], &tree::<D>(&body));
    }

    fn push(&mut self, mode: Mode, name: &[u8], digest: &[u8]) {
        let Some(directory) = self.open.last_mut() else { return };
        directory.body.extend_from_slice(mode.text().as_bytes());
        directory.body.push(b' ');
        directory.body.extend_from_slice(name);
        directory.body.push(0);
        directory.body.extend_from_slice(digest);
    }
}

/// The number of characters in `text` as Julia's `length(::String)` counts them, also for invalid
/// UTF-8.
///
/// In Julia, a character is a leading byte with the continuation bytes that it requires, or the
/// fewer that follow; any other byte is a character by itself.
fn julia_length(text: &[u8]) -> u64 {
    let mut characters = 0;
    let mut rest = text;
    while let Some((lead, tail)) = rest.split_first() {
        let required = match lead {
            0xc0..=0xdf => 1,
            0xe0..=0xef => 2,
            0xf0..=0xf7 => 3,
            _ => 0,
        };
        let found = tail.iter().take(required).take_while(|byte| *byte & 0xc0 == 0x80).count();
        rest = &tail[found..];
        characters += 1;
    }
    characters
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lengths counted by Julia 1.5.3.
    #[test]
    fn characters_are_counted_as_by_julia() {
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
}
