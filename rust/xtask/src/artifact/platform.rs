//! The target platform, as tags of Julia's `Base.BinaryPlatforms`.

use std::collections::BTreeMap;
use std::env::consts;

use anyhow::{Result, bail};

/// Architecture, system and C library.
pub(super) struct Platform {
    arch: &'static str,
    os: &'static str,
    /// On Linux only.
    libc: Option<&'static str>,
}

impl Platform {
    /// The platform of this program, which is also the target.
    pub(super) fn host() -> Result<Self> {
        let arch = match consts::ARCH {
            "x86" => "i686",
            arch @ ("x86_64" | "aarch64") => arch,
            other => bail!("no artifacts are built for the architecture `{other}`"),
        };
        let (os, libc) = match consts::OS {
            "linux" if cfg!(target_env = "musl") => ("linux", Some("musl")),
            "linux" => ("linux", Some("glibc")),
            os @ ("macos" | "windows" | "freebsd") => (os, None),
            other => bail!("no artifacts are built for the system `{other}`"),
        };
        Ok(Self { arch, os, libc })
    }

    /// The tags of an artifact for this platform, by their names in `Artifacts.toml`.
    pub(super) fn tags(&self) -> BTreeMap<&'static str, &str> {
        let libc = self.libc.map(|libc| ("libc", libc));
        [("arch", self.arch), ("os", self.os)].into_iter().chain(libc).collect()
    }

    /// The triplet, followed by the version of Julia if there is one.
    pub(super) fn label(&self, julia_version: Option<&str>) -> String {
        let system = match (self.os, self.libc) {
            ("linux", Some("musl")) => "linux-musl",
            ("linux", _) => "linux-gnu",
            ("macos", _) => "apple-darwin",
            ("windows", _) => "w64-mingw32",
            _ => "unknown-freebsd",
        };
        let tag = julia_version.map(|version| format!("-julia_version+{version}"));
        format!("{}-{system}{}", self.arch, tag.unwrap_or_default())
    }
}

#[cfg(test)]
pub(super) const LINUX: Platform = Platform { arch: "x86_64", os: "linux", libc: Some("glibc") };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_julias_triplet() {
        let platform = |arch, os, libc| Platform { arch, os, libc };
        for (platform, julia_version, label) in [
            (LINUX, None, "x86_64-linux-gnu"),
            (LINUX, Some("1.10.0"), "x86_64-linux-gnu-julia_version+1.10.0"),
            (platform("aarch64", "linux", Some("musl")), None, "aarch64-linux-musl"),
            (platform("aarch64", "macos", None), None, "aarch64-apple-darwin"),
            (
                platform("i686", "windows", None),
                Some("1.11.0"),
                "i686-w64-mingw32-julia_version+1.11.0",
            ),
            (platform("x86_64", "freebsd", None), None, "x86_64-unknown-freebsd"),
        ] {
            assert_eq!(platform.label(julia_version), label);
        }
    }

    #[test]
    fn only_linux_has_a_c_library_to_tell() {
        assert_eq!(LINUX.tags().into_keys().collect::<Vec<_>>(), ["arch", "libc", "os"]);
        let mac = Platform { arch: "aarch64", os: "macos", libc: None };
        assert_eq!(mac.tags().into_keys().collect::<Vec<_>>(), ["arch", "os"]);
    }
}
