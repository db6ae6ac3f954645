//! Triplets: platforms as text.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use super::version::Version;
use super::{InvalidPlatform, Platform};

/// Tags with their own position in a triplet.
const IN_TRIPLET: [&str; 8] = [
    "arch",
    "os",
    "os_version",
    "libc",
    "call_abi",
    "libgfortran_version",
    "cxxstring_abi",
    "libstdcxx_version",
];

/// The triplet: `x86_64-linux-gnu-libgfortran5-cxx11`, followed by extra tags, sorted.
impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = |tag: &str| Version::read(self.tag(tag)?);
        f.write_str(self.tag("arch").unwrap_or("unknown"))?;
        match self.tag("os") {
            Some("linux") => f.write_str("-linux")?,
            Some("macos") => {
                f.write_str("-apple-darwin")?;
                if let Some(version) = version("os_version") {
                    write!(f, "{}", version.major)?;
                }
            }
            Some("windows") => f.write_str("-w64-mingw32")?,
            Some("openbsd") => f.write_str("-unknown-openbsd")?,
            Some("freebsd") => {
                f.write_str("-unknown-freebsd")?;
                if let Some(version) = version("os_version") {
                    write!(f, "{}.{}", version.major, version.minor)?;
                }
            }
            _ => f.write_str("-unknown")?,
        }
        match self.tag("libc") {
            Some("glibc") => f.write_str("-gnu")?,
            Some(libc) => write!(f, "-{libc}")?,
            None => {}
        }
        f.write_str(self.tag("call_abi").unwrap_or_default())?;
        if let Some(version) = version("libgfortran_version") {
            write!(f, "-libgfortran{}", version.major)?;
        }
        if let Some(abi) = self.tag("cxxstring_abi") {
            write!(f, "-{abi}")?;
        }
        if let Some(version) = version("libstdcxx_version") {
            write!(f, "-libstdcxx{}", version.patch)?;
        }
        let mut extra = self.tags().filter(|(tag, _)| !IN_TRIPLET.contains(tag));
        extra.try_for_each(|(tag, value)| write!(f, "-{tag}+{value}"))
    }
}

/// Architectures with their spellings in triplets.
pub(super) const ARCHITECTURES: [(&str, &[&str]); 7] = [
    ("x86_64", &["x86_64", "amd64"]),
    ("i686", &["i086", "i186", "i286", "i386", "i486", "i586", "i686", "i786", "i886", "i986"]),
    ("aarch64", &["aarch64", "arm64"]),
    ("armv7l", &["arm", "armv7l"]),
    ("armv6l", &["armv6l"]),
    ("powerpc64le", &["powerpc64le", "ppc64le"]),
    ("riscv64", &["riscv64", "rv64"]),
];

/// Reads a triplet, as `parse(Platform, triplet)` of Julia 1.12 does.
///
/// A triplet is an architecture, an operating system with any vendor before it, and then in this
/// order, each optional: libc, call ABI, libgfortran, the ABI of C++ strings, libstdc++, and extra
/// tags. An extra tag has the last word, but for `arch` and `os`, which are refused, and
/// `os_version`, which only the operating system's part can give.
impl FromStr for Platform {
    type Err = InvalidPlatform;

    fn from_str(triplet: &str) -> Result<Self, InvalidPlatform> {
        let invalid = || {
            InvalidPlatform(format!(
                "invalid platform `{triplet}`: expected a triplet, such as `x86_64-linux-gnu`"
            ))
        };
        let mut parts = triplet.split('-');
        let arch = parts.next().and_then(architecture).ok_or_else(invalid)?;
        let parts: Vec<&str> = parts.collect();
        // The system is the last part that can be one.
        let system = (0..parts.len()).rev().find_map(|at| System::read(&parts, at));
        let System { os, version, call_abi, rest } = system.ok_or_else(invalid)?;
        let mut tags: BTreeMap<String, String> = BTreeMap::new();
        let mut set = |tag: &str, value: &str| drop(tags.insert(tag.to_owned(), value.to_owned()));
        let mut parts = Parts(rest);
        match call_abi {
            Some(abi) => set("call_abi", abi),
            None => {
                if let Some((libc, abi)) = parts.take(libc_and_call_abi) {
                    set("libc", libc);
                    abi.into_iter().for_each(|abi| set("call_abi", abi));
                }
            }
        }
        let libgfortran = parts.take(libgfortran_version);
        libgfortran.into_iter().for_each(|version| set("libgfortran_version", version));
        let abi = parts.take(|part| matches!(part, "cxx03" | "cxx11").then_some(part));
        abi.into_iter().for_each(|abi| set("cxxstring_abi", abi));
        if let Some(patch) = parts.take(|part| digits(part.strip_prefix("libstdcxx")?)) {
            set("libstdcxx_version", &format!("3.4.{patch}"));
        }
        for part in parts.0 {
            let (tag, value) = extra_tag(part).ok_or_else(invalid)?;
            set(&tag.to_lowercase(), value);
        }
        match version {
            // Julia accepts any text of digits and points, and fails on an invalid version.
            Some(version) => {
                let version = Version::read(version).ok_or_else(invalid)?;
                set("os_version", &version.to_string());
            }
            None => drop(tags.remove("os_version")),
        }
        Self::new(arch, os, tags.iter().map(|(tag, value)| (tag.as_str(), value.as_str())))
    }
}

