//! Where the clock of a year stops, so that people can act.

use jiff::ToSpan as _;
use jiff::civil::Weekday;
use time::OffsetDateTime;

use super::Frame;

/// Hours of a day at which the clock stops, and for whom.
const HOURS: [(i8, Shift); 5] =
    [(10, Shift::Users), (12, Shift::Staff), (15, Shift::Users), (17, Shift::Staff), (21, Shift::Facts)];

/// Who acts at a stop. In between all comes to rest, so that what the one reads does not depend on how fast the services
/// are with what the other did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shift {
    /// Users: claims, the till, what they write.
    Users,
    /// The desk. Not on Sundays.
    Staff,
    /// The shop's system reports what happened since the last time.
    Facts,
}

/// A time at which the clock stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stop {
    /// When.
    pub at: OffsetDateTime,
    /// For whom.
    pub shift: Shift,
    /// Day of the year, from 0.
    pub day: u32,
}

impl Frame {
    /// All stops of the year's first days, and its end.
    pub(super) fn stops(&self, days: u32) -> Option<Vec<Stop>> {
        let mut stops = Vec::new();
        for day in 0..days {
            let date = self.first_day.checked_add(i64::from(day).days()).ok()?;
            for (hour, shift) in HOURS {
                if shift != Shift::Staff || date.weekday() != Weekday::Sunday {
                    stops.push(Stop { at: self.local.instant(date.at(hour, 0, 0, 0))?, shift, day });
                }
            }
        }
        stops.push(Stop { at: self.end, shift: Shift::Facts, day: days });
        Some(stops)
    }

    /// The first time at or after `at` at which users act.
    pub(super) fn users_stop(&self, at: OffsetDateTime) -> OffsetDateTime {
        let date = self.local.date(at);
        let of_day = |date: jiff::civil::Date| {
            let users = HOURS.into_iter().filter(|(_, shift)| *shift == Shift::Users);
            users.filter_map(move |(hour, _)| self.local.instant(date.at(hour, 0, 0, 0)))
        };
        let tomorrow = date.tomorrow().ok();
        of_day(date).chain(tomorrow.into_iter().flat_map(of_day)).find(|stop| *stop >= at).unwrap_or(self.end)
    }
}
