use ids::{EventId, UserId};
use proto::common::v1::Position;
use proto::levels::v1::ReleaseHoldResponse;
use requests::{Encoded, Request};
use time::OffsetDateTime;

use super::posting::{Call, Named, Posting, Reply};
use crate::domain::book::{AccountKey, Book};
use crate::domain::refusal::Refusal;

/// Lets the points of a hold go.
#[derive(Debug, Clone)]
pub struct ReleaseHold {
    /// Makes it idempotent, for ever.
    pub request: Request,
    /// The user: a canonical id or an alias.
    pub user: UserId,
    /// The hold.
    pub hold: EventId,
}

impl Posting for ReleaseHold {
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
        let (hold, available_after) = book.release(key, &self.hold, at)?;
        Ok(Reply::hold(&hold, available_after))
    }

    fn answer(&self, reply: Reply, position: Position) -> Encoded {
        Encoded::of(&ReleaseHoldResponse {
            hold: reply.hold,
            available_after: reply.available_after,
            position: Some(position),
        })
    }
}

impl Call for ReleaseHold {
    type Answer = ReleaseHoldResponse;
}
