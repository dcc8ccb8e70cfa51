//! The zone of a programme decides what a day, a month and a year are. An end is the first instant after the period:
//! whatever ends then is valid while `now < end`. Times beyond the calendar end with it, in the year 9999.

use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Span, Timestamp};
use time::OffsetDateTime;

/// A time zone of the IANA database, such as `Asia/Shanghai`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone(TimeZone);

/// What calendar and clock show at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// 1 to 12.
    pub month: u8,
    /// Of the month, 1 to 31.
    pub day: u8,
    /// 1 for Monday to 7 for Sunday.
    pub weekday: u8,
    /// 0 to 23.
    pub hour: u8,
}

/// A name that the IANA database does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an IANA time zone")]
pub struct UnknownZone(Box<str>);

/// A day of the calendar, in no zone. Sorts by date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(Date);

impl Day {
    /// Reads a date such as `2026-03-31`; `None` where there is no such day.
    pub fn parse(text: &str) -> Option<Self> {
        // the parser of dates also takes other forms of ISO 8601, and times, which it drops
        text.parse().map(Self).ok().filter(|day| day.to_string() == text)
    }

    /// 1 for Monday to 7 for Sunday.
    pub fn weekday(self) -> u8 {
        self.0.weekday().to_monday_one_offset().unsigned_abs()
    }

    /// The day after; `None` at the end of the calendar.
    pub fn next(self) -> Option<Self> {
        self.0.tomorrow().map(Self).ok()
    }
}

impl std::fmt::Display for Day {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl Zone {
    /// Coordinated universal time.
    pub fn utc() -> Self {
        Self(TimeZone::UTC)
    }

    /// Looks up a zone by its name.
    pub fn new(name: &str) -> Result<Self, UnknownZone> {
        match TimeZone::get(name) {
            Ok(tz) if !tz.is_unknown() && tz.iana_name().is_some() => Ok(Self(tz)),
            _ => Err(UnknownZone(name.into())),
        }
    }

    /// The name in the IANA database, in its spelling.
    pub fn name(&self) -> &str {
        self.0.iana_name().expect("only zones with a name are accepted")
    }

    /// When the day began in which `at` lies.
    pub fn day_start(&self, at: OffsetDateTime) -> OffsetDateTime {
        self.start(self.date(at))
    }

    /// When the day ends in which `at` lies.
    pub fn day_end(&self, at: OffsetDateTime) -> OffsetDateTime {
        self.end(self.date(at))
    }

    /// When the week began in which `at` lies: with its Monday.
    pub fn week_start(&self, at: OffsetDateTime) -> OffsetDateTime {
        let date = self.date(at);
        self.start(earlier(date, Span::new().try_days(date.weekday().to_monday_zero_offset())))
    }

    /// When the week ends in which `at` lies: after its Sunday.
    pub fn week_end(&self, at: OffsetDateTime) -> OffsetDateTime {
        let date = self.date(at);
        self.end(later(date, Span::new().try_days(6 - date.weekday().to_monday_zero_offset())))
    }

    /// When the month began in which `at` lies.
    pub fn month_start(&self, at: OffsetDateTime) -> OffsetDateTime {
        self.start(self.date(at).first_of_month())
    }

    /// When the year began in which `at` lies.
    pub fn year_start(&self, at: OffsetDateTime) -> OffsetDateTime {
        self.start(self.date(at).first_of_year())
    }

    /// When the month ends in which `at` lies.
    pub fn month_end(&self, at: OffsetDateTime) -> OffsetDateTime {
        self.end(self.date(at).last_of_month())
    }

    /// When the year ends in which `at` lies.
    pub fn year_end(&self, at: OffsetDateTime) -> OffsetDateTime {
        self.end(self.date(at).last_of_year())
    }

    /// When the stretch of so many months ends in which `at` lies, counted from January: 3 are the quarters of a year.
    ///
    /// # Panics
    ///
    /// Where a year is not made of such stretches.
    pub fn months_end(&self, at: OffsetDateTime, months: i8) -> OffsetDateTime {
        assert!(months > 0 && 12 % months == 0, "a year is not made of stretches of {months} months");
        let date = self.date(at);
        let last = (date.month() - 1) / months * months + months;
        self.end(Date::new(date.year(), last, 1).map_or(Date::MAX, Date::last_of_month))
    }

