use ids::TenantId;
use pg::StoreError;

use crate::{Incentives, campaign_events, store};

/// Penalties told as over in one transaction.
const BATCH_MAX: i64 = 200;

impl Incentives {
    /// Tells of penalties whose time is over: restrictions end without it. Answers how many; more may be left.
    #[tracing::instrument(name = "end_penalties", skip_all, fields(tenant = %tenant))]
    pub(super) async fn end_penalties(&self, tenant: &TenantId) -> Result<u64, StoreError> {
        let mut tx = self.core.db.begin(tenant).await?;
        let at = pg::clock(&mut tx).await?;
        let ended = store::penalty::tell_ended(&mut tx, tenant, at, BATCH_MAX).await?;
        if ended.is_empty() {
            return Ok(0);
        }
        let drafts: Vec<_> =
            ended.iter().map(|(user, id, until)| campaign_events::penalty_lifted(user, id, true, *until)).collect();
        let positions = self.core.log.append(&mut tx, tenant, &drafts).await?;
        tx.commit().await?;
        self.core.log.wake(&positions);
        Ok(drafts.len() as u64)
    }
}
