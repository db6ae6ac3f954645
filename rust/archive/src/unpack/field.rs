//! The fields of a header, parsed as by Tar.jl.
//!
//! The `tar` crate provides the offsets. It parses some fields more strictly than Tar.jl (a number
//! with bytes after its space), and ignores the prefix of a path if the version of the format is
//! not `00`.

use tar::Header;

/// The path of a member: its prefix and its name.
///
/// GNU tar stores times in the field of the prefix, which Tar.jl reads as a prefix.
pub(super) fn path(header: &Header) -> Vec<u8> {
    let name = text(&header.as_old().name);
    let is_gnu = header.as_gnu().is_some();
    // The offset is the same in all formats.
    let prefix = text(&header.as_bytes()[345..500]);
    if prefix.is_empty() || is_gnu {
        return name.to_owned();
    }
    [prefix, b"/", name].concat()
}

/// The target of a link; empty for other members.
pub(super) fn link(header: &Header) -> &[u8] {
    text(&header.as_old().linkname)
}

/// A text up to the first zero byte or the end of the field.
fn text(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// The mode of a member.
pub(super) fn mode(header: &Header) -> Option<u64> {
    number(&header.as_old().mode)
}

/// The size in the header: octal digits, or a binary number if the highest bit is set. `None` if it
/// is not a number, or out of range.
pub(super) fn size(header: &Header) -> Option<u64> {
    let field = &header.as_old().size;
    match field.split_first_chunk() {
        Some(([0x80, 0, 0, 0], low)) => Some(u64::from_be_bytes(low.try_into().ok()?)),
        _ if field[0] & 0x80 != 0 => None,
        _ => number(field),
    }
}

/// Whether the checksum of a header is right.
pub(super) fn has_checksum(header: &Header) -> bool {
    let field = 148..156;
    let block = header.as_bytes();
    let sum = |range: &[u8]| range.iter().copied().map(u64::from).sum::<u64>();
    let spaces = u64::from(b' ') * field.len() as u64;
    let actual = sum(&block[..field.start]) + spaces + sum(&block[field.end..]);
    number(&header.as_old().cksum) == Some(actual)
}

/// Octal digits after any number of spaces, up to a space, a zero byte or the end of the field.
fn number(field: &[u8]) -> Option<u64> {
    let digits = field.trim_ascii_start();
    let end = digits.iter().position(|byte| matches!(byte, 0 | b' ')).unwrap_or(digits.len());
    let digits = std::str::from_utf8(&digits[..end]).ok()?;
    let is_octal = digits.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
    u64::from_str_radix(digits, 8).ok().filter(|_| is_octal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_parsed_as_by_tar_jl() {
        let numbers: [(&[u8], u64); 8] = [
            (b"000644 \0", 0o644),
            (b"0000644\0", 0o644),
            (b"    644 ", 0o644),
            (b"644 x+9\xff", 0o644),
            (b"644\0\xff\xff\xff\xff", 0o644),
            (b"77777777", 0o7777_7777),
            (b"0\0", 0),
            (b"00000000", 0),
        ];
        for (field, expected) in numbers {
            assert_eq!(number(field), Some(expected), "{}", field.escape_ascii());
        }
        for field in [&b"\0\0"[..], b"", b"   ", b" \0", b"8", b"+7", b"-7", b"0x7", b"7.", b"\xff"]
        {
            assert_eq!(number(field), None, "{}", field.escape_ascii());
        }
    }

    #[test]
    fn a_prefix_counts_in_all_formats_but_that_of_gnu() {
        let path_with = |magic: &[u8; 8]| {
            let mut header = Header::new_old();
            header.as_old_mut().name[..1].copy_from_slice(b"f");
            header.as_mut_bytes()[257..265].copy_from_slice(magic);
            header.as_mut_bytes()[345..348].copy_from_slice(b"a/b");
            path(&header)
        };
        for magic in [b"ustar\x0000", b"ustar\0 0", b"ustar\0\0\0", b"\0\0\0\0\0\0\0\0"] {
            assert_eq!(path_with(magic), b"a/b/f");
        }
        assert_eq!(path_with(b"ustar  \0"), b"f");
        let mut header = Header::new_ustar();
        header.as_old_mut().name = [b'n'; 100];
        assert_eq!(path(&header), [b'n'; 100]);
    }
}
