//! Platforms: what an artifact was built for, and what a host is.
//!
//! A platform is a set of tags: `arch`, `os`, `libc` and so on, and any other that a package makes
//! up. The rules are those of Julia's `base/binaryplatforms.jl`: how tags are normalised, which
//! platforms match, and which of several matching artifacts a host gets.
//!
//! # Compatibility
//!
//! A tie between two artifacts that fit a host equally well goes to the greatest triplet. Julia
//! writes the extra tags of a triplet in the order of a hash table, we write them sorted: where two
//! artifacts differ in extra tags only, and in more than one, a tie may be broken otherwise.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

/// What an artifact was built for, or what a host is.
///
/// ```
/// # use scratchrs_model::platform::Platform;
/// let host: Platform = "x86_64-linux-gnu-libgfortran5".parse()?;
/// let artifact = Platform::new("amd64", "Linux", [])?;
/// assert!(artifact.matches(&host));
/// assert_eq!(artifact.to_string(), "x86_64-linux-gnu");
/// # Ok::<(), scratchrs_model::platform::InvalidPlatform>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Platform {
    tags: BTreeMap<String, String>,
    /// The tags that are a bound on what the host can take, rather than a value.
    caps: BTreeSet<String>,
}

/// How the value of a host's tag compares with that of an artifact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// Both are equal; of `julia_version`, major and minor number are.
    Default,
    /// The host's version is the highest that it can take.
    Cap,
}

/// Why tags, or a triplet, are not a platform.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidPlatform(String);

/// Tags that hold versions, and are written in full: `3` is `3.0.0`.
const VERSIONS: [&str; 3] = ["libgfortran_version", "libstdcxx_version", "os_version"];
/// Tags whose value on a host is the highest that it can take.
const HOST_CAPS: [&str; 2] = ["libstdcxx_version", "os_version"];
/// Tags that have a place of their own in a triplet.
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
/// What no tag may hold: separators of triplets, and what file names cannot hold.
const NOT_IN_TAGS: &str = "+- /<>:\"'\\|?*";

impl Platform {
    /// The platform of these tags, normalised: in lower case, aliases of architectures resolved,
    /// versions in full, `libc` and `call_abi` set where Julia takes them for granted.
    ///
    /// # Errors
    ///
    /// If a tag or its value has a character that none can have, or a tag is there twice.
    pub fn new<'a>(
        arch: &str,
        os: &str,
        tags: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, InvalidPlatform> {
        let os = os.to_lowercase();
        let arch = normal_arch(&arch.to_lowercase()).to_owned();
        let mut platform = Self { tags: BTreeMap::new(), caps: BTreeSet::new() };
        platform.add("arch", &arch)?;
        platform.add("os", &os)?;
        for (tag, value) in tags {
            platform.add(&tag.to_lowercase(), value)?;
        }
        let mut take_for_granted = |tag: &str, value: &str| {
            platform.tags.entry(tag.to_owned()).or_insert_with(|| value.to_owned());
        };
        if os == "linux" {
            take_for_granted("libc", "glibc");
            if matches!(arch.as_str(), "armv7l" | "armv6l") {
                take_for_granted("call_abi", "eabihf");
            }
        }
        Ok(platform)
    }

