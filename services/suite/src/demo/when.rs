//! Reads the dates and times that exports contain.

use std::fmt;

use clap::ValueEnum;
use jiff::{Timestamp, civil};
use time::OffsetDateTime;

use super::local::Local;

/// How a date such as `03/04/2026` is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DateOrder {
    /// Day, month, year.
    Dmy,
    /// Month, day, year.
    Mdy,
}

/// Why a text is no time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BadTime {
    /// Nothing there.
    Empty,
    /// No known form.
    Unknown,
    /// Day and month could be either: `--date-order` was not given.
    Ambiguous,
    /// No such day or time of day.
    Impossible,
}

impl fmt::Display for BadTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BadTime::Empty => "the time is empty",
            BadTime::Unknown => "the time has no known form",
            BadTime::Ambiguous => "day and month could be either: say --date-order dmy or mdy",
            BadTime::Impossible => "there is no such date or time of day",
        })
    }
}

/// Reads a time. Known forms: `2026-01-31`, `2026/1/31`, `2026.1.31`, `2026年1月31日`, `20260131`, `31.1.2026` and, with an
/// order, `31/1/2026` or `1/31/2026`; each alone (the day's start) or with a time of day such as `8:05`, `08:05:09` or
/// `08:05:09.25`; RFC 3339 with an offset; seconds or milliseconds since 1970. Times without an offset are local.
pub(crate) fn read(text: &str, order: Option<DateOrder>, local: &Local) -> Result<OffsetDateTime, BadTime> {
    let text = text.trim();
    if text.is_empty() {
        return Err(BadTime::Empty);
    }
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return instant(timestamp);
    }
    if let Some(timestamp) = since_1970(text) {
        return instant(timestamp?);
    }
    let (date, time) = split(text);
    let date = read_date(date.trim(), order)?;
    let time = if time.trim().is_empty() { civil::Time::midnight() } else { read_time(time.trim())? };
    local.instant(date.to_datetime(time)).ok_or(BadTime::Impossible)
}

fn instant(timestamp: Timestamp) -> Result<OffsetDateTime, BadTime> {
    OffsetDateTime::from_unix_timestamp_nanos(timestamp.as_nanosecond()).map_err(|_| BadTime::Impossible)
}

fn since_1970(text: &str) -> Option<Result<Timestamp, BadTime>> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: i64 = text.parse().ok()?;
    match text.len() {
        10 => Some(Timestamp::from_second(number).map_err(|_| BadTime::Impossible)),
        13 => Some(Timestamp::from_millisecond(number).map_err(|_| BadTime::Impossible)),
        _ => None,
    }
}

fn split(text: &str) -> (&str, &str) {
    match text.find(['T', ' ', '日']) {
        Some(at) => {
            let mark = text[at..].chars().next().map_or(0, char::len_utf8);
            (&text[..at], &text[at + mark..])
        }
        None => (text, ""),
    }
}

fn read_date(text: &str, order: Option<DateOrder>) -> Result<civil::Date, BadTime> {
    if text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return date(&text[..4], &text[4..6], &text[6..]);
    }
    let parts: Vec<&str> = text.split(['-', '/', '.', '年', '月']).filter(|part| !part.is_empty()).collect();
    let [first, second, third] = parts[..] else { return Err(BadTime::Unknown) };
    if first.len() == 4 {
        return date(first, second, third);
    }
    if third.len() != 4 {
        return Err(BadTime::Unknown);
    }
    match (text.contains('.'), order) {
        (true, _) | (false, Some(DateOrder::Dmy)) => date(third, second, first),
        (false, Some(DateOrder::Mdy)) => date(third, first, second),
        (false, None) => Err(BadTime::Ambiguous),
    }
}

fn date(year: &str, month: &str, day: &str) -> Result<civil::Date, BadTime> {
    let year = number(year)?;
    let (Ok(month), Ok(day)) = (i8::try_from(number(month)?), i8::try_from(number(day)?)) else {
        return Err(BadTime::Impossible);
    };
    civil::Date::new(year, month, day).map_err(|_| BadTime::Impossible)
}

fn number(text: &str) -> Result<i16, BadTime> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(BadTime::Unknown);
    }
    text.parse().map_err(|_| BadTime::Impossible)
}

fn read_time(text: &str) -> Result<civil::Time, BadTime> {
    let parts: Vec<&str> = text.split(':').collect();
    let (hour, minute, second) = match parts[..] {
        [hour, minute] => (hour, minute, "0"),
        [hour, minute, second] => (hour, minute, second),
        _ => return Err(BadTime::Unknown),
    };
    let (second, fraction) = second.split_once('.').unwrap_or((second, ""));
    if fraction.len() > 9 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(BadTime::Unknown);
    }
    let nanosecond: i32 = format!("{fraction:0<9}").parse().map_err(|_| BadTime::Unknown)?;
    let small = |text| number(text).and_then(|value| i8::try_from(value).map_err(|_| BadTime::Impossible));
    civil::Time::new(small(hour)?, small(minute)?, small(second)?, nanosecond).map_err(|_| BadTime::Impossible)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(text: &str, order: Option<DateOrder>) -> Result<i64, BadTime> {
        let local = Local::new("UTC").expect("UTC exists");
        read(text, order, &local).map(OffsetDateTime::unix_timestamp)
    }

    #[test]
    fn every_known_form_of_one_day_is_read_alike() {
        let day = 1_769_817_600;
        for text in [
            "2026-01-31",
            "2026/1/31",
            "2026.1.31",
            "2026年1月31日",
            "20260131",
            "31.01.2026",
            "2026-01-31T00:00:00Z",
            "1769817600",
        ] {
            assert_eq!(utc(text, None), Ok(day), "{text}");
        }
        assert_eq!(utc("31/1/2026", Some(DateOrder::Dmy)), Ok(day));
        assert_eq!(utc("1/31/2026", Some(DateOrder::Mdy)), Ok(day));
    }

    #[test]
    fn times_of_day_are_read_with_and_without_seconds() {
        let noon = 1_769_817_600 + 12 * 3600 + 5 * 60;
        for text in ["2026-01-31 12:05", "2026-01-31T12:05:00", "2026-01-31 12:05:00.000", "2026年1月31日 12:05"] {
            assert_eq!(utc(text, None), Ok(noon), "{text}");
        }
        assert_eq!(utc("2026-01-31T20:05:00+08:00", None), Ok(noon));
        assert_eq!(utc("1769861100000", None), Ok(noon));
    }

    #[test]
    fn a_date_that_could_be_read_two_ways_is_refused_without_an_order() {
        assert_eq!(utc("03/04/2026", None), Err(BadTime::Ambiguous));
    }

    #[test]
    fn days_that_do_not_exist_are_impossible() {
        assert_eq!(utc("2026-02-30", None), Err(BadTime::Impossible));
        assert_eq!(utc("2026-13-01", None), Err(BadTime::Impossible));
        assert_eq!(utc("2026-01-01 25:00", None), Err(BadTime::Impossible));
    }

    #[test]
    fn other_texts_have_no_known_form() {
        for text in ["yesterday", "12", "2026-01", "2026-01-01-01", "2026-01-01 8", "31-1-26"] {
            assert_eq!(utc(text, None), Err(BadTime::Unknown), "{text}");
        }
        assert_eq!(utc("  ", None), Err(BadTime::Empty));
    }
}
