use ids::{Key, TenantId};
use proto::incentives::v1 as pb;
use service::Page;

use crate::domain::campaign_refusal::CampaignRefusal as Refusal;
use crate::error::CampaignError;
use crate::{Incentives, campaign_wire, store};

impl Incentives {
    /// See `CampaignService.GetCampaign`.
    pub async fn campaign(&self, tenant: &TenantId, id: &Key) -> Result<pb::Campaign, CampaignError> {
        let mut tx = self.core.read(tenant, &[]).await?;
        let now = pg::clock(&mut tx).await?;
        let found = store::campaign::read(&mut tx, tenant, id.as_str()).await?;
        tx.rollback().await?;
        match found {
            Some(found) => Ok(campaign_wire::campaign(&found, now)),
            None => Err(Refusal::CampaignNotFound { campaign_id: id.to_string() }.into()),
        }
    }

    /// See `CampaignService.ListCampaigns`: those after an id.
    pub async fn list_campaigns(
        &self,
        tenant: &TenantId,
        after: &str,
        size: i64,
    ) -> Result<Page<pb::Campaign, String>, CampaignError> {
        let mut tx = self.core.read(tenant, &[]).await?;
        let now = pg::clock(&mut tx).await?;
        let rows = store::campaign::list(&mut tx, tenant, after, size + 1).await?;
        tx.rollback().await?;
        let campaigns = rows.iter().map(|it| campaign_wire::campaign(it, now)).collect();
        Ok(Page::of(campaigns, size, |it: &pb::Campaign| it.campaign_id.clone()))
    }

    /// See `CampaignService.GetCampaignSettings`.
    pub async fn campaign_settings(&self, tenant: &TenantId) -> Result<pb::CampaignSettings, CampaignError> {
        let mut tx = self.core.read(tenant, &[]).await?;
        let setting = store::campaign::setting(&mut tx, tenant).await?;
        tx.rollback().await?;
        Ok(campaign_wire::setting(&setting))
    }
}
