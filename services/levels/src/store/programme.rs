//! The programme as every call needs it.

use ids::TenantId;
use pg::{StoreError, Tx};
use service::Published;

use super::{badge, benefit, leaderboard, point_type, quest, scheme, streak};
use crate::domain::book::Programme;

impl Published for Programme {
    async fn load(tx: &mut Tx, tenant: &TenantId) -> Result<Self, StoreError> {
        Ok(Self {
            types: point_type::all(tx, tenant).await?,
            schemes: scheme::all(tx, tenant).await?,
            benefits: benefit::all(tx, tenant).await?,
            leaderboards: leaderboard::all(tx, tenant).await?,
            quests: quest::all(tx, tenant).await?,
            badges: badge::all(tx, tenant).await?,
            streaks: streak::all(tx, tenant).await?,
        })
    }
}
