//! Binaries of Linux and FreeBSD.

use anyhow::{Context, Result, ensure};
use object::LittleEndian;
use object::elf::{DT_NEEDED, DT_RPATH, DT_RUNPATH, FileHeader64, PT_INTERP, SHT_DYNSYM};
use object::read::elf::{Dyn, FileHeader, ProgramHeader, SectionTable, Sym};

use super::Binary;
use crate::targets::{GLIBC, Target};

type Header = FileHeader64<LittleEndian>;

/// What the tables of a binary say to the dynamic linker.
struct Dynamic<'a> {
    /// The names of libraries that are loaded with it.
    needed: Vec<&'a str>,
    run_path: Option<&'a str>,
    /// The program that loads it.
    has_interpreter: bool,
    symbols: Vec<Symbol<'a>>,
}

/// A symbol of the dynamic symbol table.
struct Symbol<'a> {
    name: &'a str,
    /// Its version, such as `GLIBC_2.17`; "" if it has none.
    version: &'a str,
    is_defined: bool,
}

/// See [`super::check`].
pub(super) fn check(
    contents: &[u8],
    target: &Target,
    kind: Binary,
    is_portable: bool,
) -> Result<()> {
    let dynamic = Dynamic::read(contents)?;
    if let Some(path) = dynamic.run_path {
        anyhow::bail!("it has the run path `{path}`");
    }
    if kind == Binary::Library {
        dynamic.check_exports()?;
    }
    if !is_portable {
        return Ok(());
    }
    if target.is_musl() && kind == Binary::Program {
        let is_static = dynamic.needed.is_empty() && !dynamic.has_interpreter;
        ensure!(is_static, "it is not static: it needs {}", dynamic.needed.join(", "));
    }
    dynamic.check_needed(target)?;
    if target.is_glibc() { dynamic.check_glibc(GLIBC) } else { Ok(()) }
}

/// The symbol with the newest version of glibc that a binary needs, as `<name>@GLIBC_<version>`; `None` if it needs no
/// glibc.
pub(crate) fn newest_glibc(contents: &[u8]) -> Result<Option<String>> {
    let dynamic = Dynamic::read(contents)?;
    let newest = dynamic.glibc_versions().max_by(|a, b| a.1.cmp(&b.1));
    Ok(newest.map(|(symbol, _)| format!("{}@{}", symbol.name, symbol.version)))
}

impl<'a> Dynamic<'a> {
    fn read(contents: &'a [u8]) -> Result<Self> {
        Self::parse(contents).context("could not read the ELF file")
    }

    fn parse(contents: &'a [u8]) -> Result<Self> {
        let header = Header::parse(contents)?;
        let endian = header.endian()?;
        let sections = header.sections(endian, contents)?;
        let segments = header.program_headers(endian, contents)?;
        let mut read = Self {
            needed: Vec::new(),
            run_path: None,
            has_interpreter: segments.iter().any(|it| it.p_type(endian) == PT_INTERP),
            symbols: symbols(&sections, endian, contents)?,
        };
        let Some((entries, section)) = sections.dynamic(endian, contents)? else {
            return Ok(read);
        };
        let strings = sections.strings(endian, contents, section)?;
        for entry in entries {
            let tag = entry.d_tag(endian);
            if [DT_NEEDED, DT_RPATH, DT_RUNPATH].contains(&tag) {
                let value = std::str::from_utf8(entry.string(endian, strings)?)?;
                match tag {
                    DT_NEEDED => read.needed.push(value),
                    _ => read.run_path = Some(value),
                }
            }
        }
        Ok(read)
    }

    /// Only our own functions are exported: above all no unwinder, which would take the place of another library's.
    fn check_exports(&self) -> Result<()> {
        let foreign = |it: &&Symbol<'_>| it.is_defined && !it.name.starts_with("scratchrs_");
        match self.symbols.iter().find(foreign) {
            Some(symbol) => anyhow::bail!("it exports `{}`", symbol.name),
            None => Ok(()),
        }
    }

    /// The libraries needed are those of the system.
    fn check_needed(&self, target: &Target) -> Result<()> {
        let is_known = |name: &str| {
            let parts_of_libc = ["libc", "libm", "libdl", "libpthread", "librt", "libutil"];
            let stem = name.split('.').next().unwrap_or_default();
            let is_julia = stem == "libjulia";
            let is_loader = target.is_glibc() && name.starts_with("ld-linux-");
            // FreeBSD's base system has threads in a library of their own, and the unwinder.
            let is_base = target.is_freebsd() && ["libthr", "libgcc_s"].contains(&stem);
            parts_of_libc.contains(&stem) || is_loader || is_base || is_julia
        };
        match self.needed.iter().find(|name| !is_known(name)) {
            Some(name) => {
                anyhow::bail!("it needs the library `{name}`, which another machine may lack")
            }
            None => Ok(()),
        }
    }

    fn check_glibc(&self, newest: (u64, u64)) -> Result<()> {
        let newer: Vec<_> = self
            .glibc_versions()
            .filter(|(_, version)| *version > newest)
            .map(|(symbol, _)| format!("`{}@{}`", symbol.name, symbol.version))
            .collect();
        ensure!(
            newer.is_empty(),
            "it needs a newer glibc than {}.{}: {}",
            newest.0,
            newest.1,
            newer.join(", ")
        );
        Ok(())
    }

