//! Sizes, ages and numbers in words.

use scratchrs_model::time::DepotTime;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Each is 1024 times the one before.
const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/// A size in binary units, with Julia's names for them: `1 byte`, `10.0 KiB`, `1.2 GiB`.
pub fn size(bytes: u64) -> String {
    if bytes < 1024 {
        return count(bytes, "byte");
    }
    let mut units = UNITS.into_iter();
    let mut unit = units.next();
    let mut value = bytes as f64 / 1024.0;
    // 1023.95 would be printed as 1024.0.
    while value >= 1023.95 {
        let Some(larger) = units.next() else { break };
        unit = Some(larger);
        value /= 1024.0;
    }
    format!("{value:.1} {}", unit.unwrap_or_default())
}

/// A part of a size, both in the units of the size: `5.4 of 12.1 MiB`.
pub fn size_of(part: u64, whole: u64) -> String {
    let whole_text = size(whole);
    let unit = whole_text.split_once(' ').map_or("", |(_, unit)| unit);
    match UNITS.iter().position(|known| *known == unit) {
        Some(power) => {
            format!("{:.1} of {whole_text}", part as f64 / 1024_f64.powi(power as i32 + 1))
        }
        None => format!("{part} of {whole_text}"),
    }
}

/// A duration: `3 s`, `12 min`, `2 h`.
pub fn duration(seconds: f64) -> String {
    match seconds.ceil() as u64 {
        seconds @ ..100 => format!("{seconds} s"),
        seconds @ ..6000 => format!("{} min", seconds.div_ceil(60)),
        seconds => format!("{} h", seconds.div_ceil(3600)),
    }
}

/// The beginning of a text, with `…` for what does not fit into `width` columns.
pub fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut cut = String::new();
    let mut room = match width.checked_sub(1) {
        Some(room) => room,
        None => return cut,
    };
    for character in text.chars() {
        match room.checked_sub(character.width().unwrap_or(0)) {
            Some(rest) => room = rest,
            None => break,
        }
        cut.push(character);
    }
    cut + "…"
}

/// A number of items, each of which is called `one`.
pub fn count(number: u64, one: &str) -> String {
    format!("{number} {one}{}", plural(number, "", "s"))
}

/// The word for this number: `one` or `many`.
pub fn plural<'a>(number: u64, one: &'a str, many: &'a str) -> &'a str {
    if number == 1 { one } else { many }
}

/// How long ago `time` was, counted in the days of the calendar.
pub fn age(time: Option<DepotTime>, now: DepotTime) -> String {
    let Some(time) = time else {
        return "never logged".to_owned();
    };
    let date = time.local().date();
    match (now.local().date() - date).num_days() {
        // Clocks of two machines differ, or this one was put back.
        ..0 => format!("on {date}"),
        0 => "today".to_owned(),
        1 => "yesterday".to_owned(),
        days @ 2..60 => format!("{days} days ago"),
        days @ 60..730 => format!("{} months ago", days / 30),
        days => format!("{} years ago", days / 365),
    }
}

/// A text of unknown origin, such as the name of a directory, with its control characters escaped.
pub fn visible(text: &str) -> String {
    let escape = |character: char| match character.is_control() {
        true => character.escape_default().to_string(),
        false => character.to_string(),
    };
    text.chars().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> DepotTime {
        DepotTime::from_toml(&text.parse().unwrap()).unwrap()
    }

    #[test]
    fn sizes() {
        for (bytes, expected) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (1023, "1023 bytes"),
            (1024, "1.0 KiB"),
            (10 * 1024, "10.0 KiB"),
            (1024 * 1024 - 1, "1.0 MiB"),
            (1_288_490_189, "1.2 GiB"),
            (u64::MAX, "16.0 EiB"),
        ] {
            assert_eq!(size(bytes), expected, "{bytes}");
        }
    }

    #[test]
    fn parts_and_durations() {
        assert_eq!(size_of(0, 5), "0 of 5 bytes");
        assert_eq!(size_of(512, 12 * 1024), "0.5 of 12.0 KiB");
        assert_eq!(size_of(13_529_146_982, 19_756_849_561), "12.6 of 18.4 GiB");
        for (seconds, expected) in [(0.2, "1 s"), (99.0, "99 s"), (99.5, "2 min"), (7200.0, "2 h")]
        {
            assert_eq!(duration(seconds), expected);
        }
        assert_eq!((cut("iris", 4), cut("iris", 3)), ("iris".to_owned(), "ir…".to_owned()));
        assert_eq!(cut("iris", 0), "");
        // Each character takes two columns.
        assert_eq!((cut("数据集", 6), cut("数据集", 5)), ("数据集".to_owned(), "数据…".to_owned()));
        assert_eq!(cut("数据集", 4), "数…");
    }

    #[test]
    fn ages() {
        let now = time("2026-11-21T00:30:00");
        assert_eq!(age(None, now), "never logged");
        for (then, expected) in [
            ("2026-11-22T00:30:00", "on 2026-11-22"),
            ("2026-11-21T23:00:00", "today"),
            ("2026-11-21T00:00:00", "today"),
            ("2026-11-20T23:59:59", "yesterday"),
            ("2026-11-18T12:00:00", "3 days ago"),
            ("2026-10-11T12:00:00", "41 days ago"),
            ("2026-09-22T12:00:00", "2 months ago"),
            ("2025-01-01T12:00:00", "22 months ago"),
            ("2024-01-01T12:00:00", "2 years ago"),
        ] {
            assert_eq!(age(Some(time(then)), now), expected, "{then}");
        }
    }

    #[test]
    fn names_give_no_orders_to_a_terminal() {
        assert_eq!(visible("été\x1b[31m\n"), "été\\u{1b}[31m\\n");
    }
}
