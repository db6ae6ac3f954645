//! Times in results: real UTC, as MessagePack's timestamp or as text.
//!
//! The local time of a log becomes UTC here, and nowhere else: where a result is encoded. It becomes local
//! time again where a result is decoded to be shown to people.

use std::borrow::Cow;

use chrono::{DateTime, Local, SecondsFormat, Utc};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::DepotTime;
use crate::extension;

/// In MessagePack, a timestamp of 96 bits; in JSON, RFC 3339 text with milliseconds.
impl Serialize for DepotTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let time = self.utc();
        if serializer.is_human_readable() {
            return serializer.serialize_str(&time.to_rfc3339_opts(SecondsFormat::Millis, true));
        }
        let mut bytes = [0; 12];
        bytes[..4].copy_from_slice(&time.timestamp_subsec_nanos().to_be_bytes());
        bytes[4..].copy_from_slice(&time.timestamp().to_be_bytes());
        extension::serialize(extension::TIMESTAMP, &bytes, serializer)
    }
}

/// From MessagePack only.
impl<'de> Deserialize<'de> for DepotTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes: [u8; 12] = extension::deserialize(extension::TIMESTAMP, deserializer)?;
        let part = |range: std::ops::Range<usize>| {
            bytes[range].iter().fold(0, |value, byte| value << 8 | i64::from(*byte))
        };
        let nanoseconds = u32::try_from(part(0..4)).ok();
        let time = nanoseconds
            .and_then(|nanoseconds| DateTime::<Utc>::from_timestamp(part(4..12), nanoseconds));
        let time = time.ok_or_else(|| D::Error::custom("invalid timestamp"))?;
        Ok(Self::from_local(time.with_timezone(&Local).naive_local()))
    }
}

impl JsonSchema for DepotTime {
    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time" })
    }
}
