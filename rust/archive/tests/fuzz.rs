//! Fuzzers of the archive formats. Each runs for `SCRATCHRS_FUZZ_SECONDS`, one second by default.
//! The seeds are generated: archives with every kind of member, files of every compression in
//! several parts, and conflicting members.
#![expect(clippy::unwrap_used, reason = "a failed setup fails the test")]
#![expect(clippy::disallowed_methods, reason = "tests prepare files themselves")]

mod members;
mod support;
mod tar_jl;

use std::io::{self, Read};

use members::{archive, path};
use scratchrs_archive::{Error, Links, UnpackOptions, Unpacked, inspect, tree_record};
use scratchrs_fs::Progress;
use scratchrs_testkit::{Random, fuzz};
use support::{Archive, FORMATS, Sandbox, compress, described, is_installed, pax_record};
use tar_jl::Expected;

/// The memory limit of all fuzzers together: the windows of a few decompressors.
const KIB_AT_MOST: u64 = 900 << 10;

fn assert_bounded_memory() {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return };
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(peak < KIB_AT_MOST, "{peak} KiB");
}

fn inspect_all(input: impl Read + Send) -> Result<Unpacked, Error> {
    inspect(input, &Progress::default())
}

/// Unpacks into a sandbox, and compares the tree on disk with the result.
fn unpack_and_compare(bytes: &[u8], links: Links) -> Result<(Unpacked, Sandbox), Error> {
    let sandbox = Sandbox::new();
    let options = UnpackOptions { links, max_bytes: Some(10 << 20), ..UnpackOptions::default() };
    let unpacked = sandbox.unpack(bytes, &options)?;
    let on_disk = tree_record(&sandbox.root(), &Progress::default()).unwrap();
    match links {
        Links::Made | Links::Tried => {
            assert_eq!(unpacked.record, on_disk, "{:#?}", described(&sandbox.root()));
            assert_eq!(unpacked, inspect_all(bytes).unwrap());
        }
        // A record leaves out `.git`, so the copies of links into it are unknown.
        Links::Copied if names_git(bytes) => {}
        Links::Copied => assert_eq!(unpacked.record.with_links_copied().unwrap(), on_disk),
    }
    Ok((unpacked, sandbox))
}

fn names_git(bytes: &[u8]) -> bool {
    bytes.windows(4).any(|part| part == b".git")
}

/// Damages bytes as a disk, a network or an attacker would.
fn damage(random: &mut Random, bytes: &mut Vec<u8>, unit: usize) {
    for _ in 0..1 + random.below(4) {
        if bytes.is_empty() {
            return;
        }
        let at = random.below(bytes.len());
        let start = at / unit * unit;
        let end = (start + unit * (1 + random.below(3))).min(bytes.len());
        match random.below(8) {
            0 | 1 => bytes[at] ^= 1 << random.below(8),
            2 => bytes[at] = *random.pick(&[0, 0xff, 0x80, b'/', b'.', b'7', b' ']),
            3 => bytes[start..end].fill(0),
            4 => {
                let copied = bytes[start..end].to_vec();
                let to = random.below(bytes.len()) / unit * unit;
                bytes.splice(to..to, copied);
            }
            5 => drop(bytes.drain(start..end)),
            6 => bytes.truncate(at),
            _ => {
                let noise = random.bytes(1 + at % 9);
                let end = (at + noise.len()).min(bytes.len());
                bytes.splice(at..end, noise);
            }
        }
    }
}

