//! Compressed files of several parts: any position of their ends, any sizes of reads, any headers,
//! and the bytes allowed between the parts and after the last one.
// Each test compresses with the usual programs, which Windows does not come with.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a failed setup fails the test")]
#![expect(clippy::disallowed_methods, reason = "tests prepare files themselves")]

mod support;

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::ops::Range;
use std::process::{Command, Stdio};

use flate2::Crc;
use proptest::prelude::*;
use scratchrs_archive::{Error, Unpacked, inspect};
use scratchrs_fs::Progress;
use scratchrs_testkit::{Random, skip};
use support::{Archive, Chunked, compress, is_installed};

/// The size of the read buffer, at whose end parts are to end.
const BUFFER: usize = 128 * 1024;

const FORMATS: [&str; 4] = ["gzip", "xz", "zstd", "bzip2"];

fn inspect_all(input: impl Read + Send) -> Result<Unpacked, Error> {
    inspect(input, &Progress::default())
}

fn refusal(bytes: &[u8]) -> String {
    match inspect_all(bytes) {
        Err(error @ Error::Archive(_)) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

fn small() -> Vec<u8> {
    Archive::new().file("f", "contents").link("l", "/x").file("g", "more of it").end().0
}

/// Incompressible bytes.
fn noise(length: usize) -> Vec<u8> {
    Random::new(7).bytes(length)
}

/// A skippable frame of Zstandard.
fn skippable(kind: u8, contents: &[u8]) -> Vec<u8> {
    let size = (contents.len() as u32).to_le_bytes();
    [&[0x50 | kind, 0x2a, 0x4d, 0x18], &size[..], contents].concat()
}

/// The contents in parts of these sizes and a last one with the rest, with allowed bytes in
/// between.
fn in_parts(bytes: &[u8], sizes: &[usize], format: &str) -> Vec<u8> {
    let mut rest = bytes;
    let mut whole = Vec::new();
    for (number, size) in sizes.iter().enumerate() {
        let (part, after) = rest.split_at(*size);
        whole.extend(compress(part, format));
        whole.extend(match format {
            "zstd" => skippable(number as u8, &noise(number)),
            "xz" => vec![0; 4 * number],
            _ => Vec::new(),
        });
        rest = after;
    }
    whole.extend(compress(rest, format));
    whole
}

/// Returns a first part, then the rest.
struct Split<'a>(&'a [u8], &'a [u8]);

impl Read for Split<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.0.is_empty() { self.1.read(buffer) } else { self.0.read(buffer) }
    }
}

#[test]
fn the_input_may_be_cut_anywhere() {
    let archive = small();
    let expected = inspect_all(&archive[..]).unwrap();
    for format in FORMATS.into_iter().filter(|format| is_installed(format)) {
        let bytes = in_parts(&archive, &[0, 700, 1, 0, 900], format);
        for at in 0..=bytes.len() {
            let (first, second) = bytes.split_at(at);
            let found = inspect_all(Split(first, second));
            assert_eq!(found.unwrap_or_else(|e| panic!("{format} {at}: {e}")), expected);
        }
        for size in 1..10 {
            let dripping = Chunked { bytes: &bytes, sizes: vec![size], next: 0 };
            assert_eq!(inspect_all(dripping).unwrap(), expected, "{format} {size}");
        }
    }
}

/// Compressed parts of one archive, each compressed once.
struct Parts<'a> {
    archive: &'a [u8],
    format: &'a str,
    made: HashMap<Range<usize>, Vec<u8>>,
}

