//! When points lapse.

use time::{Duration, OffsetDateTime};
use units::zone::Zone;

/// A stretch of months of the calendar, counted from January.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stretch {
    /// A month.
    Month,
    /// January to March, April to June and so on.
    Quarter,
    /// January to June, July to December.
    HalfYear,
    /// A year.
    Year,
}

/// When points lapse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// Never.
    Never,
    /// At the end of the day so many days after the day of earning, or of the stretch in which that day lies.
    Days(u32, Option<Stretch>),
    /// At the end of the day so many months after the day of earning, or of the stretch in which that day lies.
    Months(u32, Option<Stretch>),
    /// At the end of the stretch of earning.
    EndOf(Stretch),
    /// All together at the end of the day so many days after the last activity.
    Inactivity(u32),
}

impl Stretch {
    /// The contract's number.
    pub fn code(self) -> i16 {
        match self {
            Stretch::Month => 1,
            Stretch::Quarter => 2,
            Stretch::HalfYear => 3,
            Stretch::Year => 4,
        }
    }

    /// The stretch of a number.
    pub fn from_code(code: i16) -> Option<Self> {
        [Self::Month, Self::Quarter, Self::HalfYear, Self::Year].into_iter().find(|stretch| stretch.code() == code)
    }

    /// When the stretch ends in which a time lies.
    pub(super) fn end(self, zone: &Zone, at: OffsetDateTime) -> OffsetDateTime {
        let months = match self {
            Stretch::Month => 1,
            Stretch::Quarter => 3,
            Stretch::HalfYear => 6,
            Stretch::Year => 12,
        };
        zone.months_end(at, months)
    }
}

impl Expiry {
    /// The first instant at which points that can be used from `at` on, or were last touched then, no longer can; `None`:
    /// never.
    pub fn lapse_of(self, zone: &Zone, at: OffsetDateTime) -> Option<OffsetDateTime> {
        let moved_on = |end: OffsetDateTime, to: Option<Stretch>| {
            to.map_or(end, |stretch| stretch.end(zone, end - Duration::NANOSECOND)) // the last instant of the last day
        };
        match self {
            Expiry::Never => None,
            Expiry::Days(days, to) => Some(moved_on(zone.add_days_end(at, days), to)),
            Expiry::Months(months, to) => Some(moved_on(zone.add_months_end(at, months), to)),
            Expiry::EndOf(stretch) => Some(stretch.end(zone, at)),
            Expiry::Inactivity(days) => Some(zone.add_days_end(at, days)),
        }
    }

    /// The contract's numbers of the policy, its count and its rounding.
    pub fn code(self) -> (i16, i32, i16) {
        let rounding = |to: Option<Stretch>| to.map_or(0, Stretch::code);
        match self {
            Expiry::Never => (1, 0, 0),
            Expiry::Days(count, to) => (2, count as i32, rounding(to)),
            Expiry::Months(count, to) => (3, count as i32, rounding(to)),
            Expiry::EndOf(Stretch::Month) => (4, 0, 0),
            Expiry::EndOf(Stretch::Year) => (5, 0, 0),
            Expiry::EndOf(Stretch::Quarter) => (6, 0, 0),
            Expiry::EndOf(Stretch::HalfYear) => (7, 0, 0),
            Expiry::Inactivity(count) => (8, count as i32, 0),
        }
    }

