//! Content addresses: the hashes that git and Pkg use as names of trees and files.

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::extension;

/// The SHA-1 git tree hash of a directory: the name of an artifact.
///
/// Reads hexadecimal digits of either case, prints them in lower case, as Pkg does.
///
/// ```
/// # use scratchrs_model::hash::TreeHash;
/// let empty: TreeHash = "4B825DC642CB6EB9A060E54BF8D69288FBEE4904".parse()?;
/// assert_eq!(empty.to_string(), "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
/// # Ok::<(), scratchrs_model::hash::InvalidHash>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TreeHash(pub [u8; 20]);

/// Hashes all bytes. A text can have any hashes: if only some bytes counted, hashes with the same
/// ones would make a hash table quadratic.
impl Hash for TreeHash {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(&self.0);
    }
}

/// A SHA-256 digest: of a tarball as downloaded, or of a file or tree in the store.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha256(pub [u8; 32]);

/// A text that is not a hash.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid hash `{text}`: expected {digits} hexadecimal digits, got {}", text.len())]
pub struct InvalidHash {
    text: String,
    digits: usize,
}

/// Reads exactly `2 * N` hexadecimal digits.
fn parse_hex<const N: usize>(text: &str) -> Result<[u8; N], InvalidHash> {
    // The decoder also accepts the prefix `0x`.
    let bytes = (text.len() == 2 * N).then(|| const_hex::decode_to_array(text).ok()).flatten();
    bytes.ok_or_else(|| InvalidHash { text: text.to_owned(), digits: 2 * N })
}

fn write_hex<const N: usize>(bytes: &[u8; N], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str(const_hex::Buffer::<N>::new().format(bytes))
}

macro_rules! hex_text {
    ($hash:ident, $number:expr, $format:literal) => {
        impl fmt::Display for $hash {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_hex(&self.0, f)
            }
        }

        impl fmt::Debug for $hash {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($hash), "({})"), self)
            }
        }

        /// In MessagePack, the bytes as an extension type; in JSON, the digits.
        impl Serialize for $hash {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    return serializer.collect_str(self);
                }
                extension::serialize($number, &self.0, serializer)
            }
        }

        /// From MessagePack only.
        impl<'de> Deserialize<'de> for $hash {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                extension::deserialize($number, deserializer).map(Self)
            }
        }

        impl JsonSchema for $hash {
            fn schema_name() -> Cow<'static, str> {
                stringify!($hash).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "format": $format })
            }
        }

        impl FromStr for $hash {
            type Err = InvalidHash;

            fn from_str(text: &str) -> Result<Self, InvalidHash> {
                parse_hex(text).map(Self)
            }
        }
    };
}

hex_text!(TreeHash, extension::SHA1, "sha1");
hex_text!(Sha256, extension::SHA256, "sha256");

#[cfg(test)]
mod tests {
    use std::hash::BuildHasher;

    use super::*;

    #[test]
    fn a_hash_has_exactly_its_digits() {
        let hex = "0123456789abcdef0123456789abcdef01234567";
        assert_eq!(hex.parse::<TreeHash>().map(|hash| hash.to_string()), Ok(hex.to_owned()));
        for wrong in ["", "0", &hex[1..], &format!("{hex}0"), &format!("{}g", &hex[1..])] {
            assert!(wrong.parse::<TreeHash>().is_err(), "{wrong:?} was taken for a hash");
        }
        assert!(hex.parse::<Sha256>().is_err());
    }

    #[test]
    fn each_byte_counts_in_a_hash_table() {
        let hasher = hashbrown::DefaultHashBuilder::default();
        let hashes = (0..20).map(|byte| {
            let mut hash = TreeHash([0; 20]);
            hash.0[byte] = 1;
            hasher.hash_one(hash)
        });
        assert_eq!(hashes.collect::<std::collections::HashSet<_>>().len(), 20);
    }

    #[test]
    fn a_multibyte_character_is_not_split() {
        assert!("é".repeat(20).parse::<TreeHash>().is_err());
    }
}
