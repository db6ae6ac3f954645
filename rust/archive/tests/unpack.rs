//! Unpacking of hand-made archives, intact and damaged.
#![expect(clippy::unwrap_used, reason = "a failed setup fails the test")]
#![expect(clippy::disallowed_methods, reason = "tests prepare files themselves")]

mod support;

use std::fs;
use std::io;
use std::path::Path;

use proptest::prelude::*;
use scratchrs_archive::{
    Change, Compression, Error, Links, TreeRecord, UnpackOptions, inspect, pack, tree_hash,
    tree_record,
};
use scratchrs_fs::Progress;
use support::{
    Archive, Chunked, FILE, FORMATS, Raw, Sandbox, compress, described, is_installed, unpack,
};

/// The mode of a file; on Windows, as a Unix with the same rights has it.
fn mode(path: &Path) -> u32 {
    #[cfg(unix)]
    return std::os::unix::fs::PermissionsExt::mode(
        &fs::symlink_metadata(path).unwrap().permissions(),
    ) & 0o7777;
    #[cfg(windows)]
    {
        let found = scratchrs_fs::symlink_metadata(path).unwrap().unwrap();
        let executes = found.is_dir() || scratchrs_fs::is_executable(&found, || path.to_owned());
        let is_read_only = fs::symlink_metadata(path).unwrap().permissions().readonly();
        (if executes { 0o555 } else { 0o444 }) | (if is_read_only { 0 } else { 0o200 })
    }
}

fn tree(archive: &Archive) -> Vec<String> {
    let (unpacked, sandbox) = unpack(archive).unwrap();
    assert_eq!(unpacked.record, tree_record(&sandbox.root(), &Progress::default()).unwrap());
    let looked_at = inspect(&archive.0[..], &Progress::default()).unwrap();
    assert_eq!(looked_at, unpacked);
    described(&sandbox.root())
}

/// An archive with every kind of entry.
fn sample() -> Archive {
    let name = "n".repeat(100);
    let long = format!("{}/{}/{name}", "p".repeat(99), "q".repeat(99));
    Archive::new()
        .directory("./")
        .directory("d/")
        .file("d/f", "contents")
        .file_with_mode("bin/run", 0o755, vec![7; 1300])
        .link("link", "d/f")
        .hard_link("hard", "d/f")
        .pax("path", &long)
        .file("x", "far")
        .extension(b'L', format!("{long}2\0"))
        .file("x", "further")
        .pax("linkpath", "d/".repeat(80))
        .link("l", "x")
        .file("large", vec![b'l'; 300_000])
        .directory("empty/er")
        .file("last", "end")
}

#[test]
fn every_kind_of_entry() {
    let (n, p, q) = ("n".repeat(100), "p".repeat(99), "q".repeat(99));
    let mut expected = vec![
        "d/".to_owned(),
        "d/f: contents".to_owned(),
        "bin/".to_owned(),
        format!("bin/run: {}", "\x07".repeat(1300)),
        "link -> d/f".to_owned(),
        "hard: contents".to_owned(),
        format!("{p}/"),
        format!("{p}/{q}/"),
        format!("{p}/{q}/{n}: far"),
        format!("{p}/{q}/{n}2: further"),
        format!("l -> {}", "d/".repeat(80)),
        format!("large: {}", "l".repeat(300_000)),
        "empty/".to_owned(),
        "empty/er/".to_owned(),
        "last: end".to_owned(),
    ];
    expected.sort();
    assert_eq!(tree(&sample()), expected);
    assert_eq!(tree(&sample().end()), expected);
}

