use eventlog::derive;
use ids::{EventId, Key, TenantId, UserId};
use proto::common::v1::Position;
use proto::levels::v1::HoldPointsResponse;
use requests::Request;
use service::Answer;
use time::{Duration, OffsetDateTime};

use super::posting::{Named, Posting};
use crate::domain::book::{AccountKey, Book};
use crate::domain::entry::Origin;
use crate::domain::refusal::Refusal;
use crate::error::LevelsError;
use crate::{Levels, wire};

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
    type Answer = HoldPointsResponse;
    const OPENS: bool = false;

    fn request(&self) -> &Request {
        &self.request
    }

    fn user(&self) -> &UserId {
        &self.user
    }

    fn named(&self) -> Named<'_> {
        Named::PointType(&self.point_type)
    }

    fn decide(&self, book: &mut Book<'_>, key: &AccountKey, at: OffsetDateTime) -> Result<HoldPointsResponse, Refusal> {
        let what = (self.amount, self.ttl);
        let (hold, available_after) = book.hold(key, self.hold_id(), what, self.origin.clone(), at)?;
        Ok(HoldPointsResponse { hold: Some(wire::hold(&hold)), available_after, position: None })
    }

    fn place(answer: &mut HoldPointsResponse, position: Position) {
        answer.position = Some(position);
    }
}

impl Levels {
    /// See `PointsService.HoldPoints`: a batch of calls of one tenant, each with its own outcome.
    #[tracing::instrument(skip_all, fields(calls = commands.len()))]
    pub async fn hold_points(
        &self,
        tenant: &TenantId,
        commands: &[HoldPoints],
    ) -> Result<Vec<Result<Answer<HoldPointsResponse>, LevelsError>>, LevelsError> {
        pg::retrying("hold_points", || self.post(tenant, commands)).await
    }
}
