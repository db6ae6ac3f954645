//! Reproducible tarballs of directories.
//!
//! The tar stream is that of Julia's `Tar.create` (Tar.jl as bundled with Julia 1.6 and later):
//! entries in the byte order of their names, each directory before its entries, a record for the
//! root only if there is no other entry, and no blocks of zeros at the end. All entries are
//! included, also `.git` and empty directories. The compressed format has no file name, time or
//! system, so the bytes depend only on the tree and the version of the compressor: not on the
//! machine, its processor, or the number of threads.
//!
//! Memory: a few blocks of 256 KiB for each thread, and the listing of the tree.
//!
//! # Crash
//!
//! The tarball is written under a temporary name beside its final one and renamed when complete. A
//! killed process leaves the old state and possibly the temporary file. Nothing is synced to the
//! disk: a tarball can be created again.

use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::Path;
use std::thread;

use schemars::JsonSchema;
use scratchrs_fs as effect;
use scratchrs_fs::Progress;
use scratchrs_model::hash::Sha256;
use serde::Serialize;
use sha2::Digest;

use crate::error::Error;
use crate::gzip::{self, Trailer};
use crate::listing::{Listing, Purpose};
use crate::reorder;
use crate::tar_stream::TarStream;

/// The level that Pkg uses for `.zst`.
const ZSTANDARD_LEVEL: i32 = 19;

/// The largest number of threads for Zstandard: at this level each needs some 100 MiB.
const MAX_ZSTANDARD_THREADS: usize = 4;

/// A written tarball.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Packed {
    /// The digest of the compressed file, as `Artifacts.toml` records it for a download.
    pub sha256: Sha256,
    /// The size of the compressed file in bytes.
    pub size: u64,
}

/// The compression of a tarball.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// gzip, which every Julia can install.
    #[default]
    Gzip,
    /// Zstandard at level 19, as by Pkg of Julia 1.13 and later for names that end in `.zst`.
    /// Earlier versions can't install it.
    Zstandard,
}

impl Compression {
    /// The compression that Pkg chooses for the name of a tarball.
    pub fn of_name(name: &str) -> Self {
        if name.ends_with(".zst") { Self::Zstandard } else { Self::Gzip }
    }
}

/// Writes the directory `tree` as a compressed tarball to the file `tarball`, replacing an existing
/// one.
///
/// The same tree gives the same bytes, whatever its owner and times. A `tree` that is a symbolic
/// link to a directory is followed; links inside are stored as links. The tree is listed before the
/// tarball is created, so a tarball inside of the tree does not contain itself.
///
/// # Errors
///
/// An entry of the tree cannot be read, is a FIFO, socket or device, or changes while it is read;
/// `tree` is not a directory; the tarball cannot be written; or the work is cancelled. The file at
/// `tarball` is then unchanged, and no other file is left.
pub fn pack(
    tree: &Path,
    tarball: &Path,
    compression: Compression,
    progress: &Progress,
) -> Result<Packed, Error> {
    let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    pack_with_threads(tree, tarball, compression, threads, progress)
}

fn pack_with_threads(
    tree: &Path,
    tarball: &Path,
    compression: Compression,
    threads: usize,
    progress: &Progress,
) -> Result<Packed, Error> {
    let listing = Listing::new(tree, Purpose::Archive, progress)?;
    let stream = TarStream::new(listing, progress)?;
    progress.expect(stream.len());
    effect::replace_with(tarball, |file| {
        let file = HashingWriter { inner: file, sha256: sha2::Sha256::new(), size: 0 };
        let HashingWriter { sha256, size, .. } = match compression {
            Compression::Gzip => write_gzip(&stream, file, tarball, threads, progress)?,
            Compression::Zstandard => write_zstandard(&stream, file, tarball, threads, progress)?,
        };
        Ok(Packed { sha256: Sha256(sha256.finalize().into()), size })
    })
}

