//! Check-ins, and how many days in a row they come.

pub mod run;
pub mod sentence;

use ids::Key;
use time::{Date, Month, OffsetDateTime};
use units::text::LocalizedText;
use units::zone::{Day, Zone};

use super::bonus::Bonus;

/// Streaks that a tenant may have: all of them are kept in memory.
pub const STREAKS_MAX: usize = 50;

/// What a length of a run gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Milestone {
    /// Days checked in.
    pub length: i32,
    /// With each further `length` days again.
    pub repeats: bool,
    /// What it gives.
    pub bonus: Bonus,
}

/// One version of a streak, as it was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Streak {
    /// Its id.
    pub id: Key,
    /// What users call it.
    pub display_name: LocalizedText,
    /// What it is about.
    pub description: Option<LocalizedText>,
    /// The zone where a call names none, and of months.
    pub zone: Zone,
    /// How many missed days a run survives.
    pub forgiven_days: i32,
    /// How many days can be made up for in a month.
    pub make_ups_per_month: i32,
    /// How many days back.
    pub make_up_days: i32,
    /// What lengths give, shortest first.
    pub milestones: Vec<Milestone>,
    /// In force from this time on.
    pub valid_from: Option<OffsetDateTime>,
    /// Before this time.
    pub valid_until: Option<OffsetDateTime>,
    /// Not in force.
    pub paused: bool,
    /// 1, then one more with each publishing.
    pub version: i32,
    /// When this version was published.
    pub publish_time: OffsetDateTime,
}

impl Streak {
    /// Whether it is in force at a time.
    pub fn in_force(&self, at: OffsetDateTime) -> bool {
        !self.paused && self.valid_from.is_none_or(|from| from <= at) && self.valid_until.is_none_or(|until| at < until)
    }

    /// The milestones that a run reaches with a length, which it came to from runs of the lengths `parts`, that have got
    /// what they deserved. Each with the length that is rewarded.
    pub fn reached(&self, parts: &[i32], length: i32) -> Vec<(i32, &Milestone)> {
        let reached = |it: &Milestone| {
            if it.repeats {
                let earlier: i32 = parts.iter().map(|part| part / it.length).sum();
                let times = length / it.length;
                (times > earlier).then_some(times * it.length)
            } else {
                (length >= it.length && parts.iter().all(|part| *part < it.length)).then_some(it.length)
            }
        };
        self.milestones.iter().filter_map(|it| Some((reached(it)?, it))).collect()
    }

    /// The next length above one that gives something.
    pub fn next_length(&self, length: i32) -> Option<i32> {
        let next = |it: &Milestone| match it.repeats {
            true => (length / it.length + 1).checked_mul(it.length),
            false => Some(it.length).filter(|wanted| *wanted > length),
        };
        self.milestones.iter().filter_map(next).min()
    }
}

/// A day with a check-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckInDay {
    /// The day.
    pub day: Date,
    /// Whether it was made up for.
    pub made_up: bool,
    /// When it was checked in, or made up for.
    pub at: OffsetDateTime,
    /// The zone that decided the day, by its name.
    pub zone: String,
}

/// The day of the calendar that a time lies in.
pub fn date_of(zone: &Zone, at: OffsetDateTime) -> Date {
    read_date(&zone.day_of(at)).unwrap_or(at.date())
}

/// A date such as `2026-11-28`; `None` where there is no such day.
pub fn read_date(text: &str) -> Option<Date> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let month = Month::try_from(month.parse::<u8>().ok()?).ok()?;
    let read = Date::from_calendar_date(year.parse().ok()?, month, day.parse().ok()?).ok()?;
    (read.to_string() == text).then_some(read)
}

/// When the day after a date begins in a zone.
pub(super) fn day_after(zone: &Zone, date: Date) -> Option<OffsetDateTime> {
    Some(zone.minute_of(Day::parse(&date.to_string())?.next()?, 0))
}
