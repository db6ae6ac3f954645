//! The Julias of this machine, and the old one that tests download.

mod debian;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::str::FromStr;

use anyhow::{Context, Result};

use crate::console;
use crate::environment::Environment;
use crate::program;

/// The Julia versions that jlrs builds against, as `(major, minor)`.
const JLRS_FIRST: (u32, u32) = (1, 10);
const JLRS_LAST: (u32, u32) = (1, 12);

const LIST_SEPARATOR: &str = if cfg!(windows) { ";" } else { ":" };

/// A working Julia.
#[derive(Clone, Debug)]
pub(crate) struct Julia {
    /// The executable.
    pub(crate) executable: PathBuf,
    /// Its version.
    pub(crate) version: Version,
    /// The directory above its `bin`, which identifies the installation.
    pub(crate) prefix: PathBuf,
}

/// A version of Julia: three numbers and a suffix (`-rc1`, `-DEV.42`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    numbers: (u32, u32, u32),
    suffix: String,
}

impl Version {
    /// Major and minor version, which determine the binary interface.
    pub(crate) fn series(&self) -> (u32, u32) {
        (self.numbers.0, self.numbers.1)
    }

    /// Orders versions by age; a pre-release comes before its release.
    fn age(&self) -> ((u32, u32, u32), bool, &str) {
        (self.numbers, self.suffix.is_empty(), &self.suffix)
    }
}

impl FromStr for Version {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let end = text.find(['-', '+']).unwrap_or(text.len());
        let (numbers, suffix) = text.split_at(end);
        let mut numbers = numbers.split('.').map(str::parse::<u32>);
        let mut next = || numbers.next()?.ok();
        let (Some(major), Some(minor), Some(patch)) = (next(), next(), next()) else {
            anyhow::bail!("`{text}` is not a version of Julia");
        };
        Ok(Self { numbers: (major, minor, patch), suffix: suffix.to_owned() })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (major, minor, patch) = self.numbers;
        write!(f, "{major}.{minor}.{patch}{}", self.suffix)
    }
}