    /// The policy of a number, a count and a rounding; `None` where there is none such.
    pub fn from_code(code: i16, count: i32, rounding: i16) -> Option<Self> {
        let count_within = |max: u32| u32::try_from(count).ok().filter(|count| (1..=max).contains(count));
        let to = match rounding {
            0 => None,
            code => Some(Stretch::from_code(code)?),
        };
        match (code, to) {
            (1, None) if count == 0 => Some(Expiry::Never),
            (2, to) => count_within(3_650).map(|days| Expiry::Days(days, to)),
            (3, to) => count_within(120).map(|months| Expiry::Months(months, to)),
            (4, None) if count == 0 => Some(Expiry::EndOf(Stretch::Month)),
            (5, None) if count == 0 => Some(Expiry::EndOf(Stretch::Year)),
            (6, None) if count == 0 => Some(Expiry::EndOf(Stretch::Quarter)),
            (7, None) if count == 0 => Some(Expiry::EndOf(Stretch::HalfYear)),
            (8, None) => count_within(3_650).map(Expiry::Inactivity),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn points_can_be_used_up_to_the_last_instant_of_a_day_of_the_programmes_zone() {
        use Expiry::{Days, EndOf, Inactivity, Months};
        use Stretch::{HalfYear, Month, Quarter, Year};
        let shanghai = Zone::new("Asia/Shanghai").unwrap();
        let cases = [
            ("a day", Days(1, None), datetime!(2026-01-31 1:00 +8), "2026-02-01"),
            ("a month, clamped", Months(1, None), datetime!(2026-01-31 1:00 +8), "2026-02-28"),
            ("a year from a leap day", Months(12, None), datetime!(2028-02-29 9:00 +8), "2029-02-28"),
            ("month's end", EndOf(Month), datetime!(2026-01-22 9:00 +8), "2026-01-31"),
            ("quarter's end", EndOf(Quarter), datetime!(2026-05-31 9:00 +8), "2026-06-30"),
            ("a quarter's last second", EndOf(Quarter), datetime!(2026-06-30 23:59:59 +8), "2026-06-30"),
            ("the next quarter's first", EndOf(Quarter), datetime!(2026-07-01 0:00 +8), "2026-09-30"),
            ("half-year's end", EndOf(HalfYear), datetime!(2026-07-01 0:00 +8), "2026-12-31"),
            ("year's end", EndOf(Year), datetime!(2018-01-22 9:00 +8), "2018-12-31"),
            ("a year, to the month's end", Months(12, Some(Month)), datetime!(2026-03-05 9:00 +8), "2027-03-31"),
            ("a month's last day stays", Months(1, Some(Month)), datetime!(2026-01-31 9:00 +8), "2026-02-28"),
            ("90 days, to the quarter's end", Days(90, Some(Quarter)), datetime!(2026-01-10 9:00 +8), "2026-06-30"),
            ("to the half-year's end", Months(6, Some(HalfYear)), datetime!(2026-02-10 9:00 +8), "2026-12-31"),
            ("to the year's end", Months(12, Some(Year)), datetime!(2026-02-10 9:00 +8), "2027-12-31"),
            ("a year without activity", Inactivity(365), datetime!(2026-02-10 9:00 +8), "2027-02-10"),
        ];
        for (name, expiry, at, last_day) in cases {
            let lapses = expiry.lapse_of(&shanghai, at).unwrap();
            assert_eq!(shanghai.day_of(lapses - Duration::NANOSECOND), last_day, "{name}");
            assert_eq!(shanghai.day_start(lapses), lapses, "{name}");
        }
        assert_eq!(Expiry::Never.lapse_of(&shanghai, datetime!(2026-01-30 17:00 UTC)), None);
    }

    #[test]
    fn a_code_count_or_rounding_outside_the_contract_is_no_policy() {
        let refused = [
            (0, 0, 0),
            (9, 0, 0),
            (1, 1, 0),
            (1, 0, 1),
            (2, 0, 0),
            (2, 3_651, 0),
            (2, 1, 5),
            (3, 121, 0),
            (3, -1, 0),
            (4, 1, 0),
            (4, 0, 1),
            (6, 1, 0),
            (8, 0, 0),
            (8, 3_651, 0),
            (8, 1, 1),
        ];
        for (code, count, rounding) in refused {
            assert_eq!(Expiry::from_code(code, count, rounding), None, "{code} {count} {rounding}");
        }
        let stretches = [Stretch::Month, Stretch::Quarter, Stretch::HalfYear, Stretch::Year];
        let rounded = stretches
            .into_iter()
            .flat_map(|it| [Expiry::EndOf(it), Expiry::Days(1, Some(it)), Expiry::Months(120, Some(it))]);
        let plain = [Expiry::Never, Expiry::Days(3_650, None), Expiry::Months(1, None), Expiry::Inactivity(3_650)];
        for expiry in rounded.chain(plain) {
            let (code, count, rounding) = expiry.code();
            assert_eq!(Expiry::from_code(code, count, rounding), Some(expiry));
        }
    }
}
