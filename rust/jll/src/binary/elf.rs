//! Binaries of Linux and FreeBSD.

use object::elf;
use object::read::ReadRef;
use object::read::elf::{Dyn, FileHeader, ProgramHeader, SectionTable, Sym};
use object::{Endianness, FileKind};

use super::{Binary, Format, Kind, Problem, VersionedSymbol, text};

pub(super) fn read<'data>(data: impl ReadRef<'data>, kind: FileKind) -> Result<Binary, Problem> {
    match kind {
        FileKind::Elf32 => parse::<elf::FileHeader32<Endianness>, _>(data),
        _ => parse::<elf::FileHeader64<Endianness>, _>(data),
    }
}

fn parse<'data, Header, R>(data: R) -> Result<Binary, Problem>
where
    Header: FileHeader<Endian = Endianness>,
    R: ReadRef<'data>,
{
    let header = Header::parse(data)?;
    let endian = header.endian()?;
    let segments = header.program_headers(endian, data)?;
    let mut interpreter = None;
    for segment in segments {
        if let Some(path) = segment.interpreter(endian, data)? {
            interpreter = Some(text(path)?);
        }
    }
    let architecture = architecture(header.e_machine(endian), header.is_type_64());
    let mut binary = Binary { interpreter, ..Binary::new(Format::Elf, Kind::Other, architecture) };
    let sections = header.sections(endian, data)?;
    let mut is_program = binary.interpreter.is_some();
    if let Some((entries, section)) = sections.dynamic(endian, data)? {
        let strings = sections.strings(endian, data, section)?;
        for entry in entries {
            let value = || text(entry.string(endian, strings)?);
            match entry.d_tag(endian) {
                elf::DT_NEEDED => binary.needed.push(value()?),
                elf::DT_RPATH | elf::DT_RUNPATH => {
                    binary.run_paths.extend(value()?.split(':').map(str::to_owned));
                }
                elf::DT_SONAME => binary.name = Some(value()?),
                // A static program that can be loaded at any address.
                elf::DT_FLAGS_1 => {
                    is_program |= entry.d_val(endian).into() & elf::DF_1_PIE.0 != 0;
                }
                _ => {}
            }
        }
    }
    binary.kind = match header.e_type(endian) {
        elf::ET_DYN if !is_program => Kind::Library,
        elf::ET_DYN | elf::ET_EXEC => Kind::Program,
        _ => Kind::Other,
    };
    binary.is_of_freebsd = header.e_ident().os_abi == elf::ELFOSABI_FREEBSD
        || has_note_of_freebsd(&sections, endian, data)?;
    read_symbols(&mut binary, &sections, endian, data)?;
    Ok(binary)
}

/// The dynamic symbols that others see, and those of others.
fn read_symbols<'data, Header, R>(
    binary: &mut Binary,
    sections: &SectionTable<'data, Header, R>,
    endian: Endianness,
    data: R,
) -> Result<(), Problem>
where
    Header: FileHeader<Endian = Endianness>,
    R: ReadRef<'data>,
{
    let table = sections.symbols(endian, data, elf::SHT_DYNSYM)?;
    let versions = sections.versions(endian, data)?;
    for (index, symbol) in table.enumerate() {
        let name = text(symbol.name(endian, table.strings())?)?;
        if name.is_empty() || symbol.is_local() {
            continue;
        }
        if !symbol.is_undefined(endian) {
            binary.exports.push(name);
            continue;
        }
        let version = match &versions {
            Some(versions) => versions.version(versions.version_index(endian, index).into())?,
            None => None,
        };
        if let Some(version) = version {
            let version = text(version.name())?;
            binary.versioned.push(VersionedSymbol { name, version });
        }
    }
    Ok(())
}

/// On ARM, binaries of FreeBSD have a note in place of the number of the system.
fn has_note_of_freebsd<'data, Header, R>(
    sections: &SectionTable<'data, Header, R>,
    endian: Endianness,
    data: R,
) -> Result<bool, Problem>
where
    Header: FileHeader<Endian = Endianness>,
    R: ReadRef<'data>,
{
    use object::read::elf::SectionHeader;
    for section in sections.iter() {
        let Some(mut notes) = section.notes(endian, data)? else { continue };
        while let Some(note) = notes.next()? {
            if note.name() == b"FreeBSD" {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// The name of an architecture in a platform of Julia.
fn architecture(machine: elf::Machine, is_64: bool) -> String {
    let name = match (machine, is_64) {
        (elf::EM_386, _) => "i686",
        (elf::EM_X86_64, true) => "x86_64",
        (elf::EM_AARCH64, true) => "aarch64",
        (elf::EM_ARM, _) => "arm",
        (elf::EM_PPC64, _) => "powerpc64le",
        (elf::EM_RISCV, true) => "riscv64",
        _ => return format!("machine {} of ELF", machine.0),
    };
    name.to_owned()
}
