//! Archives built member by member, valid or not.

#![allow(dead_code, reason = "each test uses a part")]

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::Command;

use scratchrs_archive::{Error, UnpackOptions, Unpacked};
use scratchrs_fs::Progress;
use scratchrs_testkit::{inapplicable, skip};
use tar::Header;
use tempfile::TempDir;

/// A tar archive under construction.
#[derive(Clone, Default)]
pub(crate) struct Archive(pub(crate) Vec<u8>);

/// The fields of a member, which may be inconsistent.
pub(crate) struct Raw<'a> {
    pub(crate) kind: u8,
    pub(crate) path: &'a [u8],
    pub(crate) link: &'a [u8],
    pub(crate) mode: u32,
    pub(crate) size: u64,
    pub(crate) contents: &'a [u8],
}

pub(crate) const FILE: Raw<'static> =
    Raw { kind: b'0', path: b"f", link: b"", mode: 0o644, size: 0, contents: b"" };

impl Archive {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn raw(mut self, raw: &Raw<'_>) -> Self {
        let mut header = Header::new_ustar();
        let fields = header.as_old_mut();
        fields.name[..raw.path.len()].copy_from_slice(raw.path);
        fields.linkname[..raw.link.len()].copy_from_slice(raw.link);
        fields.linkflag = [raw.kind];
        header.set_mode(raw.mode);
        header.set_size(raw.size);
        header.set_cksum();
        self.0.extend_from_slice(header.as_bytes());
        self.contents(raw.contents)
    }

    /// Appends contents, padded to whole blocks.
    pub(crate) fn contents(mut self, contents: &[u8]) -> Self {
        self.0.extend_from_slice(contents);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    pub(crate) fn file(self, path: &str, contents: impl AsRef<[u8]>) -> Self {
        self.file_with_mode(path, 0o644, contents)
    }

    pub(crate) fn file_with_mode(self, path: &str, mode: u32, contents: impl AsRef<[u8]>) -> Self {
        let contents = contents.as_ref();
        let size = contents.len() as u64;
        self.raw(&Raw { path: path.as_bytes(), mode, size, contents, ..FILE })
    }

    pub(crate) fn directory(self, path: &str) -> Self {
        self.raw(&Raw { kind: b'5', path: path.as_bytes(), mode: 0o755, ..FILE })
    }

    pub(crate) fn link(self, path: &str, target: &str) -> Self {
        self.raw(&Raw { kind: b'2', path: path.as_bytes(), link: target.as_bytes(), ..FILE })
    }

    pub(crate) fn hard_link(self, path: &str, target: &str) -> Self {
        self.raw(&Raw { kind: b'1', path: path.as_bytes(), link: target.as_bytes(), ..FILE })
    }

    /// Adds a header of `kind` for the next member: `x` or `g` for pax, `L` or `K` for
    /// GNU's long names.
    pub(crate) fn extension(self, kind: u8, contents: impl AsRef<[u8]>) -> Self {
        let contents = contents.as_ref();
        let size = contents.len() as u64;
        self.raw(&Raw { kind, path: b"././@LongLink", size, contents, ..FILE })
    }

    pub(crate) fn pax(self, key: &str, value: impl AsRef<[u8]>) -> Self {
        self.extension(b'x', pax_record(key, value.as_ref()))
    }

    /// Appends the end-of-archive marker.
    pub(crate) fn end(mut self) -> Self {
        self.0.resize(self.0.len() + 1024, 0);
        self
    }
}

pub(crate) fn pax_record(key: &str, value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let mut length = rest;
    while length < rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    [format!("{length} {key}=").as_bytes(), value, b"\n"].concat()
}

/// A directory to unpack into, with files beside it that must not change.
pub(crate) struct Sandbox {
    directory: TempDir,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("into")).unwrap();
        fs::create_dir(directory.path().join("beside")).unwrap();
        fs::write(directory.path().join("beside/file"), "precious").unwrap();
        Self { directory }
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.directory.path().join("into")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn unpack(
        &self,
        archive: &[u8],
        options: &UnpackOptions,
    ) -> Result<Unpacked, Error> {
        let result =
            scratchrs_archive::unpack(archive, &self.root(), options, &Progress::default());
        self.assert_unchanged();
        result
    }

    pub(crate) fn assert_unchanged(&self) {
        let names = |path: &Path| {
            let mut names: Vec<_> =
                fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            names.sort();
            names
        };
        assert_eq!(names(self.directory.path()), ["beside", "into"]);
        assert_eq!(names(&self.path("beside")), ["file"]);
        assert_eq!(fs::read_to_string(self.path("beside/file")).unwrap(), "precious");
    }
}

/// Unpacks an archive into a new sandbox.
pub(crate) fn unpack(archive: &Archive) -> Result<(Unpacked, Sandbox), Error> {
    let sandbox = Sandbox::new();
    let unpacked = sandbox.unpack(&archive.0, &UnpackOptions::default())?;
    Ok((unpacked, sandbox))
}

/// The sorted entries of a tree, one line each: files with contents, links with targets,
/// directories.
pub(crate) fn described(root: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    let mut pending = vec![PathBuf::new()];
    while let Some(directory) = pending.pop() {
        for entry in fs::read_dir(root.join(&directory)).unwrap() {
            let path = directory.join(entry.unwrap().file_name());
            let on_disk = root.join(&path);
            let metadata = fs::symlink_metadata(&on_disk).unwrap();
            let shown = path.display();
            if metadata.is_dir() {
                lines.push(format!("{shown}/"));
                pending.push(path);
            } else if metadata.is_symlink() {
                lines.push(format!("{shown} -> {}", fs::read_link(&on_disk).unwrap().display()));
            } else {
                let contents = fs::read(&on_disk).unwrap();
                lines.push(format!("{shown}: {}", String::from_utf8_lossy(&contents)));
            }
        }
    }
    lines.sort();
    lines
}

/// Compresses with the usual program of a format.
pub(crate) fn compress(bytes: &[u8], program: &str) -> Vec<u8> {
    if program == "none" {
        return bytes.to_vec();
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a");
    fs::write(&path, bytes).unwrap();
    let output = Command::new(program).arg("-c").arg(&path).output().unwrap();
    assert!(output.status.success(), "{program}");
    output.stdout
}

pub(crate) const FORMATS: [&str; 5] = ["none", "gzip", "xz", "zstd", "bzip2"];

/// Whether a program is installed; records a skipped test if it is not. Windows does not come with them.
pub(crate) fn is_installed(program: &str) -> bool {
    let found = program == "none" || Command::new(program).arg("--version").output().is_ok();
    if !found {
        let skip = if cfg!(windows) { inapplicable } else { skip };
        skip(&format!("archives next to `{program}`"), "the program is not installed");
    }
    found
}

/// A reader that returns the given numbers of bytes at a time, repeatedly.
pub(crate) struct Chunked<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) sizes: Vec<usize>,
    pub(crate) next: usize,
}

impl Read for Chunked<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = self.sizes[self.next % self.sizes.len()].min(buffer.len());
        self.next += 1;
        if self.next.is_multiple_of(7) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        self.bytes.read(&mut buffer[..size])
    }
}
