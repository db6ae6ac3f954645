//! TOML tables as replies.

use schemars::JsonSchema;
use scratchrs_model::extension;
use serde::{Serialize, Serializer};
use toml::Value;

/// A TOML table. Its dates and times cross as text of the extension type 1.
#[derive(Debug, JsonSchema)]
#[schemars(transparent)]
pub struct Table(#[schemars(with = "serde_json::Map<String, serde_json::Value>")] pub toml::Table);

impl Serialize for Table {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, Content(value))))
    }
}

/// A value of a table.
struct Content<'a>(&'a Value);

impl Serialize for Content<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Table(table) => {
                serializer.collect_map(table.iter().map(|(key, value)| (key, Self(value))))
            }
            Value::Array(values) => serializer.collect_seq(values.iter().map(Self)),
            Value::Datetime(time) => {
                extension::serialize(extension::TOML_TIME, time.to_string().as_bytes(), serializer)
            }
            scalar => scalar.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_crosses_as_it_is() {
        let table = "a = [1, 2.5]\nb.c = true\nd = 07:32:00\n".parse().unwrap();
        let expected: [&[u8]; 5] = [
            b"\x83\xa1a\x92\x01\xcb\x40\x04\0\0\0\0\0\0",
            b"\xa1b\x81\xa1c\xc3",
            b"\xa1d",
            b"\xd7\x01",
            b"07:32:00",
        ];
        assert_eq!(crate::encode(&Table(table)), expected.concat());
    }
}
