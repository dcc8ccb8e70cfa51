use ids::TenantId;
use proto::incentives::v1::{CampaignSettingsChanged, UpdateCampaignSettingsResponse};
use requests::Request;
use service::{Answer, earlier, refuse};

use crate::domain::campaign::Setting;
use crate::domain::campaign_refusal::CampaignRefusal as Refusal;
use crate::error::CampaignError;
use crate::{Incentives, campaign_events, campaign_wire, store};

/// Replaces what holds for all campaigns.
#[derive(Debug, Clone)]
pub struct UpdateCampaignSettings {
    /// Makes it idempotent.
    pub request: Request,
    /// The new values; its revision is set here.
    pub setting: Setting,
    /// The etag that was read; empty: not checked.
    pub etag: String,
}

impl Incentives {
    /// See `CampaignService.UpdateCampaignSettings`.
    pub async fn update_campaign_settings(
        &self,
        tenant: &TenantId,
        command: &UpdateCampaignSettings,
    ) -> Result<Answer<UpdateCampaignSettingsResponse>, CampaignError> {
        pg::retrying("update_campaign_settings", || self.update_campaign_settings_once(tenant, command)).await
    }

    #[tracing::instrument(name = "update_campaign_settings", skip_all)]
    async fn update_campaign_settings_once(
        &self,
        tenant: &TenantId,
        command: &UpdateCampaignSettings,
    ) -> Result<Answer<UpdateCampaignSettingsResponse>, CampaignError> {
        let mut tx = self.core.write(tenant).await?;
        store::campaign::lock_setting(&mut tx, tenant).await?;
        if let Some(answer) = earlier(&mut tx, tenant, &command.request).await? {
            return Ok(answer);
        }
        let at = self.core.decide(&mut tx, tenant).await?;
        let before = store::campaign::setting(&mut tx, tenant).await?;
        let etag = before.revision.to_string();
        if !command.etag.is_empty() && command.etag != etag {
            return Err(refuse(tx, tenant, &command.request, Refusal::EtagMismatch { etag }).await);
        }
        let setting = Setting { revision: before.revision + 1, ..command.setting };
        store::campaign::write_setting(&mut tx, tenant, setting).await?;
        let message = campaign_wire::setting(&setting);
        let told = CampaignSettingsChanged { settings: Some(message.clone()) };
        let draft = campaign_events::changed(&command.request, &told, at);
        self.core
            .finish(tx, tenant, &command.request, ("", &[draft]), |position| UpdateCampaignSettingsResponse {
                settings: Some(message),
                position: Some(position),
            })
            .await
    }
}
