//! Point types, and which tenants have a programme.

use std::collections::BTreeMap;

use ids::{Key, TenantId};
use pg::StoreError;
use service::rows;
use sqlx::PgConnection;
use sqlx::types::Json;
use time::OffsetDateTime;
use units::zone::Zone;

use crate::domain::cap::Cap;
use crate::domain::expiry::Expiry;
use crate::domain::point_type::{Activation, PointType, ReversalPolicy, Rounding, TransferLimits};
use units::text::LocalizedText;

struct Row {
    point_type_id: String,
    display_name: Json<LocalizedText>,
    spendable: bool,
    activation_policy: i16,
    activation_count: i32,
    expiry_policy: i16,
    expiry_count: i32,
    expiry_rounding: i16,
    reversal_policy: i16,
    overdraft: i64,
    adjustment_limit: i64,
    transfer_max: i64,
    transfer_per_day: i64,
    caps: Json<Vec<Cap>>,
    rounding: i16,
    zone: String,
    version: i32,
    create_time: OffsetDateTime,
    update_time: Option<OffsetDateTime>,
}

impl TryFrom<Row> for PointType {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: rows::key(row.point_type_id, "point_type_id")?,
            display_name: row.display_name.0,
            spendable: row.spendable,
            activation: Activation::from_code(row.activation_policy, row.activation_count)
                .ok_or_else(|| rows::unreadable("activation_policy"))?,
            expiry: Expiry::from_code(row.expiry_policy, row.expiry_count, row.expiry_rounding)
                .ok_or_else(|| rows::unreadable("expiry_policy"))?,
            reversal: ReversalPolicy::from_code(row.reversal_policy)
                .ok_or_else(|| rows::unreadable("reversal_policy"))?,
            rounding: Rounding::from_code(row.rounding).ok_or_else(|| rows::unreadable("rounding"))?,
            overdraft: row.overdraft,
            adjustment_limit: row.adjustment_limit,
            transfers: (row.transfer_max > 0)
                .then_some(TransferLimits { max_amount: row.transfer_max, max_per_day: row.transfer_per_day }),
            caps: row.caps.0,
            zone: Zone::new(&row.zone).map_err(|_| rows::unreadable("zone"))?,
            version: row.version,
            create_time: row.create_time,
            update_time: row.update_time.unwrap_or(row.create_time),
        })
    }
}

