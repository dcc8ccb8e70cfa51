use ids::TenantId;
use proto::incentives::v1::{ActionChanged, PutActionResponse};
use requests::Request;
use service::{Answer, earlier, refuse};

use crate::domain::action::Action;
use crate::domain::campaign_refusal::CampaignRefusal as Refusal;
use crate::error::CampaignError;
use crate::{Incentives, campaign_events, campaign_wire, store};

/// Adds an action to the catalogue, or replaces it.
#[derive(Debug, Clone)]
pub struct PutAction {
    /// Makes it idempotent.
    pub request: Request,
    /// The action; its revision is set here.
    pub action: Action,
    /// The etag that was read; empty: not checked.
    pub etag: String,
}

impl Incentives {
    /// See `ActionService.PutAction`.
    pub async fn put_action(
        &self,
        tenant: &TenantId,
        command: &PutAction,
    ) -> Result<Answer<PutActionResponse>, CampaignError> {
        pg::retrying("put_action", || self.put_action_once(tenant, command)).await
    }

    #[tracing::instrument(name = "put_action", skip_all, fields(action = %command.action.id))]
    async fn put_action_once(
        &self,
        tenant: &TenantId,
        command: &PutAction,
    ) -> Result<Answer<PutActionResponse>, CampaignError> {
        let mut tx = self.core.write(tenant).await?;
        store::action::lock(&mut tx, tenant, &command.action.id).await?;
        if let Some(answer) = earlier(&mut tx, tenant, &command.request).await? {
            return Ok(answer);
        }
        let at = self.core.decide(&mut tx, tenant).await?;
        let before = store::action::read(&mut tx, tenant, &command.action.id).await?.map_or(0, |it| it.revision);
        let etag = before.to_string();
        if !command.etag.is_empty() && command.etag != etag {
            return Err(refuse(tx, tenant, &command.request, Refusal::EtagMismatch { etag }).await);
        }
        let action = Action { revision: before + 1, ..command.action.clone() };
        store::action::write(&mut tx, tenant, &action).await?;
        let message = campaign_wire::action(&action);
        let told = ActionChanged { action: Some(message.clone()) };
        let draft = campaign_events::changed(&command.request, &told, at);
        self.core
            .finish(tx, tenant, &command.request, ("", &[draft]), |position| PutActionResponse {
                action: Some(message),
                position: Some(position),
            })
            .await
    }
}
