use eventlog::derive;
use ids::{EventId, Key, UserId};
use proto::common::v1::Position;
use proto::levels::v1::HoldPointsResponse;
use requests::{Encoded, Request};
use time::{Duration, OffsetDateTime};

use super::posting::{Call, Named, Posting, Reply};
use crate::domain::book::{AccountKey, Book};
use crate::domain::entry::Origin;
use crate::domain::refusal::Refusal;

/// Sets points aside.
#[derive(Debug, Clone)]
pub struct HoldPoints {
    /// Makes it idempotent, for ever.
    pub request: Request,
    /// The user: a canonical id or an alias.
    pub user: UserId,
    /// What is held.
    pub point_type: Key,
    /// How much: 1 to 1,000,000,000,000.
    pub amount: i64,
    /// How long: 1 second to 30 days.
    pub ttl: Duration,
    /// Why.
    pub origin: Origin,
}

impl HoldPoints {
    /// The id of the hold: made from what makes the request what it is, so that nothing else can have it.
    pub fn hold_id(&self) -> EventId {
        hold_id(&self.request.user, self.request.id.as_str())
    }
}

/// The id of the hold that a request opens. `user` as the caller named it.
pub fn hold_id(user: &str, request_id: &str) -> EventId {
    derive(user, &format!("hold/{request_id}"), 0)
}

impl Posting for HoldPoints {
    fn opens_hold(&self) -> Option<EventId> {
        Some(self.hold_id())
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
        let what = (self.amount, self.ttl);
        let (hold, available_after) = book.hold(key, self.hold_id(), what, self.origin.clone(), at)?;
        Ok(Reply::hold(&hold, available_after))
    }

    fn answer(&self, reply: Reply, position: Position) -> Encoded {
        Encoded::of(&HoldPointsResponse {
            hold: reply.hold,
            available_after: reply.available_after,
            position: Some(position),
        })
    }
}

impl Call for HoldPoints {
    type Answer = HoldPointsResponse;
}
