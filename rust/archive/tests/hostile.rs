//! Hostile and malformed archives: they are refused, and nothing outside of the tree is changed.
#![expect(clippy::unwrap_used, reason = "a failed setup fails the test")]
#![expect(clippy::disallowed_methods, reason = "tests prepare files themselves")]

mod support;

use std::fs;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use scratchrs_archive::{Error, Links, UnpackOptions, inspect, tree_record};
use scratchrs_fs::Progress;
use support::{Archive, FILE, Raw, Sandbox, described, pax_record, unpack};

/// The error message for an archive, the same by unpacking and by inspecting it.
fn refusal(archive: &Archive) -> String {
    let Err(error) = unpack(archive) else { panic!("it was unpacked") };
    assert!(matches!(error, Error::Archive(_)), "{error:?}");
    let inspected = inspect(&archive.0[..], &Progress::default()).unwrap_err();
    assert_eq!(inspected.to_string(), error.to_string());
    error.to_string()
}

#[track_caller]
fn assert_refused(archive: Archive, why: &str) {
    let message = refusal(&archive);
    assert!(message.contains(why), "{message}");
}

#[test]
fn paths_that_leave_the_tree() {
    assert_refused(Archive::new().file("/absolute", ""), "`/absolute`: its path is absolute");
    assert_refused(Archive::new().file("../up", ""), "`../up`: its path has a component `..`");
    for path in ["..", "a/..", "a/../b", "a/../../beside/file", "./../x", "a//../b"] {
        assert_refused(Archive::new().directory(path), "a component `..`");
        assert_refused(Archive::new().directory("a").link(path, "x"), "a component `..`");
    }
    assert_refused(Archive::new().pax("path", "/etc/x").file("f", ""), "its path is absolute");
    assert_refused(Archive::new().extension(b'L', "../x\0").file("f", ""), "a component `..`");
    assert_refused(Archive::new().pax("path", b"a\0b").file("f", ""), "a zero byte");
    assert_refused(Archive::new().pax("path", "").file("f", ""), "its path is empty");
    assert_refused(Archive::new().file("", ""), "its path is empty");
    // Dots that are part of a name. On Windows, none may end with one.
    let dotted = Archive::new().file("..a", "").file("...", "").file("b..", "");
    if cfg!(unix) {
        let (_, sandbox) = unpack(&dotted).unwrap();
        assert_eq!(described(&sandbox.root()), ["...: ", "..a: ", "b..: "]);
    }
}

#[test]
fn paths_through_links() {
    let why = "goes through a symbolic link";
    assert_refused(Archive::new().link("l", "d").file("l/f", ""), why);
    assert_refused(Archive::new().directory("d").link("l", "d").directory("l/d"), why);
    assert_refused(Archive::new().link("l", ".").link("l/m", "x"), why);
    assert_refused(Archive::new().file("f", "").link("l", ".").hard_link("l/g", "f"), why);
    assert_refused(Archive::new().directory("d").link("d/l", "..").file("./d//l/./f", ""), why);
    // The target of a hard link is not resolved through links either.
    let archive = Archive::new().file("d/f", "").link("l", "d").hard_link("h", "l/f");
    assert_refused(archive, "not an earlier file");
}

/// The target of a link is data: it is kept unchanged, and neither read nor written.
#[test]
fn links_that_lead_out_are_data() {
    let sandbox = Sandbox::new();
    let beside = sandbox.path("beside/file");
    let targets = [
        "/",
        "/etc/passwd",
        "//x",
        "..",
        "../beside/file",
        "a/../..",
        "./../x",
        "../into",
        "../into/f",
        beside.to_str().unwrap(),
        "nowhere",
        "l",
        "./l",
        "l/",
        "/proc/self/cwd",
        "a//b/",
        "a\\b",
        "\n",
    ];
    for target in targets {
        for path in ["l", "a/b/l"] {
            let archive = Archive::new().directory("a").file("f", "1").link(path, target);
            let (unpacked, sandbox) = unpack(&archive).unwrap();
            let made = fs::read_link(sandbox.root().join(path)).unwrap();
            assert_eq!(made.to_str().unwrap(), target);
            assert_eq!(unpacked, inspect(&archive.0[..], &Progress::default()).unwrap());
            assert_eq!(
                unpacked.record,
                tree_record(&sandbox.root(), &Progress::default()).unwrap()
            );
        }
    }
    // So is that of a link that leads out, or in a circle, through other links.
    let archive = Archive::new()
        .directory("x")
        .link("a/b/c/s", "../../../x")
        .link("t", "a/b/c/s/../..")
        .link("v", "t/beside/file")
        .link("p", "q")
        .link("q", "p")
        .link("r", "r/..");
    let (unpacked, sandbox) = unpack(&archive).unwrap();
    assert_eq!(unpacked.record, tree_record(&sandbox.root(), &Progress::default()).unwrap());
    assert_eq!(unpacked.record.entries().len(), 6);
}

