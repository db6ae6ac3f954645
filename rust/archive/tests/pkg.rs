//! Thousands of random trees, hashed by Pkg, and their archive, created by Tar.jl and unpacked by
//! Pkg. Runs with each Julia that the testkit finds.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a failed setup fails the test")]
#![expect(clippy::disallowed_methods, reason = "tests prepare files themselves")]

mod trees;

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use flate2::read::GzDecoder;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use scratchrs_archive::{Compression, UnpackOptions, pack, tree_hash, tree_hash_sha256, unpack};
use scratchrs_fs::Progress;
use scratchrs_testkit::{julias, report, skip};
use sha2::Digest;

const TREES: usize = 2000;

/// Prints Pkg's hashes of each tree in a directory, by SHA-1 and SHA-256; the digest of Tar.jl's
/// archive of the directory; and the hash of our archive as unpacked by Pkg.
const SCRIPT: &str = r#"
using Pkg, SHA
root, tarball, unpacked, stream = ARGS
const hash_of = Pkg.GitTools.tree_hash
sha256_of(tree) = VERSION < v"1.6-" ? UInt8[] : hash_of(SHA.SHA256_CTX, tree)
for tree in 1:parse(Int, ARGS[5])
    path = joinpath(root, string(tree))
    println(bytes2hex(hash_of(path)), ' ', bytes2hex(sha256_of(path)))
end
const engines = Pkg.PlatformEngines
isdefined(engines, :probe_platform_engines!) && engines.probe_platform_engines!()
engines.unpack(tarball, unpacked)
println(bytes2hex(hash_of(unpacked)), ' ', bytes2hex(sha256_of(unpacked)))
if VERSION >= v"1.6-"
    @eval using Tar
    open(io -> Base.invokelatest(Tar.create, root, io), stream, "w")
end
"#;

#[test]
fn pkg_gives_the_same_hashes_and_unpacks_our_archives() {
    let julias = julias();
    if julias.is_empty() {
        return skip("trees next to Pkg", "no Julia was found");
    }
    let scratch = tempfile::tempdir().unwrap();
    let root = scratch.path().join("trees");
    fs::create_dir(&root).unwrap();
    let mut runner = TestRunner::deterministic();
    for tree in 1..=TREES {
        let value = trees::directory().new_tree(&mut runner).unwrap().current();
        let at = root.join(tree.to_string());
        fs::create_dir(&at).unwrap();
        trees::build(&value, &at, false);
        add_entries_specific_to_pkg(tree, &at);
    }
    let progress = Progress::default();
    let tarball = scratch.path().join("trees.tar.gz");
    pack(&root, &tarball, Compression::Gzip, &progress).unwrap();
    let into = scratch.path().join("ours");
    fs::create_dir(&into).unwrap();
    let archive = File::open(&tarball).unwrap();
    let unpacked = unpack(archive, &into, &UnpackOptions::default(), &progress).unwrap();
    assert_eq!(unpacked.hashes.pkg, tree_hash(&root, &progress).unwrap());

    for (julia, minor) in julias {
        let lines = run(&julia, scratch.path(), &root, &tarball);
        let paths = (1..=TREES).map(|tree| root.join(tree.to_string())).chain([root.clone()]);
        for (line, tree) in lines.iter().zip(paths) {
            let (sha1, sha256) = line.split_once(' ').unwrap();
            let at = tree.display();
            assert_eq!(sha1, tree_hash(&tree, &progress).unwrap().to_string(), "1.{minor} {at}");
            if minor >= 6 {
                let ours = tree_hash_sha256(&tree, &progress).unwrap().to_string();
                assert_eq!(sha256, ours, "1.{minor} {at}");
            }
        }
        assert_eq!(lines.len(), TREES + 1);
        if minor >= 6 {
            let theirs = digest(File::open(scratch.path().join("stream")).unwrap());
            assert!(digest(GzDecoder::new(File::open(&tarball).unwrap())) == theirs, "1.{minor}");
        }
        report(&format!("Julia 1.{minor}: the same hashes of {TREES} trees and of their archive"));
    }
}

/// Adds entries that Pkg's hashes ignore, or count differently from git.
fn add_entries_specific_to_pkg(number: usize, tree: &Path) {
    match number % 10 {
        0 => {
            fs::create_dir_all(tree.join("only-git/.git")).unwrap();
            fs::write(tree.join("only-git/.git/config"), "").unwrap();
        }
        1 => fs::write(tree.join(".git"), "gitdir: elsewhere").unwrap(),
        2 => fs::create_dir_all(tree.join("empty/.git/too")).unwrap(),
        3 => symlink("schön/\u{20ac}", tree.join("unicode-link")).unwrap(),
        _ => {}
    }
}

fn run(julia: &Path, scratch: &Path, root: &Path, tarball: &Path) -> Vec<String> {
    let theirs = scratch.join("theirs");
    scratchrs_fs::remove(&theirs).unwrap();
    let script = scratch.join("script.jl");
    fs::write(&script, SCRIPT).unwrap();
    let output = Command::new(julia)
        .arg("--startup-file=no")
        .args([&script, root, tarball, &theirs, &scratch.join("stream")])
        .arg(TREES.to_string())
        .env("JULIA_DEPOT_PATH", format!("{}:", scratch.join("depot").display()))
        .env("JULIA_PKG_SERVER", "")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}", julia.display());
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

fn digest(mut stream: impl io::Read) -> Vec<u8> {
    let mut hasher = sha2::Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match stream.read(&mut buffer).unwrap() {
            0 => return hasher.finalize().to_vec(),
            count => hasher.update(&buffer[..count]),
        }
    }
}
