use ids::{Key, TenantId, UserId};
use proto::common::v1::Position;
use service::Page;

use super::{resolve, scheme};
use crate::domain::level_act::LevelAct;
use crate::error::LevelsError;
use crate::{Levels, store};

impl Levels {
    /// See `LevelGrantService.ListLevelActs`: acts with a number below `before`.
    pub async fn list_level_acts(
        &self,
        tenant: &TenantId,
        (user, scheme_id): (&UserId, &Key),
        before: Option<i64>,
        size: i64,
        at_least: &[Position],
    ) -> Result<Page<LevelAct, i64>, LevelsError> {
        let mut tx = self.core.read(tenant, at_least).await?;
        let scheme = scheme(&mut tx, tenant, scheme_id).await?;
        let user = resolve(&mut tx, tenant, user).await?;
        let before = before.unwrap_or(i64::MAX);
        let rows = store::level_act::list(&mut tx, tenant, (&scheme.id, &user), before, size + 1).await?;
        tx.rollback().await?;
        Ok(Page::of(rows, size, |it| it.seq))
    }
}