/// Compresses the stream to `out`. Errors of `out` name the file `tarball`.
fn write_gzip<W: Write>(
    stream: &TarStream,
    mut out: W,
    tarball: &Path,
    threads: usize,
    progress: &Progress,
) -> Result<W, Error> {
    let blocks = stream.len().div_ceil(gzip::BLOCK);
    let mut write = |bytes: &[u8]| -> Result<(), Error> {
        Ok(out.write_all(bytes).map_err(effect::Error::on("write", tarball))?)
    };
    write(&gzip::HEADER)?;
    let mut trailer = Trailer::new();
    let make = |input: &mut Vec<u8>, block| {
        let (range, dictionary) = gzip::block_range(block, stream.len());
        input.clear();
        progress.advance(range.end - range.start - dictionary as u64);
        stream.read(range, input, progress)?;
        Ok(gzip::deflate(input, dictionary, block + 1 == blocks))
    };
    reorder::in_order(blocks, threads, Vec::new, make, |block| {
        trailer.add(&block);
        write(&block.deflated)
    })?;
    write(&trailer.bytes())?;
    Ok(out)
}

/// As [`write_gzip`]. Zstandard's threads compress jobs of a fixed size, so the output does not
/// depend on their number, as long as there is at least one.
fn write_zstandard<W: Write>(
    stream: &TarStream,
    out: W,
    tarball: &Path,
    threads: usize,
    progress: &Progress,
) -> Result<W, Error> {
    let failed = || effect::Error::on("write", tarball);
    let blocks = stream.len().div_ceil(gzip::BLOCK);
    let mut zstd = zstd::Encoder::new(out, ZSTANDARD_LEVEL).map_err(failed())?;
    zstd.multithread(threads.clamp(1, MAX_ZSTANDARD_THREADS) as u32).map_err(failed())?;
    zstd.set_pledged_src_size(Some(stream.len())).map_err(failed())?;
    zstd.include_checksum(true).map_err(failed())?;
    let make = |(): &mut (), block| {
        let start = block * gzip::BLOCK;
        let range = start..stream.len().min(start + gzip::BLOCK);
        let mut part = Vec::new();
        progress.advance(range.end - range.start);
        stream.read(range, &mut part, progress)?;
        Ok(part)
    };
    // One thread reads ahead.
    reorder::in_order(blocks, 1, || (), make, |part| Ok(zstd.write_all(&part).map_err(failed())?))?;
    Ok(zstd.finish().map_err(failed())?)
}

/// A writer that computes digest and size of the bytes that it forwards.
struct HashingWriter<W> {
    inner: W,
    sha256: sha2::Sha256,
    size: u64,
}

