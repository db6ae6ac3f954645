//! Versions of packages.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// The version of a JLL package: that of the software, and the number of its build, as in `1.2.3+0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// The version of the software.
    pub numbers: [u32; 3],
    /// The number of the build.
    pub build: u32,
}

/// A text that is not a version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid version `{0}`: expected the version and the number of the build, such as 1.2.3+0")]
pub struct InvalidVersion(String);

impl Version {
    /// The version of the software, as in the names of tarballs.
    pub fn of_software(&self) -> String {
        let [major, minor, patch] = self.numbers;
        format!("{major}.{minor}.{patch}")
    }
}

impl FromStr for Version {
    type Err = InvalidVersion;

    /// Reads `<major>[.<minor>[.<patch>]][+<build>]`; what is left out is 0.
    fn from_str(text: &str) -> Result<Self, InvalidVersion> {
        let invalid = || InvalidVersion(text.to_owned());
        let number = |digits: &str| {
            let is_number = !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit());
            digits.parse().ok().filter(|_| is_number).ok_or_else(invalid)
        };
        let (software, build) = text.split_once('+').unwrap_or((text, "0"));
        let mut numbers = [0; 3];
        for (index, part) in software.split('.').enumerate() {
            *numbers.get_mut(index).ok_or_else(invalid)? = number(part)?;
        }
        Ok(Self { numbers, build: number(build)? })
    }
}

impl Display for Version {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{}", self.of_software(), self.build)
    }
}

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_zero() {
        for (text, expected) in [("1", "1.0.0+0"), ("1.2", "1.2.0+0"), ("1.2.3+4", "1.2.3+4")] {
            assert_eq!(text.parse::<Version>().unwrap().to_string(), expected);
        }
        for text in
            ["", "1.2.3.4", "1.a", "1.2.3-rc1", "v1.2", "1.2.3+", "+1", "1..2", "1.2.99999999999"]
        {
            assert!(text.parse::<Version>().is_err(), "{text}");
        }
    }
}
