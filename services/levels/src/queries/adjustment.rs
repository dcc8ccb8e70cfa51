use ids::{EventId, TenantId};
use proto::common::v1::Position;
use service::Page;
use time::OffsetDateTime;
use time::macros::datetime;

use crate::domain::adjustment::{Adjustment, AdjustmentState};
use crate::domain::refusal::Refusal;
use crate::error::LevelsError;
use crate::{Levels, store};

/// After all adjustments.
const END: OffsetDateTime = datetime!(9999-12-31 0:00 UTC);

impl Levels {
    /// See `AdjustmentService.GetAdjustment`.
    pub async fn adjustment(
        &self,
        tenant: &TenantId,
        id: &EventId,
        at_least: &[Position],
    ) -> Result<Adjustment, LevelsError> {
        let mut tx = self.core.read(tenant, at_least).await?;
        let found = store::adjustment::read(&mut tx, tenant, id).await?;
        tx.rollback().await?;
        found.ok_or_else(|| Refusal::AdjustmentNotFound { adjustment_id: id.to_string() }.into())
    }

    /// See `AdjustmentService.ListAdjustments`: those before a place, in a state; `None`: in any.
    pub async fn list_adjustments(
        &self,
        tenant: &TenantId,
        state: Option<AdjustmentState>,
        before: Option<(OffsetDateTime, String)>,
        size: i64,
        at_least: &[Position],
    ) -> Result<Page<Adjustment, (OffsetDateTime, String)>, LevelsError> {
        let mut tx = self.core.read(tenant, at_least).await?;
        let before = before.as_ref().map_or((END, ""), |(at, id)| (*at, id.as_str()));
        let rows = match state {
            Some(state) => store::adjustment::list_in(&mut tx, tenant, state, before, size + 1).await?,
            None => store::adjustment::list(&mut tx, tenant, before, size + 1).await?,
        };
        tx.rollback().await?;
        Ok(Page::of(rows, size, |it: &Adjustment| (it.created_at, it.id.to_string())))
    }
}
