//! JLL packages that another one needs.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use uuid::Uuid;

use crate::name::JllName;

/// A JLL package whose libraries are loaded before those of the package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependency {
    /// Its name.
    pub name: JllName,
    /// The versions of it that serve, as `[compat]` of a `Project.toml` has them.
    pub compat: Option<String>,
    /// Its libraries, without version and extension.
    pub libraries: Vec<String>,
}

/// A text that is not a dependency.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid dependency `{0}`: expected a JLL package, with the versions that serve and the libraries that are used \
     of it: `Zlib_jll`, `Zlib_jll@1.2`, `Zlib_jll@1.2:libz`"
)]
pub struct InvalidDependency(String);

impl Dependency {
    /// The UUID of the package.
    pub fn uuid(&self) -> Uuid {
        self.name.uuid()
    }
}

impl FromStr for Dependency {
    type Err = InvalidDependency;

    /// Reads `<name>[@<compat>][:<library>[,<library>…]]`.
    ///
    /// ```
    /// # use scratchrs_jll::Dependency;
    /// let zlib: Dependency = "Zlib_jll@1.2:libz".parse()?;
    /// assert_eq!(zlib.compat.as_deref(), Some("1.2"));
    /// assert_eq!(zlib.libraries, ["libz"]);
    /// # Ok::<(), scratchrs_jll::InvalidDependency>(())
    /// ```
    fn from_str(text: &str) -> Result<Self, InvalidDependency> {
        let invalid = || InvalidDependency(text.to_owned());
        let (package, libraries) = match text.split_once(':') {
            Some((package, libraries)) => (package, libraries.split(',').collect()),
            None => (text, Vec::new()),
        };
        let (name, compat) = match package.split_once('@') {
            Some((name, compat)) => (name, Some(compat.to_owned())),
            None => (package, None),
        };
        let is_empty = libraries.iter().any(|name| name.is_empty())
            || compat.as_ref().is_some_and(String::is_empty);
        if !name.ends_with("_jll") || is_empty {
            return Err(invalid());
        }
        let name = name.parse().map_err(|_| invalid())?;
        Ok(Self { name, compat, libraries: libraries.into_iter().map(str::to_owned).collect() })
    }
}

impl Display for Dependency {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name.package())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_dependency_says_what_one_is() {
        for text in ["Zlib", "_jll", "Zlib_jll@", "Zlib_jll:", "Zlib_jll:libz,", ""] {
            let message = text.parse::<Dependency>().unwrap_err().to_string();
            assert!(message.contains("`Zlib_jll@1.2:libz`"), "{message}");
        }
    }
}
