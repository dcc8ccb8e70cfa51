use ids::{TenantId, UserId};
use proto::incentives::v1::LiftPenaltyResponse;
use requests::Request;
use service::{Answer, earlier, refuse};

use crate::domain::campaign_refusal::CampaignRefusal as Refusal;
use crate::domain::penalty::Lifted;
use crate::error::CampaignError;
use crate::{Incentives, campaign_events, campaign_wire, store};

/// Ends a penalty now.
#[derive(Debug, Clone)]
pub struct LiftPenalty {
    /// Makes it idempotent.
    pub request: Request,
    /// The user: a canonical id or an alias.
    pub user: UserId,
    /// The penalty.
    pub id: String,
    /// Why, for staff only.
    pub reason: String,
    /// The subject of the caller's token.
    pub by: String,
}

impl Incentives {
    /// See `PenaltyService.LiftPenalty`.
    pub async fn lift_penalty(
        &self,
        tenant: &TenantId,
        command: &LiftPenalty,
    ) -> Result<Answer<LiftPenaltyResponse>, CampaignError> {
        pg::retrying("lift_penalty", || self.lift_penalty_once(tenant, command)).await
    }

    #[tracing::instrument(name = "lift_penalty", skip_all)]
    async fn lift_penalty_once(
        &self,
        tenant: &TenantId,
        command: &LiftPenalty,
    ) -> Result<Answer<LiftPenaltyResponse>, CampaignError> {
        let mut tx = self.core.write(tenant).await?;
        let user = mirror::resolve(&mut tx, tenant, [&command.user]).await?.meant(&command.user);
        store::penalty::lock(&mut tx, tenant, &user).await?;
        if let Some(answer) = earlier(&mut tx, tenant, &command.request).await? {
            return Ok(answer);
        }
        let at = self.core.decide(&mut tx, tenant).await?;
        let penalty_id = || command.id.clone();
        let mut penalty = match store::penalty::read(&mut tx, tenant, &user, &command.id).await? {
            Some(penalty) if penalty.holds(at) => penalty,
            Some(_) => {
                let refusal = Refusal::PenaltyOver { penalty_id: penalty_id() };
                return Err(refuse(tx, tenant, &command.request, refusal).await);
            }
            None => {
                let refusal = Refusal::PenaltyNotFound { penalty_id: penalty_id() };
                return Err(refuse(tx, tenant, &command.request, refusal).await);
            }
        };
        let lifted = Lifted { at, by: command.by.clone(), reason: command.reason.clone() };
        store::penalty::lift(&mut tx, tenant, (&user, &command.id), &lifted).await?;
        penalty.lifted = Some(lifted);
        let message = campaign_wire::penalty(&penalty);
        let draft = campaign_events::penalty_lifted(&user, &command.id, false, at);
        self.core
            .finish(tx, tenant, &command.request, (user.as_str(), &[draft]), |position| LiftPenaltyResponse {
                penalty: Some(message),
                position: Some(position),
            })
            .await
    }
}