impl Parts<'_> {
    fn part(&mut self, range: Range<usize>) -> &[u8] {
        let Self { archive, format, made } = self;
        made.entry(range.clone()).or_insert_with(|| compress(&archive[range], format))
    }

    /// A first part of `length` bytes, close to `edge`, and the rest. Not every length is possible
    /// in every format.
    fn with_a_part_of(&mut self, length: usize, edge: usize) -> Option<(Vec<u8>, usize)> {
        let mut count = edge - 1200;
        let first = match self.format {
            "gzip" => {
                let plain = self.part(0..count);
                let extra = length.checked_sub(plain.len() + 2)?;
                // The program writes the name of the file, and no other field.
                let mut header = plain[..10].to_vec();
                header[3] |= 4;
                header.extend((extra as u16).to_le_bytes());
                [header, vec![b'e'; extra], plain[10..].to_vec()].concat()
            }
            "zstd" => {
                let frame = self.part(0..count);
                let before = length.checked_sub(frame.len() + 8)?;
                [&skippable(3, &vec![1; before])[..], frame].concat()
            }
            "bzip2" => {
                // An empty stream has 14 bytes.
                let empty = self.part(0..0).to_vec();
                let left = |parts: &mut Self, less: usize| {
                    length.checked_sub(parts.part(0..edge - 2000 - less).len())
                };
                let fits = |left: Option<usize>| left.is_some_and(|left| left % empty.len() == 0);
                let less = (0..200).find(|less| fits(left(self, *less)))?;
                count = edge - 2000 - less;
                [&empty.repeat(left(self, less)? / empty.len())[..], self.part(0..count)].concat()
            }
            _ => {
                let stream = self.part(0..count);
                let padding = length.checked_sub(stream.len()).filter(|left| left % 4 == 0)?;
                [stream, &vec![0; padding]].concat()
            }
        };
        let whole = self.archive.len();
        Some(([&first[..], self.part(count..whole)].concat(), first.len()))
    }
}

#[test]
fn parts_may_end_at_every_edge_of_the_buffer() {
    let archive = Archive::new().file("noise", noise(BUFFER + 20_000)).file("f", "after").end().0;
    let expected = inspect_all(&archive[..]).unwrap();
    for format in FORMATS.into_iter().filter(|format| is_installed(format)) {
        let mut parts = Parts { archive: &archive, format, made: HashMap::new() };
        let mut tried = 0;
        for edge in [BUFFER, BUFFER + 512] {
            for length in edge - 4..=edge + 12 {
                let Some((bytes, first)) = parts.with_a_part_of(length, edge) else { continue };
                assert_eq!(first, length);
                let found = inspect_all(&bytes[..]);
                assert_eq!(found.unwrap_or_else(|e| panic!("{format} {length}: {e}")), expected);
                tried += 1;
            }
        }
        assert_eq!(tried, if format == "xz" { 10 } else { 34 }, "{format}");
    }
}

/// A gzip member with the optional header fields of `flags`.
fn member(contents: &[u8], flags: u8, texts: usize) -> Vec<u8> {
    let plain = compress(contents, "gzip");
    // The program writes the name of the file and the time.
    let name_end = 10 + plain[10..].iter().position(|byte| *byte == 0).unwrap() + 1;
    let mut header = vec![0x1f, 0x8b, 8, flags, 1, 2, 3, 4, 2, 3];
    if flags & 4 != 0 {
        header.extend_from_slice(&(texts as u16).to_le_bytes());
        header.extend(vec![b'e'; texts]);
    }
    for flag in [8, 16] {
        if flags & flag != 0 {
            header.extend(vec![b'n'; texts]);
            header.push(0);
        }
    }
    if flags & 2 != 0 {
        let mut crc = Crc::new();
        crc.update(&header);
        header.extend_from_slice(&(crc.sum() as u16).to_le_bytes());
    }
    [&header[..], &plain[name_end..]].concat()
}