/// Adds a point type; false where the id is taken.
pub async fn insert(conn: &mut PgConnection, tenant: &TenantId, it: &PointType) -> Result<bool, StoreError> {
    let ((policy, count, rounding), (activation, activation_count)) = (it.expiry.code(), it.activation.code());
    let (transfer_max, transfer_per_day) = it.transfers.map_or((0, 0), |it| (it.max_amount, it.max_per_day));
    let done = sqlx::query!(
        "insert into point_type (tenant_id, point_type_id, display_name, spendable, expiry_policy, expiry_count,
            expiry_rounding, reversal_policy, activation_policy, activation_count, overdraft, adjustment_limit, transfer_max,
            transfer_per_day, zone, version, create_time, update_time, rounding, caps)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
        on conflict on constraint point_type_pkey do nothing",
        tenant.as_str(),
        it.id.as_str(),
        Json(&it.display_name) as _,
        it.spendable,
        policy,
        count,
        rounding,
        it.reversal.code(),
        activation,
        activation_count,
        it.overdraft,
        it.adjustment_limit,
        transfer_max,
        transfer_per_day,
        it.zone.name(),
        it.version,
        it.create_time,
        it.update_time,
        it.rounding.code(),
        Json(&it.caps) as _
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Reads a point type that is to be changed: whoever else changes it waits.
pub async fn lock(conn: &mut PgConnection, tenant: &TenantId, id: &Key) -> Result<Option<PointType>, StoreError> {
    let row = sqlx::query_as!(
        Row,
        r#"select point_type_id, display_name as "display_name: Json<LocalizedText>", spendable, activation_policy,
            activation_count, expiry_policy, expiry_count, expiry_rounding, reversal_policy, rounding, overdraft,
            adjustment_limit, transfer_max, transfer_per_day, caps as "caps: Json<Vec<Cap>>", zone, version, create_time,
            update_time
        from point_type where tenant_id = $1 and point_type_id = $2 for no key update"#,
        tenant.as_str(),
        id.as_str()
    )
    .fetch_optional(conn)
    .await?;
    row.map(PointType::try_from).transpose()
}

/// Stores a changed point type that was locked.
pub async fn update(conn: &mut PgConnection, tenant: &TenantId, it: &PointType) -> Result<(), StoreError> {
    let ((policy, count, rounding), (activation, activation_count)) = (it.expiry.code(), it.activation.code());
    let (transfer_max, transfer_per_day) = it.transfers.map_or((0, 0), |it| (it.max_amount, it.max_per_day));
    sqlx::query!(
        "update point_type set display_name = $3, expiry_policy = $4, expiry_count = $5, expiry_rounding = $6,
            reversal_policy = $7, activation_policy = $8, activation_count = $9, overdraft = $10, adjustment_limit = $11,
            transfer_max = $12, transfer_per_day = $13, version = $14, update_time = $15, rounding = $16, caps = $17
        where tenant_id = $1 and point_type_id = $2",
        tenant.as_str(),
        it.id.as_str(),
        Json(&it.display_name) as _,
        policy,
        count,
        rounding,
        it.reversal.code(),
        activation,
        activation_count,
        it.overdraft,
        it.adjustment_limit,
        transfer_max,
        transfer_per_day,
        it.version,
        it.update_time,
        it.rounding.code(),
        Json(&it.caps) as _
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The point types among these ids that there are.
pub async fn read(
    conn: &mut PgConnection,
    tenant: &TenantId,
    ids: &[&str],
) -> Result<BTreeMap<Key, PointType>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"select point_type_id, display_name as "display_name: Json<LocalizedText>", spendable, activation_policy,
            activation_count, expiry_policy, expiry_count, expiry_rounding, reversal_policy, rounding, overdraft,
            adjustment_limit, transfer_max, transfer_per_day, caps as "caps: Json<Vec<Cap>>", zone, version, create_time,
            update_time
        from point_type where tenant_id = $1 and point_type_id = any($2)"#,
        tenant.as_str(),
        ids as _
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| PointType::try_from(row).map(|it| (it.id.clone(), it))).collect()
}

/// All point types.
pub async fn all(conn: &mut PgConnection, tenant: &TenantId) -> Result<BTreeMap<Key, PointType>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"select point_type_id, display_name as "display_name: Json<LocalizedText>", spendable, activation_policy,
            activation_count, expiry_policy, expiry_count, expiry_rounding, reversal_policy, rounding, overdraft,
            adjustment_limit, transfer_max, transfer_per_day, caps as "caps: Json<Vec<Cap>>", zone, version, create_time,
            update_time
        from point_type where tenant_id = $1"#,
        tenant.as_str()
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| PointType::try_from(row).map(|it| (it.id.clone(), it))).collect()
}

/// Point types after an id, in byte order.
pub async fn list(
    conn: &mut PgConnection,
    tenant: &TenantId,
    after: &str,
    limit: i64,
) -> Result<Vec<PointType>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"select point_type_id, display_name as "display_name: Json<LocalizedText>", spendable, activation_policy,
            activation_count, expiry_policy, expiry_count, expiry_rounding, reversal_policy, rounding, overdraft,
            adjustment_limit, transfer_max, transfer_per_day, caps as "caps: Json<Vec<Cap>>", zone, version, create_time,
            update_time
        from point_type where tenant_id = $1 and point_type_id > $2 order by point_type_id limit $3"#,
        tenant.as_str(),
        after,
        limit
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(PointType::try_from).collect()
}

/// Notes that the tenant has a programme, so that timers come by.
pub async fn register_tenant(conn: &mut PgConnection, tenant: &TenantId) -> Result<(), StoreError> {
    sqlx::query!("insert into programme_tenant (tenant_id) values ($1) on conflict do nothing", tenant.as_str())
        .execute(conn)
        .await?;
    Ok(())
}

/// Tenants that have a programme, after an id in byte order. For a transaction across tenants.
pub async fn tenants(conn: &mut PgConnection, after: &str, limit: i64) -> Result<Vec<TenantId>, StoreError> {
    let ids = sqlx::query_scalar!(
        "select tenant_id from programme_tenant where tenant_id > $1 order by tenant_id limit $2",
        after,
        limit
    )
    .fetch_all(conn)
    .await?;
    ids.into_iter().map(|id| TenantId::new(id).map_err(|_| rows::unreadable("tenant_id"))).collect()
}