    /// When the day ends that comes `days` after the one in which `at` lies; 0 is the same day.
    pub fn add_days_end(&self, at: OffsetDateTime, days: u32) -> OffsetDateTime {
        self.end(later(self.date(at), Span::new().try_days(days)))
    }

    /// When the day ends that comes `months` after the one in which `at` lies; a month without that day has its last
    /// instead: 31 January and one month is the end of February.
    pub fn add_months_end(&self, at: OffsetDateTime, months: u32) -> OffsetDateTime {
        self.end(later(self.date(at), Span::new().try_months(months)))
    }

    /// The day in which `at` lies, as `2026-03-31`: sorts as text.
    pub fn day_of(&self, at: OffsetDateTime) -> String {
        self.date(at).to_string()
    }

    /// The month in which `at` lies, as `2026-03`: sorts as text.
    pub fn month_of(&self, at: OffsetDateTime) -> String {
        self.date(at).strftime("%Y-%m").to_string()
    }

    /// The day in which `at` lies.
    pub fn day(&self, at: OffsetDateTime) -> Day {
        Day(self.date(at))
    }

    /// What calendar and clock show at `at`.
    pub fn shown(&self, at: OffsetDateTime) -> Shown {
        let it = self.civil(at);
        Shown {
            month: it.month().unsigned_abs(),
            day: it.day().unsigned_abs(),
            weekday: it.weekday().to_monday_one_offset().unsigned_abs(),
            hour: it.hour().unsigned_abs(),
        }
    }

    /// When the clock on the wall shows so many minutes after midnight; 1,440 and more are the end of the day. A time that
    /// the clock skips is the instant of the skip; of one that it shows twice, the first counts. So later minutes are
    /// never earlier instants.
    pub fn minute_of(&self, day: Day, minute: u32) -> OffsetDateTime {
        let (hour, rest) = (i8::try_from(minute / 60).unwrap_or(i8::MAX), (minute % 60) as i8);
        if hour >= 24 {
            return self.end(day.0);
        }
        let shown = self.0.to_ambiguous_timestamp(day.0.at(hour, rest, 0, 0));
        let Ok(before) = shown.earlier() else { return latest() };
        match shown.offset() {
            AmbiguousOffset::Gap { .. } => {
                self.0.following(before).next().map_or_else(latest, |skip| instant(skip.timestamp()))
            }
            AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => instant(before),
        }
    }

    fn date(&self, at: OffsetDateTime) -> Date {
        self.civil(at).date()
    }

    fn civil(&self, at: OffsetDateTime) -> DateTime {
        let limit = if at.year() < 0 { Timestamp::MIN } else { Timestamp::MAX };
        let at = Timestamp::from_nanosecond(at.unix_timestamp_nanos()).unwrap_or(limit);
        self.0.to_datetime(at)
    }

    /// The first instant of the day after.
    fn end(&self, date: Date) -> OffsetDateTime {
        date.tomorrow().map_or(latest(), |next| self.start(next))
    }

    /// The first instant of a day: where midnight does not exist, what comes instead; where it comes twice, the first.
    fn start(&self, date: Date) -> OffsetDateTime {
        let Ok(midnight) = date.to_zoned(self.0.clone()) else { return latest() };
        instant(midnight.timestamp())
    }
}

/// Clamped to the end of the calendar.
fn later(date: Date, span: Result<Span, jiff::Error>) -> Date {
    span.map_or(Date::MAX, |span| date.saturating_add(span))
}

/// Clamped to the beginning of the calendar.
fn earlier(date: Date, span: Result<Span, jiff::Error>) -> Date {
    span.map_or(Date::MIN, |span| date.saturating_sub(span))
}

fn latest() -> OffsetDateTime {
    instant(Timestamp::MAX)
}

fn instant(at: Timestamp) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(at.as_nanosecond()).expect("both calendars end with the year 9999")
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn zone(name: &str) -> Zone {
        Zone::new(name).unwrap()
    }

