//! Git's objects, as functions from values to digests: blobs, trees, and trees from sorted leaves.
//!
//! A file is the blob `"blob <length>\0<contents>"`, a symbolic link the blob of its text, and a
//! directory the tree `"tree <length>\0"` followed by its entries, each
//! `"<mode> <name>\0<raw digest>"`.

use sha1::digest::{Digest, Output};

/// What a tree says about one of its entries beside name and digest.
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

/// A digest that has taken in the header of a blob of `length` bytes.
pub(crate) fn blob<D: Digest>(length: u64) -> D {
    object("blob", length)
}

/// How the length of a symbolic link's text is counted in its blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LinkLength {
    /// As git and Tar.jl do.
    Bytes,
    /// As Pkg does, which asks Julia for the length of a string.
    Characters,
}

impl LinkLength {
    /// The length of a link's text.
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

/// Makes the digest of a tree from its leaves, which come one by one, ordered by the bytes of their
/// paths.
///
/// That is git's order too: git compares the names in a directory as if those of directories ended
/// in a slash, which is what follows them in a path. So each directory is complete when a path
/// comes that is not below it, and only the directories above one leaf are held at a time.
pub(crate) struct TreeDigest {
    /// The path of the innermost directory that is not complete, with a slash at its end.
    path: Vec<u8>,
    /// The directories that are not complete, the root first.
    open: Vec<OpenDirectory>,
}

#[derive(Default)]
struct OpenDirectory {
    /// Where its name begins in the path.
    name_at: usize,
    body: Vec<u8>,
}

impl TreeDigest {
    pub(crate) fn new() -> Self {
        Self { path: Vec::new(), open: vec![OpenDirectory::default()] }
    }

    /// Adds a leaf: its path from the root, its components parted by slashes.
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

    /// Adds a directory that git can't hold, and Pkg does: one with nothing in it that counts.
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
mod tests {
    use super::*;

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
}
