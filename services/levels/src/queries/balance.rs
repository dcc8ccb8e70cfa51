use ids::{Key, TenantId, UserId};
use proto::common::v1::Position;
use time::OffsetDateTime;

use super::{account_with_holds, point_type, resolve};
use crate::domain::balance::{Balance, balance};
use crate::error::LevelsError;
use crate::{Levels, store};

/// Dates of expiry that a balance lists.
const EXPIRING_MAX: usize = 31;

impl Levels {
    /// See `PointsService.GetBalance`. As of a past time, what lapsed since and is booked counts as still there, so that
    /// the answer does not depend on when a lapse is booked.
    pub async fn balance(
        &self,
        tenant: &TenantId,
        (user, type_id): (&UserId, &Key),
        at: Option<OffsetDateTime>,
        at_least: &[Position],
    ) -> Result<Balance, LevelsError> {
        let mut tx = self.core.read(tenant, at_least).await?;
        let point_type = point_type(&mut tx, tenant, type_id).await?;
        let key = (resolve(&mut tx, tenant, user).await?, type_id.clone());
        let (account, holds) = account_with_holds(&mut tx, tenant, &key).await?;
        let now = pg::clock(&mut tx).await?;
        let lapsed = match at {
            Some(at) if account.decided_at.is_some() => store::entry::lapsed_after(&mut tx, tenant, &key, at).await?,
            _ => Vec::new(),
        };
        tx.rollback().await?;
        let mut balance = balance(&point_type, &key, (account, holds), lapsed, (at.unwrap_or(now), now));
        balance.expiring.truncate(EXPIRING_MAX);
        Ok(balance)
    }
}
