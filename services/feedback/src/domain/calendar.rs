//! When a desk works: frames of the day in a zone, holidays, worked days off.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use units::zone::{Day, Zone};

/// Days that a projection looks ahead: more than the longest target needs in the shortest week. Beyond it there is no
/// deadline.
const HORIZON_DAYS: u32 = 366 * 20;

/// Working hours within a day, in minutes of the clock on the wall: the start belongs to it, the end no longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    /// 0 to 1,439.
    pub start: u16,
    /// After the start, at most 1,440.
    pub end: u16,
}

/// When a desk works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkingCalendar {
    /// The zone of its hours.
    pub zone: Zone,
    /// The frames of Monday to Sunday, each day's in order and without overlap.
    pub week: [Vec<Frame>; 7],
    /// Days that are not as their weekday; without frames they are off.
    pub special: BTreeMap<Day, Vec<Frame>>,
}

impl WorkingCalendar {
    /// Round the clock: what counts where no calendar was chosen.
    pub fn always() -> Self {
        let day = || vec![Frame { start: 0, end: 24 * 60 }];
        Self { zone: Zone::utc(), week: std::array::from_fn(|_| day()), special: BTreeMap::new() }
    }

    fn frames(&self, day: Day) -> &[Frame] {
        let weekday = usize::from(day.weekday().saturating_sub(1)).min(6);
        self.special.get(&day).unwrap_or(&self.week[weekday])
    }

    /// The frames of a day as instants. A frame that the clock on the wall skips is empty; one that it shows twice is
    /// longer.
    fn spans(&self, day: Day) -> impl Iterator<Item = (OffsetDateTime, OffsetDateTime)> + '_ {
        let at = move |minute: u16| self.zone.minute_of(day, u32::from(minute));
        self.frames(day).iter().map(move |frame| (at(frame.start), at(frame.end)))
    }

    /// How much working time lies between two instants; none where they are not in order.
    pub fn working(&self, from: OffsetDateTime, until: OffsetDateTime) -> Duration {
        let mut sum = Duration::ZERO;
        if from >= until {
            return sum;
        }
        let (mut day, last) = (self.zone.day(from), self.zone.day(until));
        loop {
            for (start, end) in self.spans(day) {
                let (start, end) = (start.max(from), end.min(until));
                if start < end {
                    sum += end - start;
                }
            }
            match day.next() {
                Some(next) if day < last => day = next,
                _ => return sum,
            }
        }
    }

    /// The first instant at which so much working time has passed since `from`; `from` where none is asked for, `None`
    /// beyond the horizon.
    pub fn project(&self, from: OffsetDateTime, work: Duration) -> Option<OffsetDateTime> {
        if work <= Duration::ZERO {
            return Some(from);
        }
        let (mut left, mut day) = (work, self.zone.day(from));
        for _ in 0..HORIZON_DAYS {
            for (start, end) in self.spans(day) {
                let start = start.max(from);
                if start >= end {
                    continue;
                }
                if end - start >= left {
                    return Some(start + left);
                }
                left -= end - start;
            }
            day = day.next()?;
        }
        None
    }
}

/// As stored: days as text, the zone by its name.
#[derive(Serialize, Deserialize)]
struct Stored {
    zone: String,
    week: [Vec<Frame>; 7],
    special: BTreeMap<String, Vec<Frame>>,
}

