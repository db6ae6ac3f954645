//! Peak memory for archives built to need much: a child process reads each and reports its peak.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a failed setup fails the test")]
#![expect(clippy::disallowed_methods, reason = "tests prepare files themselves")]

mod support;

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use scratchrs_archive::{UnpackOptions, inspect, unpack};
use scratchrs_fs::Progress;
use scratchrs_testkit::{peak_of, print_peak};
use support::{Archive, FILE, Raw};

/// The file in the working directory of a child that holds its arguments.
const ARCHIVE: &str = "archive.tar.gz";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

#[test]
fn ten_gibibytes_of_zeros_in_ten_mebibytes() {
    const SIZE: u64 = 10 << 30;
    const PART: u64 = 64 << 20;
    let directory = tempfile::tempdir().unwrap();
    let header = Archive::new().raw(&Raw { path: b"zeros", size: SIZE, ..FILE });
    let part = gzip(&vec![0; PART as usize]);
    let mut bomb = gzip(&header.0);
    for _ in 0..SIZE / PART {
        bomb.extend_from_slice(&part);
    }
    assert!(bomb.len() < 11 << 20, "{}", bomb.len());
    fs::write(directory.path().join(ARCHIVE), bomb).unwrap();
    let peak = peak_of("child_unpacks", directory.path());
    assert!(peak < 40 << 10, "{peak} KiB");
    if let Ok(zeros) = fs::metadata(directory.path().join("into/zeros")) {
        assert_eq!(zeros.len(), SIZE);
        assert!(zeros.blocks() * 512 < 1 << 20, "{} blocks", zeros.blocks());
    }
}

#[test]
#[ignore = "a child of the test above"]
fn child_unpacks() {
    let into = Path::new("into");
    fs::create_dir(into).unwrap();
    let archive = fs::File::open(ARCHIVE).unwrap();
    match unpack(archive, into, &UnpackOptions::default(), &Progress::default()) {
        Ok(unpacked) => assert_eq!(unpacked.bytes, 10 << 30),
        // On a machine with less free space.
        Err(error) => assert!(matches!(error, scratchrs_archive::Error::TooLarge { .. })),
    }
    print_peak();
}

/// An archive of many small files, generated while it is read.
struct Many {
    next: u32,
    members: u32,
    buffer: Vec<u8>,
    taken: usize,
}

impl Read for Many {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.buffer.len() && self.next < self.members {
            let path = format!("some/directory/{}/file-{}.txt", self.next / 1000, self.next);
            self.buffer = Archive::new().file(&path, self.next.to_le_bytes()).0;
            self.taken = 0;
            self.next += 1;
        }
        let count = (&self.buffer[self.taken..]).read(buffer)?;
        self.taken += count;
        Ok(count)
    }
}

#[test]
fn a_million_members() {
    let peak = peak_of("child_inspects_a_million", Path::new("/"));
    assert!(peak < 350 << 10, "{peak} KiB");
}

#[test]
#[ignore = "a child of the test above"]
fn child_inspects_a_million() {
    let many = Many { next: 0, members: 1_000_000, buffer: Vec::new(), taken: 0 };
    let unpacked = inspect(many, &Progress::default()).unwrap();
    assert_eq!(unpacked.members, 1_000_000);
    assert_eq!(unpacked.record.entries().len(), 1_000_000);
    print_peak();
}

/// An endless long name and pax header: refused before they are read.
#[test]
fn headers_without_end() {
    let directory = tempfile::tempdir().unwrap();
    for kind in [b'x', b'L'] {
        let header = Archive::new().raw(&Raw { kind, size: 8 << 30, ..FILE });
        let zeros = gzip(&vec![0; 64 << 20]).repeat(20);
        let bomb = [gzip(&header.0), zeros].concat();
        fs::write(directory.path().join(ARCHIVE), bomb).unwrap();
        let peak = peak_of("child_refuses", directory.path());
        assert!(peak < 40 << 10, "{peak} KiB");
    }
}

#[test]
#[ignore = "a child of the test above"]
fn child_refuses() {
    inspect(fs::File::open(ARCHIVE).unwrap(), &Progress::default()).unwrap_err();
    print_peak();
}