#[test]
fn later_entries_replace_earlier_ones() {
    let (a, b, d) = (("x", "a"), ("x", "b"), "x");
    let file = |archive: Archive, (path, contents): (&str, &str)| archive.file(path, contents);
    let twice = file(file(Archive::new(), a), b);
    assert_eq!(tree(&twice), ["x: b"]);
    assert_eq!(tree(&file(Archive::new().file("x/y/z", "1").file("x/w", "2"), a)), ["x: a"]);
    assert_eq!(tree(&file(Archive::new(), a).directory(d)), ["x/"]);
    assert_eq!(tree(&file(Archive::new(), a).file("x/y", "1")), ["x/", "x/y: 1"]);
    assert_eq!(tree(&Archive::new().file("x/y", "1").directory(d)), ["x/", "x/y: 1"]);
    assert_eq!(tree(&file(Archive::new().link("x", "y"), a)), ["x: a"]);
    assert_eq!(tree(&file(Archive::new(), a).link("x", "y")), ["x -> y"]);
    assert_eq!(tree(&Archive::new().link("x", "y").link("x", "z")), ["x -> z"]);
    assert_eq!(tree(&Archive::new().file("x/y", "1").link("x", "z")), ["x -> z"]);
    // Not through the link: it is replaced.
    assert_eq!(
        tree(&Archive::new().link("x", "y").directory(d).file("x/f", "1")),
        ["x/", "x/f: 1"]
    );
    // The entries of a removed directory do not come back with it.
    let back = file(Archive::new().file("x/y", "1"), a).directory(d).file("x/z", "2");
    assert_eq!(tree(&back), ["x/", "x/z: 2"]);
    let many = (0..500).fold(Archive::new(), |archive, i| archive.file("x", i.to_string()));
    assert_eq!(tree(&many), ["x: 499"]);
}

#[test]
fn hard_links_are_copies() {
    let linked = Archive::new().file("a", "1").hard_link("b", "a").hard_link("c/d", "./b");
    assert_eq!(tree(&linked), ["a: 1", "b: 1", "c/", "c/d: 1"]);
    // The target is the file that had the name at that time.
    assert_eq!(tree(&linked.clone().file("a", "2")), ["a: 2", "b: 1", "c/", "c/d: 1"]);
    let again = linked.clone().file("a", "2").hard_link("e", "b").hard_link("f", "a");
    assert_eq!(tree(&again), ["a: 2", "b: 1", "c/", "c/d: 1", "e: 1", "f: 2"]);
    let over = Archive::new().file("a", "1").file("b", "2").hard_link("b", "a").file("a", "3");
    assert_eq!(tree(&over), ["a: 3", "b: 1"]);
    let gone = Archive::new().file("d/a", "1").hard_link("b", "d/a").file("d", "2");
    assert_eq!(tree(&gone), ["b: 1", "d: 2"]);
    let link_gone = Archive::new().file("a", "1").hard_link("d/b", "a").file("d", "2");
    assert_eq!(tree(&link_gone), ["a: 1", "d: 2"]);

    let (_, sandbox) = unpack(&linked).unwrap();
    fs::write(sandbox.root().join("a"), "changed").unwrap();
    assert_eq!(described(&sandbox.root()), ["a: changed", "b: 1", "c/", "c/d: 1"]);
}

#[test]
fn a_hard_link_has_its_own_mode() {
    let link = |path: &'static [u8], mode| Raw { kind: b'1', path, link: b"f", mode, ..FILE };
    let archive = Archive::new().file("f", "1").raw(&link(b"x", 0o755));
    let (unpacked, sandbox) = unpack(&archive).unwrap();
    assert_eq!([mode(&sandbox.root().join("f")), mode(&sandbox.root().join("x"))], [0o644, 0o755]);
    assert_eq!(unpacked.record, tree_record(&sandbox.root(), &Progress::default()).unwrap());
    // To itself, as GNU tar writes it for a file that was given twice.
    let archive = Archive::new().file("f", "1").raw(&link(b"f", 0o755)).hard_link("g", "f");
    let (unpacked, sandbox) = unpack(&archive).unwrap();
    assert_eq!([mode(&sandbox.root().join("f")), mode(&sandbox.root().join("g"))], [0o755, 0o644]);
    assert_eq!(unpacked.record, tree_record(&sandbox.root(), &Progress::default()).unwrap());
}

