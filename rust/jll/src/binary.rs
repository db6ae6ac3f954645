//! What a library or program says to the dynamic linker, and about the machine that it is for.
//!
//! ELF (Linux, FreeBSD), Mach-O (macOS, with universal binaries) and PE (Windows) are read with the crate `object`. Files
//! may be damaged or hostile: whatever they contain, reading ends with a [`Binary`] or an error.

mod elf;
mod macho;
mod pe;

use std::fs::File;

use object::FileKind;
use object::read::{ReadCache, ReadRef};

/// A binary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binary {
    /// Its format.
    pub format: Format,
    /// Its kind.
    pub kind: Kind,
    /// The architectures that it is for, as platforms of Julia name them. A universal binary has several.
    pub architectures: Vec<String>,
    /// Whether it says that it is for FreeBSD. Binaries of Linux need not say it.
    pub is_of_freebsd: bool,
    /// The name by which other binaries need it: the soname, or the install name of macOS.
    pub name: Option<String>,
    /// The libraries that are loaded with it.
    pub needed: Vec<String>,
    /// The directories in which these are searched.
    pub run_paths: Vec<String>,
    /// The program that loads it, such as `/lib64/ld-linux-x86-64.so.2`.
    pub interpreter: Option<String>,
    /// The symbols that it defines for others. Empty for Windows.
    pub exports: Vec<String>,
    /// The symbols that it needs in a certain version.
    pub versioned: Vec<VersionedSymbol>,
    /// The oldest macOS on which it runs.
    pub oldest_macos: Option<String>,
}

/// The format of a binary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Linux and FreeBSD.
    Elf,
    /// macOS.
    MachO,
    /// Windows.
    Pe,
}

/// The kind of a binary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A shared library.
    Library,
    /// A program.
    Program,
    /// Neither, such as an object file.
    Other,
}

/// A symbol that is needed in a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionedSymbol {
    /// The name.
    pub name: String,
    /// The version, such as `GLIBC_2.17`.
    pub version: String,
}

/// Why a binary cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {format} file is damaged: {problem}")]
pub struct Damaged {
    format: Format,
    problem: String,
}

/// What is wrong with a file.
struct Problem(String);

/// A version of glibc, such as 2.17.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GlibcVersion {
    /// The first number.
    pub major: u32,
    /// The second number.
    pub minor: u32,
}

/// A text that is not a version of glibc.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid version of glibc `{0}`: expected two numbers, such as 2.17")]
pub struct InvalidGlibcVersion(String);

impl Binary {
    /// Reads a file, as far as needed; `None` if it is not a binary in one of the formats.
    ///
    /// # Errors
    ///
    /// If it begins as one, and continues as none.
    ///
    /// ```
    /// # use scratchrs_jll::binary::Binary;
    /// assert_eq!(Binary::read(b"#!/bin/sh\n"), Ok(None));
    /// assert!(Binary::read(b"\x7fELF\x02\x01\x01").is_err());
    /// ```
    pub fn read(contents: &[u8]) -> Result<Option<Self>, Damaged> {
        Self::parse(contents)
    }

    /// As [`Binary::read`], without reading the whole file into memory.
    ///
    /// # Errors
    ///
    /// As [`Binary::read`].
    pub fn read_file(file: File) -> Result<Option<Self>, Damaged> {
        Self::parse(&ReadCache::new(file))
    }

    fn parse<'data>(data: impl ReadRef<'data>) -> Result<Option<Self>, Damaged> {
        // 16 bytes are read to tell the kind of a file; a shorter one is of none, or damaged.
        let start = data.read_bytes_at(0, data.len().unwrap_or(0).min(16)).unwrap_or_default();
        let format = match start {
            [0x7f, b'E', b'L', b'F', ..] => Format::Elf,
            [b'M', b'Z', ..] => Format::Pe,
            [0xcf | 0xce, 0xfa, 0xed, 0xfe, ..] => Format::MachO,
            // Java's classes begin with the same number, then a version, which is greater than the count of
            // architectures.
            [0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, count, ..] if *count < 20 => Format::MachO,
            _ => return Ok(None),
        };
        let read = |kind| match kind {
            FileKind::Elf32 | FileKind::Elf64 => elf::read(data, kind),
            FileKind::MachO32 | FileKind::MachO64 => macho::read(data, kind),
            FileKind::MachOFat32 | FileKind::MachOFat64 => macho::read_universal(data, kind),
            FileKind::Pe32 | FileKind::Pe64 => pe::read(data, kind),
            // A program of MS-DOS.
            _ => Err(Problem("it is of no known kind".to_owned())),
        };
        let read = FileKind::parse(data).map_err(Problem::from).and_then(read);
        read.map(Some).map_err(|Problem(problem)| Damaged { format, problem })
    }

    /// A binary about which nothing else is known yet.
    fn new(format: Format, kind: Kind, architecture: String) -> Self {
        Self {
            format,
            kind,
            architectures: vec![architecture],
            is_of_freebsd: false,
            name: None,
            needed: Vec::new(),
            run_paths: Vec::new(),
            interpreter: None,
            exports: Vec::new(),
            versioned: Vec::new(),
            oldest_macos: None,
        }
    }

    /// The symbols needed of glibc, with their versions.
    pub fn glibc_symbols(&self) -> impl Iterator<Item = (&VersionedSymbol, GlibcVersion)> {
        self.versioned.iter().filter_map(|symbol| {
            let version = symbol.version.strip_prefix("GLIBC_")?;
            // A version that is not a number, such as `GLIBC_PRIVATE`, exists in one glibc only.
            let newest = GlibcVersion { major: u32::MAX, minor: 0 };
            Some((symbol, version.parse().unwrap_or(newest)))
        })
    }
}

impl std::fmt::Display for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Elf => "ELF",
            Self::MachO => "Mach-O",
            Self::Pe => "PE",
        })
    }
}

impl std::fmt::Display for VersionedSymbol {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}@{}", self.name, self.version)
    }
}

impl std::fmt::Display for GlibcVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl std::str::FromStr for GlibcVersion {
    type Err = InvalidGlibcVersion;

    /// Reads `<major>.<minor>`; a third number is ignored.
    fn from_str(text: &str) -> Result<Self, InvalidGlibcVersion> {
        let mut numbers = text.splitn(3, '.').map(|number| number.parse().ok());
        match (numbers.next().flatten(), numbers.next().flatten()) {
            (Some(major), Some(minor)) => Ok(Self { major, minor }),
            _ => Err(InvalidGlibcVersion(text.to_owned())),
        }
    }
}

impl From<object::read::Error> for Problem {
    fn from(error: object::read::Error) -> Self {
        Self(error.to_string())
    }
}

fn text(bytes: &[u8]) -> Result<String, Problem> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(_) => Err(Problem(format!("`{}` is not UTF-8", String::from_utf8_lossy(bytes)))),
    }
}

#[cfg(test)]
mod tests;
