//! Trees for tests, built entry by entry below a temporary directory.

use std::fs;
use std::path::{Path, PathBuf};

use scratchrs_testkit::{Random, set_mode, symlink};
use tempfile::TempDir;

/// Incompressible bytes.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    Random::new(1).bytes(length)
}

/// A table of records of 32 bytes with the same end and one of eight beginnings. The output for
/// half of its blocks depends on leftovers of a previous block after the dictionary: the window of
/// the compressor is a multiple of 32 bytes.
pub(crate) fn records(length: usize, seed: u64) -> Vec<u8> {
    let mut random = Random::new(seed);
    let mut bytes = Vec::with_capacity(length + 32);
    while bytes.len() < length {
        bytes.push(random.below(8) as u8);
        bytes.extend(random.bytes(28));
        bytes.extend_from_slice(b"END");
    }
    bytes.truncate(length);
    bytes
}

/// A number below a power of two; the powers from `first` on are equally likely.
fn below_power(random: &mut Random, first: usize, powers: usize) -> usize {
    let power = first + random.below(powers);
    random.below(1 << power)
}

/// Bytes like those of programs and libraries: zeros, noise, tables of numbers, text, and copies of
/// earlier bytes, near and far, in runs of very different lengths.
pub(crate) fn binary_like(length: usize, seed: u64) -> Vec<u8> {
    const WORDS: [&str; 8] = [
        "_ZN4core3fmt",
        "\0",
        "lib",
        ".so.6\0",
        "GLIBC_2.34\0",
        "julia_",
        "size",
        "\x0f\x1f\x44\0\0",
    ];
    let mut random = Random::new(seed);
    let mut bytes = Vec::with_capacity(length + 4096);
    while bytes.len() < length {
        let run = 1 + below_power(&mut random, 3, 10);
        match random.below(6) {
            0 => bytes.resize(bytes.len() + run, 0),
            1 => bytes.extend(random.bytes(run)),
            2 => {
                let (start, step) =
                    (random.number() as u32, below_power(&mut random, 1, 12) as u32);
                let table = (0..run as u32 / 4).map(|i| start.wrapping_add(i * step));
                bytes.extend(table.flat_map(u32::to_le_bytes));
            }
            3 => bytes.extend((0..run / 6).flat_map(|_| WORDS[random.below(8)].bytes())),
            _ if bytes.is_empty() => {}
            _ => {
                let back = bytes.len().min(1 + below_power(&mut random, 4, 13));
                let from = bytes.len() - back;
                let copied = bytes[from..].iter().copied().take(run).collect::<Vec<_>>();
                bytes.extend(copied);
                // An instruction that differs in its operand.
                if let Some(byte) = bytes.last_mut() {
                    *byte ^= random.number() as u8 & 7;
                }
            }
        }
    }
    bytes.truncate(length);
    bytes
}

pub(crate) struct Tree(TempDir);

impl Tree {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn directory(self, path: &str) -> Self {
        fs::create_dir_all(self.path().join(path)).unwrap();
        self
    }

    /// Adds a file with mode 644.
    pub(crate) fn file(self, path: &str, contents: impl AsRef<[u8]>) -> Self {
        self.file_with_mode(path, contents, 0o644)
    }

    pub(crate) fn file_with_mode(self, path: &str, contents: impl AsRef<[u8]>, mode: u32) -> Self {
        let path = self.new_path(path);
        fs::write(&path, contents).unwrap();
        set_mode(&path, mode);
        self
    }

    pub(crate) fn link(self, path: &str, target: impl AsRef<Path>) -> Self {
        symlink(target, self.new_path(path));
        self
    }

    #[cfg(unix)]
    pub(crate) fn fifo(self, path: &str) -> Self {
        let status =
            std::process::Command::new("mkfifo").arg(self.new_path(path)).status().unwrap();
        assert!(status.success());
        self
    }

    /// The path below the root, whose parent exists.
    fn new_path(&self, path: &str) -> PathBuf {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }
}
