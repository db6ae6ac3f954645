//! Tar records as Julia's Tar.jl writes them, to the byte: pure functions from an entry to blocks.
//!
//! The format is POSIX ustar with pax records where ustar is too small. Owners, times and device
//! numbers are zero, and of the mode only executability is kept, so that the output does
//! not depend on the machine. The spaces within number fields are specific to Tar.jl; every reader
//! accepts them.

/// The block size of tar: headers are one block, contents are padded to whole blocks.
pub(crate) const BLOCK_SIZE: usize = 512;

/// The sizes of ustar's fields for the name and for the target of a link.
const NAME_SIZE: usize = 100;
const LINK_SIZE: usize = 100;

/// The smallest size with more octal digits than its field has bytes.
const BINARY_SIZE: u64 = 1 << 36;

/// The kind of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind<'a> {
    File { size: u64, executable: bool },
    Symlink { target: &'a [u8] },
    Directory,
}

/// The blocks before the contents of an entry: its header, after a pax header if the path, the
/// target or the size does not fit.
///
/// `path` is relative to the root of the archive, its components separated by slashes.
pub(crate) fn record(path: &[u8], kind: Kind<'_>) -> Vec<u8> {
    let mut fields = match kind {
        Kind::File { size, executable } => {
            Fields { size, mode: if executable { 0o755 } else { 0o644 }, ..FILE }
        }
        Kind::Symlink { target } => Fields { type_flag: b'2', mode: 0o755, link: target, ..FILE },
        Kind::Directory => Fields { type_flag: b'5', mode: 0o755, ..FILE },
    };
    let mut pax = Vec::new();
    if fields.link.len() > LINK_SIZE {
        push_pax(&mut pax, "linkpath", fields.link);
        fields.link = b"";
    }
    match split_path(path) {
        Some((prefix, name)) => (fields.prefix, fields.name) = (prefix, name),
        None => push_pax(&mut pax, "path", path),
    }
    if fields.size >= BINARY_SIZE {
        push_pax(&mut pax, "size", fields.size.to_string().as_bytes());
    }

    let mut blocks = Vec::with_capacity(BLOCK_SIZE);
    if !pax.is_empty() {
        let size = pax.len() as u64;
        blocks.extend_from_slice(&block(Fields { type_flag: b'x', size, ..FILE }));
        blocks.extend_from_slice(&pax);
        blocks.extend_from_slice(padding(size));
    }
    blocks.extend_from_slice(&block(fields));
    blocks
}

/// The zeros that pad contents of `size` bytes to whole blocks.
pub(crate) fn padding(size: u64) -> &'static [u8] {
    const ZEROS: [u8; BLOCK_SIZE] = [0; BLOCK_SIZE];
    let beyond = (size % BLOCK_SIZE as u64) as usize;
    &ZEROS[..(BLOCK_SIZE - beyond) % BLOCK_SIZE]
}

/// The variable fields of a header block.
struct Fields<'a> {
    name: &'a [u8],
    mode: u16,
    size: u64,
    type_flag: u8,
    link: &'a [u8],
    prefix: &'a [u8],
}

/// The header of a file with all fields empty.
const FILE: Fields<'static> =
    Fields { name: b"", mode: 0, size: 0, type_flag: b'0', link: b"", prefix: b"" };

/// Splits a path between the prefix and name fields of a header; `None` if it does not fit them.
fn split_path(path: &[u8]) -> Option<(&[u8], &[u8])> {
    if path.len() <= NAME_SIZE {
        return Some((b"", path));
    }
    // Tar.jl uses only the last slash that leaves a prefix of less than 100 bytes. The prefix field
    // has 155, but a path that needs them gets a pax header nevertheless.
    let slash = path[..NAME_SIZE].iter().rposition(|byte| *byte == b'/')?;
    let (prefix, name) = (&path[..slash], &path[slash + 1..]);
    (name.len() <= NAME_SIZE).then_some((prefix, name))
}

/// Appends the pax record `"<length> <key>=<value>\n"`, whose length counts its own digits.
fn push_pax(records: &mut Vec<u8>, key: &str, value: &[u8]) {
    let rest = " ".len() + key.len() + "=".len() + value.len() + "\n".len();
    let mut length = rest;
    while length < rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    records.extend_from_slice(format!("{length} {key}=").as_bytes());
    records.extend_from_slice(value);
    records.push(b'\n');
}

