use ids::{EventId, TenantId};
use proto::common::v1::Position;
use proto::levels::v1 as pb;
use requests::{Encoded, Keep, Request};
use service::{Answer, Batch, Decided, decoded, only};

use super::adjustment::{Carried, accounts_of};
use crate::domain::book::AccountKey;
use crate::domain::refusal::Refusal;
use crate::error::LevelsError;
use crate::{Levels, store, wire};

/// What is decided of an adjustment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is carried out.
    Approve,
    /// It is not; with the reason.
    Reject(String),
}

/// Approves an adjustment, or rejects it.
#[derive(Debug, Clone)]
pub struct DecideAdjustment {
    /// Makes it idempotent, for ever.
    pub request: Request,
    /// The adjustment.
    pub id: EventId,
    /// What is decided.
    pub verdict: Verdict,
    /// The subject of the caller's token.
    pub subject: String,
}

/// The answers to both decisions.
pub trait AdjustmentAnswer: prost::Message + Default {
    /// Of the adjustment and the place in the log.
    fn of(adjustment: pb::Adjustment, position: Position) -> Self;
}

impl AdjustmentAnswer for pb::ApproveAdjustmentResponse {
    fn of(adjustment: pb::Adjustment, position: Position) -> Self {
        Self { adjustment: Some(adjustment), position: Some(position) }
    }
}

impl AdjustmentAnswer for pb::RejectAdjustmentResponse {
    fn of(adjustment: pb::Adjustment, position: Position) -> Self {
        Self { adjustment: Some(adjustment), position: Some(position) }
    }
}

impl Levels {
    /// See `AdjustmentService.ApproveAdjustment` and `RejectAdjustment`.
    pub async fn decide_adjustment<A: AdjustmentAnswer>(
        &self,
        tenant: &TenantId,
        command: &DecideAdjustment,
    ) -> Result<Answer<A>, LevelsError> {
        pg::retrying("decide_adjustment", || self.decide_adjustment_once(tenant, command)).await
    }

    #[tracing::instrument(name = "decide_adjustment", skip_all, fields(adjustment = %command.id))]
    async fn decide_adjustment_once<A: AdjustmentAnswer>(
        &self,
        tenant: &TenantId,
        command: &DecideAdjustment,
    ) -> Result<Answer<A>, LevelsError> {
        let mut tx = self.core.write(tenant).await?;
        let found = store::adjustment::lock(&mut tx, tenant, &command.id).await?;
        let batch = Batch::<Encoded, Refusal>::look_up(&mut tx, tenant, vec![&command.request]).await?;
        if batch.open().is_empty() {
            return decoded(only(batch.outcomes())?);
        }
        let Some(mut adjustment) = found else {
            let refusal = Refusal::AdjustmentNotFound { adjustment_id: command.id.to_string() };
            return Err(service::refuse(tx, tenant, &command.request, refusal).await);
        };
        let user = mirror::resolve(&mut tx, tenant, [&adjustment.user]).await?.meant(&adjustment.user);
        let key: AccountKey = (user.clone(), adjustment.point_type.clone());
        let programme = self.programme.held(&mut tx, tenant).await?;
        let accounts = accounts_of(&mut tx, tenant, &programme, &key).await?;
        let clock = self.programme.decide(&self.core, &mut tx, tenant, &programme).await?;
        let carried = match &command.verdict {
            Verdict::Approve => match adjustment.refuse_approval(&command.subject) {
                Ok(()) => {
                    let how = (&*programme, &key, command.subject.as_str());
                    self.carry_out(&mut tx, tenant, how, accounts, &mut adjustment, clock).await?
                }
                Err(refusal) => Carried { outcome: Err(refusal), drafts: Vec::new() },
            },
            Verdict::Reject(note) => match adjustment.reject(&command.subject, note, clock) {
                Ok(()) => Carried::nothing(&adjustment),
                Err(refusal) => Carried { outcome: Err(refusal), drafts: Vec::new() },
            },
        };
        if carried.outcome.is_ok() {
            store::adjustment::put(&mut tx, tenant, &adjustment).await?;
        }
        let decided = Decided { user, drafts: carried.drafts, outcome: carried.outcome };
        let answer = |_, (), position| Encoded::of(&A::of(wire::adjustment(&adjustment), position));
        let outcomes = batch.finish(&self.core, tx, tenant, Keep::Forever, vec![decided], answer).await?;
        decoded(only(outcomes)?)
    }
}