/// When links are replaced by copies, nothing is copied from outside, and links that lead out are
/// left out, as by Tar.jl.
#[test]
fn nothing_outside_is_copied() {
    let sandbox = Sandbox::new();
    let beside = sandbox.path("beside");
    let archive = Archive::new()
        .file("f", "1")
        .file("d/g", "2")
        .link("absolute", beside.join("file").to_str().unwrap())
        .link("directory", beside.to_str().unwrap())
        .link("up", "../beside/file")
        .link("d/up", "../../beside")
        .link("and-back", "../into/f")
        .link("root", "/")
        .link("inside", sandbox.root().join("f").to_str().unwrap())
        .link("chain", "absolute")
        .link("through", "directory/file")
        .link("nowhere/../x", "f");
    let archive = Archive(archive.0[..archive.0.len() - 512].to_vec())
        .link("missing", "nowhere/../f")
        .link("good", "d/../f")
        .link("dir", "d/");
    let options = UnpackOptions { links: Links::Copied, ..UnpackOptions::default() };
    let unpacked = sandbox.unpack(&archive.0, &options).unwrap();
    assert_eq!(described(&sandbox.root()), ["d/", "d/g: 2", "dir/", "dir/g: 2", "f: 1", "good: 1"]);
    let on_disk = tree_record(&sandbox.root(), &Progress::default()).unwrap();
    assert_eq!(unpacked.record.with_links_copied().unwrap(), on_disk);
    assert_eq!(unpacked, inspect(&archive.0[..], &Progress::default()).unwrap());
}

/// Writing through a link is refused, or replaces the link, in all variants.
#[test]
fn nothing_is_written_through_a_link() {
    let sandbox = Sandbox::new();
    let outside = sandbox.path("beside").to_str().unwrap().to_owned();
    let file = sandbox.path("beside/file").to_str().unwrap().to_owned();
    let link = |target: &str| Archive::new().file("other", "mine").link("l", target);
    let mut refused = Vec::new();
    let mut replaced = Vec::new();
    for target in [&outside, &file, "../beside", "/", ".", "d"] {
        let through = "goes through a symbolic link";
        refused.extend([
            (link(target).file("l/file", "x"), through),
            (link(target).directory("l/sub"), through),
            (link(target).link("l/m", "y"), through),
            (link(target).hard_link("l/h", "other"), through),
            (link(target).file("./l//./file", "x"), through),
            (link(target).file("l/deep/er/file", "x"), through),
            (link(target).pax("path", "l/file").file("f", "x"), through),
            (link(target).extension(b'L', "l/file\0").file("f", "x"), through),
            // Through two links, a link that replaced a directory, and one whose directory was
            // removed.
            (link(target).link("m", "l").file("m/file", "x"), through),
            (Archive::new().file("l/file", "x").link("l", target).file("l/file", "y"), through),
            (Archive::new().directory("l").link("l", target).file("l/file", "y"), through),
            (link(target).link("d/l", target).file("d/l/file", "x"), through),
            // A hard link to a symbolic link, and one to a file below one.
            (link(target).hard_link("h", "l"), "not an earlier file"),
            (link(target).hard_link("h", "l/file"), "not an earlier file"),
            (
                Archive::new().file("l/file", "x").link("l", target).hard_link("h", "l/file"),
                "not an earlier file",
            ),
        ]);
        replaced.extend([
            (link(target).file("l", "new"), ["l: new", "other: mine"]),
            (link(target).hard_link("l", "other"), ["l: mine", "other: mine"]),
            (link(target).file("l", "1").file("l", "2"), ["l: 2", "other: mine"]),
            (link(target).directory("l"), ["l/", "other: mine"]),
            (link(target).link("l", "other"), ["l -> other", "other: mine"]),
        ]);
    }
    for (archive, why) in refused {
        assert_refused(archive, why);
    }
    for (archive, expected) in replaced {
        for links in [Links::Made, Links::Copied] {
            let sandbox = Sandbox::new();
            let options = UnpackOptions { links, ..UnpackOptions::default() };
            sandbox.unpack(&archive.0, &options).unwrap();
            if links == Links::Made || !expected[0].contains("->") {
                assert_eq!(described(&sandbox.root()), expected);
            }
        }
    }
    let back = link(&outside).directory("l").file("l/file", "new");
    let (_, sandbox) = unpack(&back).unwrap();
    assert_eq!(described(&sandbox.root()), ["l/", "l/file: new", "other: mine"]);
    // A hard link to itself changes the mode of that file only.
    let (_, sandbox) = unpack(&link(&file).hard_link("other", "other")).unwrap();
    assert!(sandbox.root().join("l").is_symlink());
}

