use ids::{Key, UserId};
use proto::common::v1::Position;
use proto::levels::v1::ReverseEntryResponse;
use requests::{Encoded, Request};
use time::OffsetDateTime;

use super::posting::{Call, Named, Posting, Reply};
use crate::domain::account::Occasion;
use crate::domain::book::{AccountKey, Book};
use crate::domain::entry::Origin;
use crate::domain::refusal::Refusal;

/// Takes an earning or a spending by call back.
#[derive(Debug, Clone)]
pub struct ReverseEntry {
    /// Makes it idempotent, for ever.
    pub request: Request,
    /// The user: a canonical id or an alias.
    pub user: UserId,
    /// The account.
    pub point_type: Key,
    /// Number of the entry.
    pub entry_seq: i64,
    /// How much of it; 0: all that is left.
    pub amount: i64,
    /// Why.
    pub reason: String,
}

impl Posting for ReverseEntry {
    fn request(&self) -> &Request {
        &self.request
    }

    fn user(&self) -> &UserId {
        &self.user
    }

    fn named(&self) -> Named<'_> {
        Named::PointType(&self.point_type)
    }

    fn reverses(&self) -> Option<i64> {
        Some(self.entry_seq)
    }

    fn decide(&self, book: &mut Book<'_>, key: &AccountKey, at: OffsetDateTime) -> Result<Reply, Refusal> {
        let origin = Origin { reason: self.reason.clone(), ..Origin::default() };
        let occasion = Occasion { occurred_at: None, origin };
        let done = book.reverse(key, self.entry_seq, self.amount, occasion, at)?;
        Ok(Reply { left: done.left, ..Reply::entry(&done.entry, done.available_after) })
    }

    fn answer(&self, reply: Reply, position: Position) -> Encoded {
        Encoded::of(&ReverseEntryResponse {
            entry: reply.entry,
            available_after: reply.available_after,
            left: reply.left,
            position: Some(position),
        })
    }
}

impl Call for ReverseEntry {
    type Answer = ReverseEntryResponse;
}
