//! Binaries of macOS.

use object::macho;
use object::read::ReadRef;
use object::read::macho::{FatArch, LoadCommandVariant, MachHeader, MachOFatFile, Nlist};
use object::{Endianness, FileKind};

use super::{Binary, Format, Kind, Problem, text};

pub(super) fn read<'data>(data: impl ReadRef<'data>, kind: FileKind) -> Result<Binary, Problem> {
    match kind {
        FileKind::MachO32 => parse::<macho::MachHeader32<Endianness>, _>(data),
        _ => parse::<macho::MachHeader64<Endianness>, _>(data),
    }
}

/// Reads a universal binary: what the loader finds for any of the architectures.
pub(super) fn read_universal<'data>(
    data: impl ReadRef<'data>,
    kind: FileKind,
) -> Result<Binary, Problem> {
    match kind {
        FileKind::MachOFat32 => join::<macho::FatArch32, _>(data),
        _ => join::<macho::FatArch64, _>(data),
    }
}

fn join<'data, Arch, R>(data: R) -> Result<Binary, Problem>
where
    Arch: FatArch,
    R: ReadRef<'data>,
{
    let mut joined: Option<Binary> = None;
    for arch in MachOFatFile::<Arch>::parse(data)?.arches() {
        let slice = arch.data(data)?;
        let binary = read(slice, FileKind::parse(slice)?)?;
        match &mut joined {
            None => joined = Some(binary),
            Some(joined) => {
                joined.architectures.extend(binary.architectures);
                joined.needed.extend(binary.needed);
                joined.run_paths.extend(binary.run_paths);
                joined.exports.extend(binary.exports);
            }
        }
    }
    joined.ok_or_else(|| Problem("it has no architecture".to_owned()))
}

fn parse<'data, Header, R>(data: R) -> Result<Binary, Problem>
where
    Header: MachHeader<Endian = Endianness>,
    R: ReadRef<'data>,
{
    let header = Header::parse(data, 0)?;
    let endian = header.endian()?;
    let kind = match header.filetype(endian) {
        macho::MH_DYLIB | macho::MH_BUNDLE => Kind::Library,
        macho::MH_EXECUTE => Kind::Program,
        _ => Kind::Other,
    };
    let architecture = architecture(header.cputype(endian));
    let mut binary = Binary::new(Format::MachO, kind, architecture);
    let mut commands = header.load_commands(endian, data, 0)?;
    while let Some(command) = commands.next()? {
        let value = |string| text(command.string(endian, string)?);
        match command.variant()? {
            LoadCommandVariant::IdDylib(it) => binary.name = Some(value(it.dylib.name)?),
            LoadCommandVariant::Dylib(it) => binary.needed.push(value(it.dylib.name)?),
            LoadCommandVariant::Rpath(it) => binary.run_paths.push(value(it.path)?),
            LoadCommandVariant::Symtab(it) => {
                let table = it.symbols::<Header, _>(endian, data)?;
                for symbol in table.iter().filter(|it| it.is_definition() && is_exported(*it)) {
                    binary.exports.push(text(symbol.name(endian, table.strings())?)?);
                }
            }
            LoadCommandVariant::BuildVersion(it, _) => {
                binary.oldest_macos = Some(version(it.minos.get(endian)));
            }
            LoadCommandVariant::VersionMin(it) => {
                binary.oldest_macos = Some(version(it.version.get(endian)));
            }
            _ => {}
        }
    }
    Ok(binary)
}

/// Whether other binaries can use a symbol.
fn is_exported(symbol: &impl Nlist) -> bool {
    symbol.n_type() & (macho::N_EXT | macho::N_PEXT) == macho::N_EXT
}

/// A version as macOS names it: the two parts that count.
fn version(version: macho::Version) -> String {
    format!("{}.{}", version.major(), version.minor())
}

/// The name of an architecture in a platform of Julia.
fn architecture(cpu: macho::CpuType) -> String {
    match cpu {
        macho::CPU_TYPE_X86_64 => "x86_64".to_owned(),
        macho::CPU_TYPE_ARM64 => "aarch64".to_owned(),
        other => format!("processor {} of Mach-O", other.0),
    }
}