#[test]
fn links_that_take_long_to_resolve() {
    // Each leads twice through all earlier ones.
    let mut archive = Archive::new().directory("d0");
    for level in 1..60 {
        let below = format!("d{}", level - 1);
        archive = archive.link(&format!("d{level}"), &format!("{below}/../{below}"));
    }
    unpack(&archive).unwrap();
    // So many that even forty steps each are too many.
    let path = "./".repeat(30_000) + "l0";
    let mut archive = Archive::new().file("end", "");
    for level in 0..60 {
        let next = path.replace("l0", &format!("l{}", level + 1));
        archive = archive.extension(b'K', next).link(&format!("l{level}"), "x");
    }
    for index in 0..200 {
        archive = archive.link(&format!("m{index}"), "l0/../l0/../l0");
    }
    // Empty components are not counted: only the time matters here.
    inspect(&archive.0[..], &Progress::default()).unwrap();
}

#[test]
fn hard_links_to_anything_but_an_earlier_file() {
    let why = "not an earlier file";
    assert_refused(Archive::new().hard_link("h", "f"), why);
    assert_refused(Archive::new().hard_link("h", "f").file("f", ""), why);
    assert_refused(Archive::new().directory("d").hard_link("h", "d"), why);
    assert_refused(Archive::new().hard_link("h", "."), why);
    assert_refused(Archive::new().link("l", "x").hard_link("h", "l"), why);
    assert_refused(Archive::new().file("f", "").hard_link("h", "f/x"), why);
    assert_refused(Archive::new().file("f", "").hard_link("f/h", "f"), why);
    assert_refused(Archive::new().file("d/f", "").hard_link("d", "d/f"), why);
    assert_refused(Archive::new().file("f", "").directory("f").hard_link("h", "f"), why);
    let absolute = Archive::new().hard_link("h", "/etc/passwd");
    assert_refused(absolute, "a hard link to an absolute path");
    let up = Archive::new().hard_link("h", "../beside/file");
    assert_refused(up, "a hard link to a path with a component `..`");
    let kind = b'1';
    assert_refused(Archive::new().raw(&Raw { kind, ..FILE }), "a link without a target");
}

#[test]
fn unsupported_types() {
    let kinds = [
        (b'3', "a character device"),
        (b'4', "a block device"),
        (b'6', "a FIFO"),
        (b'7', "of an unknown type, `7`"),
        (b'S', "a sparse file"),
        (b'V', "of an unknown type, `V`"),
        (b'M', "of an unknown type, `M`"),
        (b'\xff', "of an unknown type, `\\xff`"),
    ];
    for (kind, why) in kinds {
        assert_refused(Archive::new().raw(&Raw { kind, ..FILE }), why);
    }
    let sparse = Archive::new().pax("GNU.sparse.major", "1").file("GNUSparseFile.0/f", "");
    assert_refused(sparse, "a sparse file");
}

#[test]
fn contradictory_headers() {
    let with = |raw: Raw<'_>| Archive::new().raw(&raw);
    assert_refused(with(Raw { link: b"x", ..FILE }), "it is not a link, but has a target");
    assert_refused(with(Raw { kind: b'5', link: b"x", ..FILE }), "it is not a link");
    for kind in [b'1', b'2', b'5'] {
        let link: &[u8] = if kind == b'5' { b"" } else { b"x" };
        assert_refused(
            with(Raw { kind, link, size: 1, ..FILE }),
            "it is not a file, but has contents",
        );
    }
    assert_refused(with(Raw { kind: b'2', ..FILE }), "a link without a target");
    assert_refused(with(Raw { path: b"f/", ..FILE }), "ends in `/`, but it is not a directory");
    assert_refused(with(Raw { path: b"d/.", ..FILE }), "ends in `.`, but it is not a directory");
    assert_refused(with(Raw { path: b".", ..FILE }), "ends in `.`, but it is not a directory");
    assert_refused(Archive::new().pax("linkpath", "a\0b").link("l", "x"), "a zero byte");
}

