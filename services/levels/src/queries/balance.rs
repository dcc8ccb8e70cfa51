use std::collections::BTreeMap;

use ids::{Key, TenantId, UserId};
use proto::common::v1::Position;
use time::OffsetDateTime;

use super::{point_type, resolve};
use crate::error::LevelsError;
use crate::{Levels, store};

/// Dates of expiry that a balance lists.
const EXPIRING_MAX: usize = 31;

/// What a user has of one point type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Balance {
    /// What can be spent.
    pub available: i64,
    /// Owed after reversals of spent points.
    pub debt: i64,
    /// The measure of levels.
    pub growth: i64,
    /// What lapses next, soonest first.
    pub expiring: Vec<(OffsetDateTime, i64)>,
}

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
        point_type(&mut tx, tenant, type_id).await?;
        let key = (resolve(&mut tx, tenant, user).await?, type_id.clone());
        let account = store::account::read(&mut tx, tenant, &key).await?;
        let undone = match at {
            Some(at) if account.decided_at.is_some() => store::entry::lapsed_after(&mut tx, tenant, &key, at).await?,
            _ => Vec::new(),
        };
        let at = match at {
            Some(at) => at,
            None => pg::clock(&mut tx).await?,
        };
        tx.rollback().await?;
        let mut expiring: BTreeMap<OffsetDateTime, i64> = account.lots.expiring(at).into_iter().collect();
        let lapsed_later: i64 = undone.iter().map(|(_, points)| points).sum();
        for (date, points) in undone {
            *expiring.entry(date).or_default() += points;
        }
        Ok(Balance {
            available: (account.lots.available(at) + lapsed_later - account.debt).max(0),
            debt: account.debt,
            growth: account.growth,
            expiring: expiring.into_iter().take(EXPIRING_MAX).collect(),
        })
    }
}
