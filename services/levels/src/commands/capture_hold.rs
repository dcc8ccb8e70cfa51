use ids::{EventId, TenantId, UserId};
use proto::common::v1::Position;
use proto::levels::v1::CaptureHoldResponse;
use requests::Request;
use service::Answer;
use time::OffsetDateTime;

use super::posting::{Named, Posting};
use crate::domain::account::Occasion;
use crate::domain::book::{AccountKey, Book};
use crate::domain::refusal::Refusal;
use crate::error::LevelsError;
use crate::{Levels, wire};

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
    type Answer = CaptureHoldResponse;
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
    ) -> Result<CaptureHoldResponse, Refusal> {
        let (hold, available_after) = book.capture(key, &self.hold, self.amount, self.occasion.clone(), at)?;
        Ok(CaptureHoldResponse { hold: Some(wire::hold(&hold)), available_after, position: None })
    }

    fn place(answer: &mut CaptureHoldResponse, position: Position) {
        answer.position = Some(position);
    }
}

impl Levels {
    /// See `PointsService.CaptureHold`: a batch of calls of one tenant, each with its own outcome.
    #[tracing::instrument(skip_all, fields(calls = commands.len()))]
    pub async fn capture_hold(
        &self,
        tenant: &TenantId,
        commands: &[CaptureHold],
    ) -> Result<Vec<Result<Answer<CaptureHoldResponse>, LevelsError>>, LevelsError> {
        pg::retrying("capture_hold", || self.post(tenant, commands)).await
    }
}
