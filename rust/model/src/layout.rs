//! The layout of a depot.
//!
//! # On disk
//!
//! ```text
//! <depot>/
//! ├── logs/scratch_usage.toml                 uses of spaces         (Scratch.jl, Pkg, us)
//! ├── logs/scratch_usage.toml.pid             its lock               (Pkg's pidfile format)
//! └── scratchspaces/<uuid>/                   the spaces of a package
//!     ├── <key>/                              one space
//!     ├── <key>@generated.toml                which version a generator made
//!     ├── <key>@generating.pid                its lock, while it is generated
//!     └── <key>@building-<pid>/               the space under construction
//! ```
//!
//! A key has no `@`, so none of these names can be a space. `Pkg.gc` considers directories only: it
//! ignores the plain files, and a space under construction is in the usage log.
//!
//! Paths are made and compared as text, because the usage logs hold text: a path must have
//! exactly the bytes that Julia's `abspath` gives it.

use uuid::Uuid;

pub use crate::absolute::absolute;

use crate::depot_path::DepotPath;
use crate::key::ScratchKey;

/// The directory of installed packages in a depot.
pub const PACKAGES: &str = "packages";
/// The directory of clones of repositories in a depot.
pub const CLONES: &str = "clones";
/// The directory of artifacts in a depot.
pub const ARTIFACTS: &str = "artifacts";
/// The directory of environments in a depot.
pub const ENVIRONMENTS: &str = "environments";
/// The directory of packages under development in a depot.
pub const DEV: &str = "dev";
/// The directory of logs in a depot.
pub const LOGS: &str = "logs";
/// The directory of scratch spaces in a depot.
pub const SCRATCHSPACES: &str = "scratchspaces";
/// The file of overrides, below the directory of artifacts.
pub const OVERRIDES: &str = "Overrides.toml";
/// The file in a depot that records since when items are orphans.
pub const ORPHANED: [&str; 2] = [LOGS, "orphaned.toml"];
/// The suffix of a generated space's record.
pub const GENERATED: &str = "@generated.toml";
/// The suffix of a generator's lock.
pub const GENERATING: &str = "@generating.pid";
/// The text between a key and the number of the process that constructs the space aside.
pub const BUILDING: &str = "@building-";
/// The directory in a depot in which artifacts are built.
pub const BUILDING_SITE: [&str; 2] = ["scratchrs", "building"];

/// A usage log of a depot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UsageLogFile {
    /// Of manifests.
    Manifests,
    /// Of files that bind artifacts.
    Artifacts,
    /// Of scratch spaces, with the projects that use them.
    Scratch,
}

impl UsageLogFile {
    /// The path of the log of a depot.
    pub fn path(self, depot: &DepotPath) -> String {
        let name = match self {
            Self::Manifests => "manifest_usage.toml",
            Self::Artifacts => "artifact_usage.toml",
            Self::Scratch => "scratch_usage.toml",
        };
        depot.join(&[LOGS, name])
    }
}

/// The suffix of the record of an artifact's content.
pub const TREE_RECORD: &str = "@tree";
/// The suffix of the lock of an artifact or a package.
pub const LOCK: &str = ".pid";
/// The text between an artifact's hash and the checksum of the URL that it is downloaded from.
pub const DOWNLOAD: &str = "@download-";

/// The UUID of the global namespace of spaces, without a package.
pub const GLOBAL: Uuid = Uuid::nil();

const SEPARATOR: char = std::path::MAIN_SEPARATOR;

/// Joins `names` to `root`, which may end with a separator.
pub fn join(root: &str, names: &[&str]) -> String {
    let mut path =
        String::with_capacity(root.len() + names.iter().map(|name| name.len() + 1).sum::<usize>());
    path.push_str(root);
    for name in names {
        if !path.ends_with(SEPARATOR) {
            path.push(SEPARATOR);
        }
        path.push_str(name);
    }
    path
}

/// The directory of a package's spaces below the directory of all spaces.
pub fn package_spaces(root: &str, owner: Uuid) -> String {
    join(root, &[owner.hyphenated().encode_lower(&mut Uuid::encode_buffer())])
}

/// The directory of a space below a depot, or below the directory that replaces its
/// `scratchspaces`.
pub fn space(place: &str, is_depot: bool, owner: Uuid, key: ScratchKey<'_>) -> String {
    let mut buffer = Uuid::encode_buffer();
    let names = [SCRATCHSPACES, owner.hyphenated().encode_lower(&mut buffer), key.as_str()];
    join(place, if is_depot { &names } else { &names[1..] })
}

/// A part of the name of an item that is being removed.
pub const REMOVING: &str = "@removing-";
/// The suffix of a directory that another one has replaced.
pub const REPLACED: &str = "@replaced";

/// A temporary file or directory of ScratchRS, superfluous after the end of its process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leftover<'a> {
    /// A directory that was being removed.
    Removing,
    /// A directory under construction, or a replaced one, of the space with this key.
    Building(&'a str),
    /// The record of the generated space with this key.
    Record(&'a str),
    /// The lock of the process that generates the space with this key.
    Lock(&'a str),
}

impl<'a> Leftover<'a> {
    /// The leftover with this name; `None` for other names.
    pub fn of(name: &'a str) -> Option<Self> {
        // Fast path for nearly all names.
        if !is_companion(name) {
            return None;
        }
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if let Some((_, number)) = name.rsplit_once(REMOVING) {
            let (process, count) = number.split_once('-')?;
            return (is_number(process) && is_number(count)).then_some(Self::Removing);
        }
        if let Some((key, process)) = name.rsplit_once(BUILDING) {
            return is_number(process).then_some(Self::Building(key));
        }
        let is_key = |key: &&str| ScratchKey::new(key).is_ok();
        let named = |suffix| name.strip_suffix(suffix).filter(is_key);
        named(REPLACED)
            .map(Self::Building)
            .or_else(|| named(GENERATED).map(Self::Record))
            .or_else(|| named(GENERATING).map(Self::Lock))
    }
}

/// Whether `name` is that of a file or directory of ScratchRS beside a space, rather than a space.
pub fn is_companion(name: &str) -> bool {
    name.bytes().any(|byte| byte == b'@')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_names_are_told_from_others() {
        for (name, expected) in [
            ("tree@removing-12-0", Some(Leftover::Removing)),
            ("key@building-12@removing-7-1", Some(Leftover::Removing)),
            ("key@building-12", Some(Leftover::Building("key"))),
            ("key@replaced", Some(Leftover::Building("key"))),
            ("key@generated.toml", Some(Leftover::Record("key"))),
            ("key@generating.pid", Some(Leftover::Lock("key"))),
            ("key", None),
            ("key@removing-", None),
            ("key@building-x", None),
            ("somebody@elsewhere", None),
            ("@replaced", None),
        ] {
            assert_eq!(Leftover::of(name), expected, "{name}");
        }
    }

    #[test]
    fn a_space_lies_below_its_package() {
        let owner = Uuid::from_u128(0x93485645_17f1_6f3b_45bc_419db53815ea);
        let key = ScratchKey::new("cache").unwrap();
        let name = "93485645-17f1-6f3b-45bc-419db53815ea";
        let spaces = join("/depot", &["scratchspaces"]);
        let expected = join(&spaces, &[name, "cache"]);
        let with_separator = format!("/depot{SEPARATOR}");
        for (place, is_depot) in [("/depot", true), (&with_separator, true), (&spaces, false)] {
            assert_eq!(space(place, is_depot, owner, key), expected, "{place}");
        }
    }
}
