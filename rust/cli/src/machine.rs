//! The platform of this machine, as far as it can be known without a running Julia.

use std::path::Path;

use scratchrs_fs as fs;
use scratchrs_jll::binary::Binary;
use scratchrs_model::platform::Platform;

use crate::failure::{Code, Failure, Result};

/// Programs that every Unix has. The first that names its loader tells the C library.
const PROGRAMS: [&str; 2] = ["bin/sh", "usr/bin/env"];

/// The platform of this machine, without the versions of Julia and libraries.
pub(crate) fn this_machine() -> Result<Platform> {
    use std::env::consts::{ARCH, OS};
    let arch = match ARCH {
        "x86" => "i686",
        "powerpc64" => "powerpc64le",
        arch => arch,
    };
    let tags = (OS == "linux").then(|| ("libc", libc(Path::new("/"))));
    Platform::new(arch, OS, tags).map_err(|error| Failure::new(Code::Internal, error.to_string()))
}

/// The C library that the programs below `root` use. This program may be linked statically, so that its own says
/// nothing about the machine, and counts only if the others can't be read or are static too.
fn libc(root: &Path) -> &'static str {
    let own = if cfg!(target_env = "musl") { "musl" } else { "glibc" };
    let named = PROGRAMS.iter().find_map(|name| {
        let program = Binary::read_file(fs::open(&root.join(name)).ok()?).ok()??;
        libc_of_loader(&program.interpreter?)
    });
    named.unwrap_or(own)
}

/// The C library that a loader belongs to, such as `/lib/ld-musl-x86_64.so.1` or `/lib64/ld-linux-x86-64.so.2`.
fn libc_of_loader(path: &str) -> Option<&'static str> {
    let name = path.rsplit('/').next()?;
    if name.starts_with("ld-musl-") {
        return Some("musl");
    }
    ["ld-linux", "ld64.so", "ld.so"].iter().any(|known| name.starts_with(known)).then_some("glibc")
}

#[cfg(test)]
mod tests {
    use super::*;
    use scratchrs_testkit::elf;

    const MUSL: &str = "/lib/ld-musl-x86_64.so.1";
    const GLIBC: &str = "/lib64/ld-linux-x86-64.so.2";

    /// The C library below a directory with programs that name these loaders.
    fn libc_with(programs: &[(&str, Option<&str>)]) -> &'static str {
        let root = tempfile::tempdir().unwrap();
        for (name, loader) in programs {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, elf(*loader)).unwrap();
        }
        libc(root.path())
    }

    #[test]
    fn the_c_library_is_that_of_the_machines_programs() {
        assert_eq!(libc_with(&[("bin/sh", Some(MUSL))]), "musl");
        assert_eq!(libc_with(&[("bin/sh", Some(GLIBC))]), "glibc");
        // As with a static busybox as shell.
        for loader in [MUSL, GLIBC] {
            let expected = libc_of_loader(loader).unwrap();
            assert_eq!(libc_with(&[("bin/sh", None), ("usr/bin/env", Some(loader))]), expected);
        }
    }

    #[test]
    fn where_no_program_tells_it_is_that_of_this_program() {
        let own = if cfg!(target_env = "musl") { "musl" } else { "glibc" };
        assert_eq!(libc_with(&[]), own);
        assert_eq!(libc_with(&[("bin/sh", None), ("usr/bin/env", Some("/lib/other.so"))]), own);
    }

    #[test]
    fn loaders_of_all_architectures_are_known() {
        for (path, expected) in [
            ("/lib/ld-musl-aarch64.so.1", Some("musl")),
            ("/lib/ld-linux-aarch64.so.1", Some("glibc")),
            ("/lib/ld-linux.so.2", Some("glibc")),
            ("/lib64/ld64.so.2", Some("glibc")),
            ("/nix/store/x-glibc-2.40/lib/ld-linux-x86-64.so.2", Some("glibc")),
            ("/system/bin/linker64", None),
            ("", None),
        ] {
            assert_eq!(libc_of_loader(path), expected, "{path}");
        }
    }
}
