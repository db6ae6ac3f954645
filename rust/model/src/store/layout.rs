//! The layout of a store.

use uuid::Uuid;

use crate::hash::Sha256;
use crate::layout::join;

/// The package that owns the store's scratch space: ScratchRS.
pub const OWNER: Uuid = Uuid::from_u128(0x8df67668_ca49_459c_97b7_c4421c9c1418);
/// The key of that space.
pub const KEY: &str = "store";

/// The package that owns the scratch space of OhMyArtifacts' store.
pub const PEER_OWNER: Uuid = Uuid::from_u128(0xcf8be1f4_309d_442e_839d_29d2a0af6cb7);
/// The key of that space.
pub const PEER_KEY: &str = "0.3";

/// The directory of contents and trees.
pub const ARTIFACTS: &str = "artifacts";
/// The directory of contents with the other executable bit.
pub const VARIANTS: &str = "variants";
/// The directory of the trees' records.
pub const TREES: &str = "trees";
/// The directory of the logs.
pub const LOGS: &str = "logs";
/// The directory of contents under construction.
pub const WORK: &str = "work";
/// The settings of the store.
pub const SETTINGS: &str = "store.toml";
/// The file of bindings that all versions of a package share.
pub const BINDINGS: &str = "Artifacts.toml";

/// The paths in a store.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Layout {
    root: String,
}

impl Layout {
    /// The layout of the store at the absolute path `root`.
    pub fn new(root: impl Into<String>) -> Self {
        Self { root: root.into() }
    }

    /// The directory of the store.
    pub fn root(&self) -> &str {
        &self.root
    }

    /// A path in the store.
    pub fn below(&self, names: &[&str]) -> String {
        join(&self.root, names)
    }

    /// The directory of contents and trees.
    pub fn artifacts(&self) -> String {
        self.below(&[ARTIFACTS])
    }

    /// The address of a content or a tree.
    pub fn artifact(&self, hash: Sha256) -> String {
        self.hashed(ARTIFACTS, hash)
    }

    /// The path of a content with the other executable bit.
    pub fn variant(&self, hash: Sha256) -> String {
        self.hashed(VARIANTS, hash)
    }

    /// The record of a tree.
    pub fn record(&self, hash: Sha256) -> String {
        self.hashed(TREES, hash)
    }

    fn hashed(&self, directory: &str, hash: Sha256) -> String {
        let name = hash.to_string();
        self.below(&[directory, &name[..2], &name])
    }

    /// The usage log in the format of OhMyArtifacts.
    pub fn usage(&self) -> String {
        self.below(&[LOGS, "my_artifact_usage.toml"])
    }

    /// The unused contents in the format of OhMyArtifacts.
    pub fn orphanages(&self) -> String {
        self.below(&[LOGS, "my_artifact_orphanages.toml"])
    }

    /// The log of bindings.
    pub fn uses(&self) -> String {
        self.below(&[LOGS, "my_artifact_uses.log"])
    }

    /// The log of the projects that use files of bindings.
    pub fn users(&self) -> String {
        self.below(&[LOGS, "my_artifact_users.log"])
    }

    /// The lock of bindings and logs, at the path of OhMyArtifacts' lock of its logs.
    pub fn lock(&self) -> String {
        self.below(&[LOGS, ".my_artifact_usage_lock"])
    }

    /// The directory of a package's files of bindings.
    pub fn package(&self, package: Uuid) -> String {
        self.below(&[package.hyphenated().encode_lower(&mut Uuid::encode_buffer())])
    }

    /// The file of a package's bindings, or of one version of it.
    pub fn bindings(&self, package: Uuid, version: Option<&str>) -> String {
        let directory = self.package(package);
        match version {
            None => join(&directory, &[BINDINGS]),
            Some(version) => join(&directory, &[&format!("Artifacts_v{version}.toml")]),
        }
    }
}

/// The package of the file of bindings at `path`, which is relative to the store, with slashes.
pub fn package_of(path: &str) -> Option<Uuid> {
    let (package, name) = path.split_once('/')?;
    is_bindings(name).then(|| package.parse().ok()).flatten()
}

/// Whether `name`, in the directory of a package, is a file of bindings.
pub fn is_bindings(name: &str) -> bool {
    let rest = name.strip_prefix("Artifacts").and_then(|rest| rest.strip_suffix(".toml"));
    rest.is_some_and(|version| version.is_empty() || version.starts_with("_v"))
}

/// Whether `version` can be a part of a file name, as any version of a package can.
pub fn is_version(version: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'+');
    !version.is_empty() && version.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_lie_where_ohmyartifacts_has_them() {
        let layout = Layout::new("/depot/scratchspaces/cf8be1f4-309d-442e-839d-29d2a0af6cb7/0.3");
        let hex = "83c1aca5f0e9d222dee51861b3def4e789e57b17b035099570c54b51182853d4";
        let artifact = layout.artifact(hex.parse().unwrap());
        assert_eq!(artifact, join(layout.root(), &["artifacts", "83", hex]));
        let bindings = |version| layout.bindings(PEER_OWNER, version);
        let package = join(layout.root(), &["cf8be1f4-309d-442e-839d-29d2a0af6cb7"]);
        assert_eq!(bindings(None), join(&package, &["Artifacts.toml"]));
        assert_eq!(bindings(Some("1.2.0")), join(&package, &["Artifacts_v1.2.0.toml"]));
    }

    #[test]
    fn files_of_bindings_are_told_by_their_names() {
        for name in ["Artifacts.toml", "Artifacts_v1.2.0.toml", "Artifacts_v0.1.0-DEV.toml"] {
            assert!(is_bindings(name), "{name}");
        }
        for name in ["artifact_lock", "0123.lock", "Artifacts.toml.bak", "OtherArtifacts.toml"] {
            assert!(!is_bindings(name), "{name}");
        }
        assert!(is_version("1.0.0-rc1+7"));
        assert!(!is_version("") && !is_version("1/../../x"));
    }
}