/// The operating system of a triplet.
struct System<'a> {
    os: &'static str,
    version: Option<&'a str>,
    /// Julia accepts one here too, without a libc before it.
    call_abi: Option<&'static str>,
    /// The parts after it.
    rest: &'a [&'a str],
}

impl<'a> System<'a> {
    /// The system in the part `at`, with the vendor that must precede it.
    fn read(parts: &'a [&'a str], at: usize) -> Option<Self> {
        let (part, call_abi) = without_call_abi(parts[at]);
        let vendor = &parts[..at];
        let versioned = |name| version_behind(part, name);
        let (os, version) = match (part, vendor) {
            ("mingw32", ["w64"]) => ("windows", None),
            ("linux", _) => ("linux", None),
            (_, ["apple"]) if versioned("darwin").is_some() => ("macos", versioned("darwin")?),
            _ => match versioned("freebsd") {
                Some(version) => ("freebsd", version),
                None => ("openbsd", versioned("openbsd")?),
            },
        };
        Some(Self { os, version, call_abi, rest: &parts[at + 1..] })
    }
}

/// The rest of a triplet, split at its dashes.
struct Parts<'a>(&'a [&'a str]);

impl<'a> Parts<'a> {
    /// Removes the first part, if `read` accepts it.
    fn take<T>(&mut self, read: impl FnOnce(&'a str) -> Option<T>) -> Option<T> {
        let (first, rest) = self.0.split_first()?;
        let value = read(first)?;
        self.0 = rest;
        Some(value)
    }
}

/// A tag and its value; the part after a second `+` is ignored.
fn extra_tag(part: &str) -> Option<(&str, &str)> {
    let mut fields = part.split('+');
    let (tag, value) = (fields.next()?, fields.next()?);
    let is_whole = !tag.is_empty() && !value.is_empty();
    is_whole.then_some((tag, value))
}

fn architecture(part: &str) -> Option<&'static str> {
    let mut known = ARCHITECTURES.iter();
    known.find(|(_, spellings)| spellings.contains(&part)).map(|(name, _)| *name)
}

/// The optional version after the name of a system, or `None` if it is another system.
fn version_behind<'a>(part: &'a str, name: &str) -> Option<Option<&'a str>> {
    let version = part.strip_prefix(name)?;
    let is_version = version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    is_version.then_some((!version.is_empty()).then_some(version))
}

/// A part without the call ABI at its end, and the call ABI.
fn without_call_abi(part: &str) -> (&str, Option<&'static str>) {
    let found = ["eabihf", "eabi"].into_iter().find_map(|abi| Some((part.strip_suffix(abi)?, abi)));
    found.map_or((part, None), |(part, abi)| (part, Some(abi)))
}

fn libc_and_call_abi(part: &str) -> Option<(&'static str, Option<&'static str>)> {
    let (libc, abi) = without_call_abi(part);
    match libc {
        "gnu" => Some(("glibc", abi)),
        "musl" => Some(("musl", abi)),
        _ => None,
    }
}

/// Older triplets have the version of gcc instead.
fn libgfortran_version(part: &str) -> Option<&'static str> {
    match part {
        "libgfortran3" | "gcc4" => Some("3.0.0"),
        "libgfortran4" | "gcc7" => Some("4.0.0"),
        "libgfortran5" | "gcc8" => Some("5.0.0"),
        _ => None,
    }
}

fn digits(text: &str) -> Option<&str> {
    let are_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    are_digits.then_some(text)
}
