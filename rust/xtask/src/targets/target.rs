//! A target of Rust, and the names that follow from it.

use std::fmt;
use std::process::Command;

use anyhow::{Context, Result, bail};
use scratchrs_model::platform::Platform;

use super::TARGETS;
use crate::program;

/// A target by its tuple, such as `x86_64-unknown-linux-gnu`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target(String);

impl Target {
    /// The target of this machine.
    pub(crate) fn host() -> Result<Self> {
        let mut rustc = Command::new("rustc");
        rustc.args(["--print", "host-tuple"]);
        Ok(Self(program::output(rustc)?.trim().to_owned()))
    }

    /// One of the targets for which there are binaries, by its tuple or by Julia's triplet.
    pub(crate) fn released(name: &str) -> Result<Self> {
        let known = || TARGETS.iter().map(|tuple| Self((*tuple).to_owned()));
        let is_meant = |target: &Self| {
            target.0 == name || target.platform().is_ok_and(|it| it.to_string() == name)
        };
        known().find(is_meant).with_context(|| {
            format!("there are no binaries for `{name}`, the targets are {}", TARGETS.join(", "))
        })
    }

    /// The tuple.
    pub(crate) fn tuple(&self) -> &str {
        &self.0
    }

    /// The architecture, in Rust's spelling.
    pub(crate) fn architecture(&self) -> &str {
        self.0.split('-').next().unwrap_or_default()
    }

    pub(crate) fn is_glibc(&self) -> bool {
        self.0.contains("-linux-gnu")
    }

    pub(crate) fn is_musl(&self) -> bool {
        self.0.ends_with("-musl")
    }

    pub(crate) fn is_apple(&self) -> bool {
        self.0.ends_with("-apple-darwin")
    }

    pub(crate) fn is_windows(&self) -> bool {
        self.0.contains("-windows-")
    }

    pub(crate) fn is_freebsd(&self) -> bool {
        self.0.ends_with("-freebsd")
    }

    /// The platform, as Julia's `Base.BinaryPlatforms` has it.
    pub(crate) fn platform(&self) -> Result<Platform> {
        let arch = match self.architecture() {
            arch @ ("x86_64" | "aarch64" | "i686") => arch,
            other => bail!("no artifacts are built for the architecture `{other}`"),
        };
        let (os, libc) = match self {
            _ if self.is_musl() => ("linux", Some(("libc", "musl"))),
            _ if self.is_glibc() => ("linux", Some(("libc", "glibc"))),
            _ if self.is_apple() => ("macos", None),
            _ if self.is_windows() => ("windows", None),
            _ if self.is_freebsd() => ("freebsd", None),
            _ => bail!("no artifacts are built for the target `{self}`"),
        };
        Ok(Platform::new(arch, os, libc)?)
    }

    /// Cargo's file name of a library.
    pub(crate) fn library(&self, name: &str) -> String {
        let prefix = if self.is_windows() { "" } else { "lib" };
        format!("{prefix}{name}{}", self.library_suffix())
    }

    /// The file name of a program.
    pub(crate) fn program(&self, name: &str) -> String {
        format!("{name}{}", if self.is_windows() { ".exe" } else { "" })
    }

    /// The path of a library in an artifact: `lib<name>` on every system, in the directory that JLLs use.
    pub(crate) fn library_in_artifact(&self, name: &str) -> String {
        let directory = if self.is_windows() { "bin" } else { "lib" };
        format!("{directory}/lib{name}{}", self.library_suffix())
    }

    fn library_suffix(&self) -> &'static str {
        match self {
            _ if self.is_windows() => ".dll",
            _ if self.is_apple() => ".dylib",
            _ => ".so",
        }
    }

    /// Whether this is the target of this machine.
    pub(crate) fn is_host(&self) -> bool {
        Self::host().is_ok_and(|host| *self == host)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(tuple: &str) -> Target {
        Target(tuple.to_owned())
    }

    #[test]
    fn every_target_has_the_triplet_of_julia() {
        let triplets = TARGETS.map(|tuple| target(tuple).platform().unwrap().to_string());
        let expected = [
            "x86_64-linux-gnu",
            "x86_64-linux-musl",
            "aarch64-linux-gnu",
            "aarch64-linux-musl",
            "x86_64-w64-mingw32",
            "x86_64-apple-darwin",
            "aarch64-apple-darwin",
            "x86_64-unknown-freebsd",
        ];
        assert_eq!(triplets, expected);
        for (tuple, triplet) in TARGETS.into_iter().zip(expected) {
            assert_eq!(Target::released(triplet).unwrap(), target(tuple));
            assert_eq!(Target::released(tuple).unwrap(), target(tuple));
        }
    }

    #[test]
    fn another_target_is_refused() {
        let error = Target::released("sparc64-unknown-linux-gnu").unwrap_err().to_string();
        assert!(error.contains("no binaries for `sparc64-unknown-linux-gnu`"), "{error}");
        assert!(target("x86_64-unknown-illumos").platform().is_err());
        assert!(target("riscv64gc-unknown-linux-gnu").platform().is_err());
    }

    #[test]
    fn names_of_files_are_those_of_the_target() {
        for (tuple, library, program, in_artifact) in [
            ("aarch64-unknown-linux-musl", "liba.so", "a", "lib/liba.so"),
            ("x86_64-unknown-freebsd", "liba.so", "a", "lib/liba.so"),
            ("x86_64-apple-darwin", "liba.dylib", "a", "lib/liba.dylib"),
            ("x86_64-pc-windows-gnu", "a.dll", "a.exe", "bin/liba.dll"),
        ] {
            let target = target(tuple);
            assert_eq!(target.library("a"), library);
            assert_eq!(target.program("a"), program);
            assert_eq!(target.library_in_artifact("a"), in_artifact);
        }
    }
}
