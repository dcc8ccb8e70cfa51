//! The tenant's classification, all versions.

use ids::TenantId;
use pg::StoreError;
use sqlx::PgConnection;
use sqlx::types::Json;

use crate::domain::classification::{Classification, ClassificationRule};
use crate::domain::standing::UserValueScale;

/// Adds a version.
pub async fn insert(conn: &mut PgConnection, tenant: &TenantId, it: &Classification) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into classification (tenant_id, version, rules, user_value, important_from, publish_time)
        values ($1, $2, $3, $4, $5, $6)",
        tenant.as_str(),
        it.version,
        Json(&it.rules) as _,
        Json(&it.user_value) as _,
        it.important_from,
        it.publish_time
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The newest version, or the defaults.
pub async fn current(conn: &mut PgConnection, tenant: &TenantId) -> Result<Classification, StoreError> {
    let row = sqlx::query!(
        r#"select version, rules as "rules: Json<Vec<ClassificationRule>>",
            user_value as "user_value: Json<UserValueScale>", important_from, publish_time
        from classification where tenant_id = $1 order by version desc limit 1"#,
        tenant.as_str()
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map_or_else(Classification::default, |row| Classification {
        rules: row.rules.0,
        user_value: row.user_value.0,
        important_from: row.important_from,
        version: row.version,
        publish_time: row.publish_time,
    }))
}

/// Holds others off who would publish the tenant's classification, until the transaction ends.
pub async fn lock(conn: &mut PgConnection, tenant: &TenantId) -> Result<(), StoreError> {
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended('feedback.classification/' || $1, 0))",
        tenant.as_str()
    )
    .execute(conn)
    .await?;
    Ok(())
}
