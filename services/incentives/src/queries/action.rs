use ids::TenantId;
use service::Page;

use crate::domain::action::{Action, Gaps};
use crate::error::CampaignError;
use crate::{Incentives, store};

/// Actions that a gap report looks at.
const REPORTED_MAX: i64 = 1_000;

impl Incentives {
    /// See `ActionService.ListActions`: those after an id.
    pub async fn list_actions(
        &self,
        tenant: &TenantId,
        after: &str,
        size: i64,
    ) -> Result<Page<Action, String>, CampaignError> {
        let mut tx = self.core.read(tenant, &[]).await?;
        let rows = store::action::list(&mut tx, tenant, after, size + 1).await?;
        tx.rollback().await?;
        Ok(Page::of(rows, size, |it| it.id.to_string()))
    }

    /// See `ActionService.GetGapReport`.
    pub async fn gap_report(&self, tenant: &TenantId) -> Result<Gaps, CampaignError> {
        let mut tx = self.core.read(tenant, &[]).await?;
        let actions = store::action::list(&mut tx, tenant, "", REPORTED_MAX).await?;
        let events = store::action::campaign_events(&mut tx, tenant).await?;
        let harmful: Vec<&str> = actions.iter().filter(|it| it.harmful).map(|it| it.id.as_str()).collect();
        let penalised = store::action::penalised(&mut tx, tenant, &harmful).await?;
        tx.rollback().await?;
        Ok(Gaps::of(&actions, &events, &penalised))
    }
}
