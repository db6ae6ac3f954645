//! Binaries of macOS.

use anyhow::{Context, Result, bail, ensure};
use object::LittleEndian;
use object::macho::{MachHeader64, N_EXT, N_PEXT, SymbolFlags, Version};
use object::read::macho::{LoadCommandVariant, MachHeader, Nlist};

use super::Binary;
use crate::targets::{Target, oldest_macos};

/// What every library exports that zig links.
const OF_THE_LINKER: [&str; 4] =
    ["___dso_handle", "___isOSVersionAtLeast", "___isPlatformVersionAtLeast", "__mh_dylib_header"];

/// What the load commands of a binary say.
#[derive(Debug, Default)]
struct Loading<'a> {
    /// The name by which others link with it.
    install_name: Option<&'a str>,
    /// The oldest system on which it runs.
    oldest_system: Option<String>,
    needed: Vec<&'a str>,
    run_path: Option<&'a str>,
    /// The symbols that others can use.
    exports: Vec<&'a str>,
}

/// See [`super::check`].
pub(super) fn check(
    contents: &[u8],
    target: &Target,
    kind: Binary,
    is_portable: bool,
) -> Result<()> {
    let loading = Loading::read(contents).context("could not read the Mach-O file")?;
    if let Some(path) = loading.run_path {
        bail!("it has the run path `{path}`");
    }
    if kind == Binary::Library {
        let name = loading.install_name.unwrap_or_default();
        ensure!(name.starts_with("@rpath/lib"), "its install name is `{name}`");
        let is_own = |name: &str| name.starts_with("_scratchrs_") || OF_THE_LINKER.contains(&name);
        if let Some(name) = loading.exports.iter().find(|name| !is_own(name)) {
            bail!("it exports `{name}`");
        }
    }
    if !is_portable {
        return Ok(());
    }
    let of_system = |name: &&&str| !["/usr/lib/", "/System/"].iter().any(|it| name.starts_with(it));
    if let Some(name) = loading.needed.iter().find(of_system) {
        bail!("it needs the library `{name}`, which another machine may lack");
    }
    let oldest =
        loading.oldest_system.context("it does not name the oldest macOS on which it runs")?;
    let expected = oldest_macos(target);
    ensure!(oldest == expected, "it runs on macOS {oldest} and newer, expected {expected}");
    Ok(())
}

impl<'a> Loading<'a> {
    fn read(contents: &'a [u8]) -> Result<Self> {
        let header = MachHeader64::<LittleEndian>::parse(contents, 0)?;
        let endian = header.endian()?;
        let mut commands = header.load_commands(endian, contents, 0)?;
        let mut read = Self::default();
        while let Some(command) = commands.next()? {
            let text = |string| {
                Ok::<_, anyhow::Error>(std::str::from_utf8(command.string(endian, string)?)?)
            };
            match command.variant()? {
                LoadCommandVariant::IdDylib(it) => read.install_name = Some(text(it.dylib.name)?),
                LoadCommandVariant::Dylib(it) => read.needed.push(text(it.dylib.name)?),
                LoadCommandVariant::Rpath(it) => read.run_path = Some(text(it.path)?),
                LoadCommandVariant::Symtab(it) => {
                    let table = it.symbols::<MachHeader64<LittleEndian>, _>(endian, contents)?;
                    for symbol in
                        table.iter().filter(|it| it.is_definition() && is_exported(it.n_type()))
                    {
                        let name = symbol.name(endian, table.strings())?;
                        read.exports.push(std::str::from_utf8(name)?);
                    }
                }
                LoadCommandVariant::BuildVersion(it, _) => {
                    read.oldest_system = Some(text_of(it.minos.get(endian)));
                }
                LoadCommandVariant::VersionMin(it) => {
                    read.oldest_system = Some(text_of(it.version.get(endian)));
                }
                _ => {}
            }
        }
        Ok(read)
    }
}

/// Whether a symbol of this type can be used by other binaries.
fn is_exported(n_type: SymbolFlags) -> bool {
    n_type & (N_EXT | N_PEXT) == N_EXT
}

/// A version as macOS names it: the two parts that count.
fn text_of(version: Version) -> String {
    format!("{}.{}", version.major(), version.minor())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_file_is_refused() {
        let target = Target::released("aarch64-apple-darwin").unwrap();
        let error = check(b"\x7fELF", &target, Binary::Program, true).unwrap_err().to_string();
        assert_eq!(error, "could not read the Mach-O file");
    }
}
