//! Which tenants timers go through.

use ids::TenantId;
use pg::StoreError;
use sqlx::PgConnection;

/// Lets timers visit the tenant.
pub async fn register(conn: &mut PgConnection, tenant: &TenantId) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into feedback_tenant (tenant_id)
        select $1 where not exists (select from feedback_tenant where tenant_id = $1)
        on conflict do nothing",
        tenant.as_str()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Tenants after an id, in byte order. For a transaction of the system role.
pub async fn list(conn: &mut PgConnection, after: &str, limit: i64) -> Result<Vec<TenantId>, StoreError> {
    let ids = sqlx::query_scalar!(
        "select tenant_id from feedback_tenant where tenant_id > $1 order by tenant_id limit $2",
        after,
        limit
    )
    .fetch_all(conn)
    .await?;
    ids.into_iter().map(|id| TenantId::new(id).map_err(|_| super::unreadable("tenant_id"))).collect()
}