impl<W: Write> Write for HashingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.sha256.update(&bytes[..written]);
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Tree, binary_like, noise, records};
    use flate2::read::GzDecoder;
    use std::ffi::OsString;
    use std::fs;
    use std::io::Read;
    use std::process::Command;

    /// Every kind of entry, with paths and targets that fit in a header and that do not.
    fn sample() -> Tree {
        let name = "n".repeat(100);
        Tree::new()
            .file("foo/bar", "bar")
            .file("foo.bar", "")
            .file("foo-bar", [7; 512])
            .file_with_mode("bin/run", [0; 513], 0o700)
            .file(".git/config", "[core]")
            .directory("empty/too")
            .link("link", "foo/bar")
            .link("broken-é", "../nowhere/schön")
            .link("far", "t/".repeat(60))
            .file(&format!("{}/{name}", "p".repeat(99)), "split")
            .file(&format!("{}/{name}", "p".repeat(120)), "pax")
            .link(&format!("{}/l", "p".repeat(120)), "u".repeat(500))
    }

    fn stream(tree: &Path) -> TarStream {
        let progress = Progress::default();
        TarStream::new(Listing::new(tree, Purpose::Archive, &progress).unwrap(), &progress).unwrap()
    }

    fn tar_stream(tree: &Path) -> Vec<u8> {
        let stream = stream(tree);
        let mut bytes = Vec::new();
        stream.read(0..stream.len(), &mut bytes, &Progress::default()).unwrap();
        bytes
    }

    fn pack(tree: &Path, tarball: &Path) -> Result<Packed, Error> {
        super::pack(tree, tarball, Compression::Gzip, &Progress::default())
    }

    fn operation(result: Result<Packed, Error>) -> &'static str {
        match result {
            Err(Error::Io(error)) => error.operation(),
            other => panic!("{other:?}"),
        }
    }

    fn sha256(bytes: &[u8]) -> Sha256 {
        Sha256(sha2::Sha256::digest(bytes).into())
    }

    /// Digests of what `Tar.create` of Tar.jl 1.10.0 wrote for the same trees, run by hand on Julia
    /// 1.5.3.
    #[test]
    fn the_stream_is_that_of_tar_jl() {
        let stream = tar_stream(sample().path());
        assert_eq!(stream.len(), 17408);
        assert_eq!(
            sha256(&stream).to_string(),
            "702fac620ed94d55467723fee6d9bad05fd0ea1766fadc04f7500e9542deebf6"
        );
        let empty = tar_stream(Tree::new().path());
        assert_eq!(empty.len(), 512);
        assert_eq!(
            sha256(&empty).to_string(),
            "e764268f026677a73a053d0d79e1037128505e47b49137d4dd2f0c57797272de"
        );
    }

    #[test]
    fn the_tarball_is_the_gzipped_stream() {
        let (tree, out) = (sample(), Tree::new());
        let tarball = out.path().join("a.tar.gz");
        let packed = pack(tree.path(), &tarball).unwrap();
        let bytes = fs::read(&tarball).unwrap();
        assert_eq!(packed, Packed { sha256: sha256(&bytes), size: bytes.len() as u64 });
        // Deflate, no flags, no time, no level, no system.
        assert_eq!(bytes[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
        let mut stream = Vec::new();
        GzDecoder::new(&bytes[..]).read_to_end(&mut stream).unwrap();
        assert_eq!(stream, tar_stream(tree.path()));
        assert_eq!(names(out.path()), ["a.tar.gz"]);
    }

    /// A tarball, decompressed by another program; `None` if the program is missing.
    fn decompressed_by(program: &str, tarball: &Path) -> Option<Vec<u8>> {
        let tarball = fs::File::open(tarball).unwrap();
        let output = Command::new(program).arg("-dc").stdin(tarball).output().ok()?;
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
        Some(output.stdout)
    }

    fn assert_same_bytes(tree: &Path, compression: Compression, several: &[usize], program: &str) {
        let out = Tree::new();
        let pack = |threads, name: &str| {
            let tarball = out.path().join(name);
            let progress = Progress::default();
            pack_with_threads(tree, &tarball, compression, threads, &progress).unwrap()
        };
        let alone = pack(1, "alone");
        for threads in several {
            assert_eq!(pack(*threads, "several"), alone, "{program}, {threads} threads");
        }
        match decompressed_by(program, &out.path().join("several")) {
            Some(stream) => assert!(stream == tar_stream(tree), "{program}"),
            None => {
                scratchrs_testkit::skip("tarballs read by other programs", &format!("no {program}"))
            }
        }
    }

    /// The blocks differ in kind, and the output of some depends on leftovers of the previous one:
    /// zeros, noise or text alone would not detect a compressor with leftovers.
    #[test]
    fn the_number_of_threads_does_not_matter() {
        let mut tree = sample().file("zeros", vec![0; 1_000_000]).file("noise", noise(500_000));
        for (number, length) in [262_144, 2_000_000, 70_000, 1_500_000].into_iter().enumerate() {
            let seed = number as u64;
            tree = tree
                .file(&format!("lib/{number}"), binary_like(length, seed))
                .file(&format!("lib/{number}.table"), records(length, seed));
        }
        // More threads than processors, so that the system decides which one gets which block.
        assert_same_bytes(tree.path(), Compression::Gzip, &[2, 3, 5, 8, 16, 2, 16], "gzip");
    }

    /// At level 19, Zstandard gives each thread 32 MiB: less would be compressed by one thread.
    #[test]
    fn the_number_of_threads_does_not_matter_with_zstandard() {
        let repeated = binary_like(2_000_000, 1).repeat(35);
        let tree = Tree::new().file("large", repeated).file("more", binary_like(300_000, 2));
        assert_same_bytes(tree.path(), Compression::Zstandard, &[2, MAX_ZSTANDARD_THREADS], "zstd");
    }

    /// The digest was computed on one machine: every other must give the same.
    #[test]
    fn other_machines_give_the_same_bytes() {
        let words = ["ab", "abc", "xyz", "0123456789", "\n"];
        let mixed: String = (0..400_000_u32)
            .map(|i| words[(i.wrapping_mul(2_654_435_761) >> 16) as usize % words.len()])
            .collect();
        let tree = sample().file("mixed", mixed);
        let out = Tree::new();
        let packed = pack(tree.path(), &out.path().join("a")).unwrap();
        assert_eq!(
            packed.sha256.to_string(),
            "066496b16aa6d960f48a52593714e1d742ea2509d84b291d188bd6eef004b5e4"
        );
    }

    #[test]
    fn a_tarball_is_replaced_and_has_the_mode_of_the_umask() {
        let (tree, out) = (sample(), Tree::new().file("ordinary", ""));
        let tarball = out.path().join("a.tar.gz");
        let first = pack(tree.path(), &tarball).unwrap();
        let second = pack(tree.file("more", "").path(), &tarball).unwrap();
        assert_ne!(first, second);
        assert_eq!(fs::metadata(&tarball).unwrap().len(), second.size);

        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            let made_by_shell = out.path().join("shell");
            let mut shell = Command::new("sh");
            let status = shell.args(["-c", ": > \"$0\""]).arg(&made_by_shell).status().unwrap();
            assert!(status.success());
            let mode = |path: &Path| fs::metadata(path).unwrap().mode();
            assert_eq!(mode(&tarball), mode(&made_by_shell));
        }
    }

    #[test]
    fn a_tarball_inside_of_the_tree_does_not_contain_itself() {
        let tree = sample();
        let beside = Tree::new();
        let outside = pack(tree.path(), &beside.path().join("a.tar.gz")).unwrap();
        assert_eq!(pack(tree.path(), &tree.path().join("a.tar.gz")).unwrap(), outside);
    }

    #[test]
    fn a_failure_changes_nothing() {
        let out = Tree::new().file("a.tar.gz", "old").directory("b.tar.gz/in_the_way");
        let target = out.path().join("a.tar.gz");

        #[cfg(unix)]
        {
            let result = pack(sample().fifo("fifo").path(), &target);
            assert!(
                matches!(result, Err(Error::UnsupportedFileType { found: "a FIFO", .. })),
                "{result:?}"
            );
        }
        let missing = pack(&out.path().join("missing"), &target);
        assert_eq!(operation(missing), "list the directory");
        for target in ["missing/a.tar.gz", "b.tar.gz"] {
            assert_eq!(operation(pack(sample().path(), &out.path().join(target))), "write");
        }

        assert_eq!(fs::read(&target).unwrap(), b"old");
        assert_eq!(names(out.path()), ["a.tar.gz", "b.tar.gz"]);
    }

    /// Kernel files with a wrong size, or that cannot be read, found after the tarball was begun.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_failure_after_the_start_changes_nothing() {
        let out = Tree::new().file("a.tar.gz", "old");
        let result = pack(Path::new("/proc/sys/kernel/random"), &out.path().join("a.tar.gz"));
        assert!(matches!(result, Err(Error::ChangedWhileReading { .. })), "{result:?}");
        assert_eq!(fs::read(out.path().join("a.tar.gz")).unwrap(), b"old");
        assert_eq!(names(out.path()), ["a.tar.gz"]);
    }

    #[test]
    fn a_full_disk_is_an_error_of_the_tarball() {
        let tree = sample();
        let (mut small, destination) = ([0; 200], Path::new("t"));
        let progress = Progress::default();
        let result = write_gzip(&stream(tree.path()), &mut small[..], destination, 2, &progress);
        assert_eq!(result.map(|_| ()).unwrap_err().path(), Some(destination));
    }

    #[test]
    fn a_link_as_root_is_followed() {
        let tree = sample();
        let link = Tree::new().link("l", tree.path());
        assert_eq!(tar_stream(&link.path().join("l")), tar_stream(tree.path()));
    }

    #[test]
    fn modes_beyond_the_owners_execute_bit_do_not_matter() {
        let stream = |mode| tar_stream(Tree::new().file_with_mode("f", "f", mode).path());
        assert_eq!(stream(0o644), stream(0o600));
        assert_eq!(stream(0o755), stream(0o700));
        assert_ne!(stream(0o644), stream(0o744));
        let tree = Tree::new().directory("d");
        let before = tar_stream(tree.path());
        scratchrs_testkit::set_mode(tree.path().join("d"), 0o700);
        assert_eq!(tar_stream(tree.path()), before);
    }

    fn names(directory: &Path) -> Vec<OsString> {
        let mut names: Vec<_> =
            fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    }
}
