//! Users that this service knows by itself, in the order of their ids, after one of them.

use ids::{Key, TenantId, UserId};
use pg::StoreError;
use service::rows;
use sqlx::PgConnection;
use time::OffsetDateTime;

/// Members of a scheme on these ranks.
pub async fn of_ranks(
    conn: &mut PgConnection,
    tenant: &TenantId,
    (scheme, ranks): (&Key, &[i16]),
    after: &str,
    limit: i64,
) -> Result<Vec<UserId>, StoreError> {
    let users = sqlx::query_scalar!(
        "select user_id from member
        where tenant_id = $1 and scheme_id = $2 and user_id > $3 and rank = any($4)
        order by user_id limit $5",
        tenant.as_str(),
        scheme.as_str(),
        after,
        ranks,
        limit
    );
    users.fetch_all(conn).await?.into_iter().map(rows::user).collect()
}

/// Users who can spend at least so many points at a time.
pub async fn holders(
    conn: &mut PgConnection,
    tenant: &TenantId,
    (point_type, available_min, at): (&Key, i64, OffsetDateTime),
    after: &str,
    limit: i64,
) -> Result<Vec<UserId>, StoreError> {
    let users = sqlx::query_scalar!(
        "select a.user_id from account a
        where a.tenant_id = $1 and a.point_type_id = $2 and a.user_id > $3
            and (
                select coalesce(sum(l.points), 0)::bigint from unnest(a.lot_expires_at, a.lot_points) l(expires_at, points)
                where l.expires_at > $4 or l.expires_at is null
            ) - a.debt >= $5
        order by a.user_id limit $6",
        tenant.as_str(),
        point_type.as_str(),
        after,
        at,
        available_min,
        limit
    );
    users.fetch_all(conn).await?.into_iter().map(rows::user).collect()
}

/// Users with an account without an entry since a time that shows that they take part.
pub async fn inactive(
    conn: &mut PgConnection,
    tenant: &TenantId,
    (point_type, since, active_kinds): (&Key, OffsetDateTime, &[i16]),
    after: &str,
    limit: i64,
) -> Result<Vec<UserId>, StoreError> {
    let users = sqlx::query_scalar!(
        "select a.user_id from account a
        where a.tenant_id = $1 and a.point_type_id = $2 and a.user_id > $3 and a.entry_seq > 0
            and (a.last_decided_at < $4 or not exists (
                select from entry e
                where e.tenant_id = $1 and e.user_id = a.user_id and e.point_type_id = $2
                    and e.recorded_at >= $4 and e.kind = any($5)
            ))
        order by a.user_id limit $6",
        tenant.as_str(),
        point_type.as_str(),
        after,
        since,
        active_kinds,
        limit
    );
    users.fetch_all(conn).await?.into_iter().map(rows::user).collect()
}
