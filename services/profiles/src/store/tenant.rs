use ids::TenantId;
use pg::StoreError;
use sqlx::PgConnection;
use units::zone::Zone;

use crate::domain::lifecycle::StageModel;
use crate::domain::tenant::{Tenant, Terms};

/// One tenant.
pub(crate) async fn read(conn: &mut PgConnection, tenant: &TenantId) -> Result<Option<Tenant>, StoreError> {
    let found = sqlx::query_as!(
        Tenant,
        "select tenant_id, display_name, zone, currency, sandbox, clock, suspended, version, create_time,
            update_time
        from tenant where tenant_id = $1",
        tenant.as_str()
    );
    Ok(found.fetch_optional(conn).await?)
}

/// One tenant, kept from changing until the transaction ends.
pub(crate) async fn lock(conn: &mut PgConnection, tenant: &TenantId) -> Result<Option<Tenant>, StoreError> {
    let found = sqlx::query_as!(
        Tenant,
        "select tenant_id, display_name, zone, currency, sandbox, clock, suspended, version, create_time,
            update_time
        from tenant where tenant_id = $1 for update",
        tenant.as_str()
    );
    Ok(found.fetch_optional(conn).await?)
}

/// All tenants after an id, in byte order. The one read across tenants: for the system role.
pub(crate) async fn list(conn: &mut PgConnection, after: &str, limit: i64) -> Result<Vec<Tenant>, StoreError> {
    let found = sqlx::query_as!(
        Tenant,
        "select tenant_id, display_name, zone, currency, sandbox, clock, suspended, version, create_time,
            update_time
        from tenant where tenant_id > $1 order by tenant_id limit $2",
        after,
        limit
    );
    Ok(found.fetch_all(conn).await?)
}

/// What every write and report needs to know of its tenant.
pub(crate) async fn terms(conn: &mut PgConnection, tenant: &TenantId) -> Result<Option<Terms>, StoreError> {
    let row = sqlx::query!(
        r#"select t.currency, t.zone, t.suspended, coalesce(t.clock, clock_timestamp()) as "now!",
            m.loyal_orders as "loyal_orders?",
            m.dormant_after_days as "dormant_after_days?", m.lost_after_days as "lost_after_days?"
        from tenant t left join lifecycle_model m on m.tenant_id = t.tenant_id
        where t.tenant_id = $1"#,
        tenant.as_str()
    );
    let Some(row) = row.fetch_optional(conn).await? else { return Ok(None) };
    let default = StageModel::default();
    let stage = StageModel {
        loyal_orders: row.loyal_orders.unwrap_or(default.loyal_orders),
        dormant_after_days: row.dormant_after_days.unwrap_or(default.dormant_after_days),
        lost_after_days: row.lost_after_days.unwrap_or(default.lost_after_days),
    };
    let zone = Zone::new(&row.zone).map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
    Ok(Some(Terms { currency: row.currency, zone, suspended: row.suspended, stage, now: row.now }))
}

/// Adds a tenant, unless its id is taken. Says whether it was added.
pub(crate) async fn insert(conn: &mut PgConnection, tenant: &Tenant) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "insert into tenant (tenant_id, display_name, zone, currency, sandbox, clock, suspended, version, create_time,
            update_time, told)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, true)
        on conflict (tenant_id) do nothing",
        tenant.tenant_id,
        tenant.display_name,
        tenant.zone,
        tenant.currency,
        tenant.sandbox,
        tenant.clock,
        tenant.suspended,
        tenant.version,
        tenant.create_time,
        tenant.update_time
    );
    Ok(done.execute(conn).await?.rows_affected() == 1)
}

/// Writes what can change of a tenant.
pub(crate) async fn update(conn: &mut PgConnection, tenant: &Tenant) -> Result<(), StoreError> {
    sqlx::query!(
        "update tenant set display_name = $2, zone = $3, suspended = $4, version = $5, update_time = $6,
            clock = $7, told = true
        where tenant_id = $1",
        tenant.tenant_id,
        tenant.display_name,
        tenant.zone,
        tenant.suspended,
        tenant.version,
        tenant.update_time,
        tenant.clock
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes note that others are told of a tenant, and says whether they had not been.
pub(crate) async fn tell(conn: &mut PgConnection, tenant: &TenantId) -> Result<bool, StoreError> {
    let done = sqlx::query!("update tenant set told = true where tenant_id = $1 and not told", tenant.as_str());
    Ok(done.execute(conn).await?.rows_affected() == 1)
}
