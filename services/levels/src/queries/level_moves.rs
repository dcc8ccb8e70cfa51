use ids::{Key, TenantId, UserId};
use proto::common::v1::Position;
use service::Page;

use super::{resolve, scheme};
use crate::domain::member::LevelMove;
use crate::error::LevelsError;
use crate::{Levels, store};

impl Levels {
    /// See `LevelService.ListLevelMoves`: moves with a number below `before`.
    pub async fn list_level_moves(
        &self,
        tenant: &TenantId,
        (user, scheme_id): (&UserId, &Key),
        before: Option<i64>,
        size: i64,
        at_least: &[Position],
    ) -> Result<Page<LevelMove, i64>, LevelsError> {
        let mut tx = self.core.read(tenant, at_least).await?;
        let scheme = scheme(&mut tx, tenant, scheme_id).await?;
        let user = resolve(&mut tx, tenant, user).await?;
        let before = before.unwrap_or(i64::MAX);
        let rows = store::level_move::list(&mut tx, tenant, (&user, &scheme.id), before, size + 1).await?;
        tx.rollback().await?;
        Ok(Page::of(rows, size, |it| it.seq))
    }
}
