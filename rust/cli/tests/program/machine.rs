//! The C library for which artifacts are chosen, whatever that of the program.

#![cfg(target_os = "linux")]

use std::fs;
use std::process::Command;

use scratchrs_testkit::{elf, inapplicable};

use crate::lab::{Lab, Run, skip};

const GLIBC: &str = "1111111111111111111111111111111111111111";
const MUSL: &str = "2222222222222222222222222222222222222222";

/// A file that binds a name for both C libraries.
fn lab() -> Lab {
    let lab = Lab::new();
    let entry = |libc, hash| {
        let arch = std::env::consts::ARCH;
        format!(
            "[[tool]]\narch = \"{arch}\"\ngit-tree-sha1 = \"{hash}\"\nlibc = \"{libc}\"\nos = \"linux\"\n"
        )
    };
    lab.write("Artifacts.toml", entry("glibc", GLIBC) + &entry("musl", MUSL));
    lab
}

fn chosen(run: &Run) -> &str {
    match (run.stderr.contains(GLIBC), run.stderr.contains(MUSL)) {
        (true, false) => "glibc",
        (false, true) => "musl",
        _ => panic!("{run:?}"),
    }
}

#[test]
fn the_c_library_is_that_of_the_machine() {
    // glibc's `ldd` has the option, musl's has not and says its name.
    let Ok(ldd) = Command::new("ldd").arg("--version").output() else {
        return skip("the_c_library_is_that_of_the_machine", "there is no `ldd`");
    };
    let is_musl = String::from_utf8_lossy(&ldd.stderr).contains("musl");
    let expected = if is_musl { "musl" } else { "glibc" };
    assert_eq!(chosen(&lab().run(&["artifact", "path", "tool"])), expected);
}

#[test]
fn a_root_directory_with_musl_alone_is_for_musl() {
    const NAME: &str = "a_root_directory_with_musl_alone_is_for_musl";
    if cfg!(not(target_env = "musl")) {
        return inapplicable(NAME, "the program is not static: it runs in no other root directory");
    }
    let mut lab = lab();
    let unshared = ["--map-root-user", "--root", "[ROOT]"];
    lab.write("bin/sh", elf(Some("/lib/ld-musl-x86_64.so.1")));
    fs::copy(env!("CARGO_BIN_EXE_scratchrs"), lab.path("scratchrs")).unwrap();
    lab.set("HOME", "/home");
    lab.set("JULIA_DEPOT_PATH", "/depot");
    let run = |program: &[&str]| {
        lab.finish(&mut lab.command("/usr/bin/unshare", &[&unshared[..], program].concat()))
    };
    if run(&["/scratchrs", "--version"]).code != 0 {
        return skip(NAME, "no permission to change the root directory (`unshare --root`)");
    }
    let arguments = ["/scratchrs", "artifact", "path", "tool", "--file", "/Artifacts.toml"];
    assert_eq!(chosen(&run(&arguments)), "musl");
    // The same program, where the programs are for glibc.
    lab.write("bin/sh", elf(Some("/lib64/ld-linux-x86-64.so.2")));
    assert_eq!(chosen(&run(&arguments)), "glibc");
}