    #[test]
    fn only_names_of_the_database_are_zones() {
        assert_eq!(zone("Asia/Shanghai").name(), "Asia/Shanghai");
        assert_eq!(zone("asia/shanghai").name(), "Asia/Shanghai");
        assert_eq!(zone("UTC").name(), "UTC");
        assert_eq!(Zone::utc().name(), "UTC");
        for unknown in ["", "Asia/Nowhere", "+08:00", "../etc/passwd", "Etc/Unknown"] {
            assert_eq!(Zone::new(unknown), Err(UnknownZone(unknown.into())), "{unknown:?}");
        }
    }

    #[test]
    fn a_day_is_read_in_one_form_only_and_knows_its_weekday() {
        let day = Day::parse("2026-02-28").unwrap();
        assert_eq!((day.to_string().as_str(), day.weekday()), ("2026-02-28", 6));
        assert_eq!(day.next().unwrap().weekday(), 7);
        assert_eq!(day.next(), Day::parse("2026-03-01"));
        assert_eq!(Day::parse("9999-12-31").unwrap().next(), None);
        for no_day in ["2026-02-29", "20260228", "2026-2-28", "2026-02-28T10:00:00", ""] {
            assert_eq!(Day::parse(no_day), None, "{no_day:?}");
        }
    }

    #[test]
    fn a_minute_of_a_day_is_where_the_wall_clock_shows_it() {
        let cases = [
            ("as usual", "2026-03-07", 9 * 60, datetime!(2026-03-07 9:00 -5)),
            ("midnight", "2026-03-07", 0, datetime!(2026-03-07 0:00 -5)),
            ("the end of the day", "2026-03-07", 1440, datetime!(2026-03-08 0:00 -5)),
            ("before the skip", "2026-03-08", 119, datetime!(2026-03-08 1:59 -5)),
            ("skipped", "2026-03-08", 150, datetime!(2026-03-08 3:00 -4)),
            ("after the skip", "2026-03-08", 180, datetime!(2026-03-08 3:00 -4)),
            ("shown twice", "2026-11-01", 90, datetime!(2026-11-01 1:30 -4)),
            ("after the second showing", "2026-11-01", 120, datetime!(2026-11-01 2:00 -5)),
        ];
        for (name, day, minute, want) in cases {
            let day = Day::parse(day).unwrap();
            assert_eq!(zone("America/New_York").minute_of(day, minute), want, "{name}");
        }
    }

    #[test]
    fn months_are_added_with_their_last_day_as_limit() {
        let cases = [
            ("31 Jan + 1 month", datetime!(2026-01-31 10:00 +8), 1, datetime!(2026-03-01 0:00 +8)),
            ("31 Jan + 1 month in a leap year", datetime!(2028-01-31 10:00 +8), 1, datetime!(2028-03-01 0:00 +8)),
            ("31 Jan + 3 months", datetime!(2026-01-31 10:00 +8), 3, datetime!(2026-05-01 0:00 +8)),
            ("leap day + 12 months", datetime!(2028-02-29 10:00 +8), 12, datetime!(2029-03-01 0:00 +8)),
            ("leap day + 48 months", datetime!(2028-02-29 10:00 +8), 48, datetime!(2032-03-01 0:00 +8)),
            ("28 Feb + 1 month", datetime!(2026-02-28 10:00 +8), 1, datetime!(2026-03-29 0:00 +8)),
            ("0 months", datetime!(2026-01-31 10:00 +8), 0, datetime!(2026-02-01 0:00 +8)),
            ("over the year's end", datetime!(2026-11-30 10:00 +8), 3, datetime!(2027-03-01 0:00 +8)),
        ];
        for (name, at, months, want) in cases {
            assert_eq!(zone("Asia/Shanghai").add_months_end(at, months), want, "{name}");
        }
    }

