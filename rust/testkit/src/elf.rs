//! Programs in ELF format.

/// A program of 64 bits that names a loader, or none if it is static. It can't be run.
pub fn elf(loader: Option<&str>) -> Vec<u8> {
    const HEADER: u64 = 64;
    const SEGMENT: u64 = 56;
    let path: Vec<u8> = loader.map(|path| [path.as_bytes(), b"\0"].concat()).unwrap_or_default();
    let segments = u16::from(loader.is_some());
    let mut program = b"\x7fELF\x02\x01\x01".to_vec();
    program.resize(16, 0);
    // An executable for x86-64, of the one version of the format.
    for half in [2u16, 62, 1, 0] {
        program.extend(half.to_le_bytes());
    }
    // No entry, the place of the segments, no sections.
    for word in [0, HEADER, 0] {
        program.extend(word.to_le_bytes());
    }
    program.extend(0u32.to_le_bytes());
    for half in [HEADER as u16, SEGMENT as u16, segments, 64, 0, 0] {
        program.extend(half.to_le_bytes());
    }
    if loader.is_some() {
        // `PT_INTERP`, readable.
        for word in [3u32, 4] {
            program.extend(word.to_le_bytes());
        }
        let (offset, length) = (HEADER + SEGMENT, path.len() as u64);
        for word in [offset, offset, offset, length, length, 1] {
            program.extend(word.to_le_bytes());
        }
    }
    program.extend(path);
    program
}
