//! Scores and places.

use ids::UserId;
use time::OffsetDateTime;

use super::{Leaderboard, ScoreRule};
use crate::domain::refusal::Refusal;

/// The most that a sum of scores comes to, on either side of 0.
pub const SCORE_MAX: i64 = (1 << 53) - 1;

/// What counts of a user's scores in a season.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Score {
    /// The user.
    pub user: UserId,
    /// What users are ordered by, lower first: the score, or its negative.
    pub rank_key: i64,
    /// When it was reached.
    pub attained_at: OffsetDateTime,
    /// When the latest score that was looked at was reached.
    pub last_at: OffsetDateTime,
    /// What the user is shown as; may be empty.
    pub display: String,
}

/// What a score did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submitted {
    /// What counts now.
    pub score: Score,
    /// Whether that is another one, or was reached at another time.
    pub counted: bool,
}

impl Leaderboard {
    /// Takes a score of a user who has one, or none, in the season. Scores may come in any order, but for two of the same
    /// instant where the latest counts.
    pub fn submit(
        &self,
        user: &UserId,
        before: Option<Score>,
        (score, at): (i64, OffsetDateTime),
        display: &str,
    ) -> Result<Submitted, Refusal> {
        let key = self.score_order.key(score);
        let Some(before) = before else {
            let (user, display) = (user.clone(), display.to_owned());
            let first = Score { user, rank_key: key, attained_at: at, last_at: at, display };
            return Ok(Submitted { score: first, counted: true });
        };
        let (rank_key, attained_at) = match self.score_rule {
            ScoreRule::Best if key < before.rank_key => (key, at),
            ScoreRule::Best if key == before.rank_key => (key, before.attained_at.min(at)),
            ScoreRule::Last if at >= before.last_at && key != before.rank_key => (key, at),
            ScoreRule::Best | ScoreRule::Last => (before.rank_key, before.attained_at),
            ScoreRule::Sum => {
                let sum = before.rank_key.checked_add(key).filter(|sum| (-SCORE_MAX..=SCORE_MAX).contains(sum));
                (sum.ok_or(Refusal::ScoreOverflow)?, before.attained_at.max(at))
            }
        };
        let counted = (rank_key, attained_at) != (before.rank_key, before.attained_at);
        let display = if display.is_empty() { before.display } else { display.to_owned() };
        let last_at = before.last_at.max(at);
        Ok(Submitted { score: Score { user: before.user, rank_key, attained_at, last_at, display }, counted })
    }

    /// What a user is shown as to others, or as by themselves and those who know them.
    pub fn name(&self, score: &Score, known: bool) -> String {
        let name = if score.display.is_empty() { score.user.as_str() } else { &score.display };
        if self.masked && !known { masked(name) } else { name.to_owned() }
    }
}

/// The first and the last letter, and nothing that tells how many are between: `小**明`.
fn masked(name: &str) -> String {
    let mut letters = name.chars();
    match (letters.next(), letters.next_back()) {
        (Some(first), Some(last)) if letters.next().is_some() => format!("{first}**{last}"),
        (Some(first), Some(_)) => format!("{first}**"),
        _ => "**".to_owned(),
    }
}

/// How many of the others stand below a place, in basis points, rounded down.
pub fn better_than_bp(place: i64, participants: i64) -> i32 {
    let (below, others) = (participants - place, participants - 1);
    if others <= 0 { 0 } else { i32::try_from(below.max(0) * 10_000 / others).unwrap_or(10_000) }
}

/// Blocks per doubling of a value.
const STEPS: u32 = 32;
/// Values up to here have a block each.
const SINGLE_MAX: u64 = 2 * STEPS as u64;

/// The block of values that a key lies in. Blocks are in the order of their values, and each but the small ones is about 3 %
/// of its values wide: so few that they are quickly summed up, and so narrow that few users share one.
pub fn block(key: i64) -> i32 {
    let of = i32::try_from(magnitude(key.unsigned_abs())).unwrap_or(i32::MAX);
    if key < 0 { -of } else { of }
}

/// The lowest key of a block.
pub fn block_start(block: i32) -> i64 {
    let of = block.unsigned_abs();
    // of a negative one what is farthest from 0: the last before the next one's first
    if block < 0 { -(first_of(of + 1) - 1) } else { first_of(of) }
}

fn magnitude(value: u64) -> u32 {
    if value < SINGLE_MAX {
        return u32::try_from(value).unwrap_or(u32::MAX);
    }
    let doubling = value.ilog2();
    let shift = doubling - STEPS.ilog2();
    let step = u32::try_from(value >> shift).unwrap_or(u32::MAX); // STEPS to 2 * STEPS - 1
    shift * STEPS + step
}

fn first_of(magnitude: u32) -> i64 {
    if u64::from(magnitude) < SINGLE_MAX {
        return i64::from(magnitude);
    }
    let shift = magnitude / STEPS - 1;
    let step = magnitude - shift * STEPS;
    i64::from(step).checked_shl(shift).unwrap_or(i64::MAX)
}
