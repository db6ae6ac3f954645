//! Platforms of artifacts and of hosts.
//!
//! A platform is a set of tags: `arch`, `os`, `libc` and others, which a package can define. The
//! rules are those of Julia's `base/binaryplatforms.jl`: how tags are normalised, which platforms
//! match, and which of several matching artifacts a host gets.
//!
//! # Compatibility
//!
//! Of two artifacts that match a host equally well, the one with the greater triplet is chosen.
//! Julia writes the extra tags of a triplet in the order of a hash table, ScratchRS in sorted
//! order. So the choice can differ if two artifacts differ only in extra tags, and in more than
//! one.

mod triplet;
mod version;

use std::cmp::Reverse;
use std::collections::BTreeSet;

use smol_str::SmolStr;

use triplet::ARCHITECTURES;
use version::Version;

/// The platform of an artifact, or of a host.
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
    /// Sorted by name.
    tags: Box<[(SmolStr, SmolStr)]>,
    /// The tags whose value is the highest that the host can take.
    caps: BTreeSet<String>,
}

/// How the value of a host's tag compares with that of an artifact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// Both are equal; of `julia_version`, major and minor number are.
    Default,
    /// The host's version is its upper bound.
    Cap,
}

/// Why tags, or a triplet, are not a platform.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidPlatform(String);

/// Tags with versions, which are written in full: `3` is `3.0.0`.
const VERSIONS: [&str; 3] = ["libgfortran_version", "libstdcxx_version", "os_version"];
/// Tags with an upper bound as their value on a host.
const HOST_CAPS: [&str; 2] = ["libstdcxx_version", "os_version"];
/// Characters that are invalid in tags: separators of triplets, and characters that are invalid in
/// file names.
const NOT_IN_TAGS: &str = "+- /<>:\"'\\|?*";

impl Platform {
    /// The platform of these tags, normalised: in lower case, with aliases of architectures
    /// resolved, versions in full, and Julia's defaults of `libc` and `call_abi`.
    ///
    /// # Errors
    ///
    /// If a tag or its value has a forbidden character, or a tag is repeated.
    pub fn new<'a>(
        arch: &str,
        os: &str,
        tags: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, InvalidPlatform> {
        let os = os.to_lowercase();
        let arch = normal_arch(&arch.to_lowercase()).to_owned();
        let tags = tags.into_iter();
        let mut all = Vec::with_capacity(4 + tags.size_hint().1.unwrap_or_default());
        all.extend([normal_tag("arch", &arch)?, normal_tag("os", &os)?]);
        for (tag, value) in tags {
            all.push(normal_tag(tag, value)?);
        }
        let mut take_for_granted = |tag: &'static str, value: &'static str| {
            if all.iter().all(|(known, _)| known != tag) {
                all.push((SmolStr::new_static(tag), SmolStr::new_static(value)));
            }
        };
        if os == "linux" {
            take_for_granted("libc", "glibc");
            if matches!(arch.as_str(), "armv7l" | "armv6l") {
                take_for_granted("call_abi", "eabihf");
            }
        }
        all.sort_unstable();
        if let Some(pair) = all.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            let tag = &pair[0].0;
            return Err(InvalidPlatform(format!("the platform tag `{tag}` is given twice")));
        }
        Ok(Self { tags: all.into(), caps: BTreeSet::new() })
    }

    /// The platform of a Julia session from its tags, each with its comparison.
    ///
    /// # Errors
    ///
    /// The errors of [`Platform::new`], and if `arch` or `os` is missing.
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

    /// The platform as a host: its versions of the system and of libstdc++ are upper bounds.
    pub fn into_host(mut self) -> Self {
        for tag in HOST_CAPS {
            if self.tag(tag).is_some() {
                self.caps.insert(tag.to_owned());
            }
        }
        self
    }

    /// The tags, sorted by name.
    pub fn tags(&self) -> impl Iterator<Item = (&str, &str)> {
        self.tags.iter().map(|(tag, value)| (tag.as_str(), value.as_str()))
    }

    /// The value of a tag.
    pub fn tag(&self, name: &str) -> Option<&str> {
        let at = self.tags.binary_search_by(|(tag, _)| tag.as_str().cmp(name)).ok()?;
        Some(&self.tags[at].1)
    }

    /// Whether both have the same tags, also if one of them is a host.
    pub fn has_tags_of(&self, other: &Self) -> bool {
        self.tags == other.tags
    }

    /// Whether an artifact for one can be used on the other: all tags that both have agree.
    pub fn matches(&self, other: &Self) -> bool {
        self.tags().all(|(tag, ours)| {
            other.tag(tag).is_none_or(|theirs| self.agrees(tag, ours, other, theirs))
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

    /// The index of the platform that a host gets, among those that match it: the one that differs
    /// from the host in the fewest tags; of several, the one with the greatest triplet; of equal
    /// ones, the last, as in Julia.
    pub fn choose<'a>(&self, platforms: impl IntoIterator<Item = &'a Self>) -> Option<usize> {
        let candidates = platforms.into_iter().enumerate().filter(|(_, one)| one.matches(self));
        let rank = |platform: &Self| (Reverse(self.loss(platform)), platform.to_string());
        candidates.max_by(|(_, a), (_, b)| rank(a).cmp(&rank(b))).map(|(index, _)| index)
    }

    /// The number of tags that only one of them has.
    fn loss(&self, other: &Self) -> usize {
        let common = self.tags().filter(|(tag, _)| other.tag(tag).is_some()).count();
        self.tags.len() + other.tags.len() - 2 * common
    }

    /// Checks that it is a platform for which Julia's packages are built, with valid values.
    ///
    /// # Errors
    ///
    /// The first invalid tag.
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
}

/// A tag and its value as Julia normalises them.
fn normal_tag(tag: &str, value: &str) -> Result<(SmolStr, SmolStr), InvalidPlatform> {
    let tag = tag.to_lowercase();
    let value = match Version::read(value).filter(|_| VERSIONS.contains(&&*tag)) {
        Some(version) => version.to_string(),
        None => value.to_lowercase(),
    };
    for text in [&tag, &value] {
        if let Some(character) = text.chars().find(|c| NOT_IN_TAGS.contains(*c)) {
            return Err(InvalidPlatform(format!(
                "the platform tag `{tag} = \"{value}\"` has a `{character}`, which no tag can have"
            )));
        }
    }
    Ok((tag.into(), value.into()))
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

#[cfg(test)]
mod tests;