    /// The symbols needed of glibc, with their versions.
    fn glibc_versions(&self) -> impl Iterator<Item = (&Symbol<'a>, (u64, u64))> {
        let needed = self.symbols.iter().filter(|symbol| !symbol.is_defined);
        needed.filter_map(|symbol| Some((symbol, glibc_version(symbol.version)?)))
    }
}

/// Reads `GLIBC_<major>.<minor>`. Versions of glibc that are not numbers are newer than all.
fn glibc_version(version: &str) -> Option<(u64, u64)> {
    let version = version.strip_prefix("GLIBC_")?;
    let mut numbers = version.split('.').map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => Some((major, minor)),
        _ => Some((u64::MAX, 0)),
    }
}

/// The dynamic symbols that are visible to others.
fn symbols<'a>(
    sections: &SectionTable<'a, Header>,
    endian: LittleEndian,
    contents: &'a [u8],
) -> Result<Vec<Symbol<'a>>> {
    let table = sections.symbols(endian, contents, SHT_DYNSYM)?;
    let versions = sections.versions(endian, contents)?;
    let mut all = Vec::new();
    for (index, symbol) in table.enumerate() {
        let name = std::str::from_utf8(symbol.name(endian, table.strings())?)?;
        if name.is_empty() || symbol.is_local() {
            continue;
        }
        let version = match &versions {
            Some(versions) => versions.version(versions.version_index(endian, index).into())?,
            None => None,
        };
        let version = version.map_or(Ok(""), |version| std::str::from_utf8(version.name()))?;
        all.push(Symbol { name, version, is_defined: !symbol.is_undefined(endian) });
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symbol(name: &'static str, version: &'static str, is_defined: bool) -> Symbol<'static> {
        Symbol { name, version, is_defined }
    }

    fn dynamic(symbols: Vec<Symbol<'static>>) -> Dynamic<'static> {
        Dynamic { needed: Vec::new(), run_path: None, has_interpreter: false, symbols }
    }

    #[test]
    fn a_symbol_of_a_newer_glibc_is_named() {
        let read = dynamic(vec![
            symbol("memcpy", "GLIBC_2.14", false),
            symbol("_dl_find_object", "GLIBC_2.35", false),
            symbol("__cxa_finalize", "GLIBC_2.2.5", false),
            symbol("malloc", "GCC_3.0", false),
            symbol("scratchrs_abi", "", true),
        ]);
        read.check_glibc((2, 35)).unwrap();
        let error = read.check_glibc((2, 17)).unwrap_err().to_string();
        assert_eq!(error, "it needs a newer glibc than 2.17: `_dl_find_object@GLIBC_2.35`");
        let private = dynamic(vec![symbol("a", "GLIBC_PRIVATE", false)]);
        assert!(private.check_glibc((2, 17)).is_err());
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(glibc_version("GLIBC_2.4") < glibc_version("GLIBC_2.17"));
        assert_eq!(glibc_version("GLIBC_2.2.5"), Some((2, 2)));
        assert_eq!(glibc_version("GCC_4.2.0"), None);
        assert_eq!(glibc_version(""), None);
    }

    #[test]
    fn a_library_exports_only_its_own_functions() {
        let read = dynamic(vec![
            symbol("scratchrs_abi", "", true),
            symbol("_Unwind_Resume", "GCC_3.0", false),
        ]);
        read.check_exports().unwrap();
        let read = dynamic(vec![symbol("_Unwind_RaiseException", "", true)]);
        let error = read.check_exports().unwrap_err().to_string();
        assert_eq!(error, "it exports `_Unwind_RaiseException`");
    }

    #[test]
    fn libraries_of_the_builder_are_refused() {
        let glibc = Target::released("x86_64-linux-gnu").unwrap();
        let needing = |needed| Dynamic { needed, ..dynamic(Vec::new()) };
        needing(vec!["libc.so.6", "ld-linux-x86-64.so.2", "libpthread.so.0"])
            .check_needed(&glibc)
            .unwrap();
        let error = needing(vec!["libgcc_s.so.1"]).check_needed(&glibc).unwrap_err().to_string();
        assert!(error.contains("`libgcc_s.so.1`"), "{error}");
        let freebsd = Target::released("x86_64-unknown-freebsd").unwrap();
        needing(vec!["libgcc_s.so.1", "libthr.so.3"]).check_needed(&freebsd).unwrap();
        needing(vec!["libz.so.6"]).check_needed(&freebsd).unwrap_err();
    }

    /// This test program is a binary that a compiler has made.
    #[test]
    #[cfg(target_os = "linux")]
    fn a_compiled_program_is_read() {
        let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let read = Dynamic::read(&program).unwrap();
        if cfg!(target_env = "gnu") {
            assert!(read.needed.contains(&"libc.so.6"), "{:?}", read.needed);
            assert!(read.has_interpreter);
            let symbols: Vec<_> = read.glibc_versions().map(|(symbol, _)| symbol.name).collect();
            assert!(symbols.contains(&"malloc"), "{symbols:?}");
            let error = read.check_glibc((2, 1)).unwrap_err().to_string();
            assert!(error.contains("`malloc@GLIBC_2"), "{error}");
            assert!(newest_glibc(&program).unwrap().unwrap().contains("@GLIBC_2."));
        }
        assert!(Dynamic::read(b"#!/bin/sh").is_err());
        assert!(Dynamic::read(&program[..100]).is_err());
    }
}
