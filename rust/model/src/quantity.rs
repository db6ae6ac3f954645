//! Durations and sizes as people type them: `7d`, `12h`, `50GiB`.

use chrono::TimeDelta;
use thiserror::Error;

/// A text that is not a duration, or not a size.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("invalid {kind} `{text}`: expected {expected}")]
pub struct InvalidQuantity {
    kind: &'static str,
    text: String,
    expected: &'static str,
}

/// The milliseconds of each unit of time, under all its names.
const DURATIONS: [(&[&str], i64); 6] = [
    (&["w", "week", "weeks"], 7 * 24 * 60 * 60 * 1000),
    (&["d", "day", "days"], 24 * 60 * 60 * 1000),
    (&["h", "hour", "hours"], 60 * 60 * 1000),
    (&["m", "min", "minute", "minutes"], 60 * 1000),
    (&["s", "second", "seconds"], 1000),
    (&["ms"], 1),
];

/// The bytes of each unit of size: binary, as Julia prints them, and decimal, as disks are sold.
const SIZES: [(&[&str], u64); 10] = [
    (&["tib", "t"], 1 << 40),
    (&["gib", "g"], 1 << 30),
    (&["mib", "m"], 1 << 20),
    (&["kib", "k"], 1 << 10),
    (&["tb"], 1_000_000_000_000),
    (&["gb"], 1_000_000_000),
    (&["mb"], 1_000_000),
    (&["kb"], 1000),
    (&["b"], 1),
    (&["byte", "bytes"], 1),
];

/// The duration that a text names: numbers with units, largest first by custom, or `0`.
///
/// ```
/// # use scratchrs_model::quantity::duration;
/// assert_eq!(duration("7d"), Ok(chrono::TimeDelta::days(7)));
/// assert_eq!(duration("1h 30min"), Ok(chrono::TimeDelta::minutes(90)));
/// assert!(duration("7").is_err());
/// ```
///
/// # Errors
///
/// If it names none.
pub fn duration(text: &str) -> Result<TimeDelta, InvalidQuantity> {
    let expected = "a number with a unit, such as `7d`, `12h` or `30min`, or `0`";
    let invalid = || InvalidQuantity { kind: "duration", text: text.to_owned(), expected };
    let trimmed = text.trim().to_ascii_lowercase();
    if trimmed == "0" {
        return Ok(TimeDelta::zero());
    }
    let mut rest = trimmed.as_str();
    let mut sum = 0_i64;
    while !rest.is_empty() {
        let (number, after) = rest.split_at(digits(rest));
        let after = after.trim_start();
        let (unit, after) = after.split_at(letters(after));
        let number: i64 = number.parse().map_err(|_| invalid())?;
        let found = DURATIONS.iter().find(|(names, _)| names.contains(&unit));
        let (_, milliseconds) = found.ok_or_else(invalid)?;
        let part = number.checked_mul(*milliseconds).ok_or_else(invalid)?;
        sum = sum.checked_add(part).ok_or_else(invalid)?;
        rest = after.trim_start();
    }
    match trimmed.is_empty() {
        true => Err(invalid()),
        false => TimeDelta::try_milliseconds(sum).ok_or_else(invalid),
    }
}

/// The number of bytes that a text names: a number, which may have a fraction, with a unit, or `0`. Other
/// numbers without a unit are invalid: 50 may be meant in GiB.
///
/// ```
/// # use scratchrs_model::quantity::size;
/// assert_eq!(size("50 GiB"), Ok(50 << 30));
/// assert_eq!(size("1.5k"), Ok(1536));
/// assert!(size("50").is_err());
/// ```
///
/// # Errors
///
/// If it names none.
pub fn size(text: &str) -> Result<u64, InvalidQuantity> {
    let expected = "a number with a unit, such as `50GiB`, `1.5GB` or `800B`, or `0`";
    let invalid = || InvalidQuantity { kind: "size", text: text.to_owned(), expected };
    let trimmed = text.trim().to_ascii_lowercase();
    if trimmed == "0" {
        return Ok(0);
    }
    let (whole, rest) = trimmed.split_at(digits(&trimmed));
    let (fraction, unit) = match rest.strip_prefix('.') {
        None => ("", rest),
        Some(rest) => rest.split_at(digits(rest)),
    };
    let unit = unit.trim_start();
    let (_, bytes) = SIZES.iter().find(|(names, _)| names.contains(&unit)).ok_or_else(invalid)?;
    let whole: u64 = whole.parse().map_err(|_| invalid())?;
    // No unit needs more digits than these.
    let mut part = 0_u128;
    for digit in fraction.chars().take(15).chain(std::iter::repeat('0')).take(15) {
        part = 10 * part + u128::from(digit.to_digit(10).unwrap_or_default());
    }
    let part = u128::from(*bytes) * part / 10_u128.pow(15);
    let sum = u128::from(whole) * u128::from(*bytes) + part;
    u64::try_from(sum).map_err(|_| invalid())
}

fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

fn letters(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_alphabetic).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations() {
        for (text, seconds) in
            [("0", 0), ("0s", 0), ("1w", 604_800), (" 12 Hours ", 43_200), ("1d12h", 129_600)]
        {
            assert_eq!(duration(text), Ok(TimeDelta::seconds(seconds)), "{text}");
        }
        for text in ["", "d", "7", "-1d", "1.5d", "7x", "1d 2", "99999999999999999999d", "é"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes() {
        for (text, bytes) in [
            ("0", 0),
            ("17b", 17),
            ("1KiB", 1024),
            ("1 kB", 1000),
            ("0.5 MiB", 524_288),
            ("1T", 1 << 40),
        ] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "GiB", "-1", "-1GiB", "50", "0.5", "1 XB", "1..5k", "99999999999 TiB", "é"]
        {
            assert!(size(text).is_err(), "{text}");
        }
        let message = size("many").unwrap_err().to_string();
        assert_eq!(
            message,
            "invalid size `many`: expected a number with a unit, such as `50GiB`, `1.5GB` or `800B`, or `0`"
        );
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(number in 0..100_000_u64, unit in 0..6_usize, size_unit in 0..10_usize) {
            let (names, milliseconds) = DURATIONS[unit];
            for name in names {
                let expected = TimeDelta::milliseconds(number as i64 * milliseconds);
                prop_assert_eq!(duration(&format!("{number}{name}")), Ok(expected));
            }
            let (names, bytes) = SIZES[size_unit];
            for name in names {
                prop_assert_eq!(size(&format!("{number} {name}")), Ok(number * bytes));
            }
        }

        #[test]
        fn any_text_has_an_answer(text in any::<String>()) {
            let _ = (duration(&text), size(&text));
        }
    }
}
