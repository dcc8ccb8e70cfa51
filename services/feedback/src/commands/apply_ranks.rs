use std::collections::BTreeMap;

use eventlog::{ApplyError, Consume, Draft};
use ids::{TenantId, UserId};
use pg::Tx;
use proto::events::v1::Event;

use crate::{events, store};

/// Learns from levels' log which level users hold.
#[derive(Debug, Clone, Copy)]
pub struct RankConsumer;

impl Consume for RankConsumer {
    fn name(&self) -> &'static str {
        "rank"
    }

    fn source(&self) -> &'static str {
        "levels"
    }

    fn types(&self) -> &'static [&'static str] {
        &["level.moved"]
    }

    async fn apply(&self, tx: &mut Tx, tenant: &TenantId, told: &[Event]) -> Result<Vec<Draft>, ApplyError> {
        let mut moved = Vec::with_capacity(told.len());
        for (index, event) in told.iter().enumerate() {
            let rank = events::rank(event).map_err(|reason| ApplyError::Event { index, reason })?;
            if let Some(rank) = rank {
                moved.push((user_of(event, index)?, rank));
            }
        }
        let aliases = mirror::resolve(tx, tenant, moved.iter().map(|(user, _)| user)).await?;
        // of several moves of a user the last counts
        let ranks: BTreeMap<UserId, i16> = moved.iter().map(|(user, rank)| (aliases.meant(user), *rank)).collect();
        let ranks: Vec<_> = ranks.iter().map(|(user, rank)| (user, *rank)).collect();
        store::standing::write_rank(tx, tenant, &ranks).await?;
        Ok(Vec::new())
    }
}

/// The user that an event is about.
pub(super) fn user_of(event: &Event, index: usize) -> Result<UserId, ApplyError> {
    UserId::new(event.user_id.as_str()).map_err(|fault| ApplyError::Event { index, reason: format!("user_id {fault}") })
}
