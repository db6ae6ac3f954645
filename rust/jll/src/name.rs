//! The names that a JLL package has and gives.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use serde::{Serialize, Serializer};
use sha1::{Digest, Sha1};
use uuid::Uuid;

/// The name of what a JLL package wraps: `Zlib` for the package `Zlib_jll`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct JllName(String);

/// A name that no JLL package, or no product of one, can have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidName(String);

/// The words of Julia that cannot be names of variables.
const RESERVED: [&str; 28] = [
    "baremodule",
    "begin",
    "break",
    "catch",
    "const",
    "continue",
    "do",
    "else",
    "elseif",
    "end",
    "export",
    "false",
    "finally",
    "for",
    "function",
    "global",
    "if",
    "import",
    "let",
    "local",
    "macro",
    "module",
    "quote",
    "return",
    "struct",
    "true",
    "try",
    "using",
];

/// What every JLL package defines.
const DEFINED: [&str; 11] = [
    "LIBPATH",
    "LIBPATH_list",
    "PATH",
    "PATH_list",
    "artifact_dir",
    "best_wrapper",
    "dev_jll",
    "eval",
    "find_artifact_dir",
    "include",
    "is_available",
];

impl JllName {
    /// The name of the package.
    ///
    /// ```
    /// # use scratchrs_jll::JllName;
    /// let zlib: JllName = "Zlib".parse()?;
    /// assert_eq!(zlib.package(), "Zlib_jll");
    /// assert_eq!(zlib.uuid().to_string(), "83775a58-1f1d-513f-b197-d71354ab007a");
    /// # Ok::<(), scratchrs_jll::InvalidName>(())
    /// ```
    pub fn package(&self) -> String {
        format!("{}_jll", self.0)
    }

    /// The UUID that BinaryBuilder gives the package (`jll_uuid` in its `src/AutoBuild.jl`): for historical reasons not
    /// quite one of version 5, of the name with `_jll` twice.
    pub fn uuid(&self) -> Uuid {
        const NAMESPACE: u128 = 0xcfb7_4b52_ec16_5bb7_a574_95d9_e393_895e;
        let mut hasher = Sha1::new();
        hasher.update(NAMESPACE.to_le_bytes());
        hasher.update(self.package() + "_jll");
        let mut start = [0; 16];
        start.copy_from_slice(&hasher.finalize()[..16]);
        let number = u128::from_le_bytes(start) & 0xffff_ffff_ffff_0fff_3fff_ffff_ffff_ffff;
        Uuid::from_u128(number | 0x5000_8000_0000_0000_0000)
    }
}

impl FromStr for JllName {
    type Err = InvalidName;

    /// Reads the name, with or without `_jll`.
    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let name = text.strip_suffix("_jll").unwrap_or(text);
        if is_identifier(name) && !name.starts_with('_') {
            return Ok(Self(name.to_owned()));
        }
        Err(InvalidName(format!(
            "invalid name of a package `{text}`: expected letters, digits and `_`, a letter first"
        )))
    }
}

impl Display for JllName {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for JllName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// Fails if a product cannot be a variable with this name.
pub(crate) fn check_variable(name: &str) -> Result<(), InvalidName> {
    let problem = if !is_identifier(name) {
        "is not an identifier of Julia"
    } else if RESERVED.contains(&name) {
        "is a word of Julia"
    } else if DEFINED.contains(&name) {
        "is defined by every JLL package"
    } else {
        return Ok(());
    };
    Err(InvalidName(format!("`{name}` {problem}")))
}

fn is_identifier(name: &str) -> bool {
    let is_in_name = |character: char| character.is_ascii_alphanumeric() || character == '_';
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.chars().all(is_in_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the packages of these names in the General registry.
    #[test]
    fn uuids_are_those_of_binarybuilder() {
        for (name, uuid) in [
            ("Zlib", "83775a58-1f1d-513f-b197-d71354ab007a"),
            ("OpenBLAS", "4536629a-c528-5b80-bd46-f80d51c5b363"),
            ("libblastrampoline", "8e850b90-86db-534c-a0d3-1478176c7d93"),
            ("CompilerSupportLibraries", "e66e0078-7015-5450-92f7-15fbd957f2ae"),
        ] {
            assert_eq!(name.parse::<JllName>().unwrap().uuid().to_string(), uuid);
        }
    }

    #[test]
    fn the_suffix_may_be_given() {
        assert_eq!("Zlib_jll".parse::<JllName>(), "Zlib".parse());
        for text in ["", "_jll", "7z", "a-b", "a/b", "é", "_a"] {
            let message = text.parse::<JllName>().unwrap_err().to_string();
            assert!(
                message.starts_with(&format!("invalid name of a package `{text}`")),
                "{message}"
            );
        }
    }

    #[test]
    fn variables_are_identifiers_of_their_own() {
        for name in ["libfoo", "_7z", "Foo_1"] {
            check_variable(name).unwrap();
        }
        for name in ["7z", "a-b", "", "end", "PATH"] {
            check_variable(name).unwrap_err();
        }
    }
}
