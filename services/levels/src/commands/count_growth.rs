use ids::TenantId;
use time::Duration;

use crate::Levels;
use crate::error::LevelsError;
use crate::store;

impl Levels {
    /// Counts how the growth of a tenant's users is spread, where that was done too long ago. Several replicas may come by at
    /// once: one counts.
    #[tracing::instrument(name = "count_growth", skip_all, fields(tenant = %tenant))]
    pub(super) async fn count_growth(&self, tenant: &TenantId) -> Result<(), LevelsError> {
        let mut tx = self.core.db.begin(tenant).await?;
        let clock = pg::clock(&mut tx).await?;
        let every = Duration::try_from(self.settings.growth_count_every()).unwrap_or(Duration::MAX);
        let counted = store::growth::counted(&mut tx, tenant).await?;
        let due = counted.is_none_or(|counted| clock - counted.at >= every);
        if due && store::growth::try_lock(&mut tx, tenant).await? {
            store::growth::count(&mut tx, tenant, clock).await?;
            tx.commit().await?;
        }
        Ok(())
    }
}
