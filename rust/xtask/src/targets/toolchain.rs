//! What builds the binaries of a release: portable ones, for every target, on one machine.
//!
//! Zig compiles the code of C and links, for an old C library; Debian's MinGW does it for Windows. The standard
//! library is built from source, so that every machine with the same compiler builds the same.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use scratchrs_jll::binary::GlibcVersion;

use super::zig::Zig;
use super::{StandardLibrary, Target, folder};
use crate::artifact::File;
use crate::environment::Environment;

/// The C library that binaries for glibc are linked with, which is that of CentOS 7, as for Julia's own.
pub(crate) const GLIBC: GlibcVersion = GlibcVersion { major: 2, minor: 17 };

/// The oldest macOS for an architecture: those of Rust's standard library.
pub(crate) fn oldest_macos(target: &Target) -> &'static str {
    if target.architecture() == "aarch64" { "11.0" } else { "10.12" }
}

/// Makes the linker add the object files that start a program for musl: a standard library from source has none, zig
/// has them.
pub(super) const START_OF_MUSL: &str = "-Clink-self-contained=no";

/// Makes a library for macOS export its C interface alone: zig's linker ignores Rust's list of exports.
const HIDDEN: &str = "-Zdefault-visibility=hidden";
const HIDDEN_IN_C: &str = "-fvisibility=hidden";

/// Makes zig leave out what names the paths of object files: it computes the UUID of a binary before Rust strips it.
const STRIPPED: &str = "-Clink-arg=-Wl,-S";

/// Names that chrono needs of a framework that comes with macOS only.
const CORE_FOUNDATION: &str = include_str!("CoreFoundation.tbd");

/// The licences of what MinGW links into binaries.
const MINGW_LICENCES: [(&str, &str); 2] = [
    ("mingw-w64", "/usr/share/doc/mingw-w64-common/copyright"),
    ("gcc-mingw-w64", "/usr/share/doc/gcc-mingw-w64-base/copyright"),
];

/// The tools, installed in a working copy.
pub(crate) struct Toolchain {
    standard_library: StandardLibrary,
    zig: Zig,
    frameworks: PathBuf,
}

impl Toolchain {
    /// Installs them, unless they are there.
    pub(crate) fn install(environment: &Environment) -> Result<Self> {
        let frameworks = folder(environment).join("frameworks");
        let framework = frameworks.join("CoreFoundation.framework");
        scratchrs_fs::create_dir_all(&framework)?;
        fs::write(framework.join("CoreFoundation.tbd"), CORE_FOUNDATION)?;
        Ok(Self {
            standard_library: StandardLibrary::install(environment)?,
            zig: Zig::install(environment)?,
            frameworks,
        })
    }

    /// The source of the standard library.
    pub(crate) fn source(&self) -> &Path {
        &self.standard_library.source
    }

    /// `cargo build` for a target.
    pub(crate) fn build(&self, environment: &Environment, target: &Target) -> Result<Command> {
        let mut cargo = if target.is_windows() {
            let mut cargo = environment.cargo(["build"]);
            cargo.env("CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER", "x86_64-w64-mingw32-gcc");
            cargo
        } else {
            self.zig.cargo(environment, "build")
        };
        let version = match target.is_glibc() {
            true => format!(".{GLIBC}"),
            false => String::new(),
        };
        cargo.arg("--locked").arg("--target").arg(format!("{target}{version}"));
        self.standard_library.build_release_with(&mut cargo);
        if target.is_apple() {
            cargo.env("MACOSX_DEPLOYMENT_TARGET", oldest_macos(target)).env("CFLAGS", HIDDEN_IN_C);
        }
        Ok(cargo)
    }

    /// Flags for the compiler.
    pub(crate) fn flags(&self, target: &Target) -> Vec<OsString> {
        if target.is_apple() {
            let mut flag = OsString::from("-Lframework=");
            flag.push(&self.frameworks);
            return vec![flag, HIDDEN.into(), STRIPPED.into()];
        }
        if target.is_windows() {
            // The time of the build would be in the header.
            return vec!["-Clink-arg=-Wl,--no-insert-timestamp".into()];
        }
        if target.is_musl() {
            return vec![START_OF_MUSL.into()];
        }
        Vec::new()
    }

    /// The licences of the standard library, whose crates Debian lists in one file, and of what the linker adds.
    pub(crate) fn licences(&self, target: &Target) -> Result<Vec<File>> {
        let copyright = self.source().with_file_name("COPYRIGHT");
        let mut sources = vec![("rust-std", copyright)];
        if target.is_windows() {
            sources.extend(MINGW_LICENCES.map(|(name, path)| (name, path.into())));
        } else {
            let zig = self.zig.library();
            sources.push(("zig", zig.with_file_name("LICENSE")));
            sources.push(("llvm-libunwind", zig.join("libunwind/LICENSE.TXT")));
            if target.is_musl() {
                sources.push(("musl", zig.join("libc/musl/COPYRIGHT")));
            }
        }
        let file = |(name, source): (&str, PathBuf)| {
            let file_name = source.file_name().unwrap_or_default().to_string_lossy().into_owned();
            File::copy(&source, format!("share/licenses/{name}/{file_name}"), false)
        };
        let mut files = sources.into_iter().map(file).collect::<Result<Vec<_>>>()?;
        let debian = self.standard_library.copyright();
        files.push(File::copy(&debian, "share/licenses/rust-std/copyright".to_owned(), false)?);
        Ok(files)
    }
}