impl Julia {
    /// Runs an executable to get its version and installation.
    fn probe(executable: &Path) -> Result<Self> {
        let mut command = Command::new(executable);
        command
            .args(["--startup-file=no", "-e", r#"print(VERSION, "\n", Sys.BINDIR)"#])
            .env_remove("LD_LIBRARY_PATH");
        let answer = program::output(command)?;
        let (version, bin) = answer.split_once('\n').with_context(|| {
            format!("unexpected output of `{}`: `{answer}`", executable.display())
        })?;
        let bin = fs::canonicalize(bin).with_context(|| format!("could not find `{bin}`"))?;
        let prefix = bin.parent().unwrap_or(&bin).to_owned();
        Ok(Self { executable: executable.to_owned(), version: version.parse()?, prefix })
    }

    /// A command that runs this Julia on `depot`, without the configuration of the user.
    pub(crate) fn command(&self, depot: &Path) -> Command {
        let mut depots = depot.as_os_str().to_owned();
        if self.version.series() >= (1, 10) {
            // The caches of the standard library are in the bundled depots.
            depots.push(LIST_SEPARATOR);
        }
        let mut command = Command::new(&self.executable);
        command
            .arg("--startup-file=no")
            .env("JULIA_DEPOT_PATH", depots)
            .env_remove("JULIA_LOAD_PATH")
            .env_remove("JULIA_PROJECT")
            // Cargo adds its build directories there in `cargo run`.
            .env_remove("LD_LIBRARY_PATH");
        command
    }

    /// Whether the jlrs binding can be built against it: jlrs supports it, and its headers are
    /// installed.
    fn builds_jlrs(&self) -> bool {
        (JLRS_FIRST..=JLRS_LAST).contains(&self.version.series())
            && self.prefix.join("include/julia/julia.h").is_file()
    }
}

/// All Julias of this machine, the one on `PATH` first. Those that do not run are reported and left
/// out.
pub(crate) fn find(environment: &Environment) -> Vec<Julia> {
    let mut executables = BTreeSet::new();
    let mut prefixes = BTreeSet::new();
    let mut julias = Vec::new();
    for candidate in candidates(environment) {
        let Ok(executable) = fs::canonicalize(&candidate) else {
            continue;
        };
        if !executables.insert(executable) {
            continue;
        }
        match Julia::probe(&candidate) {
            Ok(julia) if prefixes.insert(julia.prefix.clone()) => julias.push(julia),
            // For example juliaup's launcher, which starts one of the others.
            Ok(_) => {}
            Err(error) => {
                console::note(format_args!("`{}` is left out: {error:#}", candidate.display()))
            }
        }
    }
    julias
}

/// The paths at which a Julia may be installed.
fn candidates(environment: &Environment) -> Vec<PathBuf> {
    let mut candidates = Vec::new();
    let name = format!("julia{}", std::env::consts::EXE_SUFFIX);
    let on_path = std::env::split_paths(&environment.path).map(|directory| directory.join(&name));
    candidates.extend(on_path.filter(|executable| executable.is_file()).take(1));
    candidates.extend(
        std::env::split_paths(&environment.julias).filter(|path| !path.as_os_str().is_empty()),
    );
    let below = Path::new("bin").join(name);
    for directory in ["/opt", "/usr/local"] {
        candidates.extend(installations(Path::new(directory), &below));
    }
    if let Some(home) = &environment.home {
        candidates.push(home.join(".juliaup").join(&below));
        candidates.extend(installations(&home.join(".julia/juliaup"), &below));
    }
    candidates
}

/// The executables `julia*/bin/julia` in a directory, in the order of their names.
fn installations(directory: &Path, below: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut executables: Vec<_> = entries
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("julia"))
        .map(|entry| entry.path().join(below))
        .filter(|executable| executable.is_file())
        .collect();
    executables.sort();
    executables
}

/// The Julias to build the jlrs binding against: the newest of each minor version that jlrs
/// supports.
pub(crate) fn for_jlrs(julias: &[Julia]) -> Vec<&Julia> {
    let mut newest = BTreeMap::new();
    for julia in julias.iter().filter(|julia| julia.builds_jlrs()) {
        let chosen = newest.entry(julia.version.series()).or_insert(julia);
        if julia.version.age() > chosen.version.age() {
            *chosen = julia;
        }
    }
    newest.into_values().collect()
}

/// Debian's Julia 1.5.3, the oldest that ScratchRS supports, in a folder of the working copy. It is
/// downloaded if it is missing.
pub(crate) fn private(environment: &Environment) -> Result<Julia> {
    Julia::probe(&debian::unpacked(&environment.root.join(".julia-peer"))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A Julia whose headers are in `prefix`.
    fn julia(version: &str, prefix: &Path) -> Julia {
        let version: Version = version.parse().unwrap();
        Julia { executable: prefix.join("bin/julia"), version, prefix: prefix.to_owned() }
    }

    #[test]
    fn a_version_prints_as_it_reads() {
        for text in ["1.5.3", "1.12.0-rc1", "1.13.0-DEV.42", "1.10.8+0"] {
            assert_eq!(text.parse::<Version>().unwrap().to_string(), text);
        }
        for wrong in ["", "1.10", "1.x.0", "julia version 1.10.8"] {
            assert!(wrong.parse::<Version>().is_err(), "{wrong:?} was accepted as a version");
        }
    }

    #[test]
    fn jlrs_is_built_against_the_newest_of_each_minor_version_that_it_knows() {
        let prefix = tempfile::tempdir().unwrap();
        fs::create_dir_all(prefix.path().join("include/julia")).unwrap();
        fs::write(prefix.path().join("include/julia/julia.h"), "").unwrap();
        let with_headers = |version| julia(version, prefix.path());
        let julias = [
            with_headers("1.13.0-rc1"),
            with_headers("1.12.0-rc1"),
            with_headers("1.12.0"),
            with_headers("1.10.10"),
            with_headers("1.10.9"),
            with_headers("1.9.4"),
            julia("1.11.2", Path::new("/nowhere")),
        ];
        let chosen: Vec<_> =
            for_jlrs(&julias).into_iter().map(|julia| julia.version.to_string()).collect();
        assert_eq!(chosen, ["1.10.10", "1.12.0"]);
    }

    #[test]
    fn installations_are_those_that_hold_an_executable() {
        let directory = tempfile::tempdir().unwrap();
        let below = Path::new("bin/julia");
        for name in ["julia-1.11", "julia-1.10", "other"] {
            fs::create_dir_all(directory.path().join(name).join("bin")).unwrap();
            fs::write(directory.path().join(name).join(below), "").unwrap();
        }
        fs::create_dir(directory.path().join("julia-empty")).unwrap();
        let found = installations(directory.path(), below);
        let expected = ["julia-1.10", "julia-1.11"];
        assert_eq!(found, expected.map(|name| directory.path().join(name).join(below)));
        assert!(installations(&directory.path().join("missing"), below).is_empty());
    }
}