impl Serialize for WorkingCalendar {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let special = self.special.iter().map(|(day, frames)| (day.to_string(), frames.clone())).collect();
        Stored { zone: self.zone.name().to_owned(), week: self.week.clone(), special }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for WorkingCalendar {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let stored = Stored::deserialize(deserializer)?;
        let day = |(day, frames): (String, Vec<Frame>)| Day::parse(&day).map(|day| (day, frames));
        let special = stored.special.into_iter().map(day).collect::<Option<_>>();
        Ok(Self {
            zone: Zone::new(&stored.zone).map_err(D::Error::custom)?,
            week: stored.week,
            special: special.ok_or_else(|| D::Error::custom("a special day is no date"))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::domain::stage::{calendar, day, hours};

    #[test]
    fn friday_half_past_four_and_an_hour_of_nine_to_five_is_monday_half_past_nine() {
        let desk = calendar("UTC", &[hours(9, 17)]);
        let friday = datetime!(2026-11-20 16:30 UTC);
        assert_eq!(desk.project(friday, Duration::hours(1)), Some(datetime!(2026-11-23 9:30 UTC)));
        assert_eq!(desk.working(friday, datetime!(2026-11-23 9:30 UTC)), Duration::hours(1));
    }

    #[test]
    fn a_target_met_at_closing_time_is_due_at_closing_time() {
        let desk = calendar("UTC", &[hours(9, 17)]);
        let friday = datetime!(2026-11-20 16:30 UTC);
        assert_eq!(desk.project(friday, Duration::minutes(30)), Some(datetime!(2026-11-20 17:00 UTC)));
    }

    #[test]
    fn the_lunch_break_does_not_count() {
        let desk = calendar("Asia/Shanghai", &[hours(9, 12), hours(13, 18)]);
        let from = datetime!(2026-11-20 11:30 +8);
        assert_eq!(desk.project(from, Duration::hours(1)), Some(datetime!(2026-11-20 13:30 +8)));
    }

    #[test]
    fn a_holiday_is_off_and_a_worked_saturday_counts() {
        let mut desk = calendar("Asia/Shanghai", &[hours(9, 18)]);
        for off in ["2026-10-01", "2026-10-02", "2026-10-05", "2026-10-06", "2026-10-07"] {
            desk.special.insert(day(off), vec![]);
        }
        desk.special.insert(day("2026-10-10"), vec![hours(9, 18)]);
        let from = datetime!(2026-09-30 17:00 +8);
        assert_eq!(desk.project(from, Duration::hours(2)), Some(datetime!(2026-10-08 10:00 +8)));
        let friday = datetime!(2026-10-09 17:00 +8);
        assert_eq!(desk.project(friday, Duration::hours(2)), Some(datetime!(2026-10-10 10:00 +8)));
    }

    #[test]
    fn hours_of_the_wall_clock_follow_the_change_to_summer_time_and_back() {
        let desk = calendar("Europe/Berlin", &[hours(9, 17)]);
        let before = datetime!(2026-03-27 16:00 +1);
        assert_eq!(desk.project(before, Duration::hours(2)), Some(datetime!(2026-03-30 10:00 +2)));
        let mut night = WorkingCalendar { zone: Zone::new("Europe/Berlin").unwrap(), ..WorkingCalendar::always() };
        let (spring, autumn) = (datetime!(2026-03-29 0:00 +1), datetime!(2026-10-25 0:00 +2));
        assert_eq!(night.working(spring, night.zone.day_end(spring)), Duration::hours(23));
        assert_eq!(night.working(autumn, night.zone.day_end(autumn)), Duration::hours(25));
        night.week = std::array::from_fn(|_| vec![Frame { start: 130, end: 170 }]);
        assert_eq!(night.working(spring, night.zone.day_end(spring)), Duration::ZERO);
    }

    #[test]
    fn more_work_than_twenty_years_hold_has_no_deadline() {
        let mut desk = calendar("UTC", &[]);
        desk.week[0] = vec![Frame { start: 0, end: 1 }];
        assert_eq!(desk.project(datetime!(2026-01-01 0:00 UTC), Duration::days(30)), None);
    }

    #[test]
    fn a_calendar_comes_back_from_its_stored_form() {
        let mut desk = calendar("Asia/Shanghai", &[hours(9, 12), hours(13, 18)]);
        desk.special.insert(day("2026-10-01"), vec![]);
        let stored = serde_json::to_string(&desk).unwrap();
        assert_eq!(serde_json::from_str::<WorkingCalendar>(&stored).unwrap(), desk);
    }
}
