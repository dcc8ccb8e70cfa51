use ids::{EventId, TenantId, UserId};
use proto::common::v1::Position;
use service::Page;
use time::OffsetDateTime;

use super::resolve;
use crate::domain::hold::{Hold, HoldState};
use crate::domain::refusal::Refusal;
use crate::error::LevelsError;
use crate::{Levels, store};

impl Levels {
    /// See `PointsService.GetHold`.
    pub async fn hold(
        &self,
        tenant: &TenantId,
        (user, id): (&UserId, &EventId),
        at_least: &[Position],
    ) -> Result<Hold, LevelsError> {
        let mut tx = self.core.read(tenant, at_least).await?;
        let user = resolve(&mut tx, tenant, user).await?;
        let found = store::hold::of_accounts(&mut tx, tenant, &[], &[(&user, id)]).await?.pop();
        let now = pg::clock(&mut tx).await?;
        tx.rollback().await?;
        let (_, hold) = found.ok_or_else(|| Refusal::HoldNotFound { hold_id: id.to_string() })?;
        Ok(hold.seen_at(now))
    }

    /// See `PointsService.ListHolds`: those opened before a place, in a state; `None`: in any.
    pub async fn list_holds(
        &self,
        tenant: &TenantId,
        (user, state): (&UserId, Option<HoldState>),
        before: Option<(OffsetDateTime, String)>,
        size: i64,
        at_least: &[Position],
    ) -> Result<Page<Hold, (OffsetDateTime, String)>, LevelsError> {
        let mut tx = self.core.read(tenant, at_least).await?;
        let user = resolve(&mut tx, tenant, user).await?;
        let now = pg::clock(&mut tx).await?;
        let before = before.as_ref().map(|(opened_at, id)| (*opened_at, id.as_str()));
        let seen = (state.map_or(0, HoldState::code), now);
        let rows = store::hold::list(&mut tx, tenant, &user, seen, before, size + 1).await?;
        tx.rollback().await?;
        let rows = rows.into_iter().map(|hold| hold.seen_at(now)).collect();
        Ok(Page::of(rows, size, |hold: &Hold| (hold.opened_at, hold.id.to_string())))
    }
}