/// Corrects the checksums of blocks that still look like headers.
fn with_checksums(bytes: &mut [u8]) {
    for block in bytes.chunks_exact_mut(512).filter(|block| &block[257..262] == b"ustar") {
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().copied().map(u32::from).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
}

fn any_links(random: &mut Random) -> Links {
    if random.once_in(3) { Links::Copied } else { Links::Made }
}

/// Archives that Tar.jl unpacks give the same tree.
#[test]
fn conflicting_members() {
    fuzz("archives next to Tar.jl's rules", 100, |random| {
        let archive = archive(random);
        let found = unpack_and_compare(&archive.0, Links::Made);
        match (tar_jl::expected(&archive.0), found) {
            (Expected::Tree(tree), Ok((_, sandbox))) => {
                assert_eq!(described(&sandbox.root()), tree)
            }
            (Expected::Tree(tree), Err(error)) => panic!("{error}; Tar.jl has {tree:?}"),
            // Tar.jl refuses some harmless archives that we accept.
            (Expected::Refused, _) => {}
        }
        let _ = unpack_and_compare(&archive.0, Links::Copied);
    });
    assert_bounded_memory();
}

#[test]
fn damaged_headers() {
    fuzz("damaged tar archives", 100, |random| {
        let mut bytes = archive(random).0;
        damage(random, &mut bytes, 512);
        if !random.once_in(4) {
            with_checksums(&mut bytes);
        }
        let _ = unpack_and_compare(&bytes, any_links(random));
    });
    assert_bounded_memory();
}

/// Pax headers with right, wrong or missing lengths.
#[test]
fn pax_records() {
    fuzz("pax headers", 100, |random| {
        let mut records = Vec::new();
        for _ in 0..random.below(6) {
            let key =
                *random.pick(&["path", "linkpath", "size", "comment", "GNU.sparse.map", "", "x"]);
            let value = match random.below(4) {
                0 => random.number().to_string(),
                1 => path(random),
                2 => random.pick(&["0", "3", " 3", "-1", "3\0", "\n", "0x10"]).to_string(),
                _ => "v".repeat(random.below(400)),
            };
            records.extend(pax_record(key, value.as_bytes()));
        }
        if random.once_in(2) {
            damage(random, &mut records, 1);
        }
        let kind = *random.pick(b"xxxgLK");
        let name = path(random);
        let archive = Archive::new().file("a", "1").extension(kind, &records).file(&name, "abc");
        let found = unpack_and_compare(&archive.0, any_links(random));
        if let (Expected::Tree(tree), Err(error)) = (tar_jl::expected(&archive.0), &found) {
            panic!("{error}; Tar.jl has {tree:?}");
        }
    });
}

/// Returns the bytes in pieces of random sizes.
struct InPieces<'a>(&'a [u8], Random);

impl Read for InPieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = *self.1.pick(&[1, 7, 600, 200_000]);
        let count = (1 + self.1.below(most)).min(buffer.len());
        self.0.read(&mut buffer[..count])
    }
}

/// The archive in several compressed parts, as seeds of the fuzzer below.
fn compressed(bytes: &[u8], format: &str) -> Vec<Vec<u8>> {
    let parts: Vec<_> = bytes.chunks(1500).map(|part| compress(part, format)).collect();
    let mut seeds = vec![compress(bytes, format), parts.concat()];
    if format == "zstd" {
        let skippable = b"\x57\x2a\x4d\x18\x05\0\0\0hello".to_vec();
        seeds.push([&skippable[..], &parts.join(&skippable[..]), &skippable].concat());
    }
    if format == "xz" {
        seeds.push(parts.join(&[0; 8][..]));
    }
    seeds.push([&seeds[1][..], &[0; 700]].concat());
    seeds
}

#[test]
fn damaged_compression() {
    let archive = Archive::new()
        .file("f", "contents")
        .file("z", vec![0; 200_000])
        .file("n", Random::new(9).bytes(3000))
        .link("l", "/x")
        .end()
        .0;
    let expected = inspect_all(&archive[..]).unwrap();
    let mut seeds = Vec::new();
    for format in FORMATS.into_iter().skip(1).filter(|format| is_installed(format)) {
        seeds.extend(compressed(&archive, format).into_iter().map(|seed| (format, seed)));
    }
    // None of the programs is installed.
    if seeds.is_empty() {
        return;
    }
    fuzz("damaged gzip, xz, Zstandard and bzip2", 100, |random| {
        let (format, seed) = random.pick(&seeds);
        let whole = inspect_all(InPieces(seed, random.clone()));
        assert_eq!(whole.unwrap_or_else(|e| panic!("{format}: {e}")), expected);
        let mut bytes = seed.clone();
        damage(random, &mut bytes, 1 + random.clone().below(40));
        match (inspect_all(&bytes[..]), inspect_all(InPieces(&bytes, random.clone()))) {
            (Ok(one), Ok(other)) => assert_eq!(one, other),
            (Err(Error::Archive(_) | Error::TooLarge { .. }), Err(_)) => {}
            (one, other) => panic!("{format}: {one:?}, in pieces {other:?}"),
        }
    });
    assert_bounded_memory();
}

/// Packed trees are unpacked, by us and by other programs.
#[test]
fn packed_trees() {
    use scratchrs_archive::{Compression, pack};
    fuzz("trees that are packed", 20, |random| {
        let Ok((_, sandbox)) = unpack_and_compare(&archive(random).0, Links::Made) else { return };
        let tarball = sandbox.path("into.tar");
        let compression =
            if random.once_in(4) { Compression::Zstandard } else { Compression::Gzip };
        pack(&sandbox.root(), &tarball, compression, &Progress::default()).unwrap();
        let bytes = std::fs::read(&tarball).unwrap();
        std::fs::remove_file(&tarball).unwrap();
        let (_, again) = unpack_and_compare(&bytes, Links::Made).unwrap();
        assert_eq!(described(&sandbox.root()), described(&again.root()));
    });
}
