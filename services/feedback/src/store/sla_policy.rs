//! The tenant's SLA policy, all versions.

use std::collections::BTreeMap;

use ids::TenantId;
use pg::StoreError;
use sqlx::PgConnection;
use sqlx::types::Json;
use time::OffsetDateTime;

use crate::domain::calendar::WorkingCalendar;
use crate::domain::sla_policy::{Policies, QuadrantTarget, SlaPolicy};
use crate::domain::triage::Quadrant;

struct Row {
    version: i32,
    calendars: Json<BTreeMap<String, WorkingCalendar>>,
    targets: Json<BTreeMap<Quadrant, QuadrantTarget>>,
    reopen_within_days: i32,
    publish_time: OffsetDateTime,
}

impl From<Row> for SlaPolicy {
    fn from(row: Row) -> Self {
        Self {
            calendars: row.calendars.0,
            targets: row.targets.0,
            reopen_within_days: row.reopen_within_days,
            version: row.version,
            publish_time: row.publish_time,
        }
    }
}

/// Adds a version.
pub async fn insert(conn: &mut PgConnection, tenant: &TenantId, it: &SlaPolicy) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into sla_policy (tenant_id, version, calendars, targets, reopen_within_days, publish_time)
        values ($1, $2, $3, $4, $5, $6)",
        tenant.as_str(),
        it.version,
        Json(&it.calendars) as _,
        Json(&it.targets) as _,
        it.reopen_within_days,
        it.publish_time
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A version and all that came after it; from version 0 on: all. Without a version that high, the newest.
pub async fn since(conn: &mut PgConnection, tenant: &TenantId, version: i32) -> Result<Policies, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"select version, calendars as "calendars: Json<BTreeMap<String, WorkingCalendar>>",
            targets as "targets: Json<BTreeMap<Quadrant, QuadrantTarget>>", reopen_within_days, publish_time
        from sla_policy
        where tenant_id = $1 and version >= least($2, (select max(version) from sla_policy where tenant_id = $1))
        order by version"#,
        tenant.as_str(),
        version
    )
    .fetch_all(conn)
    .await?;
    Ok(Policies(rows.into_iter().map(SlaPolicy::from).collect()))
}

/// The newest version alone.
pub async fn current(conn: &mut PgConnection, tenant: &TenantId) -> Result<Policies, StoreError> {
    since(conn, tenant, i32::MAX).await
}

/// Holds others off who would publish the tenant's policy, until the transaction ends.
pub async fn lock(conn: &mut PgConnection, tenant: &TenantId) -> Result<(), StoreError> {
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('feedback.sla_policy/' || $1, 0))", tenant.as_str())
        .execute(conn)
        .await?;
    Ok(())
}
