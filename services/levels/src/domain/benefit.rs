//! What levels entitle to.

pub mod sentence;
pub mod usage;

use ids::Key;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use units::text::LocalizedText;
use units::zone::Zone;

/// Benefits that a tenant may have: all of them are kept in memory.
pub const BENEFITS_MAX: usize = 200;
/// The most that a quota allows, and the most of one use.
pub const QUOTA_MAX: i64 = 1_000_000;

/// What kind of right a benefit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BenefitKind {
    /// It is used, so often per period.
    Service,
    /// It is seen by others.
    Cosmetic,
    /// Who does not hold it may not do something.
    Restriction,
}

impl BenefitKind {
    const ALL: [Self; 3] = [Self::Service, Self::Cosmetic, Self::Restriction];

    /// The contract's number.
    pub fn code(self) -> i16 {
        match self {
            BenefitKind::Service => 1,
            BenefitKind::Cosmetic => 2,
            BenefitKind::Restriction => 3,
        }
    }

    /// The kind of a number.
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// What a quota counts within.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BenefitPeriod {
    /// All uses there ever were.
    Ever,
    /// A day.
    Day,
    /// A week from Monday on.
    Week,
    /// A calendar month.
    Month,
    /// A calendar year.
    Year,
    /// From one end of the level's validity to the next.
    Level,
}

impl BenefitPeriod {
    const ALL: [Self; 6] = [Self::Ever, Self::Day, Self::Week, Self::Month, Self::Year, Self::Level];

    /// The contract's number.
    pub fn code(self) -> i16 {
        match self {
            BenefitPeriod::Ever => 1,
            BenefitPeriod::Day => 2,
            BenefitPeriod::Week => 3,
            BenefitPeriod::Month => 4,
            BenefitPeriod::Year => 5,
            BenefitPeriod::Level => 6,
        }
    }

    /// The period of a number.
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|period| period.code() == code)
    }

    /// Whether a calendar, and so a zone, decides it.
    pub fn is_of_the_calendar(self) -> bool {
        match self {
            BenefitPeriod::Day | BenefitPeriod::Week | BenefitPeriod::Month | BenefitPeriod::Year => true,
            BenefitPeriod::Ever | BenefitPeriod::Level => false,
        }
    }
}

/// Levels that hold a benefit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BenefitRange {
    /// The lowest.
    pub first_rank: usize,
    /// The highest; `None`: all above.
    pub last_rank: Option<usize>,
    /// Uses per period; `None`: no limit.
    pub quota: Option<i64>,
}

/// A benefit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Benefit {
    /// Its id.
    pub id: Key,
    /// What users call it.
    pub display_name: LocalizedText,
    /// What it is and how it is used.
    pub description: Option<LocalizedText>,
    /// What kind of right it is.
    pub kind: BenefitKind,
    /// The scheme whose levels hold it; `None`: everybody does.
    pub scheme: Option<Key>,
    /// Who holds it, lowest first; never empty.
    pub ranges: Vec<BenefitRange>,
    /// What its quotas count within; there for services alone.
    pub period: Option<BenefitPeriod>,
    /// The zone that decides its days; `None`: that of the scheme's point type.
    pub zone: Option<Zone>,
    /// In force from then on.
    pub valid_from: Option<OffsetDateTime>,
    /// In force before then.
    pub valid_until: Option<OffsetDateTime>,
    /// Not in force.
    pub paused: bool,
    /// What a use costs, in minor units of the tenant's currency.
    pub cost_minor: i64,
    /// 1, then one more with each publishing.
    pub version: i32,
    /// When this version was published.
    pub publish_time: OffsetDateTime,
}

impl Benefit {
    /// Whether it counts at a time.
    pub fn in_force(&self, at: OffsetDateTime) -> bool {
        !self.paused && self.valid_from.is_none_or(|from| from <= at) && self.valid_until.is_none_or(|until| at < until)
    }

    /// What a level has of it; `None`: nothing.
    pub fn at_rank(&self, rank: usize) -> Option<&BenefitRange> {
        self.ranges.iter().find(|it| it.first_rank <= rank && it.last_rank.is_none_or(|last| rank <= last))
    }

    /// The next level above one, up to the highest there is, that has it or has more of it.
    pub fn above(&self, rank: usize, highest: usize) -> Option<(usize, &BenefitRange)> {
        let own = self.at_rank(rank);
        let more = |it: &BenefitRange| match (own.map(|own| own.quota), it.quota) {
            (None, _) => true,
            (Some(None), _) => false,
            (Some(Some(_)), None) => true,
            (Some(Some(own)), Some(there)) => there > own,
        };
        self.ranges.iter().find_map(|it| {
            let first = it.first_rank.max(rank + 1);
            let reached = first <= highest && it.last_rank.is_none_or(|last| first <= last);
            (reached && more(it)).then_some((first, it))
        })
    }

    /// The highest level that it names.
    pub fn highest_named(&self) -> usize {
        self.ranges.iter().map(|it| it.last_rank.unwrap_or(it.first_rank)).max().unwrap_or(0)
    }
}
