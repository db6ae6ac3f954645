//! Times in the logs of a depot.

mod encoded;

use std::fmt;

use chrono::{
    DateTime, Datelike, Local, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Timelike,
    Utc,
};

/// A time in a depot: local wall-clock time, written with a `Z`.
///
/// All peers, including Pkg, print `Dates.now()` with a `Z`, and ignore the suffix when they read.
/// ScratchRS does the same: two kinds of times in a depot would be worse than a wrong suffix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DepotTime(NaiveDateTime);

impl DepotTime {
    /// The time of a local clock, truncated to milliseconds.
    pub fn from_local(time: NaiveDateTime) -> Self {
        let whole = time.nanosecond() / 1_000_000 * 1_000_000;
        Self(time.with_nanosecond(whole).unwrap_or(time))
    }

    /// The date and time of a TOML value; a time zone is ignored, as Julia ignores it.
    ///
    /// `None` if the value has no date or an invalid one.
    pub fn from_toml(value: &toml::value::Datetime) -> Option<Self> {
        let date = value.date?;
        let date = NaiveDate::from_ymd_opt(date.year.into(), date.month.into(), date.day.into())?;
        let time = match value.time {
            None => NaiveTime::MIN,
            Some(time) => NaiveTime::from_hms_nano_opt(
                time.hour.into(),
                time.minute.into(),
                time.second.unwrap_or(0).into(),
                time.nanosecond.unwrap_or(0),
            )?,
        };
        Some(Self::from_local(date.and_time(time)))
    }

    /// The value in TOML.
    pub fn to_toml(self) -> toml::value::Datetime {
        let (date, time) = (self.0.date(), self.0.time());
        // Every part of a valid time fits its field.
        let part = |number: u32| number as u8;
        toml::value::Datetime {
            date: Some(toml::value::Date {
                year: date.year() as u16,
                month: part(date.month()),
                day: part(date.day()),
            }),
            time: Some(toml::value::Time {
                hour: part(time.hour()),
                minute: part(time.minute()),
                second: Some(part(time.second())),
                nanosecond: Some(time.nanosecond()),
            }),
            offset: Some(toml::value::Offset::Z),
        }
    }

    /// The duration since `earlier`.
    pub fn since(self, earlier: Self) -> TimeDelta {
        self.0 - earlier.0
    }

    /// The time `later` than this one, or `None` beyond the end of the calendar.
    pub fn after(self, later: TimeDelta) -> Self {
        Self(self.0.checked_add_signed(later).unwrap_or(NaiveDateTime::MAX))
    }

    /// The same time in UTC. An ambiguous local time is the earlier one.
    pub fn utc(self) -> DateTime<Utc> {
        let local = Local.from_local_datetime(&self.0).earliest();
        local.map_or_else(|| self.0.and_utc(), |local| local.to_utc())
    }

    /// The local date and time.
    pub fn local(self) -> NaiveDateTime {
        self.0
    }
}

/// Three digits after the point, always: Julia up to 1.11 reads `.1` as one millisecond.
impl fmt::Display for DepotTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.format("%Y-%m-%dT%H:%M:%S%.3fZ"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<String> {
        let value = text.parse().expect("valid TOML time");
        DepotTime::from_toml(&value).map(|time| time.to_string())
    }

    #[test]
    fn a_time_is_written_as_pkg_writes_it() {
        let expected = Some("2024-01-02T03:04:05.006Z".to_owned());
        assert_eq!(read("2024-01-02T03:04:05.006Z"), expected);
        assert_eq!(read("2024-01-02T03:04:05.0069Z"), expected);
        assert_eq!(read("2024-01-02T03:04:05.006"), expected);
    }

    #[test]
    fn times_of_other_writers_are_read() {
        assert_eq!(read("2024-01-02T03:04:05Z").unwrap(), "2024-01-02T03:04:05.000Z");
        assert_eq!(read("2024-01-02T03:04:05.1Z").unwrap(), "2024-01-02T03:04:05.100Z");
        assert_eq!(read("2024-01-02").unwrap(), "2024-01-02T00:00:00.000Z");
        assert_eq!(read("03:04:05"), None);
    }

    #[test]
    fn a_time_survives_toml() {
        let time = DepotTime::from_toml(&"2024-01-02T03:04:05.006Z".parse().unwrap()).unwrap();
        assert_eq!(DepotTime::from_toml(&time.to_toml()), Some(time));
    }
}
