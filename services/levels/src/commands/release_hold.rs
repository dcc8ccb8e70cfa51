use ids::{EventId, TenantId, UserId};
use proto::common::v1::Position;
use proto::levels::v1::ReleaseHoldResponse;
use requests::Request;
use service::Answer;
use time::OffsetDateTime;

use super::posting::{Named, Posting};
use crate::domain::book::{AccountKey, Book};
use crate::domain::refusal::Refusal;
use crate::error::LevelsError;
use crate::{Levels, wire};

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
    type Answer = ReleaseHoldResponse;
    const OPENS: bool = false;

    fn request(&self) -> &Request {
        &self.request
    }

    fn user(&self) -> &UserId {
        &self.user
    }

    fn named(&self) -> Named<'_> {
        Named::Hold(&self.hold)
    }

    fn decide(
        &self,
        book: &mut Book<'_>,
        key: &AccountKey,
        at: OffsetDateTime,
    ) -> Result<ReleaseHoldResponse, Refusal> {
        let (hold, available_after) = book.release(key, &self.hold, at)?;
        Ok(ReleaseHoldResponse { hold: Some(wire::hold(&hold)), available_after, position: None })
    }

    fn place(answer: &mut ReleaseHoldResponse, position: Position) {
        answer.position = Some(position);
    }
}

impl Levels {
    /// See `PointsService.ReleaseHold`: a batch of calls of one tenant, each with its own outcome.
    #[tracing::instrument(skip_all, fields(calls = commands.len()))]
    pub async fn release_hold(
        &self,
        tenant: &TenantId,
        commands: &[ReleaseHold],
    ) -> Result<Vec<Result<Answer<ReleaseHoldResponse>, LevelsError>>, LevelsError> {
        pg::retrying("release_hold", || self.post(tenant, commands)).await
    }
}