#[test]
fn headers_of_later_members_may_have_all_fields() {
    let archive = small();
    let expected = inspect_all(&archive[..]).unwrap();
    let (first, rest) = archive.split_at(777);
    for flags in 0..32 {
        for texts in [0, 1, 300, 65_000] {
            let bytes = [member(first, 0, 0), member(rest, flags, texts)].concat();
            assert_eq!(inspect_all(&bytes[..]).unwrap(), expected, "{flags} {texts}");
            let swapped = [member(first, flags, texts), member(rest, 31 - flags, texts)].concat();
            assert_eq!(inspect_all(&swapped[..]).unwrap(), expected, "{flags} {texts}");
        }
        if flags & 2 != 0 {
            let mut damaged = member(first, flags, 9);
            damaged[4] ^= 1;
            let bytes = [member(b"", 0, 0), damaged, member(rest, 0, 0)].concat();
            assert!(refusal(&bytes).contains("gzip data are damaged"), "{flags}");
        }
    }
    for flags in [8, 16] {
        let bytes = [member(first, 0, 0), member(rest, flags, 70_000)].concat();
        assert!(refusal(&bytes).contains("gzip header field too long"), "{flags}");
    }
    for reserved in [32, 64, 128] {
        let bytes = [member(first, 0, 0), member(rest, reserved, 0)].concat();
        assert!(refusal(&bytes).contains("gzip data are damaged"), "{reserved}");
    }
}

#[test]
fn zeros_are_allowed_between_streams_of_xz() {
    if !is_installed("xz") {
        return skip("padding between streams of xz", "xz is not installed");
    }
    let archive = small();
    let expected = inspect_all(&archive[..]).unwrap();
    let [first, rest] = [&archive[..777], &archive[777..]].map(|part| compress(part, "xz"));
    for padding in [0, 4, 8, 12, 512, BUFFER - 4, BUFFER, BUFFER + 4, 3 * BUFFER + 8] {
        let bytes = [&first[..], &vec![0; padding], &rest].concat();
        assert_eq!(inspect_all(&bytes[..]).unwrap(), expected, "{padding}");
    }
    for padding in [1, 2, 3, 5, 1022] {
        let bytes = [&first[..], &vec![0; padding], &rest].concat();
        assert!(refusal(&bytes).contains("unexpected bytes after"), "{padding}");
    }
}

#[test]
fn frames_of_zstandard_may_be_skipped_anywhere() {
    if !is_installed("zstd") {
        return skip("skippable frames of Zstandard", "zstd is not installed");
    }
    let archive = small();
    let expected = inspect_all(&archive[..]).unwrap();
    let [first, rest] = [&archive[..777], &archive[777..]].map(|part| compress(part, "zstd"));
    for kind in 0..16 {
        for size in [0, 1, 4, 513, BUFFER - 8, BUFFER, 2_000_000] {
            let skipped = skippable(kind, &noise(size));
            let bytes = [&skipped[..], &first, &skipped, &skipped, &rest, &skipped].concat();
            assert_eq!(inspect_all(&bytes[..]).unwrap(), expected, "{kind} {size}");
        }
        let skipped = skippable(kind, b"skipped");
        for length in 1..skipped.len() {
            let cut = [&first[..], &rest, &skipped[..length]].concat();
            assert!(refusal(&cut).contains("Zstandard data"), "{length}");
        }
        assert!(refusal(&skipped).contains("it contains no data"));
    }
    // A frame with a length of 4 GiB.
    let endless = [&first[..], b"\x50\x2a\x4d\x18\xff\xff\xff\xff", &rest].concat();
    assert!(refusal(&endless).contains("end too early"));
}

/// As on a tape; other bytes could be a damaged part.
#[test]
fn only_zeros_may_follow_the_last_part() {
    let archive = small();
    let expected = inspect_all(&archive[..]).unwrap();
    for format in FORMATS.into_iter().filter(|format| is_installed(format)) {
        let bytes = in_parts(&archive, &[700], format);
        for zeros in [1, 2, 3, 4, 8, 511, 512, BUFFER + 1] {
            let padded = [&bytes[..], &vec![0; zeros]].concat();
            assert_eq!(inspect_all(&padded[..]).unwrap(), expected, "{format} {zeros}");
            let garbage = [&padded[..], b"x"].concat();
            assert!(refusal(&garbage).contains("unexpected bytes after"), "{format} {zeros}");
        }
        for other in FORMATS.into_iter().filter(|other| is_installed(other)) {
            let start = compress(b"", other);
            for length in 1..start.len().min(8) {
                refusal(&[&bytes[..], &start[..length]].concat());
            }
            if other != format {
                refusal(&[&bytes[..], &start].concat());
            }
        }
    }
}

