//! Binaries of Windows.

use object::pe;
use object::read::ReadRef;
use object::read::pe::{ImageNtHeaders, PeFile};
use object::{FileKind, LittleEndian};

use super::{Binary, Format, Kind, Problem, text};

pub(super) fn read<'data>(data: impl ReadRef<'data>, kind: FileKind) -> Result<Binary, Problem> {
    match kind {
        FileKind::Pe32 => parse::<pe::ImageNtHeaders32, _>(data),
        _ => parse::<pe::ImageNtHeaders64, _>(data),
    }
}

fn parse<'data, Headers, R>(data: R) -> Result<Binary, Problem>
where
    Headers: ImageNtHeaders,
    R: ReadRef<'data>,
{
    let file = PeFile::<Headers, R>::parse(data)?;
    let header = file.nt_headers().file_header();
    let is_library =
        header.characteristics.get(LittleEndian) & pe::IMAGE_FILE_DLL != pe::FileFlags(0);
    let kind = if is_library { Kind::Library } else { Kind::Program };
    let architecture = architecture(header.machine.get(LittleEndian));
    let mut binary = Binary::new(Format::Pe, kind, architecture);
    let Some(table) = file.import_table()? else { return Ok(binary) };
    let mut libraries = table.descriptors()?;
    while let Some(library) = libraries.next()? {
        binary.needed.push(text(table.name(library.name.get(LittleEndian))?)?);
    }
    Ok(binary)
}

/// The name of an architecture in a platform of Julia.
fn architecture(machine: pe::Machine) -> String {
    match machine {
        pe::IMAGE_FILE_MACHINE_AMD64 => "x86_64".to_owned(),
        pe::IMAGE_FILE_MACHINE_I386 => "i686".to_owned(),
        pe::IMAGE_FILE_MACHINE_ARM64 => "aarch64".to_owned(),
        other => format!("machine {} of PE", other.0),
    }
}