    /// The platform that a Julia session describes, tag by tag, each with the way in which it
    /// compares.
    ///
    /// # Errors
    ///
    /// As [`Platform::new`], and if `arch` or `os` is missing.
    pub fn from_tags<'a>(
        tags: impl IntoIterator<Item = (&'a str, &'a str, Comparison)>,
    ) -> Result<Self, InvalidPlatform> {
        let (mut arch, mut os, mut others, mut caps) = (None, None, Vec::new(), BTreeSet::new());
        for (tag, value, comparison) in tags {
            match tag {
                "arch" => arch = Some(value),
                "os" => os = Some(value),
                tag => others.push((tag, value)),
            }
            if comparison == Comparison::Cap {
                caps.insert(tag.to_lowercase());
            }
        }
        let missing = |tag| InvalidPlatform(format!("a platform has a tag `{tag}`"));
        let arch = arch.ok_or_else(|| missing("arch"))?;
        let os = os.ok_or_else(|| missing("os"))?;
        Ok(Self { caps, ..Self::new(arch, os, others)? })
    }

    /// The platform as a host: its versions of the system and of libstdc++ are the highest that it
    /// can take.
    pub fn into_host(mut self) -> Self {
        let caps = HOST_CAPS.iter().filter(|tag| self.tags.contains_key(**tag));
        self.caps.extend(caps.map(|tag| (*tag).to_owned()));
        self
    }

    /// The tags, sorted by name.
    pub fn tags(&self) -> impl Iterator<Item = (&str, &str)> {
        self.tags.iter().map(|(tag, value)| (tag.as_str(), value.as_str()))
    }

    /// The value of a tag.
    pub fn tag(&self, name: &str) -> Option<&str> {
        self.tags.get(name).map(String::as_str)
    }

    /// Whether both have the same tags, whichever of them is a host.
    pub fn has_tags_of(&self, other: &Self) -> bool {
        self.tags == other.tags
    }

    /// Whether what is built for one runs on the other: no tag that both have says no.
    pub fn matches(&self, other: &Self) -> bool {
        self.tags.iter().all(|(tag, ours)| {
            other.tags.get(tag).is_none_or(|theirs| self.agrees(tag, ours, other, theirs))
        })
    }

    fn agrees(&self, tag: &str, ours: &str, other: &Self, theirs: &str) -> bool {
        let versions = || Some((Version::read(ours)?, Version::read(theirs)?));
        match (self.caps.contains(tag), other.caps.contains(tag), versions()) {
            (true, false, Some((most, version))) | (false, true, Some((version, most))) => {
                version <= most
            }
            (_, _, Some((ours, theirs))) if tag == "julia_version" => {
                (ours.major, ours.minor) == (theirs.major, theirs.minor)
            }
            _ => ours == theirs,
        }
    }

    /// The index of the platform that a host gets, of those that match it: the one that differs
    /// from the host in the fewest tags, and of these the one with the greatest triplet. Of equal
    /// ones the last, as in Julia.
    pub fn choose<'a>(&self, platforms: impl IntoIterator<Item = &'a Self>) -> Option<usize> {
        let candidates = platforms.into_iter().enumerate().filter(|(_, one)| one.matches(self));
        let rank = |platform: &Self| (Reverse(self.loss(platform)), platform.to_string());
        candidates.max_by(|(_, a), (_, b)| rank(a).cmp(&rank(b))).map(|(index, _)| index)
    }

    /// How many tags only one of them has.
    fn loss(&self, other: &Self) -> usize {
        let common = self.tags.keys().filter(|tag| other.tags.contains_key(*tag)).count();
        self.tags.len() + other.tags.len() - 2 * common
    }

    /// Whether it is one of the platforms that Julia's own packages are built for, with values
    /// that mean something.
    ///
    /// # Errors
    ///
    /// Says the first tag that is not.
    pub fn validate(&self) -> Result<(), InvalidPlatform> {
        let tag = |name| self.tag(name);
        let fails = |name: &str| {
            let value = self.tag(name).unwrap_or_default();
            InvalidPlatform(format!("the platform tag `{name}` can't be `{value}`"))
        };
        let require = |is_right: bool, name| if is_right { Ok(()) } else { Err(fails(name)) };
        let (arch, os) = (tag("arch").unwrap_or_default(), tag("os").unwrap_or_default());
        require(ARCHITECTURES.iter().any(|(name, _)| *name == arch), "arch")?;
        require(matches!(os, "linux" | "macos" | "freebsd" | "openbsd" | "windows"), "os")?;
        let fits = match os {
            "windows" => matches!(arch, "x86_64" | "i686" | "armv7l" | "aarch64"),
            "macos" => matches!(arch, "x86_64" | "aarch64"),
            _ => true,
        };
        require(fits, "arch")?;
        let libc = match os {
            "linux" => matches!(tag("libc"), Some("glibc" | "musl")),
            _ => tag("libc").is_none(),
        };
        require(libc, "libc")?;
        let call_abi = match (os, arch) {
            ("linux", "armv7l" | "armv6l") => matches!(tag("call_abi"), Some("eabihf" | "eabi")),
            _ => tag("call_abi").is_none(),
        };
        require(call_abi, "call_abi")?;
        require(matches!(tag("cxxstring_abi"), None | Some("cxx03" | "cxx11")), "cxxstring_abi")?;
        for name in ["libgfortran_version", "libstdcxx_version"] {
            require(tag(name).is_none_or(|version| Version::read(version).is_some()), name)?;
        }
        Ok(())
    }

    /// Adds a tag in lower case.
    fn add(&mut self, tag: &str, value: &str) -> Result<(), InvalidPlatform> {
        let value = match Version::read(value).filter(|_| VERSIONS.contains(&tag)) {
            Some(version) => version.to_string(),
            None => value.to_lowercase(),
        };
        for text in [tag, &value] {
            if let Some(character) = text.chars().find(|c| NOT_IN_TAGS.contains(*c)) {
                return Err(InvalidPlatform(format!(
                    "the platform tag `{tag} = \"{value}\"` has a `{character}`, which no tag can have"
                )));
            }
        }
        match self.tags.insert(tag.to_owned(), value) {
            None => Ok(()),
            Some(_) => Err(InvalidPlatform(format!("the platform tag `{tag}` is given twice"))),
        }
    }
}

