use std::collections::BTreeSet;

use ids::{TenantId, UserId};
use pg::Tx;
use proto::common::v1::Position;
use service::{Core, Gather, Page};
use time::OffsetDateTime;

use crate::domain::campaign_refusal::CampaignRefusal;
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
}

/// What somebody may not do now.
#[derive(Debug, Clone)]
pub struct AskedRestrictions {
    /// The user: a canonical id or an alias.
    pub user: UserId,
    /// Of these; all that holds where there are none.
    pub names: Vec<String>,
}

/// See `PenaltyService.CheckRestrictions`: by the clock, whether or not an end was booked.
impl Gather<AskedRestrictions> for Incentives {
    type Answer = Vec<Restriction>;
    type Refusal = CampaignRefusal;

    fn core(&self) -> &Core {
        &self.core
    }

    async fn gather(
        &self,
        tx: &mut Tx,
        tenant: &TenantId,
        asked: &[AskedRestrictions],
    ) -> Result<Vec<Result<Vec<Restriction>, CampaignError>>, CampaignError> {
        let aliases = mirror::resolve(tx, tenant, asked.iter().map(|it| &it.user)).await?;
        let users: BTreeSet<UserId> = asked.iter().map(|it| aliases.meant(&it.user)).collect();
        let at = pg::clock(tx).await?;
        let penalties = store::penalty::holding(tx, tenant, &users, at).await?;
        let none = Vec::new();
        let answer = |it: &AskedRestrictions| {
            let penalties = penalties.get(&aliases.meant(&it.user)).unwrap_or(&none);
            Ok(restrictions(&it.names, penalties, at, RESTRICTIONS_MAX))
        };
        Ok(asked.iter().map(answer).collect())
    }
}
