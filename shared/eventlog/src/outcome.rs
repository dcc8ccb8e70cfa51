use ids::TenantId;
use pg::{StoreError, Tx};
use proto::common::v1::Position;
use proto::events::v1::{GetOutcomeResponse, OutcomeState};

use crate::Log;
use crate::envelope::EventRow;

const EVENTS_MAX: i64 = 200;

impl Log {
    /// What became of an event of a tenant in this service.
    pub(crate) async fn outcome(
        &self,
        tenant: &TenantId,
        event_id: &str,
        position: Option<&Position>,
    ) -> Result<GetOutcomeResponse, StoreError> {
        // before the events: what it led to is committed with the cursor
        let passed = match position {
            Some(position) if position.source != self.source() => {
                self.consumes(&position.source).await? && self.not_applied(&[position]).await?.is_none()
            }
            _ => false,
        };
        let mut tx = self.db.begin(tenant).await?;
        let set_aside_reason = set_aside(&mut tx, tenant, event_id).await?;
        let epoch = sqlx::query_scalar!("select epoch from log_epoch").fetch_one(&mut *tx).await?;
        let rows = led_to(&mut tx, tenant, event_id).await?;
        tx.rollback().await?;
        let state = match &set_aside_reason {
            Some(_) => OutcomeState::SetAside,
            None if passed || !rows.is_empty() => OutcomeState::Applied,
            None => OutcomeState::Pending,
        };
        Ok(GetOutcomeResponse {
            state: state.into(),
            events: rows.into_iter().map(|row| row.into_event(epoch)).collect(),
            set_aside_reason: set_aside_reason.unwrap_or_default(),
        })
    }
}

/// Why the event, or one of its chain, is set aside.
async fn set_aside(tx: &mut Tx, tenant: &TenantId, event_id: &str) -> Result<Option<String>, StoreError> {
    let reason = sqlx::query_scalar!(
        "select reason from dead_letter
         where tenant_id = $1 and (event_id = $2 or root_event_id = $2)
         order by (event_id = $2) desc, parked_at limit 1",
        tenant.as_str(),
        event_id,
    );
    Ok(reason.fetch_optional(&mut **tx).await?)
}

async fn led_to(tx: &mut Tx, tenant: &TenantId, event_id: &str) -> Result<Vec<EventRow>, StoreError> {
    let rows = sqlx::query_as!(
        EventRow,
        "select partition, seq, recorded_at, tenant_id, user_id, event_id, type, payload, facts, root_event_id,
             cause_source, cause_partition, cause_seq, hops, occurred_at, traceparent, must_understand, mode, site,
             sandbox_at
         from event
         where tenant_id = $1 and root_event_id = $2
         order by recorded_at, partition, seq limit $3",
        tenant.as_str(),
        event_id,
        EVENTS_MAX,
    );
    Ok(rows.fetch_all(&mut **tx).await?)
}
