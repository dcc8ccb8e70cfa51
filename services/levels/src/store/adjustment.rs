//! Corrections by hand.

use ids::{EventId, TenantId};
use pg::StoreError;
use service::rows;
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::domain::adjustment::{Adjustment, AdjustmentState};

struct Row {
    adjustment_id: String,
    user_id: String,
    point_type_id: String,
    amount: i64,
    reason: String,
    state: i16,
    requested_by: String,
    decided_by: String,
    note: String,
    entry_seq: i64,
    created_at: OffsetDateTime,
    decided_at: Option<OffsetDateTime>,
}

impl TryFrom<Row> for Adjustment {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: rows::event(row.adjustment_id)?,
            user: rows::user(row.user_id)?,
            point_type: rows::key(row.point_type_id, "point_type_id")?,
            amount: row.amount,
            reason: row.reason,
            state: AdjustmentState::from_code(row.state).ok_or_else(|| rows::unreadable("state"))?,
            requested_by: row.requested_by,
            decided_by: row.decided_by,
            note: row.note,
            entry_seq: row.entry_seq,
            created_at: row.created_at,
            decided_at: row.decided_at,
        })
    }
}

/// Reads an adjustment that is to be decided: whoever else decides it waits.
pub async fn lock(conn: &mut PgConnection, tenant: &TenantId, id: &EventId) -> Result<Option<Adjustment>, StoreError> {
    let row = sqlx::query_as!(
        Row,
        "select adjustment_id, user_id, point_type_id, amount, reason, state, requested_by, decided_by, note, entry_seq,
            created_at, decided_at
        from adjustment where tenant_id = $1 and adjustment_id = $2 for no key update",
        tenant.as_str(),
        id.as_str()
    );
    row.fetch_optional(conn).await?.map(Adjustment::try_from).transpose()
}

/// Reads an adjustment.
pub async fn read(conn: &mut PgConnection, tenant: &TenantId, id: &EventId) -> Result<Option<Adjustment>, StoreError> {
    let row = sqlx::query_as!(
        Row,
        "select adjustment_id, user_id, point_type_id, amount, reason, state, requested_by, decided_by, note, entry_seq,
            created_at, decided_at
        from adjustment where tenant_id = $1 and adjustment_id = $2",
        tenant.as_str(),
        id.as_str()
    );
    row.fetch_optional(conn).await?.map(Adjustment::try_from).transpose()
}

/// Stores an adjustment, new or decided.
pub async fn put(conn: &mut PgConnection, tenant: &TenantId, it: &Adjustment) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into adjustment (tenant_id, adjustment_id, user_id, point_type_id, amount, reason, state, requested_by,
            decided_by, note, entry_seq, created_at, decided_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
        on conflict on constraint adjustment_pkey
        do update set state = excluded.state, decided_by = excluded.decided_by, note = excluded.note,
            entry_seq = excluded.entry_seq, decided_at = excluded.decided_at",
        tenant.as_str(),
        it.id.as_str(),
        it.user.as_str(),
        it.point_type.as_str(),
        it.amount,
        it.reason,
        it.state.code(),
        it.requested_by,
        it.decided_by,
        it.note,
        it.entry_seq,
        it.created_at,
        it.decided_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Adjustments before a place, newest first.
pub async fn list(
    conn: &mut PgConnection,
    tenant: &TenantId,
    before: (OffsetDateTime, &str),
    limit: i64,
) -> Result<Vec<Adjustment>, StoreError> {
    let (at, id) = before;
    let rows = sqlx::query_as!(
        Row,
        "select adjustment_id, user_id, point_type_id, amount, reason, state, requested_by, decided_by, note, entry_seq,
            created_at, decided_at
        from adjustment
        where tenant_id = $1 and created_at <= $2 and (created_at, adjustment_id) < ($2, $3)
        order by created_at desc, adjustment_id desc limit $4",
        tenant.as_str(),
        at,
        id,
        limit
    );
    rows.fetch_all(conn).await?.into_iter().map(Adjustment::try_from).collect()
}

/// Those in one state.
pub async fn list_in(
    conn: &mut PgConnection,
    tenant: &TenantId,
    state: AdjustmentState,
    before: (OffsetDateTime, &str),
    limit: i64,
) -> Result<Vec<Adjustment>, StoreError> {
    let (at, id) = before;
    let rows = sqlx::query_as!(
        Row,
        "select adjustment_id, user_id, point_type_id, amount, reason, state, requested_by, decided_by, note, entry_seq,
            created_at, decided_at
        from adjustment
        where tenant_id = $1 and state = $2 and created_at <= $3 and (created_at, adjustment_id) < ($3, $4)
        order by created_at desc, adjustment_id desc limit $5",
        tenant.as_str(),
        state.code(),
        at,
        id,
        limit
    );
    rows.fetch_all(conn).await?.into_iter().map(Adjustment::try_from).collect()
}
