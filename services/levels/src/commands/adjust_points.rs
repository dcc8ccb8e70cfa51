use eventlog::derive;
use ids::{EventId, Key, TenantId, UserId};
use proto::levels::v1::AdjustPointsResponse;
use requests::{Encoded, Keep, Request};
use service::{Answer, Batch, Decided, decoded, only};

use super::adjustment::{Carried, accounts_of};
use crate::domain::adjustment::{Adjustment, AdjustmentState};
use crate::domain::book::AccountKey;
use crate::domain::refusal::Refusal;
use crate::error::LevelsError;
use crate::{Levels, store, wire};

/// Adds points or takes them by hand.
#[derive(Debug, Clone)]
pub struct AdjustPoints {
    /// Makes it idempotent, for ever.
    pub request: Request,
    /// The user: a canonical id or an alias.
    pub user: UserId,
    /// What is adjusted.
    pub point_type: Key,
    /// Positive: added.
    pub amount: i64,
    /// Why.
    pub reason: String,
    /// The subject of the caller's token.
    pub subject: String,
}

impl AdjustPoints {
    /// The id of the adjustment: made from what makes the request what it is.
    pub fn adjustment_id(&self) -> EventId {
        adjustment_id(&self.request.user, self.request.id.as_str())
    }
}

/// The id of the adjustment that a request asks for. `user` as the caller named it.
pub fn adjustment_id(user: &str, request_id: &str) -> EventId {
    derive(user, &format!("adjustment/{request_id}"), 0)
}

impl Levels {
    /// See `AdjustmentService.AdjustPoints`.
    pub async fn adjust_points(
        &self,
        tenant: &TenantId,
        command: &AdjustPoints,
    ) -> Result<Answer<AdjustPointsResponse>, LevelsError> {
        pg::retrying("adjust_points", || self.adjust_points_once(tenant, command)).await
    }

    #[tracing::instrument(name = "adjust_points", skip_all)]
    async fn adjust_points_once(
        &self,
        tenant: &TenantId,
        command: &AdjustPoints,
    ) -> Result<Answer<AdjustPointsResponse>, LevelsError> {
        let mut tx = self.core.write(tenant).await?;
        let user = mirror::resolve(&mut tx, tenant, [&command.user]).await?.meant(&command.user);
        let key: AccountKey = (user.clone(), command.point_type.clone());
        let programme = self.programme.held(&mut tx, tenant).await?;
        let accounts = accounts_of(&mut tx, tenant, &programme, &key).await?;
        let batch = Batch::<Encoded, Refusal>::look_up(&mut tx, tenant, vec![&command.request]).await?;
        if batch.open().is_empty() {
            return decoded(only(batch.outcomes())?);
        }
        let clock = self.programme.decide(&self.core, &mut tx, tenant, &programme).await?;
        let mut adjustment = Adjustment {
            id: command.adjustment_id(),
            user: user.clone(),
            point_type: command.point_type.clone(),
            amount: command.amount,
            reason: command.reason.clone(),
            state: AdjustmentState::Proposed,
            requested_by: command.subject.clone(),
            decided_by: String::new(),
            note: String::new(),
            entry_seq: 0,
            created_at: clock,
            decided_at: None,
        };
        let limit = programme.types.get(&key.1).map(|point_type| point_type.adjustment_limit);
        let carried = match limit {
            Some(limit) if command.amount.abs() > limit => Carried::nothing(&adjustment),
            _ => {
                let how = (&*programme, &key, command.subject.as_str());
                self.carry_out(&mut tx, tenant, how, accounts, &mut adjustment, clock).await?
            }
        };
        if carried.outcome.is_ok() {
            store::adjustment::put(&mut tx, tenant, &adjustment).await?;
        }
        let decided = Decided { user, drafts: carried.drafts, outcome: carried.outcome };
        let answer = |_, (), position| {
            let adjustment = Some(wire::adjustment(&adjustment));
            Encoded::of(&AdjustPointsResponse { adjustment, position: Some(position) })
        };
        let outcomes = batch.finish(&self.core, tx, tenant, Keep::Forever, vec![decided], answer).await?;
        decoded(only(outcomes)?)
    }
}
