//! Accounts by what lapses in them next.

use ids::{Key, TenantId, UserId};
use pg::StoreError;
use service::rows;
use sqlx::PgConnection;
use time::OffsetDateTime;

/// Users with holds that timed out by `at` and are still open: what comes free of them is not among the lots of the account
/// yet, which may have no date at all. In byte order, those after one.
pub async fn timed_out(
    conn: &mut PgConnection,
    tenant: &TenantId,
    point_type: &Key,
    at: OffsetDateTime,
    after: &str,
    limit: i64,
) -> Result<Vec<UserId>, StoreError> {
    let rows = sqlx::query_scalar!(
        "select distinct user_id from hold
        where tenant_id = $1 and point_type_id = $2 and state = 1 and expires_at <= $3 and user_id > $4
        order by user_id limit $5",
        tenant.as_str(),
        point_type.as_str(),
        at,
        after,
        limit
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(rows::user).collect()
}

/// Accounts in which something lapses or can be used by `until`, by the first time at which it does, then by user, those
/// after a place: all in which a lot that is not held lapses by then, and some more.
pub async fn due(
    conn: &mut PgConnection,
    tenant: &TenantId,
    point_type: &Key,
    until: OffsetDateTime,
    after: (OffsetDateTime, &str),
    limit: i64,
) -> Result<Vec<(OffsetDateTime, UserId)>, StoreError> {
    let rows = sqlx::query!(
        r#"select next_expiry as "next_expiry!", user_id from account
        where tenant_id = $1 and point_type_id = $2 and next_expiry <= $3 and (next_expiry, user_id) > ($4, $5)
        order by next_expiry, user_id limit $6"#,
        tenant.as_str(),
        point_type.as_str(),
        until,
        after.0,
        after.1,
        limit
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| Ok((row.next_expiry, rows::user(row.user_id)?))).collect()
}
