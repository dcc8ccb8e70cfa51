use ids::{TenantId, UserId};
use proto::common::v1::Position;
use service::Page;
use time::OffsetDateTime;

use crate::domain::penalty::{Penalty, Restriction, restrictions};
use crate::error::CampaignError;
use crate::store::penalty::NoticeKey;
use crate::{Incentives, store};

/// Restrictions that are told where none was asked for.
const RESTRICTIONS_MAX: usize = 200;

impl Incentives {
    /// See `PenaltyService.ListPenalties`: those before a key.
    pub async fn list_penalties(
        &self,
        tenant: &TenantId,
        user: &UserId,
        before: Option<&(OffsetDateTime, String)>,
        size: i64,
        at_least: &[Position],
    ) -> Result<Page<Penalty, (OffsetDateTime, String)>, CampaignError> {
        let mut tx = self.core.read(tenant, at_least).await?;
        let user = mirror::resolve(&mut tx, tenant, [user]).await?.meant(user);
        let rows = store::penalty::list(&mut tx, tenant, &user, before, size + 1).await?;
        tx.rollback().await?;
        Ok(Page::of(rows, size, |it| (it.imposed_at, it.id.clone())))
    }

    /// See `PenaltyService.ListPublicNotices`: those before a key.
    pub async fn list_notices(
        &self,
        tenant: &TenantId,
        before: Option<&NoticeKey>,
        size: i64,
    ) -> Result<Page<Penalty, NoticeKey>, CampaignError> {
        let mut tx = self.core.read(tenant, &[]).await?;
        let rows = store::penalty::notices(&mut tx, tenant, before, size + 1).await?;
        tx.rollback().await?;
        Ok(Page::of(rows, size, |it| (it.imposed_at, it.user.to_string(), it.id.clone())))
    }

    /// See `PenaltyService.CheckRestrictions`: by the clock, whether or not an end was booked.
    pub async fn check_restrictions(
        &self,
        tenant: &TenantId,
        user: &UserId,
        names: &[String],
        at_least: &[Position],
    ) -> Result<Vec<Restriction>, CampaignError> {
        let mut tx = self.core.read(tenant, at_least).await?;
        let user = mirror::resolve(&mut tx, tenant, [user]).await?.meant(user);
        let at = pg::clock(&mut tx).await?;
        let penalties = store::penalty::holding(&mut tx, tenant, &user, at).await?;
        tx.rollback().await?;
        Ok(restrictions(names, &penalties, at, RESTRICTIONS_MAX))
    }
}
