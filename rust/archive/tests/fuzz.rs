//! Fuzzers of the archive formats. `SCRATCHRS_FUZZ_SECONDS` says how long each runs: one second by
//! default. The seeds are made here: archives of every kind of member, files of every compression
//! in several parts, and grammars that know where it hurts.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot set up its tree has failed")]

mod members;
mod support;
mod tar_jl;

use std::io::{self, Read};

use members::{archive, path};
use scratchrs_archive::{Error, Links, UnpackOptions, Unpacked, inspect, tree_record};
use scratchrs_fs::Progress;
use scratchrs_testkit::{Random, fuzz};
use support::{Archive, FORMATS, Yard, compress, described, is_there, pax_record};
use tar_jl::Expected;

/// The most memory that all fuzzers together may take: the windows of a few decompressors.
const KIB_AT_MOST: u64 = 900 << 10;

fn assert_bounded_memory() {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return };
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(peak < KIB_AT_MOST, "{peak} KiB");
}

fn look(input: impl Read + Send) -> Result<Unpacked, Error> {
    inspect(input, &Progress::default())
}

/// Unpacks in a directory beside which there is something precious, and holds what is on disk
/// against what the result says.
fn unpack_and_compare(bytes: &[u8], links: Links) -> Result<(Unpacked, Yard), Error> {
    let yard = Yard::new();
    let options =
        UnpackOptions { links, bytes_at_most: Some(10 << 20), ..UnpackOptions::default() };
    let unpacked = yard.unpack(bytes, &options)?;
    let on_disk = tree_record(&yard.root(), &Progress::default()).unwrap();
    match links {
        Links::Made => {
            assert_eq!(unpacked.record, on_disk, "{:#?}", described(&yard.root()));
            assert_eq!(unpacked, look(bytes).unwrap());
        }
        // A record does not say what is in `.git`, and so not what links to it become.
        Links::Copied if names_git(bytes) => {}
        Links::Copied => assert_eq!(unpacked.record.with_links_copied().unwrap(), on_disk),
    }
    Ok((unpacked, yard))
}

fn names_git(bytes: &[u8]) -> bool {
    bytes.windows(4).any(|part| part == b".git")
}

/// Damages bytes as a disk, a network or a person who means harm would.
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

/// Puts the checksums of what still looks like headers right again.
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

/// What Tar.jl unpacks we unpack, and to the same tree.
#[test]
fn members_that_get_in_each_others_way() {
    fuzz("archives next to Tar.jl's rules", 100, |random| {
        let archive = archive(random);
        let found = unpack_and_compare(&archive.0, Links::Made);
        match (tar_jl::expected(&archive.0), found) {
            (Expected::Tree(tree), Ok((_, yard))) => assert_eq!(described(&yard.root()), tree),
            (Expected::Tree(tree), Err(error)) => panic!("{error}; Tar.jl has {tree:?}"),
            // It refuses more than we do where that does no harm.
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

/// Pax headers of records that count right, wrong, or not at all.
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

/// Gives the bytes in pieces of random sizes.
struct InPieces<'a>(&'a [u8], Random);

impl Read for InPieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = *self.1.pick(&[1, 7, 600, 200_000]);
        let count = (1 + self.1.below(most)).min(buffer.len());
        self.0.read(&mut buffer[..count])
    }
}

/// The archive in several parts, as the seeds of the fuzzer below.
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
    let expected = look(&archive[..]).unwrap();
    let mut seeds = Vec::new();
    for format in FORMATS.into_iter().skip(1).filter(|format| is_there(format)) {
        seeds.extend(compressed(&archive, format).into_iter().map(|seed| (format, seed)));
    }
    fuzz("damaged gzip, xz, Zstandard and bzip2", 100, |random| {
        let (format, seed) = random.pick(&seeds);
        let whole = look(InPieces(seed, random.clone()));
        assert_eq!(whole.unwrap_or_else(|e| panic!("{format}: {e}")), expected);
        let mut bytes = seed.clone();
        damage(random, &mut bytes, 1 + random.clone().below(40));
        match (look(&bytes[..]), look(InPieces(&bytes, random.clone()))) {
            (Ok(one), Ok(other)) => assert_eq!(one, other),
            (Err(Error::Archive(_) | Error::TooLarge { .. }), Err(_)) => {}
            (one, other) => panic!("{format}: {one:?}, in pieces {other:?}"),
        }
    });
    assert_bounded_memory();
}

/// What is written is read, whatever is in the tree, and others read it as we do.
#[test]
fn packed_trees() {
    use scratchrs_archive::{Compression, pack};
    fuzz("trees that are packed", 20, |random| {
        let Ok((_, yard)) = unpack_and_compare(&archive(random).0, Links::Made) else { return };
        let tarball = yard.path("into.tar");
        let compression =
            if random.once_in(4) { Compression::Zstandard } else { Compression::Gzip };
        pack(&yard.root(), &tarball, compression, &Progress::default()).unwrap();
        let bytes = std::fs::read(&tarball).unwrap();
        std::fs::remove_file(&tarball).unwrap();
        let (_, again) = unpack_and_compare(&bytes, Links::Made).unwrap();
        assert_eq!(described(&yard.root()), described(&again.root()));
    });
}
