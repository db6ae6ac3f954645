//! Reads what was built, before it is shipped: a binary must need nothing that another machine may lack, and a
//! library must not export names that other libraries could take for their own.

use anyhow::{Context, Result, bail, ensure};
use scratchrs_jll::binary::{Binary, Format, Kind};
use scratchrs_jll::system::{Provider, provider};

use crate::targets::{GLIBC, Target, oldest_macos};

/// What every library for macOS exports that zig links.
const OF_THE_LINKER: [&str; 4] =
    ["___dso_handle", "___isOSVersionAtLeast", "___isPlatformVersionAtLeast", "__mh_dylib_header"];

/// Fails if the binary must not be shipped. One that is not portable may need what this machine has, but must not
/// name its directories.
pub(crate) fn check(contents: &[u8], target: &Target, kind: Kind, is_portable: bool) -> Result<()> {
    let binary = Binary::read(contents)?.context("it is not a binary")?;
    if let Some(path) = binary.run_paths.first() {
        bail!("it has the run path `{path}`");
    }
    if kind == Kind::Library {
        check_exports(&binary)?;
        let name = binary.name.as_deref().unwrap_or_default();
        let is_found = binary.format != Format::MachO || name.starts_with("@rpath/lib");
        ensure!(is_found, "its install name is `{name}`");
    }
    if is_portable { check_portable(&binary, target, kind) } else { Ok(()) }
}

/// Only our own functions are exported: above all no unwinder, which would take the place of another library's.
fn check_exports(binary: &Binary) -> Result<()> {
    let is_own = |name: &String| match binary.format {
        Format::MachO => name.starts_with("_scratchrs_") || OF_THE_LINKER.contains(&&**name),
        _ => name.starts_with("scratchrs_"),
    };
    match binary.exports.iter().find(|name| !is_own(name)) {
        Some(name) => bail!("it exports `{name}`"),
        None => Ok(()),
    }
}

/// The binary needs only what every machine of the target has.
fn check_portable(binary: &Binary, target: &Target, kind: Kind) -> Result<()> {
    if target.is_musl() && kind == Kind::Program {
        let is_static = binary.needed.is_empty() && binary.interpreter.is_none();
        ensure!(is_static, "it is not static: it needs {}", binary.needed.join(", "));
    }
    let platform = target.platform()?;
    // What Julia brings, the program lacks; the library needs only Julia itself.
    let is_known = |name: &str| match provider(name, &platform) {
        Some(Provider::System) => true,
        Some(Provider::Julia) => name.contains("libjulia"),
        None => false,
    };
    if let Some(name) = binary.needed.iter().find(|name| !is_known(name)) {
        bail!("it needs the library `{name}`, which another machine may lack");
    }
    if target.is_glibc() {
        check_glibc(binary)?;
    }
    if target.is_apple() {
        let oldest = binary.oldest_macos.as_deref();
        let oldest = oldest.context("it does not name the oldest macOS on which it runs")?;
        let expected = oldest_macos(target);
        ensure!(oldest == expected, "it runs on macOS {oldest} and newer, expected {expected}");
    }
    Ok(())
}

fn check_glibc(binary: &Binary) -> Result<()> {
    let newer = binary.glibc_symbols().filter(|(_, version)| *version > GLIBC);
    let newer: Vec<_> = newer.map(|(symbol, _)| format!("`{symbol}`")).collect();
    ensure!(newer.is_empty(), "it needs a newer glibc than {GLIBC}: {}", newer.join(", "));
    Ok(())
}

/// The symbol with the newest version of glibc that a binary needs, as `<name>@GLIBC_<version>`; `None` if it needs no
/// glibc, or is not a binary.
pub(crate) fn newest_glibc(contents: &[u8]) -> Result<Option<String>> {
    let Some(binary) = Binary::read(contents)? else { return Ok(None) };
    let newest = binary.glibc_symbols().max_by_key(|(_, version)| *version);
    Ok(newest.map(|(symbol, _)| symbol.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn library() -> Binary {
        let contents = scratchrs_testkit::elf(None);
        Binary { kind: Kind::Library, ..Binary::read(&contents).unwrap().unwrap() }
    }

    fn glibc() -> Target {
        Target::released("x86_64-linux-gnu").unwrap()
    }

    #[test]
    fn a_library_exports_only_its_own_functions() {
        let exporting = |name: &str| Binary { exports: vec![name.to_owned()], ..library() };
        check_exports(&exporting("scratchrs_abi")).unwrap();
        let error = check_exports(&exporting("_Unwind_RaiseException")).unwrap_err().to_string();
        assert_eq!(error, "it exports `_Unwind_RaiseException`");
        let on_macos = |name| Binary { format: Format::MachO, ..exporting(name) };
        check_exports(&on_macos("_scratchrs_abi")).unwrap();
        check_exports(&on_macos("___dso_handle")).unwrap();
        check_exports(&on_macos("scratchrs_abi")).unwrap_err();
    }

    #[test]
    fn libraries_of_the_builder_are_refused() {
        let check = |needed: &[&str], target: &Target| {
            let needed = needed.iter().map(|name| (*name).to_owned()).collect();
            check_portable(&Binary { needed, ..library() }, target, Kind::Library)
        };
        check(&["libc.so.6", "ld-linux-x86-64.so.2", "libjulia.so.1"], &glibc()).unwrap();
        let error = check(&["libgcc_s.so.1"], &glibc()).unwrap_err().to_string();
        assert!(error.contains("`libgcc_s.so.1`"), "{error}");
        let freebsd = Target::released("x86_64-unknown-freebsd").unwrap();
        check(&["libgcc_s.so.1", "libthr.so.3"], &freebsd).unwrap();
        check(&["libz.so.6"], &freebsd).unwrap_err();
    }

    /// This test program is a binary that a compiler has made.
    #[test]
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    fn a_compiled_program_is_read() {
        let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let error = check(&program, &glibc(), Kind::Program, true).unwrap_err().to_string();
        assert!(
            error.contains("which another machine may lack") || error.contains("glibc"),
            "{error}"
        );
        assert!(newest_glibc(&program).unwrap().unwrap().contains("@GLIBC_2."));
        check(b"#!/bin/sh", &glibc(), Kind::Program, false).unwrap_err();
        check(&program[..100], &glibc(), Kind::Program, false).unwrap_err();
    }
}
