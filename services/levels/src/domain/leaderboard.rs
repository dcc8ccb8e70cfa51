//! Users in the order of their scores, season by season.

pub mod ranking;

use ids::{Key, UserId};
use time::{Duration, OffsetDateTime};
use units::text::LocalizedText;
use units::zone::Zone;

/// Leaderboards that a tenant may have: all of them are kept in memory.
pub const LEADERBOARDS_MAX: usize = 100;
/// The id of the season that never ends.
const ALL: &str = "all";

/// What of a user's scores counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScoreRule {
    /// The best.
    Best,
    /// Their sum.
    Sum,
    /// The latest.
    Last,
}

impl ScoreRule {
    const ALL: [Self; 3] = [Self::Best, Self::Sum, Self::Last];

    /// The contract's number.
    pub fn code(self) -> i16 {
        match self {
            ScoreRule::Best => 1,
            ScoreRule::Sum => 2,
            ScoreRule::Last => 3,
        }
    }

    /// The rule of a number.
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.code() == code)
    }
}

/// Which score stands higher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScoreOrder {
    /// The higher.
    Descending,
    /// The lower.
    Ascending,
}

impl ScoreOrder {
    /// The contract's number.
    pub fn code(self) -> i16 {
        match self {
            ScoreOrder::Descending => 1,
            ScoreOrder::Ascending => 2,
        }
    }

    /// The order of a number.
    pub fn from_code(code: i16) -> Option<Self> {
        [Self::Descending, Self::Ascending].into_iter().find(|order| order.code() == code)
    }

    /// What a score is ordered by, lower first; and the score of that again.
    pub fn key(self, score: i64) -> i64 {
        match self {
            ScoreOrder::Descending => -score,
            ScoreOrder::Ascending => score,
        }
    }
}

/// When seasons begin and end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeasonRule {
    /// There is one, without an end.
    None,
    /// From Monday to Sunday.
    Weekly,
    /// Calendar months.
    Monthly,
    /// Calendar quarters.
    Quarterly,
    /// By dates.
    Dates,
}

impl SeasonRule {
    const ALL: [Self; 5] = [Self::None, Self::Weekly, Self::Monthly, Self::Quarterly, Self::Dates];

    /// The contract's number.
    pub fn code(self) -> i16 {
        match self {
            SeasonRule::None => 1,
            SeasonRule::Weekly => 2,
            SeasonRule::Monthly => 3,
            SeasonRule::Quarterly => 4,
            SeasonRule::Dates => 5,
        }
    }

    /// The rule of a number.
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.code() == code)
    }
}

/// A season.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Season {
    /// Its id, unique in its leaderboard.
    pub id: String,
    /// Its first instant.
    pub start: OffsetDateTime,
    /// The first instant after it; `None`: it never ends.
    pub end: Option<OffsetDateTime>,
    /// Whether its prizes have been given.
    pub closed: bool,
}

/// What places get when a season ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacePrize {
    /// The first place of a range.
    pub first_place: i64,
    /// The last.
    pub last_place: i64,
    /// What each gets.
    pub point_type: Key,
    /// How much each gets.
    pub points: i64,
}

/// What a user got when a season ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prize {
    /// To whom.
    pub user: UserId,
    /// The place at the end.
    pub place: i64,
    /// What was given.
    pub point_type: Key,
    /// How much.
    pub points: i64,
    /// The entry made; 0 where there was no room for it.
    pub entry_seq: i64,
}

/// A leaderboard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaderboard {
    /// Its id.
    pub id: Key,
    /// What users call it.
    pub display_name: LocalizedText,
    /// What counts.
    pub score_rule: ScoreRule,
    /// Which score stands higher.
    pub score_order: ScoreOrder,
    /// When seasons begin and end.
    pub season_rule: SeasonRule,
    /// Those by dates, in order.
    pub seasons: Vec<Season>,
    /// The zone that decides days.
    pub zone: Zone,
    /// What places get, in order.
    pub prizes: Vec<PlacePrize>,
    /// How many places are listed; `None`: all.
    pub listed_places: Option<i64>,
    /// Whether others are shown by a masked name alone.
    pub masked: bool,
    /// 1, then one more with each publishing.
    pub version: i32,
    /// When this version was published.
    pub publish_time: OffsetDateTime,
}

impl Leaderboard {
    /// The season that a time lies in.
    pub fn season_at(&self, at: OffsetDateTime) -> Option<Season> {
        let zone = &self.zone;
        let named = |start, end| Season { id: zone.day_of(start), start, end: Some(end), closed: false };
        match self.season_rule {
            SeasonRule::None => {
                let start = OffsetDateTime::UNIX_EPOCH;
                Some(Season { id: ALL.to_owned(), start, end: None, closed: false })
            }
            SeasonRule::Weekly => Some(named(zone.week_start(at), zone.week_end(at))),
            SeasonRule::Monthly => Some(named(zone.month_start(at), zone.month_end(at))),
            SeasonRule::Quarterly => {
                let start = (0..months_into_quarter(zone, at))
                    .fold(zone.month_start(at), |start, _| zone.month_start(start - Duration::MICROSECOND));
                let end = (0..3).fold(start, |end, _| zone.month_end(end));
                Some(named(start, end))
            }
            SeasonRule::Dates => {
                let runs = |it: &&Season| it.start <= at && it.end.is_none_or(|end| at < end);
                self.seasons.iter().find(runs).cloned()
            }
        }
    }

    /// What of an earlier version it changes that cannot be changed at a time: the name of the field.
    pub fn breaks(&self, before: &Self, at: OffsetDateTime) -> Option<&'static str> {
        let begun = |it: &&Season| it.start <= at;
        let kept = before.seasons.iter().filter(begun).eq(self.seasons.iter().filter(begun));
        if self.score_rule != before.score_rule {
            Some("score_rule")
        } else if self.score_order != before.score_order {
            Some("score_order")
        } else if self.season_rule != before.season_rule {
            Some("season_rule")
        } else if self.zone != before.zone {
            Some("zone")
        } else if !kept {
            Some("seasons")
        } else {
            None
        }
    }

    /// How many places get something.
    pub fn prized_places(&self) -> i64 {
        self.prizes.last().map_or(0, |prize| prize.last_place)
    }

    /// What a place gets.
    pub fn prize(&self, place: i64) -> Option<&PlacePrize> {
        self.prizes.iter().find(|prize| (prize.first_place..=prize.last_place).contains(&place))
    }
}

/// Whole months of its quarter before the month in which a time lies.
fn months_into_quarter(zone: &Zone, at: OffsetDateTime) -> usize {
    let month = zone.month_of(at);
    let month = month.rsplit('-').next().and_then(|month| month.parse::<usize>().ok()).unwrap_or(1);
    (month - 1) % 3
}
