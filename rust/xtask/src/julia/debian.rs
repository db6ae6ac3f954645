//! Debian's Julia 1.5.3 (suite bullseye), unpacked into a folder without touching the system.
//!
//! # On disk
//!
//! ```text
//! <folder>/lock          held while a process unpacks
//!          unpacking/    in progress, or left by a killed process
//!          root/usr/…    the packages, with a script instead of `usr/bin/julia`
//!          bin/julia     a link to that script; created last, when everything is complete
//! ```

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::console;
use crate::debian::{self, Apt};
use crate::program;

/// The script, in the folder, and the name of the program beside it.
const STARTER: &str = "root/usr/bin/julia";
const PROGRAM: &str = "julia-1.5.3";

const SUITE: &str = "bullseye";

/// Julia and all libraries that it loads, except libc and those of the compiler. All are from its
/// own suite: the libunwind of later ones crashes it at the first exception.
const PACKAGES: [&str; 28] = [
    "julia",
    "julia-common",
    "libbsd0",
    "libcurl3-gnutls",
    "libdsfmt-19937-1",
    "libedit2",
    "libffi7",
    "libgfortran5",
    "libgit2-1.1",
    "libgmp10",
    "libhttp-parser2.9",
    "libjulia1",
    "libllvm9",
    "libmbedcrypto3",
    "libmbedtls12",
    "libmbedx509-0",
    "libmd0",
    "libmpfr6",
    "libopenblas0-pthread",
    "libopenlibm3",
    "libpcre2-8-0",
    "libpcre3",
    "libquadmath0",
    "libssh2-1",
    "libtinfo6",
    "libunwind8",
    "libutf8proc2",
    "libz3-4",
];

/// The executable of the Julia in `folder`, which is downloaded if it is missing.
pub(super) fn unpacked(folder: &Path) -> Result<PathBuf> {
    let executable = folder.join("bin/julia");
    let is_complete = || is_complete(folder, &executable);
    debian::fill_once(folder, is_complete, |unpacking| fetch(folder, unpacking)).context(
        "could not unpack Debian's Julia 1.5.3; if this machine's apt has no mirror with the \
         suite bullseye, add one to its sources, or set SCRATCHRS_JULIAS to another Julia",
    )?;
    Ok(executable)
}

/// Whether it is complete. An earlier version had a script instead of the link only.
fn is_complete(folder: &Path, executable: &Path) -> bool {
    executable.exists() && folder.join(STARTER).with_file_name(PROGRAM).exists()
}

fn fetch(folder: &Path, unpacking: &Path) -> Result<()> {
    console::status("Fetching", format_args!("Debian's Julia 1.5.3 into {}", folder.display()));
    for left_over in [folder.join("root"), folder.join("bin")] {
        scratchrs_fs::remove(&left_over)?;
    }
    let apt = Apt::set_up(unpacking.join("apt"), SUITE)?;
    apt.unpack(&PACKAGES, &unpacking.join("root"))?;
    write_starter(unpacking)?;
    check(&unpacking.join("bin/julia"))?;
    fs::rename(unpacking.join("root"), folder.join("root"))?;
    fs::rename(unpacking.join("bin"), folder.join("bin"))?;
    Ok(())
}

/// Writes the script that starts Julia with its own libraries before those of the system. Replaces
/// the program by a script that starts it with its own libraries, so that child processes that
/// Julia starts by its own path also use them.
fn write_starter(unpacking: &Path) -> Result<()> {
    let libraries = libraries(&unpacking.join("root/usr/lib"))?;
    let text = format!(
        r#"#!/bin/sh
# Debian's Julia 1.5.3 with the libraries of its own suite. Made by `cargo xtask`.
bin=$(dirname "$(readlink -f "$0")")
root=$(dirname "$(dirname "$bin")")
usr=$root/usr/lib/{libraries}
libraries=$usr/openblas-pthread:$usr:$root/lib/{libraries}
LD_LIBRARY_PATH=$libraries${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}
export LD_LIBRARY_PATH
exec "$bin/{PROGRAM}" "$@"
"#
    );
    let starter = unpacking.join(STARTER);
    fs::rename(&starter, starter.with_file_name(PROGRAM))?;
    fs::write(&starter, text)?;
    scratchrs_fs::set_executable(&starter, true)?;
    let bin = unpacking.join("bin");
    scratchrs_fs::create_dir_all(&bin)?;
    let starter = Path::new("..").join(STARTER);
    Ok(scratchrs_fs::symlink(starter.as_os_str(), &bin.join("julia"), false)?)
}

/// The name of the directory with the libraries, which Debian calls after the machine's triplet.
fn libraries(directory: &Path) -> Result<String> {
    let names = scratchrs_fs::subdirectories(directory)?;
    let has_julia = |name: &String| directory.join(name).join("libjulia.so.1").exists();
    names.into_iter().find(has_julia).context("the packages have no `libjulia.so.1`")
}

/// Runs it, and throws an exception, which fails if a library is missing or wrong.
fn check(julia: &Path) -> Result<()> {
    let mut command = Command::new(julia);
    command
        .args(["--startup-file=no", "-e", "try error() catch; print(VERSION) end"])
        .env_remove("LD_LIBRARY_PATH");
    let version = program::output(command)?;
    ensure!(version == "1.5.3", "the unpacked Julia has version `{version}`");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[ignore = "downloads about 80 MB; run it on Debian after a change here"]
    fn julia_is_unpacked_once_and_a_broken_half_again() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("root/usr/bin")).unwrap();
        fs::create_dir_all(folder.path().join("unpacking/root")).unwrap();
        let julia = unpacked(folder.path()).unwrap();
        check(&julia).unwrap();
        assert_eq!(unpacked(folder.path()).unwrap(), julia);
        let left = scratchrs_fs::subdirectories(folder.path()).unwrap();
        assert_eq!(left, ["bin", "root"]);
    }
}