fn normal_arch(arch: &str) -> &str {
    match arch {
        "amd64" => "x86_64",
        "i386" | "i486" | "i586" => "i686",
        "armv6" => "armv6l",
        "arm" | "armv7" | "armv8" | "armv8l" => "armv7l",
        "arm64" => "aarch64",
        "ppc64le" => "powerpc64le",
        arch => arch,
    }
}

/// A Julia version number as far as a tag can hold one: three numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Version {
    major: u32,
    minor: u32,
    patch: u32,
}

impl Version {
    fn read(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(['v', 'V']).unwrap_or(text);
        let mut numbers = digits.split('.').map(|number| {
            let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
            is_number.then(|| number.parse().ok())?
        });
        let major = numbers.next()??;
        let mut next = || numbers.next().map_or(Some(0), |number| number);
        let (minor, patch) = (next()?, next()?);
        numbers.next().is_none().then_some(Self { major, minor, patch })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// The triplet: `x86_64-linux-gnu-libgfortran5-cxx11`, with extra tags behind, sorted.
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

/// Architectures, with the ways in which a triplet may spell them.
const ARCHITECTURES: [(&str, &[&str]); 7] = [
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
/// A triplet is an architecture, an operating system with whatever vendor stands before it, and then
/// in this order, each optional: libc, call ABI, libgfortran, the ABI of C++ strings, libstdc++, and
/// extra tags. An extra tag has the last word, but for `arch` and `os`, which are refused, and
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
        // Only the last part that can be the system is one: what is behind it reads otherwise.
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
            // Julia takes any text of digits and points, and fails on an invalid version.
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
    /// Julia takes one here too, where no libc stands before it.
    call_abi: Option<&'static str>,
    /// The parts behind it.
    rest: &'a [&'a str],
}

impl<'a> System<'a> {
    /// The system that the part `at` names, with the vendor that it needs before it.
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

/// What is left of a triplet, cut at its dashes.
struct Parts<'a>(&'a [&'a str]);

impl<'a> Parts<'a> {
    /// Takes the first part, if `read` can make something of it.
    fn take<T>(&mut self, read: impl FnOnce(&'a str) -> Option<T>) -> Option<T> {
        let (first, rest) = self.0.split_first()?;
        let value = read(first)?;
        self.0 = rest;
        Some(value)
    }
}

/// A tag and its value: what is behind a second `+` does not count.
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

/// The version behind the name of a system, if there is one; None if it is another system.
fn version_behind<'a>(part: &'a str, name: &str) -> Option<Option<&'a str>> {
    let version = part.strip_prefix(name)?;
    let is_version = version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    is_version.then_some((!version.is_empty()).then_some(version))
}

/// A part without the call ABI at its end, and that.
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn platform(triplet: &str) -> Platform {
        triplet.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn tags_are_normalised() {
        let tags = [("libgfortran_version", "3"), ("CUDA", "10.1"), ("cxxstring_abi", "CXX11")];
        let built = Platform::new("AMD64", "Linux", tags).unwrap();
        let expected = [
            ("arch", "x86_64"),
            ("cuda", "10.1"),
            ("cxxstring_abi", "cxx11"),
            ("libc", "glibc"),
            ("libgfortran_version", "3.0.0"),
            ("os", "linux"),
        ];
        assert_eq!(built.tags().collect::<Vec<_>>(), expected);
        assert_eq!(built.to_string(), "x86_64-linux-gnu-libgfortran3-cxx11-cuda+10.1");
        let arm = Platform::new("armv7", "linux", []).unwrap();
        assert_eq!(arm.to_string(), "armv7l-linux-gnueabihf");
        assert_eq!(arm, platform("arm-linux-gnueabihf"));
        let windows = Platform::new("i686", "windows", []).unwrap();
        assert_eq!(windows.tags().count(), 2, "only Linux has a libc");
    }

    #[test]
    fn a_tag_has_no_separator_and_is_there_once() {
        for value in ["a b", "a-b", "a+b", "a/b", "a:b", "a?", "3rc-1"] {
            let error = Platform::new("x86_64", "linux", [("tag", value)]).unwrap_err();
            assert!(error.to_string().contains(value), "{error}");
        }
        assert!(Platform::new("x86_64", "linux", [("a b", "1")]).is_err());
        assert!(Platform::new("x86_64", "linux", [("os", "linux")]).is_err());
        assert!(Platform::new("x86_64", "linux", [("Tag", "1"), ("tag", "2")]).is_err());
    }

    /// What Julia 1.12 answers for `triplet(parse(Platform, …))`, or for what it adds to 1.10, what
    /// its `base/binaryplatforms.jl` says.
    #[test]
    fn triplets_are_julias() {
        for (text, expected) in [
            ("x86_64-unknown-openbsd", "x86_64-unknown-openbsd"),
            ("x86_64-unknown-openbsd7.5", "x86_64-unknown-openbsd"),
            ("aarch64-openbsd-cxx11", "aarch64-unknown-openbsd-cxx11"),
            ("rv64-linux-gnu", "riscv64-linux-gnu"),
            ("riscv64-unknown-linux-musl", "riscv64-linux-musl"),
            ("ppc64le-linux-gnu", "powerpc64le-linux-gnu"),
            ("armv6l-linux", "armv6l-linux-gnueabihf"),
            ("arm-linuxeabi", "armv7l-linux-gnueabi"),
            ("x86_64--linux", "x86_64-linux-gnu"),
            ("x86_64-a-b-linux-musl", "x86_64-linux-musl"),
            ("x86_64-linux-linux", "x86_64-linux-gnu"),
            ("x86_64-freebsd-linux", "x86_64-linux-gnu"),
            ("x86_64-linux-freebsd12", "x86_64-unknown-freebsd12.0"),
            ("x86_64-apple-freebsd", "x86_64-unknown-freebsd"),
            ("x86_64-apple-darwin20.3.1", "x86_64-apple-darwin20"),
            ("x86_64-linux-gnu-a+b+c", "x86_64-linux-gnu-a+b"),
            ("x86_64-linux-gnu-libc+musl", "x86_64-linux-musl"),
            ("x86_64-linux-gnu-a+1-A+2", "x86_64-linux-gnu-a+2"),
            ("x86_64-linux-gnu-os_version+3", "x86_64-linux-gnu"),
            ("x86_64-linux-gnu", "x86_64-linux-gnu"),
            ("amd64-pc-linux", "x86_64-linux-gnu"),
            ("x86_64-apple-darwin14", "x86_64-apple-darwin14"),
            ("arm64-apple-darwin", "aarch64-apple-darwin"),
            ("x86_64-unknown-freebsd11.1", "x86_64-unknown-freebsd11.1"),
            ("i586-w64-mingw32-gcc7", "i686-w64-mingw32-libgfortran4"),
            ("arm-linux-musleabihf", "armv7l-linux-musleabihf"),
            (
                "x86_64-linux-gnu-libgfortran5-cxx11-libstdcxx26-julia_version+1.10.8",
                "x86_64-linux-gnu-libgfortran5-cxx11-libstdcxx26-julia_version+1.10.8",
            ),
        ] {
            assert_eq!(platform(text).to_string(), expected, "{text}");
        }
        for wrong in [
            "",
            "x86_64",
            "x86_64-",
            "vax-linux-gnu",
            "x86_64-plan9",
            "x86_64-linux-gnu-",
            "x86_64-linux-gnu-cxx12",
            "x86_64-linux-gnu-libgfortran6",
            "x86_64-linux-gnu-tag+",
            "x86_64-linux-gnu-cxx11-libgfortran5",
            "x86_64-apple-darwin..",
            "x86_64-unknown-openbsd7.",
            "x86_64-unknown-netbsd",
            "x86_64-openbsd-gnu-gnu",
            "x86_64-unknown-apple-darwin",
            "x86_64-pc-w64-mingw32",
            "x86_64-linuxeabi-gnu",
            "x86_64-linux-gnu-arch+arm",
            "x86_64-linux-gnu-os+windows",
        ] {
            assert!(wrong.parse::<Platform>().is_err(), "{wrong:?} was taken for a triplet");
        }
    }

    #[test]
    fn what_only_one_has_does_not_matter() {
        let host = platform("x86_64-linux-gnu-libgfortran5-cxx11").into_host();
        assert!(platform("x86_64-linux-gnu").matches(&host));
        assert!(platform("x86_64-linux-gnu-cuda+10").matches(&host));
        assert!(!platform("x86_64-linux-gnu-libgfortran4").matches(&host));
        assert!(!platform("x86_64-linux-musl").matches(&host));
    }

    #[test]
    fn a_host_takes_what_is_no_newer_than_it() {
        let old = platform("x86_64-linux-gnu-libstdcxx21");
        let new = platform("x86_64-linux-gnu-libstdcxx30");
        assert!(!old.matches(&new), "two artifacts match if they are equal");
        assert!(old.matches(&new.clone().into_host()) && new.clone().into_host().matches(&old));
        assert!(!new.matches(&old.clone().into_host()));
        assert!(!old.clone().into_host().matches(&new.into_host()), "two hosts, if they are equal");
        let mac = platform("x86_64-apple-darwin20").into_host();
        assert!(platform("x86_64-apple-darwin14").matches(&mac));
        assert!(!platform("x86_64-apple-darwin21").matches(&mac));
    }

    #[test]
    fn of_a_julia_version_major_and_minor_count() {
        let host = platform("x86_64-linux-gnu-julia_version+1.10.8");
        assert!(platform("x86_64-linux-gnu-julia_version+1.10.0").matches(&host));
        assert!(!platform("x86_64-linux-gnu-julia_version+1.9.0").matches(&host));
    }

    #[test]
    fn a_session_says_how_its_tags_compare() {
        let tags = [
            ("os", "linux", Comparison::Default),
            ("arch", "x86_64", Comparison::Default),
            ("cuda", "11.2", Comparison::Cap),
        ];
        let host = Platform::from_tags(tags).unwrap();
        assert!(platform("x86_64-linux-gnu-cuda+10.1").matches(&host));
        assert!(!platform("x86_64-linux-gnu-cuda+11.3").matches(&host));
        assert!(Platform::from_tags([("os", "linux", Comparison::Default)]).is_err());
    }

    #[test]
    fn the_closest_fit_is_chosen() {
        let host = platform("x86_64-linux-gnu-libgfortran5-cxx11").into_host();
        let choose = |triplets: &[&str]| {
            let platforms: Vec<Platform> = triplets.iter().map(|text| platform(text)).collect();
            host.choose(&platforms).map(|index| triplets[index].to_owned())
        };
        let chosen =
            choose(&["x86_64-linux-gnu", "x86_64-linux-gnu-libgfortran5", "i686-linux-gnu"]);
        assert_eq!(chosen.as_deref(), Some("x86_64-linux-gnu-libgfortran5"));
        let chosen = choose(&["x86_64-linux-gnu-libgfortran5", "x86_64-linux-gnu-cxx11"]);
        assert_eq!(chosen.as_deref(), Some("x86_64-linux-gnu-libgfortran5"), "greatest triplet");
        assert_eq!(choose(&["x86_64-linux-musl"]), None);
        assert_eq!(choose(&[]), None);
        let twice = [platform("x86_64-linux-gnu"), platform("x86_64-linux-gnu")];
        assert_eq!(host.choose(&twice), Some(1), "the last of equals");
    }

    #[test]
    fn platforms_that_mean_nothing_are_found_out() {
        for valid in [
            "x86_64-linux-musl",
            "arm-linux-gnueabihf",
            "x86_64-apple-darwin14-cxx11",
            "riscv64-linux-gnu",
            "x86_64-unknown-openbsd7.5",
            "i686-unknown-freebsd",
        ] {
            assert_eq!(platform(valid).validate(), Ok(()), "{valid}");
        }
        for (arch, os, tags) in [
            ("vax", "linux", &[][..]),
            ("x86_64", "plan9", &[]),
            ("x86_64", "openbsd", &[("libc", "glibc")]),
            ("powerpc64le", "windows", &[]),
            ("i686", "macos", &[]),
            ("x86_64", "windows", &[("libc", "glibc")]),
            ("x86_64", "linux", &[("libc", "newlib")]),
            ("x86_64", "linux", &[("call_abi", "eabi")]),
            ("x86_64", "linux", &[("cxxstring_abi", "cxx17")]),
            ("x86_64", "linux", &[("libgfortran_version", "five")]),
        ] {
            let built = Platform::new(arch, os, tags.iter().copied()).unwrap();
            assert!(built.validate().is_err(), "{built}");
        }
    }

    proptest! {
        #[test]
        fn any_text_can_be_read(text in "[a-z0-9_+.-]{0,40}") {
            if let Ok(platform) = text.parse::<Platform>() {
                let again: Platform = platform.to_string().parse().expect("what we print");
                // A triplet holds parts of versions only.
                prop_assert_eq!(again.to_string(), platform.to_string());
            }
        }

        #[test]
        fn a_triplet_survives(
            arch in prop::sample::select(vec!["x86_64", "i686", "aarch64", "powerpc64le"]),
            libc in prop::sample::select(vec!["glibc", "musl"]),
            libgfortran in prop::option::of(3..6u32),
            extra in prop::option::of("[a-z][a-z0-9._]{0,8}"),
        ) {
            let version = libgfortran.map(|version| version.to_string());
            let tags = [("libc", Some(libc)), ("libgfortran_version", version.as_deref()), ("tag", extra.as_deref())];
            let tags = tags.into_iter().filter_map(|(tag, value)| Some((tag, value?)));
            let built = Platform::new(arch, "linux", tags).unwrap();
            prop_assert_eq!(platform(&built.to_string()), built);
        }
    }
}
