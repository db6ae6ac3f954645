//! Unpacking of archives that other programs make.

// Windows does not come with them.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a failed setup fails the test")]
#![expect(clippy::disallowed_methods, reason = "tests prepare files themselves")]

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use scratchrs_archive::tree_record;
use scratchrs_fs::Progress;
use scratchrs_testkit::symlink;
use support::{Archive, described, is_installed, unpack};

/// Writes a tree that every program can store in all its formats.
fn ordinary_tree() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    fs::create_dir_all(root.join("d/empty")).unwrap();
    fs::write(root.join("d/f"), "contents").unwrap();
    fs::write(root.join("run"), vec![b'r'; 70_000]).unwrap();
    scratchrs_fs::set_executable(&root.join("run"), true).unwrap();
    symlink("d/f", root.join("link"));
    fs::hard_link(root.join("d/f"), root.join("hard")).unwrap();
    fs::write(root.join("n".repeat(97)), "a name that just fits").unwrap();
    directory
}

/// Adds entries that only the newer formats can store.
fn with_long_names(directory: tempfile::TempDir) -> tempfile::TempDir {
    let root = directory.path();
    let deep = root.join("a".repeat(120)).join("b".repeat(120));
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("c".repeat(120)), "deep").unwrap();
    fs::write(root.join("schön"), "Unicode").unwrap();
    symlink("x".repeat(150), root.join("long link"));
    directory
}

fn assert_same_tree(tree: &Path, archive: Vec<u8>, program: &str) {
    let (unpacked, sandbox) =
        unpack(&Archive(archive)).unwrap_or_else(|e| panic!("{program}: {e}"));
    assert_eq!(unpacked.record, tree_record(tree, &Progress::default()).unwrap(), "{program}");
    assert_eq!(described(&sandbox.root()), described(tree), "{program}");
}

#[test]
fn archives_of_other_programs() {
    let ordinary = ordinary_tree();
    let any = with_long_names(ordinary_tree());
    let made = |program: &str, arguments: &[&str], tree: &Path| {
        let output = Command::new(program).args(arguments).arg("-C").arg(tree).arg(".").output();
        let output = output.unwrap();
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    let gnu = |format: &str, tree: &Path| {
        let archive = made("tar", &["--create", &format!("--format={format}")], tree);
        assert_same_tree(tree, archive, &format!("tar --format={format}"));
    };
    for format in ["v7", "ustar"] {
        gnu(format, ordinary.path());
    }
    for format in ["oldgnu", "gnu", "posix"] {
        gnu(format, any.path());
    }
    if is_installed("bsdtar") {
        for format in ["gnutar", "pax", "ustar"] {
            let tree = if format == "ustar" { ordinary.path() } else { any.path() };
            let archive = made("bsdtar", &["-c", "--format", format, "-f", "-"], tree);
            assert_same_tree(tree, archive, &format!("bsdtar --format {format}"));
        }
    }
    if is_installed("python3") {
        for format in ["GNU_FORMAT", "PAX_FORMAT"] {
            let script = format!(
                "import sys, tarfile\n\
                 tar = tarfile.open(fileobj=sys.stdout.buffer, mode='w|', format=tarfile.{format})\n\
                 tar.add(sys.argv[1], '.')\ntar.close()"
            );
            let output = Command::new("python3").args(["-c", &script]).arg(any.path()).output();
            let output = output.unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            assert_same_tree(any.path(), output.stdout, format);
        }
    }
}

#[test]
fn sparse_files_of_other_programs_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("sparse");
    fs::File::create(&path).unwrap().set_len(1 << 20).unwrap();
    for format in ["gnu", "posix"] {
        let arguments = ["--create", "--sparse", &format!("--format={format}"), "-C"];
        let output = Command::new("tar").args(arguments).arg(directory.path()).arg(".").output();
        let error = unpack(&Archive(output.unwrap().stdout)).map(|_| ()).unwrap_err();
        assert!(error.to_string().contains("a sparse file"), "{error}");
        assert_eq!(error.hint(), Some("make the archive without `--sparse`"));
    }
}
