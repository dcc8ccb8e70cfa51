use ids::{Key, UserId};
use proto::common::v1::Position;
use proto::levels::v1::SpendResponse;
use requests::{Encoded, Request};
use time::OffsetDateTime;

use super::posting::{Call, Named, Posting, Reply};
use crate::domain::account::Occasion;
use crate::domain::book::{AccountKey, Book};
use crate::domain::point_type::PointType;
use crate::domain::refusal::Refusal;

/// Takes points.
#[derive(Debug, Clone)]
pub struct Spend {
    /// Makes it idempotent, for ever.
    pub request: Request,
    /// The user: a canonical id or an alias.
    pub user: UserId,
    /// What is spent.
    pub point_type: Key,
    /// How much: 1 to 1,000,000,000,000.
    pub amount: i64,
    /// Why.
    pub occasion: Occasion,
}

impl Posting for Spend {
    /// What was never there can be overdrawn.
    fn opens(&self, point_type: &PointType) -> bool {
        point_type.overdraft > 0
    }

    fn request(&self) -> &Request {
        &self.request
    }

    fn user(&self) -> &UserId {
        &self.user
    }

    fn named(&self) -> Named<'_> {
        Named::PointType(&self.point_type)
    }

    fn decide(&self, book: &mut Book<'_>, key: &AccountKey, at: OffsetDateTime) -> Result<Reply, Refusal> {
        let (entry, available_after) = book.spend(key, self.amount, self.occasion.clone(), at)?;
        Ok(Reply::entry(&entry, available_after))
    }

    fn answer(&self, reply: Reply, position: Position) -> Encoded {
        Encoded::of(&SpendResponse {
            entry: reply.entry,
            available_after: reply.available_after,
            position: Some(position),
        })
    }
}

impl Call for Spend {
    type Answer = SpendResponse;
}