fn block(fields: Fields<'_>) -> [u8; BLOCK_SIZE] {
    let mut block = [0; BLOCK_SIZE];
    let mut put =
        |offset: usize, bytes: &[u8]| block[offset..offset + bytes.len()].copy_from_slice(bytes);
    put(0, fields.name);
    put(100, format!("{:06o} \0", fields.mode).as_bytes());
    put(108, b"000000 \0"); // user
    put(116, b"000000 \0"); // group
    put(124, &size_field(fields.size));
    put(136, b"00000000000 "); // time
    put(148, b"        "); // checksum: spaces while it is computed
    put(156, &[fields.type_flag]);
    put(157, fields.link);
    put(257, b"ustar\x0000");
    put(329, b"000000 \0"); // device, major
    put(337, b"000000 \0"); // device, minor
    put(345, fields.prefix);
    let checksum: u32 = block.iter().copied().map(u32::from).sum();
    block[148..156].copy_from_slice(format!("{checksum:06o}\0 ").as_bytes());
    block
}

/// Octal digits if they fit, else big-endian binary with the highest bit set, as in GNU tar.
fn size_field(size: u64) -> [u8; 12] {
    let mut field = [0; 12];
    if size < BINARY_SIZE {
        // Eleven digits and a space, or twelve digits.
        field.copy_from_slice(format!("{:<12}", format!("{size:011o}")).as_bytes());
    } else {
        field[0] = 0x80;
        field[4..].copy_from_slice(&size.to_be_bytes());
    }
    field
}

#[cfg(test)]
mod tests {
    use super::*;
    use scratchrs_model::hash::Sha256;
    use sha2::Digest;

