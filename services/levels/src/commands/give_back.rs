use ids::{EventId, TenantId, UserId};
use proto::common::v1::Position;
use proto::levels::v1::GiveBackResponse;
use requests::Request;
use service::Answer;
use time::OffsetDateTime;

use super::posting::{Named, Posting};
use crate::domain::account::Occasion;
use crate::domain::book::{AccountKey, Book};
use crate::domain::refusal::Refusal;
use crate::error::LevelsError;
use crate::{Levels, wire};

/// Gives captured points back.
#[derive(Debug, Clone)]
pub struct GiveBack {
    /// Makes it idempotent, for ever.
    pub request: Request,
    /// The user: a canonical id or an alias.
    pub user: UserId,
    /// The hold.
    pub hold: EventId,
    /// How much in all, at most what was captured.
    pub total: i64,
    /// Why.
    pub occasion: Occasion,
}

impl Posting for GiveBack {
    type Answer = GiveBackResponse;
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

    fn decide(&self, book: &mut Book<'_>, key: &AccountKey, at: OffsetDateTime) -> Result<GiveBackResponse, Refusal> {
        let (hold, available_after) = book.give_back(key, &self.hold, self.total, self.occasion.clone(), at)?;
        Ok(GiveBackResponse { hold: Some(wire::hold(&hold)), available_after, position: None })
    }

    fn place(answer: &mut GiveBackResponse, position: Position) {
        answer.position = Some(position);
    }
}

impl Levels {
    /// See `PointsService.GiveBack`: a batch of calls of one tenant, each with its own outcome.
    #[tracing::instrument(skip_all, fields(calls = commands.len()))]
    pub async fn give_back(
        &self,
        tenant: &TenantId,
        commands: &[GiveBack],
    ) -> Result<Vec<Result<Answer<GiveBackResponse>, LevelsError>>, LevelsError> {
        pg::retrying("give_back", || self.post(tenant, commands)).await
    }
}
