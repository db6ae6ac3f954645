//! Archives with conflicting members, unpacked by Tar.jl: that of each Julia from 1.6 on that the
//! testkit finds, or that in the directory `SCRATCHRS_TEST_TAR`, which has the packages `Tar` and
//! `ArgTools`.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a failed setup fails the test")]
#![expect(clippy::disallowed_methods, reason = "tests prepare files themselves")]

mod members;
mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use scratchrs_archive::{Error, UnpackOptions, tree_record};
use scratchrs_fs::Progress;
use scratchrs_testkit::{Random, inapplicable, julias, report};
use support::{Sandbox, described};

const ARCHIVES: u64 = 1500;

/// Unpacks each archive into a directory of the same name, or creates none if Tar.jl refuses it.
const SCRIPT: &str = r#"
archives, trees, sources = ARGS
isempty(sources) || push!(empty!(LOAD_PATH), sources, "@stdlib")
@eval using Tar
extract(from, to) = Tar.extract(from, to; copy_symlinks = false)
for name in readdir(archives)
    to = joinpath(trees, name)
    try
        Base.invokelatest(extract, joinpath(archives, name), to)
    catch error
        rm(to; force = true, recursive = true)
    end
end
"#;

/// The messages of our rules that are stricter than Tar.jl's, see `docs/formats.md`.
const STRICTER: [&str; 7] = [
    "not an earlier file",
    "unexpected bytes after its end",
    "a sparse file",
    "gives all members the same",
    "bytes long, too long for this system",
    "it contains no data",
    "it is empty",
];

#[test]
fn tar_jl_gives_the_same_trees() {
    #[expect(clippy::disallowed_methods, reason = "set by the person who runs the test")]
    let sources = std::env::var("SCRATCHRS_TEST_TAR").unwrap_or_default();
    let julias: Vec<_> =
        julias().into_iter().filter(|(_, minor)| *minor >= 6 || !sources.is_empty()).collect();
    if julias.is_empty() {
        return inapplicable("archives next to Tar.jl", "there is no Julia 1.6 or later");
    }
    let scratch = tempfile::tempdir().unwrap();
    let archives = scratch.path().join("archives");
    fs::create_dir(&archives).unwrap();
    for seed in 0..ARCHIVES {
        let archive = members::archive(&mut Random::new(seed));
        fs::write(archives.join(seed.to_string()), archive.0).unwrap();
    }
    for (number, (julia, minor)) in julias.into_iter().enumerate() {
        let trees = scratch.path().join(format!("trees-{number}"));
        fs::create_dir(&trees).unwrap();
        let script = scratch.path().join("script.jl");
        fs::write(&script, SCRIPT).unwrap();
        let output = Command::new(&julia)
            .arg("--startup-file=no")
            .args([&script, &archives, &trees])
            .arg(&sources)
            .env("JULIA_DEPOT_PATH", scratch.path().join("depot"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let accepted =
            (0..ARCHIVES).filter(|seed| is_unpacked_as_by_tar_jl(&archives, &trees, *seed)).count();
        assert!(accepted > 200, "{accepted}");
        report(&format!(
            "Julia 1.{minor}: Tar.jl unpacks {accepted} of {ARCHIVES} archives, with equal results"
        ));
    }
}

/// Whether Tar.jl unpacks the archive. If so, the trees are equal, or one of our stricter rules
/// refuses it.
fn is_unpacked_as_by_tar_jl(archives: &Path, trees: &Path, seed: u64) -> bool {
    let theirs = trees.join(seed.to_string());
    if !theirs.exists() {
        return false;
    }
    let sandbox = Sandbox::new();
    let bytes = fs::read(archives.join(seed.to_string())).unwrap();
    match sandbox.unpack(&bytes, &UnpackOptions::default()) {
        Ok(unpacked) => {
            assert_eq!(described(&sandbox.root()), described(&theirs), "archive {seed}");
            assert_eq!(unpacked.record, tree_record(&theirs, &Progress::default()).unwrap());
        }
        Err(error @ Error::Archive(_)) => {
            let message = error.to_string();
            assert!(
                STRICTER.iter().any(|rule| message.contains(rule)),
                "archive {seed}: {message}"
            );
        }
        Err(error) => panic!("archive {seed}: {error}"),
    }
    true
}
