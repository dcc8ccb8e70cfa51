//! Badges, all versions.

use std::collections::BTreeMap;

use ids::{Key, TenantId};
use pg::StoreError;
use service::rows;
use sqlx::PgConnection;
use sqlx::types::Json;
use time::OffsetDateTime;
use units::text::LocalizedText;

use crate::domain::badge::{Badge, BadgeTier};

struct Row {
    badge_id: String,
    version: i32,
    display_name: Json<LocalizedText>,
    description: Option<Json<LocalizedText>>,
    icon_url: String,
    tiers: Json<Vec<BadgeTier>>,
    hidden: bool,
    publish_time: OffsetDateTime,
}

impl TryFrom<Row> for Badge {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: rows::key(row.badge_id, "badge_id")?,
            display_name: row.display_name.0,
            description: row.description.map(|description| description.0),
            icon_url: row.icon_url,
            tiers: row.tiers.0,
            hidden: row.hidden,
            version: row.version,
            publish_time: row.publish_time,
        })
    }
}

/// Adds a version.
pub async fn insert(conn: &mut PgConnection, tenant: &TenantId, it: &Badge) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into badge (tenant_id, badge_id, version, display_name, description, icon_url, tiers, hidden, publish_time)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        tenant.as_str(),
        it.id.as_str(),
        it.version,
        Json(&it.display_name) as _,
        it.description.as_ref().map(Json) as _,
        it.icon_url,
        Json(&it.tiers) as _,
        it.hidden,
        it.publish_time
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Holds others off who would publish a badge for the tenant, until the transaction ends: their number is limited.
pub async fn lock(conn: &mut PgConnection, tenant: &TenantId) -> Result<(), StoreError> {
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('levels.badge/' || $1, 0))", tenant.as_str())
        .execute(conn)
        .await?;
    Ok(())
}

/// The newest versions of all of a tenant's badges.
pub async fn all(conn: &mut PgConnection, tenant: &TenantId) -> Result<BTreeMap<Key, Badge>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"select distinct on (badge_id) badge_id, version, display_name as "display_name: Json<LocalizedText>",
            description as "description: Json<LocalizedText>", icon_url, tiers as "tiers: Json<Vec<BadgeTier>>", hidden,
            publish_time
        from badge where tenant_id = $1 order by badge_id, version desc"#,
        tenant.as_str()
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| Badge::try_from(row).map(|it| (it.id.clone(), it))).collect()
}
