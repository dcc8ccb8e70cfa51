use ids::{EventId, UserId};
use proto::common::v1::Position;
use proto::levels::v1::CaptureHoldResponse;
use requests::{Encoded, Request};
use time::OffsetDateTime;

use super::posting::{Call, Named, Posting, Reply};
use crate::domain::account::Occasion;
use crate::domain::book::{AccountKey, Book};
use crate::domain::refusal::Refusal;

/// Uses points of a hold.
#[derive(Debug, Clone)]
pub struct CaptureHold {
    /// Makes it idempotent, for ever.
    pub request: Request,
    /// The user: a canonical id or an alias.
    pub user: UserId,
    /// The hold.
    pub hold: EventId,
    /// How much, at most what is held; 0: all of it.
    pub amount: i64,
    /// Why.
    pub occasion: Occasion,
}

impl Posting for CaptureHold {
    fn request(&self) -> &Request {
        &self.request
    }

    fn user(&self) -> &UserId {
        &self.user
    }

    fn named(&self) -> Named<'_> {
        Named::Hold(&self.hold)
    }

    fn decide(&self, book: &mut Book<'_>, key: &AccountKey, at: OffsetDateTime) -> Result<Reply, Refusal> {
        let (hold, available_after) = book.capture(key, &self.hold, self.amount, self.occasion.clone(), at)?;
        Ok(Reply::hold(&hold, available_after))
    }

    fn answer(&self, reply: Reply, position: Position) -> Encoded {
        Encoded::of(&CaptureHoldResponse {
            hold: reply.hold,
            available_after: reply.available_after,
            position: Some(position),
        })
    }
}

impl Call for CaptureHold {
    type Answer = CaptureHoldResponse;
}