#[test]
fn only_the_owners_execute_bit_counts() {
    let modes = [0o000, 0o444, 0o644, 0o666, 0o655, 0o1644, 0o2644, 0o4644];
    let executable = [0o100, 0o755, 0o777, 0o4755, 0o6755];
    for (modes, made, read_only) in [(&modes[..], 0o644, 0o444), (&executable, 0o755, 0o555)] {
        for member in modes {
            let archive = Archive::new().file_with_mode("d/f", *member, "");
            let (_, sandbox) = unpack(&archive).unwrap();
            assert_eq!(mode(&sandbox.root().join("d/f")), made, "{member:o}");
            let sandbox = Sandbox::new();
            let options = UnpackOptions { read_only: true, ..UnpackOptions::default() };
            sandbox.unpack(&archive.hard_link("d/g", "d/f").0, &options).unwrap();
            assert_eq!(mode(&sandbox.root().join("d/f")), read_only, "{member:o}");
            assert_eq!(mode(&sandbox.root().join("d/g")), 0o444);
            assert_eq!(mode(&sandbox.root().join("d")), 0o755);
        }
    }
}

#[test]
fn entries_that_git_ignores_do_not_count() {
    let plain = inspect(&Archive::new().file("f", "1").0[..], &Progress::default()).unwrap();
    let more = Archive::new()
        .file("f", "1")
        .directory("empty/too")
        .file(".git/config", "2")
        .directory("a/.git/empty")
        .link("b/c", "x");
    let with_link = inspect(&more.0[..], &Progress::default()).unwrap();
    assert_ne!(with_link.hashes, plain.hashes);
    let without = more.file("b", "1").directory("b");
    assert_eq!(inspect(&without.0[..], &Progress::default()).unwrap().hashes, plain.hashes);
    // But a directory with files in `.git` counts, as in Pkg.
    let kept = Archive::new().file("a/.git/x", "");
    let hashes = inspect(&kept.0[..], &Progress::default()).unwrap().hashes;
    assert_eq!(hashes.pkg.to_string(), "0a8a87dd80eda4132d290a67b0676cde6ec1cb29");
}

#[test]
fn both_lengths_of_a_link_give_a_hash() {
    let archive = Archive::new().link("link", "schön");
    let hashes = inspect(&archive.0[..], &Progress::default()).unwrap().hashes;
    assert!(hashes.pkg.to_string().starts_with("23b444ff"));
    assert!(hashes.git.to_string().starts_with("289b9713"));
    assert!(hashes.contains(&hashes.pkg) && hashes.contains(&hashes.git));
}

#[test]
fn links_can_be_replaced_by_copies() {
    let options = UnpackOptions { links: Links::Copied, ..UnpackOptions::default() };
    let copied = |archive: &Archive| {
        let sandbox = Sandbox::new();
        let unpacked = sandbox.unpack(&archive.0, &options).unwrap();
        assert_eq!(unpacked.record, inspect(&archive.0[..], &Progress::default()).unwrap().record);
        let on_disk = tree_record(&sandbox.root(), &Progress::default()).unwrap();
        assert_eq!(unpacked.record.with_links_copied().unwrap(), on_disk);
        described(&sandbox.root())
    };
    let files = Archive::new().file("f", "1").link("l", "f").link("m", "l").link("d/n", "../m");
    assert_eq!(copied(&files), ["d/", "d/n: 1", "f: 1", "l: 1", "m: 1"]);
    let directories = Archive::new()
        .link("a", "b/c")
        .file("d/f", "1")
        .link("d/g", "f")
        .link("b", "d")
        .link("e", "b/f/");
    assert_eq!(copied(&directories), ["b/", "b/f: 1", "b/g: 1", "d/", "d/f: 1", "d/g: 1"]);
    // Links to nothing, to themselves, to their directory, and to each other.
    let nowhere = Archive::new()
        .link("a", "x")
        .link("b", "b")
        .link("c/d", "../c")
        .link("c/e", "..")
        .link("p/x", "../q")
        .link("q/y", "../p")
        .file("q/f", "1")
        .link("r", "q/f");
    assert_eq!(copied(&nowhere), ["c/", "p/", "q/", "q/f: 1", "r: 1"]);
    let executable = Archive::new().file_with_mode("f", 0o755, "").link("l", "f");
    let sandbox = Sandbox::new();
    sandbox.unpack(&executable.0, &options).unwrap();
    assert_eq!(mode(&sandbox.root().join("l")), 0o755);
}

