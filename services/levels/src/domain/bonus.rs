//! What is given for something that users have done: points, and a badge.

use ids::{Key, UserId};
use time::OffsetDateTime;

use super::account::Occasion;
use super::book::Book;
use super::entry::{Origin, Payer};
use super::pending::Landing;
use super::refusal::Refusal;

/// What a completed quest or a length of a streak gives.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bonus {
    /// Points; each type once.
    pub points: Vec<BonusPoints>,
    /// A badge.
    pub badge: Option<BonusBadge>,
}

/// Points of a bonus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BonusPoints {
    /// What is given.
    pub point_type: Key,
    /// How many, above 0.
    pub points: i64,
}

/// A badge of a bonus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BonusBadge {
    /// The badge.
    pub badge: Key,
    /// Its tier, from 1.
    pub tier: usize,
}

/// What a bonus is given for.
#[derive(Debug, Clone)]
pub struct BonusFor<'a> {
    /// What tells it from all others of the user, such as `quest/` with an id, a period and a round. It is the entries'
    /// reward id, so that nobody takes them back by their numbers.
    pub id: &'a str,
    /// For the statement.
    pub reason: &'a str,
    /// Who pays for it.
    pub payer: &'a Payer,
    /// When it was deserved.
    pub occurred_at: OffsetDateTime,
    /// When that is decided.
    pub decided_at: OffsetDateTime,
}

impl BonusFor<'_> {
    fn occasion(&self) -> Occasion {
        let Payer { cost_centre, funder } = self.payer.clone();
        let (reward_id, reason) = (self.id.to_owned(), self.reason.to_owned());
        let origin = Origin { reward_id, reason, cost_centre, funder, ..Origin::default() };
        Occasion { occurred_at: Some(self.occurred_at), origin }
    }
}

/// Points that were given, and where they went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Landed {
    /// Number of the entry.
    pub entry_seq: i64,
    /// Where they went.
    pub landing: Landing,
}

/// Gives points of a bonus; `None`: there is no room for them, or no such point type, and there will not be.
pub fn give(book: &mut Book<'_>, user: &UserId, it: &BonusPoints, what: &BonusFor<'_>) -> Option<Landed> {
    let key = (user.clone(), it.point_type.clone());
    let at = book.decision_time(&key, what.decided_at);
    let (entry, landing) = book.earn(&key, it.points, what.occasion(), at).ok()?;
    Some(Landed { entry_seq: entry.seq, landing })
}

/// Takes points of a bonus back, as refunds do.
pub fn take_back(
    book: &mut Book<'_>,
    user: &UserId,
    it: &BonusPoints,
    from: &Landing,
    what: &BonusFor<'_>,
) -> Result<(), Refusal> {
    let key = (user.clone(), it.point_type.clone());
    let at = book.decision_time(&key, what.decided_at);
    book.take_back(&key, it.points, from, what.occasion(), at)
}
