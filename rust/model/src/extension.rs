//! Extension types of MessagePack: a number, and bytes that it gives a meaning.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serializer};
use serde_bytes::{ByteBuf, Bytes};

/// MessagePack's own extension type: 4 bytes of nanoseconds and 8 bytes of seconds since 1970.
pub const TIMESTAMP: i8 = -1;
/// A date or a time of a TOML file, as text.
pub const TOML_TIME: i8 = 1;
/// The 20 bytes of a SHA-1 hash.
pub const SHA1: i8 = 2;
/// The 32 bytes of a SHA-256 hash.
pub const SHA256: i8 = 3;

/// The name of an extension type for `rmp-serde`.
const NAME: &str = "_ExtStruct";

/// Serialises `bytes` as the extension type `number`.
///
/// # Errors
///
/// Those of the serializer.
pub fn serialize<S: Serializer>(
    number: i8,
    bytes: &[u8],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_newtype_struct(NAME, &(number, Bytes::new(bytes)))
}

/// The bytes of the extension type `number`, which has as many as the array.
///
/// # Errors
///
/// If it is another type, or has another length.
pub(crate) fn deserialize<'de, D: Deserializer<'de>, const N: usize>(
    number: i8,
    deserializer: D,
) -> Result<[u8; N], D::Error> {
    #[derive(Deserialize)]
    #[serde(rename = "_ExtStruct")]
    struct Extension((i8, ByteBuf));

    let Extension((found, bytes)) = Extension::deserialize(deserializer)?;
    let bytes = (found == number).then(|| bytes.as_slice().try_into().ok());
    bytes.flatten().ok_or_else(|| D::Error::custom(format!("expected extension type {number}")))
}
