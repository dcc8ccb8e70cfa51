//! Levels and what growth reaches them.

use ids::Key;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use units::zone::Zone;

use units::text::LocalizedText;

/// One level of a scheme. Its rank is its place in the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {
    /// What users call it.
    pub display_name: LocalizedText,
    /// Growth from which it is reached.
    pub threshold: i64,
}

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
    /// What happens at the end.
    pub end: PeriodEnd,
}

/// Levels on the growth of one point type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scheme {
    /// Its id.
    pub id: Key,
    /// What users call it.
    pub display_name: LocalizedText,
    /// The point type whose growth counts.
    pub point_type: Key,
    /// In order of rank, thresholds rising from 0; never empty.
    pub levels: Vec<Level>,
    /// `None`: levels are held for ever.
    pub validity: Option<Validity>,
    /// 1, then one more with each publishing.
    pub version: i32,
    /// When this version was published.
    pub publish_time: OffsetDateTime,
}

impl Scheme {
    /// The highest rank that a growth reaches; a threshold met exactly is reached.
    pub fn rank_for(&self, growth: i64) -> usize {
        self.levels.partition_point(|level| level.threshold <= growth).saturating_sub(1)
    }

    /// The threshold of a rank, or of the highest there is.
    pub fn threshold(&self, rank: usize) -> i64 {
        self.levels.get(rank).or(self.levels.last()).map_or(0, |level| level.threshold)
    }

    /// When a level that begins at `since` ends; `None`: never.
    pub fn valid_until(&self, since: OffsetDateTime, zone: &Zone) -> Option<OffsetDateTime> {
        self.validity.map(|validity| zone.add_months_end(since, validity.months))
    }
}
