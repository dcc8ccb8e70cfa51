use ids::{Key, TenantId, UserId};
use proto::common::v1::Position;
use service::Page;
use units::zone::Zone;

use super::{point_type, resolve};
use crate::domain::entry::{Entry, Filter};
use crate::error::LevelsError;
use crate::{Levels, store};

impl Levels {
    /// See `PointsService.ListEntries`: entries with a number below `before`, and the zone of the point type.
    pub async fn list_entries(
        &self,
        tenant: &TenantId,
        (user, type_id): (&UserId, &Key),
        filter: &Filter,
        before: Option<i64>,
        size: i64,
        at_least: &[Position],
    ) -> Result<(Page<Entry, i64>, Zone), LevelsError> {
        let mut tx = self.core.read(tenant, at_least).await?;
        let zone = point_type(&mut tx, tenant, type_id).await?.zone;
        let key = (resolve(&mut tx, tenant, user).await?, type_id.clone());
        let rows = store::entry::list(&mut tx, tenant, &key, filter, before.unwrap_or(i64::MAX), size + 1).await?;
        tx.rollback().await?;
        Ok((Page::of(rows, size, |entry| entry.seq), zone))
    }
}