#[test]
fn a_record_finds_changes() {
    let progress = Progress::default();
    let archive =
        Archive::new().file("a", "1").file("b", "2").file("c/d", "3").link("l", "a").file("m", "4");
    let (unpacked, sandbox) = unpack(&archive).unwrap();
    let record = TreeRecord::from_bytes(&unpacked.record.to_bytes()).unwrap();
    assert_eq!(record, unpacked.record);
    assert_eq!(record.bytes(), 4);
    let root = sandbox.root();
    fs::write(root.join("a"), "changed").unwrap();
    fs::remove_file(root.join("l")).unwrap();
    fs::write(root.join("l"), "a").unwrap();
    fs::remove_dir_all(root.join("c")).unwrap();
    fs::write(root.join("extra"), "").unwrap();
    scratchrs_fs::set_executable(&root.join("m"), true).unwrap();
    let differences = record.differences(&tree_record(&root, &progress).unwrap());
    let shown: Vec<_> = differences
        .iter()
        .map(|difference| (difference.path.to_str().unwrap(), difference.change))
        .collect();
    let expected = [
        ("a", Change::Changed),
        ("c/d", Change::Missing),
        ("extra", Change::Extra),
        ("l", Change::Changed),
        ("m", Change::ModeChanged),
    ];
    assert_eq!(shown, expected);
}

#[test]
fn a_corrupt_record_is_detected() {
    let record = inspect(&sample().0[..], &Progress::default()).unwrap().record;
    let bytes = record.to_bytes();
    for length in 0..bytes.len() {
        assert!(TreeRecord::from_bytes(&bytes[..length]).is_err());
    }
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 4;
        assert!(TreeRecord::from_bytes(&damaged).is_err(), "{at}");
    }
}

#[test]
fn unpacking_can_be_cancelled() {
    let progress = Progress::default();
    progress.cancel();
    let sandbox = Sandbox::new();
    let archive = sample().0;
    let options = UnpackOptions::default();
    let result = scratchrs_archive::unpack(&archive[..], &sandbox.root(), &options, &progress);
    assert!(matches!(result, Err(Error::Cancelled)), "{result:?}");
    let (_, sandbox) = unpack(&sample()).unwrap();
    assert!(matches!(tree_hash(&sandbox.root(), &progress), Err(Error::Cancelled)));
    let tarball = sandbox.path("into/x.tar.gz");
    let result = pack(&sandbox.root(), &tarball, Compression::Gzip, &progress);
    assert!(matches!(result, Err(Error::Cancelled)), "{result:?}");
    assert!(!tarball.exists());
}

#[test]
fn progress_counts_the_bytes_of_the_archive() {
    let progress = Progress::default();
    let archive = sample().end().0;
    inspect(&archive[..], &progress).unwrap();
    assert_eq!(progress.state().done, archive.len() as u64);
    let (_, sandbox) = unpack(&sample()).unwrap();
    let progress = Progress::default();
    let record = tree_record(&sandbox.root(), &progress).unwrap();
    let state = progress.state();
    assert_eq!((state.done, state.total), (record.bytes(), record.bytes()));
    let progress = Progress::default();
    pack(&sandbox.root(), &sandbox.path("into/x"), Compression::Gzip, &progress).unwrap();
    assert_eq!(progress.state().done, progress.state().total);
}

/// The input may fail.
#[test]
fn every_compression_is_detected() {
    let expected = inspect(&sample().0[..], &Progress::default()).unwrap();
    for format in FORMATS.into_iter().filter(|format| is_installed(format)) {
        let whole = compress(&sample().end().0, format);
        let (unpacked, _) = unpack(&Archive(whole)).unwrap();
        assert_eq!(unpacked, expected, "{format}");
        if format != "none" {
            let all = sample().0;
            let (one, other) = all.split_at(3000);
            let parts = [compress(one, format), compress(other, format)].concat();
            let (unpacked, _) = unpack(&Archive(parts)).unwrap();
            assert_eq!(unpacked, expected, "{format} in two parts");
        }
    }
}

