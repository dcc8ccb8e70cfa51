//! When levels end, and when members rise and fall.

use time::{Duration, OffsetDateTime};
use units::zone::Zone;

use crate::domain::expiry::Stretch;

/// What happens to growth when a level's validity ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeriodEnd {
    /// Nothing.
    Keep,
    /// It becomes 0.
    Reset,
    /// The level's threshold is taken off.
    SubtractThreshold,
    /// It falls to the level's threshold.
    ToFloor,
}

impl PeriodEnd {
    const ALL: [Self; 4] = [Self::Keep, Self::Reset, Self::SubtractThreshold, Self::ToFloor];

    /// The contract's number.
    pub fn code(self) -> i16 {
        match self {
            PeriodEnd::Keep => 1,
            PeriodEnd::Reset => 2,
            PeriodEnd::SubtractThreshold => 3,
            PeriodEnd::ToFloor => 4,
        }
    }

    /// The policy of a number.
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|policy| policy.code() == code)
    }

    /// The growth that remains of a member on a level with this threshold.
    pub fn growth_after(self, growth: i64, threshold: i64) -> i64 {
        match self {
            PeriodEnd::Keep => growth,
            PeriodEnd::Reset => 0,
            PeriodEnd::SubtractThreshold => (growth - threshold).max(0),
            PeriodEnd::ToFloor => growth.min(threshold),
        }
    }
}

/// For how long a level is held, and what happens then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// 1 to 120 months, counted to the end of a day.
    pub months: u32,
    /// The stretch at whose end it ends then; `None`: at the end of the day.
    pub rounding: Option<Stretch>,
    /// What happens at the end.
    pub end: PeriodEnd,
}

impl Validity {
    /// When a level that begins at `since` ends.
    pub fn end_of(self, since: OffsetDateTime, zone: &Zone) -> OffsetDateTime {
        let end = zone.add_months_end(since, self.months);
        // the last instant of the last day: the end itself lies in the next stretch
        self.rounding.map_or(end, |stretch| stretch.end(zone, end - Duration::NANOSECOND))
    }
}

/// When a member rises whose counts reach a higher level.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Upgrade {
    /// At once.
    #[default]
    AtOnce,
    /// When the validity ends.
    AtReview,
}

impl Upgrade {
    /// The contract's number.
    pub fn code(self) -> i16 {
        match self {
            Upgrade::AtOnce => 1,
            Upgrade::AtReview => 2,
        }
    }

    /// The policy of a number.
    pub fn from_code(code: i16) -> Option<Self> {
        [Self::AtOnce, Self::AtReview].into_iter().find(|it| it.code() == code)
    }
}

/// When a member falls whose counts no longer reach the level. What is taken back lowers it at once in any case.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Downgrade {
    /// When the validity ends.
    #[default]
    AtReview,
    /// As soon as the counts fall.
    AtOnce,
    /// Never.
    Never,
}

impl Downgrade {
    /// The contract's number.
    pub fn code(self) -> i16 {
        match self {
            Downgrade::AtReview => 1,
            Downgrade::AtOnce => 2,
            Downgrade::Never => 3,
        }
    }

    /// The policy of a number.
    pub fn from_code(code: i16) -> Option<Self> {
        [Self::AtReview, Self::AtOnce, Self::Never].into_iter().find(|it| it.code() == code)
    }
}

/// When members rise and fall.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Policy {
    /// When they rise.
    pub upgrade: Upgrade,
    /// When they fall.
    pub downgrade: Downgrade,
    /// They fall by one level at a time.
    pub one_step: bool,
    /// Days for which a level is kept after it should have been lost.
    pub grace_days: u32,
    /// Days after a rise in which nobody falls.
    pub protection_days: u32,
    /// Days after the end of a validity until the review; what happens in them still counts.
    pub review_delay_days: u32,
}

impl Policy {
    /// When a validity is reviewed that ends then.
    pub fn review_of(&self, ends: OffsetDateTime, zone: &Zone) -> OffsetDateTime {
        days_after(ends, self.review_delay_days, zone)
    }

    /// When somebody falls at the earliest who should at `at` and rose at `since`.
    pub fn earliest_fall(&self, since: OffsetDateTime, at: OffsetDateTime, zone: &Zone) -> OffsetDateTime {
        let protected = if self.protection_days == 0 { at } else { days_after(since, self.protection_days, zone) };
        days_after(at, self.grace_days, zone).max(protected)
    }

    /// The level that somebody falls to whose counts reach `supported`.
    pub fn step(&self, from: usize, supported: usize) -> usize {
        if self.one_step { supported.max(from.saturating_sub(1)) } else { supported }
    }
}

/// The end of the day so many days later. The first instant of a day is the end of the day before.
fn days_after(at: OffsetDateTime, days: u32, zone: &Zone) -> OffsetDateTime {
    if days == 0 { at } else { zone.add_days_end(at - Duration::NANOSECOND, days) }
}
