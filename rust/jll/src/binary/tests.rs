use proptest::prelude::*;
use scratchrs_testkit::elf;

use super::*;

const MUSL: &str = "/lib/ld-musl-x86_64.so.1";

#[test]
fn a_program_names_its_interpreter() {
    let program = elf(Some(MUSL));
    let binary = Binary::read(&program).unwrap().unwrap();
    assert_eq!(binary.interpreter.as_deref(), Some(MUSL));
    assert_eq!((binary.format, binary.kind), (Format::Elf, Kind::Program));
    assert_eq!(binary.architectures, ["x86_64"]);
    let mut file = tempfile::tempfile().unwrap();
    std::io::Write::write_all(&mut file, &program).unwrap();
    assert_eq!(Binary::read_file(file), Ok(Some(binary)));
}

#[test]
fn a_part_of_a_binary_is_none_or_damaged() {
    let program = elf(Some(MUSL));
    for length in 0..program.len() {
        match Binary::read(&program[..length]) {
            Ok(None) => assert!(length < 4, "{length}"),
            Ok(Some(binary)) => panic!("{length}: {binary:?}"),
            Err(damaged) => assert!(damaged.to_string().starts_with("the ELF file is damaged: ")),
        }
    }
}

#[test]
fn other_files_are_no_binaries() {
    // The last one is a class of Java.
    for contents in [&b""[..], b"#!/bin/sh\n", b"!<arch>\n", b"\xca\xfe\xba\xbe\0\0\0\x34"] {
        assert_eq!(Binary::read(contents), Ok(None), "{contents:?}");
    }
}

#[test]
fn versions_of_glibc_are_compared_as_numbers() {
    let version = |text: &str| text.parse::<GlibcVersion>().unwrap();
    assert!(version("2.4") < version("2.17"));
    assert_eq!(version("2.2.5"), GlibcVersion { major: 2, minor: 2 });
    for text in ["", "2", "2.", "PRIVATE", "a.b"] {
        assert!(text.parse::<GlibcVersion>().is_err(), "{text}");
    }
}

#[test]
fn symbols_of_glibc_are_those_with_its_versions() {
    let symbol = |name: &str, version: &str| VersionedSymbol {
        name: name.to_owned(),
        version: version.to_owned(),
    };
    let mut binary = Binary::new(Format::Elf, Kind::Library, "x86_64".to_owned());
    binary.versioned = vec![
        symbol("memcpy", "GLIBC_2.14"),
        symbol("_Unwind_Resume", "GCC_3.0"),
        symbol("__private", "GLIBC_PRIVATE"),
    ];
    let found: Vec<_> = binary.glibc_symbols().map(|(symbol, _)| symbol.to_string()).collect();
    assert_eq!(found, ["memcpy@GLIBC_2.14", "__private@GLIBC_PRIVATE"]);
    let newest = binary.glibc_symbols().map(|(_, version)| version).max().unwrap();
    assert!(newest > GlibcVersion { major: 99, minor: 0 });
}

proptest! {
    /// Whatever a file contains, and however a binary is damaged, reading it ends.
    #[test]
    fn damaged_binaries_are_read_to_an_end(
        bytes in proptest::collection::vec(any::<u8>(), 0..512),
        start in prop::sample::select(vec![
            &b"\x7fELF\x02\x01\x01"[..], b"\x7fELF\x01\x02\x01", b"MZ", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe\0\0\0\x02",
        ]),
        place in 0usize..200,
        byte in any::<u8>(),
    ) {
        let _ = Binary::read(&bytes);
        let _ = Binary::read(&[start, &bytes].concat());
        let mut program = elf(Some(MUSL));
        let place = place % program.len();
        program[place] = byte;
        let _ = Binary::read(&program);
    }
}