#[test]
fn invalid_numbers() {
    let field = |at: usize, bytes: &[u8]| {
        let mut archive = Archive::new().file("f", "");
        archive.0[at..at + bytes.len()].copy_from_slice(bytes);
        with_checksum(archive)
    };
    assert_refused(field(124, b"9999999999\0"), "its size is not a number");
    assert_refused(field(124, b"-1\0"), "its size is not a number");
    assert_refused(field(124, b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), "out of range");
    assert_refused(field(124, b"\x80\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00"), "out of range");
    assert_refused(field(124, b"\x80\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff"), "out of range");
    assert_refused(field(100, b"00x0644\0"), "its mode is not a number");
    for size in ["-1", "x", "1 2", "", " ", "0x10", "18446744073709551616"] {
        assert_refused(Archive::new().pax("size", size).file("f", ""), "an invalid size");
    }
    assert_refused(Archive::new().pax("size", "9223372036854775808").file("f", ""), "out of range");
}

/// Sets the checksum of the first header.
fn with_checksum(mut archive: Archive) -> Archive {
    archive.0[148..156].fill(b' ');
    let sum: u32 = archive.0[..512].iter().copied().map(u32::from).sum();
    archive.0[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    archive
}

#[test]
fn malformed_pax_headers() {
    let malformed = [
        "x",
        "5 a=b",
        "6 a=b",
        "7 a=b\n",
        "0 a=b\n",
        "6 abc\n",
        "-6 a=b\n",
        " 6 a=b\n",
        "99999999999999999999999 a=b\n",
        "6 a=b\n6",
        "4 a\n",
    ];
    for records in malformed {
        let archive = Archive::new().extension(b'x', records).file("f", "");
        assert_refused(archive, "a pax header is malformed");
    }
    for key in ["path", "linkpath", "size", "GNU.sparse.name"] {
        let archive = Archive::new().extension(b'g', pax_record(key, b"1")).file("f", "");
        assert_refused(archive, &format!("all members the same `{key}`"));
    }
    // An empty key is ignored, and so are leading zeros of a length.
    let records = "6 =bc\n0000000000000000000000000000036 a=b\n";
    unpack(&Archive::new().extension(b'x', records).file("f", "")).unwrap();
    // A comment, as written by `git archive`.
    let comment = pax_record("comment", b"0123");
    unpack(&Archive::new().extension(b'g', comment).file("f", "")).unwrap();
}

#[test]
fn excessively_long_names() {
    let long = "x".repeat(70_000);
    assert_refused(Archive::new().extension(b'L', &long).file("f", ""), "70000 bytes long");
    assert_refused(Archive::new().pax("path", &long).file("f", ""), "longer than 64 KiB");
    let archive = Archive::new().pax("linkpath", &long).link("l", "x");
    assert_refused(archive, "the target of the link is longer than 64 KiB");
    let size = 10 << 30;
    for kind in [b'x', b'g', b'L', b'K'] {
        let archive = Archive::new().raw(&Raw { kind, size, ..FILE });
        assert_refused(archive, "10737418240 bytes long");
    }
}

/// No function recurses over the levels, and a path too long for the system is an error.
#[test]
#[cfg(unix)]
fn ten_thousand_levels() {
    let deep = "d/".repeat(10_000) + "f";
    let archive = Archive::new().pax("path", &deep).file("f", "hi").link("d/l", "d");
    let small_stack = std::thread::Builder::new().stack_size(128 * 1024);
    let message = small_stack
        .spawn(move || {
            let inspected = inspect(&archive.0[..], &Progress::default()).unwrap();
            assert_eq!(inspected.record.entries().len(), 2);
            unpack(&archive).map(|_| ()).unwrap_err().to_string()
        })
        .unwrap()
        .join()
        .unwrap();
    assert!(message.contains("20001 bytes long, too long for this system"), "{message}");
    assert!(message.len() < 400, "{message}");
    // Level by level.
    let mut archive = Archive::new();
    for level in [500, 1000, 1500] {
        archive = archive.pax("path", "d/".repeat(level) + "f").file("f", "hi");
    }
    unpack(&archive).unwrap();
}

#[test]
fn contents_larger_than_the_available_space() {
    let size = 1 << 60;
    let archive = Archive::new().file("g", "").raw(&Raw { size, ..FILE });
    let Err(Error::TooLarge { bytes, available }) = unpack(&archive) else {
        panic!("it was unpacked")
    };
    assert!(bytes == size && available < size);

    let options = UnpackOptions { max_bytes: Some(100), ..UnpackOptions::default() };
    let refused = |archive: &Archive| {
        matches!(Sandbox::new().unpack(&archive.0, &options), Err(Error::TooLarge { .. }))
    };
    let fits = Archive::new().file("f", [1; 60]).file("g", [1; 40]);
    assert!(!refused(&fits));
    assert!(refused(&fits.clone().file("h", "1")));
    assert!(refused(&Archive::new().file("f", [1; 60]).hard_link("g", "f")));
    // Replaced files do not count.
    assert!(!refused(&Archive::new().file("f", [1; 60]).file("f", [2; 60])));
    assert!(!refused(&Archive::new().file("d/f", [1; 60]).link("d", "x").file("g", [1; 60])));
}

/// Directories full of links to directories full of links.
#[test]
fn copies_of_copies() {
    let mut archive = Archive::new().file("d0/f", "");
    for level in 1..40 {
        for link in 0..10 {
            let path = format!("d{level}/l{link}");
            archive = archive.link(&path, &format!("../d{}", level - 1));
        }
    }
    // By default, they would be copied where no links can be created.
    let options = UnpackOptions { links: Links::Made, ..UnpackOptions::default() };
    Sandbox::new().unpack(&archive.0, &options).unwrap();
    let options = UnpackOptions { links: Links::Copied, max_bytes: Some(2_000), ..options };
    let with_contents = Archive::new().file("d0/g", "1").0;
    let archive = Archive([with_contents, archive.0].concat());
    let result = Sandbox::new().unpack(&archive.0, &options);
    assert!(matches!(result, Err(Error::TooLarge { .. })), "{result:?}");
}

/// Computed from the record of an artifact, without files.
#[test]
fn too_many_copies() {
    let mut archive = Archive::new().file("d0/f", "");
    for level in 1..8 {
        for link in 0..10 {
            archive = archive.link(&format!("d{level}/l{link}"), &format!("../d{}", level - 1));
        }
    }
    let record = inspect(&archive.0[..], &Progress::default()).unwrap().record;
    let error = record.with_links_copied().unwrap_err().to_string();
    assert!(error.contains("too many copies in place of its links"), "{error}");

    // Links of 26,000 components that lead through 64 others.
    let way = "a/../".repeat(13_000);
    let mut archive = Archive::new().file("a/f", "");
    for level in 0..160 {
        let target = format!("{way}l{}", level + 1);
        archive = archive.pax("linkpath", target).link(&format!("l{level}"), "x");
    }
    let record = inspect(&archive.0[..], &Progress::default()).unwrap().record;
    let error = record.with_links_copied().unwrap_err().to_string();
    assert!(error.contains("lead through each other too often"), "{error}");
    // As links, they are data.
    unpack(&Archive::new().pax("linkpath", "a/../".repeat(800)).link("l", "x")).unwrap();
}

#[test]
fn bytes_after_the_end() {
    let archive = Archive::new().file("f", "hi").end();
    let zeros = Archive([archive.0.clone(), vec![0; 20_000]].concat());
    unpack(&zeros).unwrap();
    let why = "unexpected bytes after its end";
    let second = Archive([archive.0.clone(), archive.0.clone()].concat());
    assert_refused(second, why);
    for garbage in [&b"x"[..], &[0, 0, 1], &[1; 512]] {
        assert_refused(Archive([&archive.0, garbage].concat()), why);
    }

    let gzipped = gzip(&archive.0);
    let padded = [&gzipped[..], &[0; 1000]].concat();
    unpack(&Archive(padded)).unwrap();
    let members = [gzip(&archive.0[..700]), gzip(&archive.0[700..])].concat();
    unpack(&Archive(members)).unwrap();
    for garbage in [&b"x"[..], &[0, 0, 1], b"\x1f\x8b", b"\x1f\x8bxxxxxxxxxxxxxxxxxxx"] {
        let message = refusal(&Archive([&gzipped, garbage].concat()));
        assert!(message.contains("gzip data"), "{message}");
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

#[test]
fn files_that_are_not_archives() {
    assert_refused(Archive::new(), "it is empty");
    assert_refused(Archive(gzip(b"")), "it contains no data");
    let why = "it is not a tar archive, and not compressed by gzip, xz, Zstandard or bzip2";
    assert_refused(Archive(b"<!DOCTYPE html>\n<title>404</title>".to_vec()), why);
    assert_refused(Archive(vec![b'x'; 5000]), why);
    assert_refused(Archive(gzip(&[b'x'; 5000])), "its checksum is wrong");
    for start in ["\x1f\u{8b}", "BZh9", "BZh"] {
        refusal(&Archive(start.as_bytes().to_vec()));
    }
    refusal(&Archive(b"\xfd7zXZ\0".to_vec()));
    refusal(&Archive(b"\x28\xb5\x2f\xfd".to_vec()));
    refusal(&Archive(b"\x1f\x8b".to_vec()));
}

/// An excessive window is refused before memory is allocated.
#[test]
fn windows_that_take_all_memory() {
    // A frame with a window of 2 GiB, and a block.
    let zstd = b"\x28\xb5\x2f\xfd\x00\xa8\x01\x00\x00";
    refusal(&Archive(zstd.to_vec()));
    // A stream whose first block wants a dictionary of 1.5 GiB.
    let mut xz = b"\xfd7zXZ\0\0\0\xff\x12\xd9\x41".to_vec();
    let block = b"\x02\x00\x21\x01\x25\x00\x00\x00";
    xz.extend_from_slice(block);
    let mut crc = flate2::Crc::new();
    crc.update(block);
    xz.extend_from_slice(&crc.sum().to_le_bytes());
    xz.extend_from_slice(&[0; 100]);
    let message = refusal(&Archive(xz));
    assert!(message.contains("more than 128 MiB"), "{message}");
}

#[test]
fn names_with_terminal_escapes() {
    let message = refusal(&Archive::new().file("/\x1b[2J\nok", ""));
    assert!(message.contains("`/\\u{1b}[2J\\nok`"), "{message}");
}

/// Existing files are not overwritten: the directory must be empty.
#[test]
fn existing_files() {
    let sandbox = Sandbox::new();
    fs::write(sandbox.root().join("f"), "mine").unwrap();
    let archive = Archive::new().file("f", "theirs");
    let error = sandbox.unpack(&archive.0, &UnpackOptions::default()).unwrap_err();
    assert!(error.to_string().contains("treats its name as equal to that of another"), "{error}");
    assert_eq!(fs::read_to_string(sandbox.root().join("f")).unwrap(), "mine");
}

/// On a file system that treats two names as equal, no member replaces another one, and existing
/// files stay.
#[cfg(target_os = "linux")]
#[test]
fn names_that_the_file_system_treats_as_equal() {
    use scratchrs_testkit::{Disk, FileSystem, skip};

    let mount = tempfile::tempdir().unwrap();
    let disk = match Disk::new(mount.path(), FileSystem::Fat) {
        Ok(disk) => disk,
        Err(why) => return skip("unpacking where two names are equal", &why),
    };
    let root = disk.seen_from_outside();
    fs::write(root.join("case"), "").unwrap();
    if !root.join("CASE").exists() {
        return skip("unpacking where two names are equal", "the file system distinguishes them");
    }
    let first = || Archive::new().file("X", "first");
    let archives = [
        first().file("x", "second"),
        first().directory("x"),
        first().file("x/f", "second"),
        first().hard_link("x", "X"),
        first().link("x", "/etc/passwd"),
        first().link("x", "y").directory("x"),
        first().link("x", "y").file("x", "second"),
        first().link("x", "y").hard_link("x", "X"),
        Archive::new().link("x", "y").file("X", "first").directory("x").file("x/f", "second"),
        Archive::new().link("x", "y").file("X", "first").file("x", "second"),
        Archive::new().file("d/X", "first").link("D", "/etc").file("d/x", "second"),
    ];
    for (number, archive) in archives.into_iter().enumerate() {
        let into = root.join(number.to_string());
        fs::create_dir(&into).unwrap();
        // By default, the links would be left out: this file system has none.
        let options = UnpackOptions { links: Links::Made, ..UnpackOptions::default() };
        let result =
            scratchrs_archive::unpack(&archive.0[..], &into, &options, &Progress::default());
        let error = result.map(|_| ()).unwrap_err();
        assert!(
            error.to_string().contains("treats its name as equal to that of another entry"),
            "{number}: {error}"
        );
        // A link is replaced after the earlier files are written.
        if (5..10).contains(&number) {
            assert_eq!(fs::read_to_string(into.join("X")).unwrap(), "first", "{number}");
        }
    }
}
