use ids::TenantId;
use sqlx::{PgConnection, Row};
use time::OffsetDateTime;

use crate::StoreError;

/// What a service knows of the tenant of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nothing: it was never created, or the service has not heard of it yet.
    Unknown,
    /// Its writes are refused.
    Suspended,
    /// Its writes are served.
    Open(Moment),
}

/// A look at the clock of a transaction's tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The clock: the database's, or the manual one of a sandbox tenant.
    pub at: OffsetDateTime,
    /// The version of the tenant's catalogue: 0 until something of it is stored, then higher with every change.
    pub catalogue: i64,
}

/// The clock of the transaction's tenant: the database's, or the manual one of a sandbox tenant. The decision time of a
/// write, read after its locks are held.
pub async fn clock(conn: &mut PgConnection) -> Result<OffsetDateTime, StoreError> {
    let query = "select coalesce((select sandbox_at from tenant_state
        where tenant_id = current_setting('banyan.tenant')), clock_timestamp())";
    Ok(sqlx::query_scalar(query).fetch_one(conn).await?)
}

/// As [`clock`], with the version of the tenant's catalogue.
pub async fn moment(conn: &mut PgConnection) -> Result<Moment, StoreError> {
    let query = "select coalesce(sandbox_at, clock_timestamp()), coalesce(catalogue_version, 0)
        from (select) as one left join tenant_state on tenant_id = current_setting('banyan.tenant')";
    let row = sqlx::query(query).fetch_one(conn).await?;
    Ok(Moment { at: row.try_get(0)?, catalogue: row.try_get(1)? })
}

/// The database's own clock: for leases, upkeep and whatever else no tenant's clock decides.
pub async fn real_clock(conn: &mut PgConnection) -> Result<OffsetDateTime, StoreError> {
    Ok(sqlx::query_scalar("select clock_timestamp()").fetch_one(conn).await?)
}

/// As [`clock`], with what else decides whether the tenant may write, in the same round trip.
pub async fn standing(conn: &mut PgConnection) -> Result<Standing, StoreError> {
    let query = "select suspended, coalesce(sandbox_at, clock_timestamp()), catalogue_version from tenant_state
        where tenant_id = current_setting('banyan.tenant')";
    let Some(row) = sqlx::query(query).fetch_optional(conn).await? else { return Ok(Standing::Unknown) };
    Ok(if row.try_get(0)? {
        Standing::Suspended
    } else {
        Standing::Open(Moment { at: row.try_get(1)?, catalogue: row.try_get(2)? })
    })
}

/// Notes what became of a tenant. A manual clock never goes back, in whatever order its steps are told.
pub async fn note_tenant(
    conn: &mut PgConnection,
    tenant: &TenantId,
    suspended: Option<bool>,
    sandbox_at: Option<OffsetDateTime>,
) -> Result<(), StoreError> {
    let query = "insert into tenant_state (tenant_id, suspended, sandbox_at) values ($1, coalesce($2, false), $3)
        on conflict (tenant_id) do update set suspended = coalesce($2, tenant_state.suspended),
            sandbox_at = greatest(tenant_state.sandbox_at, $3)";
    sqlx::query(query).bind(tenant.as_str()).bind(suspended).bind(sandbox_at).execute(conn).await?;
    Ok(())
}

/// Notes a known tenant's currency.
pub async fn note_currency(conn: &mut PgConnection, tenant: &TenantId, currency: &str) -> Result<(), StoreError> {
    let query = "update tenant_state set currency = $2 where tenant_id = $1 and currency is distinct from $2";
    sqlx::query(query).bind(tenant.as_str()).bind(currency).execute(conn).await?;
    Ok(())
}

/// The currency of the transaction's tenant; `None` where the service was not told.
pub async fn currency(conn: &mut PgConnection) -> Result<Option<String>, StoreError> {
    let query = "select currency from tenant_state where tenant_id = current_setting('banyan.tenant')";
    Ok(sqlx::query_scalar(query).fetch_optional(conn).await?.flatten())
}
