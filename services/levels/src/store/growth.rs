//! How users' growth is spread, as the review counts it from time to time.

use ids::{Key, TenantId};
use pg::StoreError;
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::domain::result_card::QUANTILES;

/// Users with an account of any type, and when they were counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// How many.
    pub users: i64,
    /// When.
    pub at: OffsetDateTime,
}

/// When a tenant's users were counted, and how many they were; `None`: never yet.
pub async fn counted(conn: &mut PgConnection, tenant: &TenantId) -> Result<Option<Counted>, StoreError> {
    let found = sqlx::query_as!(
        Counted,
        "select users, counted_at as at from growth_count where tenant_id = $1",
        tenant.as_str()
    )
    .fetch_optional(conn)
    .await?;
    Ok(found)
}

/// Whether nobody else counts a tenant's users, who then wait until the transaction ends.
pub async fn try_lock(conn: &mut PgConnection, tenant: &TenantId) -> Result<bool, StoreError> {
    let got = sqlx::query_scalar!(
        r#"select pg_try_advisory_xact_lock(hashtextextended('levels.growth/' || $1, 0)) as "got!""#,
        tenant.as_str()
    )
    .fetch_one(conn)
    .await?;
    Ok(got)
}

/// Counts a tenant's users and how their growth is spread: reads all of its accounts.
pub async fn count(conn: &mut PgConnection, tenant: &TenantId, at: OffsetDateTime) -> Result<(), StoreError> {
    let shares: Vec<f64> = (1..=QUANTILES).map(|n| n as f64 / 1_000.0).collect();
    sqlx::query!(
        "insert into growth_quantile (tenant_id, point_type_id, growth)
        select $1, point_type_id, percentile_disc($2::double precision[]) within group (order by growth)
        from account where tenant_id = $1 group by point_type_id
        on conflict on constraint growth_quantile_pkey do update set growth = excluded.growth",
        tenant.as_str(),
        &shares
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "insert into growth_count (tenant_id, users, counted_at)
        select $1, count(distinct user_id), $2 from account where tenant_id = $1
        on conflict on constraint growth_count_pkey do update
        set users = excluded.users, counted_at = excluded.counted_at",
        tenant.as_str(),
        at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The growth that each thousandth of a type's users does not exceed; `None`: not counted yet.
pub async fn quantiles(
    conn: &mut PgConnection,
    tenant: &TenantId,
    point_type: &Key,
) -> Result<Option<Vec<i64>>, StoreError> {
    let found = sqlx::query_scalar!(
        "select growth from growth_quantile where tenant_id = $1 and point_type_id = $2",
        tenant.as_str(),
        point_type.as_str()
    )
    .fetch_optional(conn)
    .await?;
    Ok(found)
}