    #[test]
    fn days_are_added_by_the_calendar_and_not_by_24_hours() {
        let cases = [
            ("0 days", "Asia/Shanghai", datetime!(2026-01-31 10:00 +8), 0, datetime!(2026-02-01 0:00 +8)),
            ("1 day", "Asia/Shanghai", datetime!(2026-01-31 10:00 +8), 1, datetime!(2026-02-02 0:00 +8)),
            ("365 days with a leap day", "UTC", datetime!(2028-01-01 0:00 UTC), 365, datetime!(2029-01-01 0:00 UTC)),
            ("over spring", "America/New_York", datetime!(2026-03-07 12:00 -5), 1, datetime!(2026-03-09 0:00 -4)),
            ("over autumn", "America/New_York", datetime!(2026-10-31 12:00 -4), 1, datetime!(2026-11-02 0:00 -5)),
        ];
        for (name, in_zone, at, days, want) in cases {
            assert_eq!(zone(in_zone).add_days_end(at, days), want, "{name}");
        }
    }

    #[test]
    fn a_day_ends_at_the_first_instant_of_the_next_even_where_midnight_is_missing_or_doubled() {
        let cases = [
            (
                "late at night in Shanghai",
                "Asia/Shanghai",
                datetime!(2026-03-31 15:59:59.999999 UTC),
                datetime!(2026-03-31 16:00 UTC),
            ),
            (
                "midnight belongs to the new day",
                "Asia/Shanghai",
                datetime!(2026-03-31 16:00 UTC),
                datetime!(2026-04-01 16:00 UTC),
            ),
            ("a day of 23 hours", "America/New_York", datetime!(2026-03-08 0:00 -5), datetime!(2026-03-09 0:00 -4)),
            ("a day of 25 hours", "America/New_York", datetime!(2026-11-01 0:00 -4), datetime!(2026-11-02 0:00 -5)),
            ("midnight is skipped", "America/Sao_Paulo", datetime!(2018-11-03 12:00 -3), datetime!(2018-11-04 1:00 -2)),
            ("23:00 comes twice", "America/Sao_Paulo", datetime!(2018-02-17 23:30 -2), datetime!(2018-02-18 0:00 -3)),
            ("midnight comes twice", "America/Havana", datetime!(2026-10-31 12:00 -4), datetime!(2026-11-01 0:00 -4)),
            ("a day that never was", "Pacific/Apia", datetime!(2011-12-29 12:00 -10), datetime!(2011-12-31 0:00 +14)),
        ];
        for (name, in_zone, at, want) in cases {
            assert_eq!(zone(in_zone).day_end(at), want, "{name}");
        }
    }

    #[test]
    fn a_month_and_a_year_end_by_the_programmes_zone() {
        let new_year = datetime!(2026-12-31 17:00 UTC); // 1 January in Shanghai, still noon of the 31st in New York
        let (shanghai, new_york) = (zone("Asia/Shanghai"), zone("America/New_York"));
        assert_eq!(shanghai.year_end(new_year), datetime!(2028-01-01 0:00 +8));
        assert_eq!(new_york.year_end(new_year), datetime!(2027-01-01 0:00 -5));
        assert_eq!(shanghai.month_end(new_year), datetime!(2027-02-01 0:00 +8));
        assert_eq!(new_york.month_end(new_year), datetime!(2027-01-01 0:00 -5));
        assert_eq!((shanghai.month_of(new_year), new_york.month_of(new_year)), ("2027-01".into(), "2026-12".into()));
        assert_eq!((shanghai.day_of(new_year), new_york.day_of(new_year)), ("2027-01-01".into(), "2026-12-31".into()));
        assert_eq!(shanghai.day_start(new_year), datetime!(2027-01-01 0:00 +8));
    }

    #[test]
    fn a_year_is_made_of_quarters_and_halves() {
        let utc = Zone::utc();
        let cases = [
            (datetime!(2026-01-01 0:00 UTC), 3, datetime!(2026-04-01 0:00 UTC)),
            (datetime!(2026-03-31 23:59:59 UTC), 3, datetime!(2026-04-01 0:00 UTC)),
            (datetime!(2026-04-01 0:00 UTC), 3, datetime!(2026-07-01 0:00 UTC)),
            (datetime!(2026-12-31 0:00 UTC), 3, datetime!(2027-01-01 0:00 UTC)),
            (datetime!(2026-06-30 0:00 UTC), 6, datetime!(2026-07-01 0:00 UTC)),
            (datetime!(2026-07-01 0:00 UTC), 6, datetime!(2027-01-01 0:00 UTC)),
        ];
        for (at, months, want) in cases {
            assert_eq!(utc.months_end(at, months), want, "{at} {months}");
        }
        for at in cases.map(|(at, ..)| at) {
            assert_eq!((utc.months_end(at, 1), utc.months_end(at, 12)), (utc.month_end(at), utc.year_end(at)));
        }
    }

