use ids::{Key, TenantId, UserId};
use proto::common::v1::Position;
use proto::levels::v1::SpendResponse;
use requests::Request;
use service::Answer;
use time::OffsetDateTime;

use super::posting::{Named, Posting};
use crate::domain::account::Occasion;
use crate::domain::book::{AccountKey, Book};
use crate::domain::refusal::Refusal;
use crate::error::LevelsError;
use crate::{Levels, wire};

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
    type Answer = SpendResponse;
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

    fn decide(&self, book: &mut Book<'_>, key: &AccountKey, at: OffsetDateTime) -> Result<SpendResponse, Refusal> {
        let (entry, available_after) = book.spend(key, self.amount, self.occasion.clone(), at)?;
        Ok(SpendResponse { entry: Some(wire::entry(&entry)), available_after, position: None })
    }

    fn place(answer: &mut SpendResponse, position: Position) {
        answer.position = Some(position);
    }
}

impl Levels {
    /// See `PointsService.Spend`: a batch of calls of one tenant, each with its own outcome.
    #[tracing::instrument(skip_all, fields(calls = commands.len()))]
    pub async fn spend(
        &self,
        tenant: &TenantId,
        commands: &[Spend],
    ) -> Result<Vec<Result<Answer<SpendResponse>, LevelsError>>, LevelsError> {
        pg::retrying("spend", || self.post(tenant, commands)).await
    }
}