/// At block boundaries and in between: an error, or a part of the tree where an archive may end
/// without a marker.
#[test]
fn an_archive_may_end_anywhere() {
    let whole = sample().end().0;
    let mut lengths: Vec<usize> = (0..=whole.len() / 512).map(|block| block * 512).collect();
    lengths.extend([1, 100, 511, 513, 1300, 7000, 9999, whole.len() - 1]);
    let record = inspect(&whole[..], &Progress::default()).unwrap().record;
    for length in lengths {
        match unpack(&Archive(whole[..length].to_vec())) {
            Ok((unpacked, sandbox)) => {
                assert!(length % 512 == 0 || length > whole.len() - 512, "{length}");
                let on_disk = tree_record(&sandbox.root(), &Progress::default()).unwrap();
                assert_eq!(unpacked.record, on_disk);
                let is_part = record
                    .differences(&on_disk)
                    .iter()
                    .all(|difference| difference.change == Change::Missing);
                assert!(is_part, "{length}");
            }
            Err(error) => assert!(matches!(error, Error::Archive(_)), "{error:?}"),
        }
    }
}

#[test]
fn an_error_of_the_input_is_returned() {
    struct Failing<'a>(&'a [u8]);
    impl io::Read for Failing<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            match io::Read::read(&mut self.0, buffer)? {
                0 => Err(io::Error::other("the connection broke")),
                count => Ok(count),
            }
        }
    }
    let archive = sample().0;
    for length in [0, 5, 600, 3000, archive.len()] {
        for format in ["none", "gzip"].into_iter().filter(|format| is_installed(format)) {
            let bytes = compress(&archive[..length], format);
            let cut = if format == "none" { length } else { bytes.len() / 2 };
            let result = inspect(Failing(&bytes[..cut]), &Progress::default());
            let message = result.unwrap_err().to_string();
            assert_eq!(message, "can't read the archive: the connection broke");
        }
    }
}

#[test]
fn a_compressed_archive_may_not_end_early() {
    let whole = sample().end().0;
    for format in FORMATS.into_iter().skip(1).filter(|format| is_installed(format)) {
        let bytes = compress(&whole, format);
        for length in (0..bytes.len()).step_by(bytes.len() / 150 + 1).chain([bytes.len() - 1]) {
            let result = inspect(&bytes[..length], &Progress::default());
            assert!(matches!(result, Err(Error::Archive(_))), "{format} {length} {result:?}");
        }
    }
}

#[test]
fn a_damaged_compressed_archive_is_refused_or_has_the_same_tree() {
    let whole = sample().end().0;
    let expected = inspect(&whole[..], &Progress::default()).unwrap();
    for format in FORMATS.into_iter().skip(1).filter(|format| is_installed(format)) {
        let bytes = compress(&whole, format);
        for at in (0..bytes.len()).step_by(bytes.len() / 300 + 1) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << (at % 8);
            match inspect(&damaged[..], &Progress::default()) {
                Ok(looked_at) => assert_eq!(looked_at, expected, "{format} {at}"),
                Err(error) => assert!(matches!(error, Error::Archive(_)), "{error:?}"),
            }
        }
    }
}

/// Some programs write a size beyond 8 GiB into a pax record only.
#[test]
fn a_size_in_a_pax_record_counts() {
    let archive = Archive::new().pax("size", "3").file("f", "").contents(b"abc").file("g", "after");
    assert_eq!(tree(&archive), ["f: abc", "g: after"]);
    assert_eq!(tree(&Archive::new().pax("path", b"a\nb=c").file("f", "")), ["a\nb=c: "]);
}

#[test]
fn zeros_become_holes() {
    let mut contents = vec![0; 1 << 20];
    contents[500_000] = 1;
    let (_, sandbox) =
        unpack(&Archive::new().file("f", &contents).file("z", vec![0; 1 << 20])).unwrap();
    assert!(fs::read(sandbox.root().join("f")).unwrap() == contents);
    let zeros = fs::metadata(sandbox.root().join("z")).unwrap();
    assert_eq!(zeros.len(), 1 << 20);
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        assert!(zeros.blocks() * 512 < 100_000, "{}", zeros.blocks());
    }
}

