//! Validates the fields of a place to download an artifact from.

use super::{Download, SHA256, SIZE, URL};

/// The value of a field, from a file or a table of a Julia session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field<'a> {
    /// The field is missing.
    Missing,
    /// A string.
    Text(&'a str),
    /// A string that is known to be a URL.
    Address(&'a str),
    /// An integer, or `None` if it is larger than any size.
    Integer(Option<i64>),
    /// A value of this other type.
    Other(&'a str),
}

/// An invalid field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct InvalidField {
    /// Its name.
    pub field: &'static str,
    /// The problem, and the expected value.
    message: String,
}

/// A source, and its invalid fields.
///
/// The source is `None` if `url` or `sha256` is missing or invalid. An invalid `size` counts as
/// unknown.
pub fn read_download(
    url: Field<'_>,
    sha256: Field<'_>,
    size: Field<'_>,
) -> (Option<Download>, Vec<InvalidField>) {
    let mut invalid = Vec::new();
    let mut note = |diagnostic| invalid.push(diagnostic);
    let url = read_url(url).map_err(&mut note).ok();
    let sha256 = read_text(SHA256, "64 hexadecimal digits", sha256)
        .and_then(|text| text.parse().map_err(|_| InvalidField::of_sha256(text)))
        .map_err(&mut note)
        .ok();
    let size = read_size(size).map_err(&mut note).unwrap_or_default();
    let download = url.zip(sha256).map(|(url, sha256)| Download { url, sha256, size });
    (download, invalid)
}

impl InvalidField {
    fn new(field: &'static str, expected: &str, found: Field<'_>) -> Self {
        let message = match found {
            Field::Missing => format!("missing `{field}`: expected {expected}"),
            Field::Text(text) | Field::Address(text) => {
                format!("invalid `{field}` `{text}`: expected {expected}")
            }
            Field::Integer(_) => format!("invalid `{field}`: expected {expected}, got integer"),
            Field::Other(kind) => format!("invalid `{field}`: expected {expected}, got {kind}"),
        };
        Self { field, message }
    }

    fn of_sha256(text: &str) -> Self {
        let mut invalid = Self::new(SHA256, "64 hexadecimal digits", Field::Text(text));
        let length = text.chars().count();
        if length == 64 {
            let digit = |character: &char| !character.is_ascii_hexdigit();
            let other = text.chars().find(digit).unwrap_or_default();
            invalid.message.push_str(&format!(", got `{other}`"));
        } else {
            let kind = if length == 40 { ", the length of a SHA-1" } else { "" };
            invalid.message.push_str(&format!(", got {length}{kind}"));
        }
        invalid
    }
}

fn read_text<'a>(
    field: &'static str,
    expected: &str,
    found: Field<'a>,
) -> Result<&'a str, InvalidField> {
    match found {
        Field::Text(text) | Field::Address(text) => Ok(text),
        found => Err(InvalidField::new(field, expected, found)),
    }
}

fn read_url(found: Field<'_>) -> Result<String, InvalidField> {
    const EXPECTED: &str = "an address that begins with `https:`, `http:` or `file:`";
    let text = read_text(URL, EXPECTED, found)?;
    match matches!(found, Field::Address(_)) || is_url(text) {
        true => Ok(text.to_owned()),
        false => Err(InvalidField::new(URL, EXPECTED, found)),
    }
}

/// Whether a text is a URL with a supported scheme.
pub(super) fn is_url(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, rest)| {
        let known = ["https", "http", "file"];
        !rest.is_empty() && known.iter().any(|known| scheme.eq_ignore_ascii_case(known))
    })
}

/// The size, or `None` if it is unknown, which is written as zero.
fn read_size(found: Field<'_>) -> Result<Option<u64>, InvalidField> {
    let size = match found {
        Field::Missing => return Ok(None),
        Field::Integer(Some(size)) => u64::try_from(size).ok(),
        _ => None,
    };
    match (size, found) {
        (Some(size), _) => Ok(Some(size).filter(|size| *size > 0)),
        (None, Field::Integer(Some(size))) => {
            Err(InvalidField::new(SIZE, "a number of bytes", Field::Text(&size.to_string())))
        }
        (None, found) => Err(InvalidField::new(SIZE, "a number of bytes", found)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA1: &str = "dbd04e28be047a54fbe9bf67e934be5b5e0d357a";

    fn messages(url: Field<'_>, sha256: Field<'_>, size: Field<'_>) -> Vec<String> {
        read_download(url, sha256, size).1.iter().map(InvalidField::to_string).collect()
    }

    #[test]
    fn each_field_says_what_is_expected_of_it() {
        let (url, sha256) = (Field::Text("https://h/a"), "0".repeat(64));
        let sha256 = Field::Text(&sha256);
        let (short, other) = ("0".repeat(63), format!("{}g", "0".repeat(63)));
        for (fields, expected) in [
            ((url, Field::Text(SHA1), Field::Missing), format!("invalid `sha256` `{SHA1}`: expected 64 hexadecimal digits, got 40, the length of a SHA-1")),
            ((url, Field::Text(&short), Field::Missing), format!("invalid `sha256` `{short}`: expected 64 hexadecimal digits, got 63")),
            ((url, Field::Text(&other), Field::Missing), format!("invalid `sha256` `{other}`: expected 64 hexadecimal digits, got `g`")),
            ((url, Field::Text(""), Field::Missing), "invalid `sha256` ``: expected 64 hexadecimal digits, got 0".to_owned()),
            ((url, Field::Missing, Field::Missing), "missing `sha256`: expected 64 hexadecimal digits".to_owned()),
            ((url, Field::Integer(Some(3)), Field::Missing), "invalid `sha256`: expected 64 hexadecimal digits, got integer".to_owned()),
            ((Field::Missing, sha256, Field::Missing), "missing `url`: expected an address that begins with `https:`, `http:` or `file:`".to_owned()),
            ((Field::Text("h/a"), sha256, Field::Missing), "invalid `url` `h/a`: expected an address that begins with `https:`, `http:` or `file:`".to_owned()),
            ((Field::Text("s3:a"), sha256, Field::Missing), "invalid `url` `s3:a`: expected an address that begins with `https:`, `http:` or `file:`".to_owned()),
            ((url, sha256, Field::Integer(Some(-1))), "invalid `size` `-1`: expected a number of bytes".to_owned()),
            ((url, sha256, Field::Text("5 MB")), "invalid `size` `5 MB`: expected a number of bytes".to_owned()),
            ((url, sha256, Field::Other("boolean")), "invalid `size`: expected a number of bytes, got boolean".to_owned()),
        ] {
            assert_eq!(messages(fields.0, fields.1, fields.2), [expected]);
        }
        assert_eq!(messages(Field::Missing, Field::Missing, Field::Other("float")).len(), 3);
    }

    #[test]
    fn a_place_needs_an_address_and_a_hash_of_either_case() {
        let upper = "ABCDEF01".repeat(8);
        for (size, expected) in [
            (Field::Missing, None),
            (Field::Integer(Some(0)), None),
            (Field::Integer(Some(7)), Some(7)),
            (Field::Text("7"), None),
        ] {
            let (place, _) = read_download(Field::Text("FILE:///a"), Field::Text(&upper), size);
            let place = place.unwrap();
            assert_eq!((place.size, place.sha256.to_string()), (expected, upper.to_lowercase()));
        }
        let (place, _) = read_download(Field::Text("file:///a"), Field::Text("x"), Field::Missing);
        assert_eq!(place, None);
    }
}