/// The output of a program for these input bytes.
fn piped(program: &str, arguments: &[&str], bytes: &[u8]) -> Option<Vec<u8>> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().ok()?;
    let mut input = child.stdin.take().unwrap();
    let writer = std::thread::scope(|scope| {
        scope.spawn(move || input.write_all(bytes));
        child.wait_with_output().unwrap()
    });
    assert!(writer.status.success(), "{program} {arguments:?}");
    Some(writer.stdout)
}

#[test]
fn programs_that_write_in_parts() {
    let archive =
        Archive::new().file("noise", noise(700_000)).file("z", vec![0; 3_000_000]).end().0;
    let expected = inspect_all(&archive[..]).unwrap();
    let programs: [(&str, &[&str]); 19] = [
        ("pigz", &["-c", "-p", "4"]),
        ("pigz", &["-c", "-i", "-b", "128"]),
        ("gzip", &["-c", "--rsyncable"]),
        ("pbzip2", &["-c", "-p4", "-b1"]),
        ("lbzip2", &["-c", "-n", "4", "-1"]),
        ("bzip2", &["-c", "-1"]),
        ("pzstd", &["-c", "-p", "4", "-1"]),
        ("zstd", &["-c", "-T4", "-B512KB"]),
        ("zstd", &["-c", "--no-check", "--long=27"]),
        ("zstd", &["-c", "--rsyncable", "--ultra", "-22"]),
        ("zstd", &["-c", "--format=gzip"]),
        ("xz", &["-c", "-T4", "--block-size=100000"]),
        ("xz", &["-c", "-9e"]),
        ("xz", &["-c", "--check=none"]),
        ("xz", &["-c", "--check=crc32"]),
        ("xz", &["-c", "--check=sha256"]),
        ("xz", &["-c", "--x86", "--lzma2=preset=1"]),
        ("xz", &["-c", "--delta=dist=4", "--arm64", "--lzma2=preset=0"]),
        ("pixz", &["-t", "-p", "4", "-f", "0.1"]),
    ];
    for (program, arguments) in programs {
        match piped(program, arguments, &archive) {
            Some(bytes) => {
                let found = inspect_all(&bytes[..]);
                let found = found.unwrap_or_else(|e| panic!("{program} {arguments:?}: {e}"));
                assert_eq!(found, expected, "{program} {arguments:?}");
            }
            None => skip(&format!("output of {program}"), "it is not installed"),
        }
    }
}

/// Reading empty parts takes linear time.
#[test]
fn a_hundred_thousand_parts() {
    let archive = small();
    let expected = inspect_all(&archive[..]).unwrap();
    for format in FORMATS.into_iter().filter(|format| is_installed(format)) {
        let nothing = compress(b"", format);
        let many = if format == "zstd" { skippable(0, b"").repeat(100_000) } else { Vec::new() };
        let bytes = [nothing.repeat(100_000), many, compress(&archive, format)].concat();
        assert_eq!(inspect_all(&bytes[..]).unwrap(), expected, "{format}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn parts_and_reads_may_have_any_sizes(
        format in 0..FORMATS.len(),
        cuts in prop::collection::vec(0..500_usize, 0..6),
        sizes in prop::collection::vec(1..400_usize, 1..8),
    ) {
        let format = FORMATS[format];
        prop_assume!(is_installed(format));
        let archive = small();
        let bytes = in_parts(&archive, &cuts, format);
        let dripping = Chunked { bytes: &bytes, sizes, next: 0 };
        prop_assert_eq!(inspect_all(dripping).unwrap(), inspect_all(&archive[..]).unwrap());
    }
}