/// A damage to an archive.
#[derive(Clone, Debug)]
enum Mutation {
    Flip(usize, u8),
    Zero(usize),
    Swap(usize, usize),
    Repeat(usize, usize),
    Cut(usize),
    Digits(usize, usize, u64),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let (at, block) = (any::<usize>(), any::<usize>());
    prop_oneof![
        4 => (at, any::<u8>()).prop_map(|(at, with)| Mutation::Flip(at, with)),
        1 => block.prop_map(Mutation::Zero),
        2 => (block, block).prop_map(|(one, other)| Mutation::Swap(one, other)),
        2 => (block, block).prop_map(|(from, to)| Mutation::Repeat(from, to)),
        1 => at.prop_map(Mutation::Cut),
        2 => (block, 0..3_usize, any::<u64>()).prop_map(|(at, field, to)| Mutation::Digits(at, field, to)),
    ]
}

/// Applies a mutation, and corrects the checksums of blocks that still look like headers.
fn mutate(bytes: &mut Vec<u8>, mutation: &Mutation) {
    let blocks = bytes.len() / 512;
    if blocks == 0 {
        return;
    }
    let range = |block: usize| block % blocks * 512..block % blocks * 512 + 512;
    match *mutation {
        Mutation::Flip(at, with) => {
            // Most of them in headers.
            let at = at % blocks * 512 + usize::from(with) * 2 % 512;
            bytes[at] ^= with;
        }
        Mutation::Zero(block) => bytes[range(block)].fill(0),
        Mutation::Swap(one, other) => {
            let block = bytes[range(one)].to_vec();
            bytes.copy_within(range(other), range(one).start);
            bytes[range(other)].copy_from_slice(&block);
        }
        Mutation::Repeat(from, to) => {
            let block = bytes[range(from)].to_vec();
            bytes.splice(range(to).start..range(to).start, block);
        }
        Mutation::Cut(at) => bytes.truncate(at % bytes.len()),
        Mutation::Digits(block, field, number) => {
            let at = range(block).start + [100, 124, 156][field];
            let digits = format!("{:o}", number >> (number % 64));
            let length = digits.len().min([7, 11, 1][field]);
            bytes[at..at + length].copy_from_slice(&digits.as_bytes()[..length]);
        }
    }
    for block in bytes.chunks_exact_mut(512).filter(|block| &block[257..262] == b"ustar") {
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().copied().map(u32::from).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// For any damage, nothing outside is changed, and the unpacked tree equals the result.
    #[test]
    fn damaged_archives_are_harmless(mutations in prop::collection::vec(mutation(), 1..6), copied: bool) {
        let mut bytes = sample().end().0;
        for mutation in &mutations {
            mutate(&mut bytes, mutation);
        }
        let sandbox = Sandbox::new();
        let links = if copied { Links::Copied } else { Links::Made };
        let options = UnpackOptions { links, max_bytes: Some(10 << 20), ..UnpackOptions::default() };
        if let Ok(unpacked) = sandbox.unpack(&bytes, &options) {
            let on_disk = tree_record(&sandbox.root(), &Progress::default()).unwrap();
            if copied {
                prop_assert_eq!(unpacked.record.with_links_copied().unwrap(), on_disk);
            } else {
                prop_assert_eq!(&unpacked.record, &on_disk);
                prop_assert_eq!(unpacked, inspect(&bytes[..], &Progress::default()).unwrap());
            }
        }
    }

    #[test]
    fn random_compressed_bytes_are_harmless(start in 0..5_usize, noise in prop::collection::vec(any::<u8>(), 0..200)) {
        let start: &[u8] = [b"\x1f\x8b\x08\0", &b"\xfd7zXZ\0"[..], b"\x28\xb5\x2f\xfd", b"BZh9", b""][start];
        prop_assert!(inspect(&[start, &noise].concat()[..], &Progress::default()).is_err());
    }

    #[test]
    fn the_sizes_of_reads_do_not_matter(sizes in prop::collection::vec(1..2000_usize, 1..20), gzip: bool) {
        let whole = sample().0;
        let compressed = gzip && is_installed("gzip");
        let bytes = if compressed { compress(&whole, "gzip") } else { whole.clone() };
        let dripping = Chunked { bytes: &bytes, sizes, next: 0 };
        let expected = inspect(&whole[..], &Progress::default()).unwrap();
        prop_assert_eq!(inspect(dripping, &Progress::default()).unwrap(), expected);
    }
}
