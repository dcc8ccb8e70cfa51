use ids::{Key, TenantId};
use proto::common::v1::Position;
use time::OffsetDateTime;

use super::point_type;
use crate::error::LevelsError;
use crate::store::total::Circulation;
use crate::{Levels, store};

impl Levels {
    /// See `PointsService.GetCirculation`.
    pub async fn circulation(
        &self,
        tenant: &TenantId,
        type_id: &Key,
        at: Option<OffsetDateTime>,
        at_least: &[Position],
    ) -> Result<Circulation, LevelsError> {
        let mut tx = self.core.read(tenant, at_least).await?;
        point_type(&mut tx, tenant, type_id).await?;
        let at = match at {
            Some(at) => at,
            None => pg::clock(&mut tx).await?,
        };
        let circulation = store::total::circulation(&mut tx, tenant, type_id.as_str(), at).await?;
        tx.rollback().await?;
        Ok(circulation)
    }
}