    fn file(size: u64) -> Kind<'static> {
        Kind::File { size, executable: false }
    }

    fn link(target: &str) -> Kind<'_> {
        Kind::Symlink { target: target.as_bytes() }
    }

    #[test]
    fn a_header_has_this_layout() {
        let record = record(b"d/f", Kind::File { size: 1234, executable: true });
        assert_eq!(record.len(), BLOCK_SIZE);
        assert_eq!(&record[..100], [b"d/f".as_slice(), &[0; 97]].concat());
        assert_eq!(&record[100..124], b"000755 \x00000000 \x00000000 \0");
        assert_eq!(&record[124..148], b"00000002322 00000000000 ");
        assert_eq!(&record[148..157], b"007562\0 0");
        assert_eq!(&record[157..257], [0; 100]);
        assert_eq!(&record[257..265], b"ustar\x0000");
        assert_eq!(&record[265..329], [0; 64]);
        assert_eq!(&record[329..345], b"000000 \x00000000 \0");
        assert_eq!(&record[345..], [0; 167]);
    }

    #[test]
    fn a_pax_record_counts_its_own_digits() {
        // One more byte of value can make two more of record.
        for (value, record) in
            [("vvv", "8 k=vvv\n"), ("vvvv", "9 k=vvvv\n"), ("vvvvv", "11 k=vvvvv\n")]
        {
            let mut records = Vec::new();
            push_pax(&mut records, "k", value.as_bytes());
            assert_eq!(String::from_utf8(records).unwrap(), record);
        }
    }

    /// Lengths and SHA-256 digests of what `Tar.write_header` of Tar.jl 1.10.0 wrote for the same
    /// entries, run by hand on Julia 1.5.3.
    #[test]
    fn records_are_those_of_tar_jl() {
        let (n, t) = ("n".repeat(100), "t".repeat(900));
        let p = |count| "p".repeat(count);
        let deep = "p/".repeat(200);
        let thrice = [p(51), "q".repeat(48), "m".repeat(48), "n".repeat(105)].join("/");
        let vectors = [
            (
                "a/b.txt",
                file(1234),
                512,
                "cb9dccb2a8bf949f8c00b6673c8d5c271f2db5474c2b5759c1737385b0204be9",
            ),
            (
                "bin",
                Kind::File { size: 1, executable: true },
                512,
                "d32cd14896ddf29a21bb8df81aebdda33b5cc39c719c746eaee475d78ea5869b",
            ),
            (
                "d/é",
                Kind::Directory,
                512,
                "1631a2c9eaf5c8dde73c6ae142d5bfbef2a5f6645787d994ef86c333a648d045",
            ),
            (
                "l",
                link("d/é"),
                512,
                "5ce41f7d02e804cfaea2cf3103c0030f72b9dcb3deaf319615bebba77dcd1829",
            ),
            (
                "l",
                link(&t[..100]),
                512,
                "d56ba7e4440d1cabc9a216b515d3750db131098e2199b3e69f4d2f793c9d05ee",
            ),
            (
                "l",
                link(&t[..101]),
                1536,
                "6cc9e2d0e3fdab89734c51321b2f01bc56d4af89b3ab1c77008f350d9b839ebb",
            ),
            (
                "f",
                file(8_589_934_591),
                512,
                "e9c1c0d515231ddb506810f816fc95b88ffff5bea68fe1f2f4423c10001053cc",
            ),
            (
                "f",
                file(8_589_934_592),
                512,
                "f720e10ec5a21c25a77c377a1e26c9efe059b642d26184853f1952edaac83571",
            ),
            (
                "f",
                file(68_719_476_735),
                512,
                "da3fb10fdff65b29cee9ec77aea726b0ccbf42194699ccc55ffdf3e1bed4201f",
            ),
            (
                "f",
                file(68_719_476_736),
                1536,
                "84a637d1e488806dd4d7540a521765be57431a26788e025de0611e109655ea89",
            ),
            (
                "f",
                file(i64::MAX as u64),
                1536,
                "df10f05689a84e6a0d0920537be026a5d7203cfc5c3c4fc1b3c3eb071c658322",
            ),
            (&n, file(0), 512, "ce952d9c9b4512c406dc857d3c8b154e1d9853accd2d2a5ed0bad564effbcae2"),
            (
                &format!("{n}n"),
                file(0),
                1536,
                "40dc56c1299d5042d3cd1505afad147fe73b776d883d79cde1550148fb8d2f4c",
            ),
            (
                &format!("{}/{n}", p(99)),
                file(0),
                512,
                "83a1c579bd2b5d1955b0803f54dd21d3858f37d60cfb47edcdc0cbf6448b89ab",
            ),
            (
                &format!("{}/n", p(100)),
                file(0),
                1536,
                "69b03003911cd006e53fdc37a7084cfd63839eeb755290ba3876ec57350ab43a",
            ),
            (
                &format!("{}/{n}n", p(50)),
                file(0),
                1536,
                "faae583dfefd346c85dfcc0fd6c7f74345b2b6f26f2b73b407d908632e311feb",
            ),
            (
                &format!("{}/{n}", p(155)),
                file(0),
                1536,
                "69acb6a4504238f90897cae77312788dcab1271533eedbc1b5f975ca82917d98",
            ),
            (
                &thrice,
                file(0),
                1536,
                "8c2b3d7f226e1dfd1b0910bb9c436ad11cc66ba2d939558a551e0a2541a5f8dd",
            ),
            (
                &format!("{}{}", "p/".repeat(50), "n".repeat(99)),
                file(0),
                512,
                "4bd0c52243dab27d1e3a476d0f8435c9d3a5b023a93c3b6f824bcb557adfa987",
            ),
            (
                &format!("{deep}n"),
                file(0),
                1536,
                "b3064edaae4808485ad2c29b646ca582310881114cfc916bb2527f9263b6b994",
            ),
            (
                &format!("{deep}l"),
                link(&t),
                2560,
                "b67e2c2fa4566a315fd452c895b3eae1bf2e679ab54cfc3b8ce663e76fefbcb9",
            ),
            (
                &format!("{deep}l"),
                file(1 << 36),
                1536,
                "a27abe3b94c232d04988dbfcdd1e6dfb83392e4b34f39f35a9bf24e75a77f4ec",
            ),
        ];
        for (path, kind, length, sha256) in vectors {
            let record = record(path.as_bytes(), kind);
            assert_eq!(record.len(), length, "{path} {kind:?}");
            assert_eq!(
                Sha256(sha2::Sha256::digest(&record).into()).to_string(),
                sha256,
                "{path} {kind:?}"
            );
        }
    }

    #[test]
    fn contents_are_padded_to_whole_blocks() {
        for (size, zeros) in [(0, 0), (1, 511), (511, 1), (512, 0), (513, 511), (u64::MAX, 1)] {
            assert_eq!(padding(size).len(), zeros, "{size}");
        }
    }
}
