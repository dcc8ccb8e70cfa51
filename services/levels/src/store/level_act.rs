//! What was done by hand to members' levels; never changed. Written under the lock on the account that guards the member.

use ids::{EventId, Key, TenantId, UserId};
use pg::StoreError;
use service::rows;
use sqlx::PgConnection;

use super::level_move::{rank, small};
use crate::domain::level_act::{ActKind, LevelAct};
use crate::domain::member::GrantKind;

/// The number of a member's next act.
pub async fn next_seq(
    conn: &mut PgConnection,
    tenant: &TenantId,
    scheme: &Key,
    user: &UserId,
) -> Result<i64, StoreError> {
    let last = sqlx::query_scalar!(
        "select act_seq from level_act where tenant_id = $1 and scheme_id = $2 and user_id = $3
        order by act_seq desc limit 1",
        tenant.as_str(),
        scheme.as_str(),
        user.as_str()
    );
    Ok(last.fetch_optional(conn).await?.unwrap_or(0) + 1)
}

/// Adds an act.
pub async fn insert(
    conn: &mut PgConnection,
    tenant: &TenantId,
    (scheme, user): (&Key, &UserId),
    it: &LevelAct,
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into level_act (tenant_id, scheme_id, user_id, act_seq, kind, grant_id, grant_kind, rank, valid_from,
            valid_until, reason, acted_by, acted_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        tenant.as_str(),
        scheme.as_str(),
        user.as_str(),
        it.seq,
        it.kind.code(),
        it.grant_id.as_ref().map_or("", EventId::as_str),
        it.grant_kind.map(GrantKind::code),
        small(it.rank),
        it.from,
        it.until,
        it.reason,
        it.acted_by,
        it.acted_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A member's acts with a number below `before`, newest first.
pub async fn list(
    conn: &mut PgConnection,
    tenant: &TenantId,
    (scheme, user): (&Key, &UserId),
    before: i64,
    limit: i64,
) -> Result<Vec<LevelAct>, StoreError> {
    let rows = sqlx::query!(
        "select act_seq, kind, grant_id, grant_kind, rank, valid_from, valid_until, reason, acted_by, acted_at
        from level_act
        where tenant_id = $1 and scheme_id = $2 and user_id = $3 and act_seq < $4
        order by act_seq desc limit $5",
        tenant.as_str(),
        scheme.as_str(),
        user.as_str(),
        before,
        limit
    )
    .fetch_all(conn)
    .await?;
    let acts = rows.into_iter().map(|row| {
        let grant_kind = row.grant_kind.map(|code| GrantKind::from_code(code).ok_or_else(|| rows::unreadable("kind")));
        let grant_id = Some(row.grant_id).filter(|id| !id.is_empty()).map(EventId::new);
        Ok(LevelAct {
            seq: row.act_seq,
            kind: ActKind::from_code(row.kind).ok_or_else(|| rows::unreadable("kind"))?,
            grant_id: grant_id.transpose().map_err(|_| rows::unreadable("grant_id"))?,
            grant_kind: grant_kind.transpose()?,
            rank: rank(row.rank)?,
            from: row.valid_from,
            until: row.valid_until,
            reason: row.reason,
            acted_by: row.acted_by,
            acted_at: row.acted_at,
        })
    });
    acts.collect()
}
