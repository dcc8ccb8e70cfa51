//! The calendar buckets that limits count in.

use serde::{Deserialize, Serialize};
use time::{Date, Duration, OffsetDateTime};
use units::zone::Zone;

/// Over which time a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    /// The campaign's whole life.
    Always,
    /// A calendar day.
    Day,
    /// A calendar week from Monday on.
    Week,
    /// A calendar month.
    Month,
}

impl Period {
    /// The contract's number.
    pub fn code(self) -> i32 {
        match self {
            Self::Always => 1,
            Self::Day => 2,
            Self::Week => 3,
            Self::Month => 4,
        }
    }

    /// Of the contract's number.
    pub fn from_code(code: i32) -> Option<Self> {
        [Self::Always, Self::Day, Self::Week, Self::Month].into_iter().find(|it| it.code() == code)
    }

    /// The bucket in which a time lies, such as `day/2026-03-31`: its name never changes.
    pub fn bucket(self, zone: &Zone, at: OffsetDateTime) -> String {
        match self {
            Self::Always => "always".to_owned(),
            Self::Day => format!("day/{}", zone.day_of(at)),
            Self::Week => format!("week/{}", monday(&zone.day_of(at))),
            Self::Month => format!("month/{}", zone.month_of(at)),
        }
    }

    /// When the bucket ends; `None`: never.
    pub fn end(self, zone: &Zone, at: OffsetDateTime) -> Option<OffsetDateTime> {
        match self {
            Self::Always => None,
            Self::Day => Some(zone.day_end(at)),
            Self::Week => Some(zone.add_days_end(at, days_to_sunday(&zone.day_of(at)))),
            Self::Month => Some(zone.month_end(at)),
        }
    }
}

fn date(day: &str) -> Option<Date> {
    let format = time::macros::format_description!("[year]-[month]-[day]");
    Date::parse(day, format).ok()
}

/// The Monday of a day's week; the day itself where the calendar begins later.
fn monday(day: &str) -> String {
    let found = date(day).and_then(|it| {
        let back = Duration::days(it.weekday().number_days_from_monday().into());
        it.checked_sub(back)
    });
    found.map_or_else(|| day.to_owned(), |it| it.to_string())
}

fn days_to_sunday(day: &str) -> u32 {
    date(day).map_or(0, |it| 6 - u32::from(it.weekday().number_days_from_monday()))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_day_a_week_and_a_month_are_those_of_the_zone() {
        let zone = Zone::new("Asia/Shanghai").unwrap();
        let at = datetime!(2026-03-31 17:30 UTC); // 1 April, a Wednesday, in Shanghai
        let bucket = |period: Period| period.bucket(&zone, at);
        assert_eq!(bucket(Period::Always), "always");
        assert_eq!(bucket(Period::Day), "day/2026-04-01");
        assert_eq!(bucket(Period::Week), "week/2026-03-30");
        assert_eq!(bucket(Period::Month), "month/2026-04");
        assert_eq!(Period::Always.end(&zone, at), None);
        assert_eq!(Period::Day.end(&zone, at), Some(datetime!(2026-04-02 0:00 +8)));
        assert_eq!(Period::Week.end(&zone, at), Some(datetime!(2026-04-06 0:00 +8)));
        assert_eq!(Period::Month.end(&zone, at), Some(datetime!(2026-05-01 0:00 +8)));
    }

    #[test]
    fn a_week_runs_from_monday_to_sunday_over_a_years_end() {
        let zone = Zone::utc();
        for day in 28..=31 {
            let at = datetime!(2026-12-01 12:00 UTC) + Duration::days(day - 1);
            assert_eq!(Period::Week.bucket(&zone, at), "week/2026-12-28");
        }
        assert_eq!(Period::Week.bucket(&zone, datetime!(2027-01-03 23:59 UTC)), "week/2026-12-28");
        assert_eq!(Period::Week.bucket(&zone, datetime!(2027-01-04 0:00 UTC)), "week/2027-01-04");
    }
}
