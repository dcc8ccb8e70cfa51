//! Levels and what reaches them.

pub mod level;
pub mod policy;

use ids::Key;
use time::OffsetDateTime;
use units::text::LocalizedText;
use units::zone::Zone;

use level::Level;
use policy::{Policy, Validity};

/// What of an account counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// All growth: neither spending nor lapsing lowers it.
    Growth,
    /// What has not lapsed: the expiry of the point type is the window.
    Unexpired,
    /// Growth since the member's period began.
    Period,
}

impl Basis {
    const ALL: [Self; 3] = [Self::Growth, Self::Unexpired, Self::Period];

    /// The contract's number.
    pub fn code(self) -> i16 {
        match self {
            Basis::Growth => 1,
            Basis::Unexpired => 2,
            Basis::Period => 3,
        }
    }

    /// The basis of a number.
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|basis| basis.code() == code)
    }
}

/// What one of a scheme's thresholds is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measure {
    /// The point type of the account that is looked at.
    pub point_type: Key,
    /// What of it counts.
    pub basis: Basis,
}

/// What a measure sees of its account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// Its growth.
    pub growth: i64,
    /// What has not lapsed, less debt.
    pub unexpired: i64,
}

/// Levels on one or several measures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scheme {
    /// Its id.
    pub id: Key,
    /// What users call it.
    pub display_name: LocalizedText,
    /// What its thresholds are compared with: 1 to 4. The account of the first one guards the members.
    pub measures: Vec<Measure>,
    /// Whether one measure is enough.
    pub any: bool,
    /// In order of rank, each with a threshold per measure; never empty.
    pub levels: Vec<Level>,
    /// `None`: levels are held for ever.
    pub validity: Option<Validity>,
    /// When members rise and fall.
    pub policy: Policy,
    /// 1, then one more with each publishing.
    pub version: i32,
    /// When this version was published.
    pub publish_time: OffsetDateTime,
    /// When the first version was published.
    pub create_time: OffsetDateTime,
}

impl Scheme {
    /// Levels on all growth of a point type, held for ever.
    pub fn new(id: Key, point_type: Key, levels: Vec<Level>) -> Self {
        Self {
            id,
            display_name: LocalizedText::default(),
            measures: vec![Measure { point_type, basis: Basis::Growth }],
            any: false,
            levels,
            validity: None,
            policy: Policy::default(),
            version: 0,
            publish_time: OffsetDateTime::UNIX_EPOCH,
            create_time: OffsetDateTime::UNIX_EPOCH,
        }
    }

    /// The point type whose account guards the members: whoever decides about one has it locked.
    pub fn guard(&self) -> &Key {
        &self.measures[0].point_type
    }

    /// Whether a point type counts for it.
    pub fn measures(&self, point_type: &Key) -> bool {
        self.measures.iter().any(|measure| measure.point_type == *point_type)
    }

    /// Whether lapses of a point type lower what counts.
    pub fn falls_with(&self, point_type: &Key) -> bool {
        let lapsing = |it: &Measure| it.basis == Basis::Unexpired && it.point_type == *point_type;
        self.measures.iter().any(lapsing)
    }

    /// The highest level.
    pub fn highest(&self) -> usize {
        self.levels.len().saturating_sub(1)
    }

    /// What counts, measure by measure; `bases` is the growth at which each period began.
    pub fn counts(&self, figures: &[Figures], bases: &[i64]) -> Vec<i64> {
        let count = |(n, measure): (usize, &Measure)| {
            let Figures { growth, unexpired } = figures.get(n).copied().unwrap_or_default();
            match measure.basis {
                Basis::Growth => growth,
                Basis::Unexpired => unexpired.max(0),
                Basis::Period => (growth - bases.get(n).copied().unwrap_or(0)).max(0),
            }
        };
        self.measures.iter().enumerate().map(count).collect()
    }

    /// The highest rank that counts reach; a threshold met exactly is reached. Levels by invitation are passed over.
    pub fn rank_for(&self, counts: &[i64]) -> usize {
        let reached = |level: &Level| !level.by_invitation && level.reached_by(counts, self.any);
        self.levels.iter().rposition(reached).unwrap_or(0)
    }

    /// The next level above a rank that can be earned.
    pub fn next_earned(&self, rank: usize) -> Option<usize> {
        let above = self.levels.iter().enumerate().skip(rank + 1);
        above.filter(|(_, level)| !level.by_invitation).map(|(rank, _)| rank).next()
    }

    /// The threshold of a rank for a measure, or of the highest there is.
    pub fn threshold(&self, rank: usize, measure: usize) -> i64 {
        self.levels.get(rank).or(self.levels.last()).map_or(0, |level| level.threshold(measure))
    }

    /// When a level that begins at `since` ends; `None`: never.
    pub fn valid_until(&self, since: OffsetDateTime, zone: &Zone) -> Option<OffsetDateTime> {
        self.validity.map(|validity| validity.end_of(since, zone))
    }
}
