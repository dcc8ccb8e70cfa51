use ids::{Key, TenantId};
use proto::incentives::v1::{CampaignChanged, SaveCampaignResponse};
use requests::Request;
use service::{Answer, earlier, refuse};

use super::coupon_rewards;
use crate::domain::campaign::{Definition, Standing};
use crate::domain::campaign_refusal::CampaignRefusal as Refusal;
use crate::error::CampaignError;
use crate::store::campaign::Saved;
use crate::{Incentives, campaign_events, campaign_wire, store};

/// Saves a version of a campaign that has been compiled once, so that it is known to be readable.
#[derive(Debug, Clone)]
pub struct SaveCampaign {
    /// Makes it idempotent.
    pub request: Request,
    /// The campaign.
    pub id: Key,
    /// What it says.
    pub definition: Definition,
    /// The etag that was read; empty: not checked.
    pub etag: String,
    /// The subject of the caller's token.
    pub author: String,
}

impl Incentives {
    /// See `CampaignService.SaveCampaign`.
    pub async fn save_campaign(
        &self,
        tenant: &TenantId,
        command: &SaveCampaign,
    ) -> Result<Answer<SaveCampaignResponse>, CampaignError> {
        pg::retrying("save_campaign", || self.save_campaign_once(tenant, command)).await
    }

    #[tracing::instrument(name = "save_campaign", skip_all, fields(campaign = %command.id))]
    async fn save_campaign_once(
        &self,
        tenant: &TenantId,
        command: &SaveCampaign,
    ) -> Result<Answer<SaveCampaignResponse>, CampaignError> {
        let mut tx = self.core.write(tenant).await?;
        store::campaign::lock_id(&mut tx, tenant, &command.id).await?;
        if let Some(answer) = earlier(&mut tx, tenant, &command.request).await? {
            return Ok(answer);
        }
        let at = self.core.decide(&mut tx, tenant).await?;
        let before = store::campaign::read(&mut tx, tenant, command.id.as_str()).await?;
        if let Some(refusal) = refuses(&mut tx, tenant, command, before.as_ref()).await? {
            return Err(refuse(tx, tenant, &command.request, refusal).await);
        }
        if before.is_none() {
            store::campaign::open(&mut tx, tenant, &command.id).await?;
        }
        let saved = Saved {
            id: command.id.clone(),
            version: before.as_ref().map_or(1, |it| it.version + 1),
            definition: command.definition.clone(),
            author: command.author.clone(),
            save_time: before.as_ref().map_or(at, |it| it.save_time.max(at)),
            turn: before.as_ref().and_then(|it| it.turn.clone()),
            approved: before.and_then(|it| it.approved),
        };
        store::campaign::insert(&mut tx, tenant, &saved).await?;
        let message = campaign_wire::campaign(&saved, at);
        let told = CampaignChanged { campaign: Some(message.clone()) };
        let draft = campaign_events::changed(&command.request, &told, at);
        self.core
            .finish(tx, tenant, &command.request, ("", &[draft]), |position| SaveCampaignResponse {
                campaign: Some(message),
                position: Some(position),
            })
            .await
    }
}

async fn refuses(
    tx: &mut pg::Tx,
    tenant: &TenantId,
    command: &SaveCampaign,
    before: Option<&Saved>,
) -> Result<Option<Refusal>, CampaignError> {
    let etag = before.map(campaign_wire::campaign_etag).unwrap_or_default();
    if !command.etag.is_empty() && command.etag != etag {
        return Ok(Some(Refusal::EtagMismatch { etag }));
    }
    if before.and_then(|it| it.turn.as_ref()).is_some_and(|turn| turn.standing == Standing::Ended) {
        return Ok(Some(Refusal::CampaignEnded { campaign_id: command.id.to_string() }));
    }
    Ok(coupon_rewards::template_missing(tx, tenant, &command.definition).await?)
}