    #[test]
    fn a_week_begins_with_its_monday_and_a_month_and_a_year_with_their_first() {
        let new_year = datetime!(2026-12-31 17:00 UTC); // Friday 1 January in Shanghai, noon of Thursday in New York
        let (shanghai, new_york) = (zone("Asia/Shanghai"), zone("America/New_York"));
        assert_eq!(shanghai.week_start(new_year), datetime!(2026-12-28 0:00 +8));
        assert_eq!(shanghai.week_end(new_year), datetime!(2027-01-04 0:00 +8));
        assert_eq!(shanghai.month_start(new_year), datetime!(2027-01-01 0:00 +8));
        assert_eq!(shanghai.year_start(new_year), datetime!(2027-01-01 0:00 +8));
        assert_eq!(new_york.month_start(new_year), datetime!(2026-12-01 0:00 -5));
        assert_eq!(new_york.year_start(new_year), datetime!(2026-01-01 0:00 -5));
        assert_eq!(shanghai.shown(new_year), Shown { month: 1, day: 1, weekday: 5, hour: 1 });
        assert_eq!(new_york.shown(new_year), Shown { month: 12, day: 31, weekday: 4, hour: 12 });
        let (monday, sunday) = (datetime!(2027-01-04 0:00 +8), datetime!(2027-01-03 23:59 +8));
        assert_eq!((shanghai.week_start(monday), shanghai.week_end(sunday)), (monday, monday));
        let spring = datetime!(2026-03-08 12:00 -4); // the Sunday of 23 hours
        assert_eq!(new_york.week_start(spring), datetime!(2026-03-02 0:00 -5));
        assert_eq!(new_york.week_end(spring), datetime!(2026-03-09 0:00 -4));
    }

    #[test]
    fn a_week_begins_with_monday_and_every_period_begins_where_the_one_before_ended() {
        let zone = zone("America/New_York");
        let sunday = datetime!(2026-03-08 12:00 -4); // a week of 167 hours ends with it
        assert_eq!(zone.week_start(sunday), datetime!(2026-03-02 0:00 -5));
        assert_eq!(zone.week_end(sunday), datetime!(2026-03-09 0:00 -4));
        assert_eq!(zone.month_start(sunday), datetime!(2026-03-01 0:00 -5));
        assert_eq!(zone.year_start(sunday), datetime!(2026-01-01 0:00 -5));
        assert_eq!(zone.week_start(zone.week_end(sunday)), zone.week_end(sunday));
        assert_eq!(zone.month_start(zone.month_end(sunday)), zone.month_end(sunday));
        assert_eq!(zone.year_start(zone.year_end(sunday)), zone.year_end(sunday));
    }

    #[test]
    fn a_leap_years_february_ends_a_day_later() {
        let utc = Zone::utc();
        assert_eq!(utc.month_end(datetime!(2026-02-10 0:00 UTC)), datetime!(2026-03-01 0:00 UTC));
        assert_eq!(utc.month_end(datetime!(2028-02-10 0:00 UTC)), datetime!(2028-03-01 0:00 UTC));
        assert_eq!(utc.day_end(datetime!(2028-02-28 0:00 UTC)), datetime!(2028-02-29 0:00 UTC));
    }

    #[test]
    fn what_lies_beyond_the_calendar_ends_with_it() {
        let utc = Zone::utc();
        let at = datetime!(2026-01-01 0:00 UTC);
        assert_eq!(utc.add_months_end(at, u32::MAX).year(), 9999);
        assert_eq!(utc.add_days_end(at, u32::MAX).year(), 9999);
        assert_eq!(utc.year_end(datetime!(9999-12-31 23:59 UTC)).year(), 9999);
        assert_eq!(utc.day_end(datetime!(-9999-01-01 0:00 UTC)).year(), -9999);
    }
}
