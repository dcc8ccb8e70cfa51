//! Benefits, all versions.

use std::collections::BTreeMap;

use ids::{Key, TenantId};
use pg::StoreError;
use service::rows;
use sqlx::PgConnection;
use sqlx::types::Json;
use time::OffsetDateTime;
use units::text::LocalizedText;
use units::zone::Zone;

use crate::domain::benefit::{Benefit, BenefitKind, BenefitPeriod, BenefitRange};

struct Row {
    benefit_id: String,
    version: i32,
    display_name: Json<LocalizedText>,
    description: Option<Json<LocalizedText>>,
    kind: i16,
    scheme_id: Option<String>,
    ranges: Json<Vec<BenefitRange>>,
    period: Option<i16>,
    zone: Option<String>,
    valid_from: Option<OffsetDateTime>,
    valid_until: Option<OffsetDateTime>,
    paused: bool,
    cost_minor: i64,
    publish_time: OffsetDateTime,
}

impl TryFrom<Row> for Benefit {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let period = |code| BenefitPeriod::from_code(code).ok_or_else(|| rows::unreadable("period"));
        let zone = |name: String| Zone::new(&name).map_err(|_| rows::unreadable("zone"));
        Ok(Self {
            id: rows::key(row.benefit_id, "benefit_id")?,
            display_name: row.display_name.0,
            description: row.description.map(|description| description.0),
            kind: BenefitKind::from_code(row.kind).ok_or_else(|| rows::unreadable("kind"))?,
            scheme: row.scheme_id.map(|id| rows::key(id, "scheme_id")).transpose()?,
            ranges: row.ranges.0,
            period: row.period.map(period).transpose()?,
            zone: row.zone.map(zone).transpose()?,
            valid_from: row.valid_from,
            valid_until: row.valid_until,
            paused: row.paused,
            cost_minor: row.cost_minor,
            version: row.version,
            publish_time: row.publish_time,
        })
    }
}

/// Adds a version.
pub async fn insert(conn: &mut PgConnection, tenant: &TenantId, it: &Benefit) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into benefit (tenant_id, benefit_id, version, display_name, description, kind, scheme_id, ranges, period,
            zone, valid_from, valid_until, paused, cost_minor, publish_time)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
        tenant.as_str(),
        it.id.as_str(),
        it.version,
        Json(&it.display_name) as _,
        it.description.as_ref().map(Json) as _,
        it.kind.code(),
        it.scheme.as_ref().map(Key::as_str),
        Json(&it.ranges) as _,
        it.period.map(BenefitPeriod::code),
        it.zone.as_ref().map(Zone::name),
        it.valid_from,
        it.valid_until,
        it.paused,
        it.cost_minor,
        it.publish_time
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Holds others off who would publish a benefit for the tenant, until the transaction ends: their number is limited.
pub async fn lock(conn: &mut PgConnection, tenant: &TenantId) -> Result<(), StoreError> {
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('levels.benefit/' || $1, 0))", tenant.as_str())
        .execute(conn)
        .await?;
    Ok(())
}

/// The newest versions of all of a tenant's benefits.
pub async fn all(conn: &mut PgConnection, tenant: &TenantId) -> Result<BTreeMap<Key, Benefit>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"select distinct on (benefit_id) benefit_id, version, display_name as "display_name: Json<LocalizedText>",
            description as "description: Json<LocalizedText>", kind, scheme_id,
            ranges as "ranges: Json<Vec<BenefitRange>>", period, zone, valid_from, valid_until, paused, cost_minor,
            publish_time
        from benefit where tenant_id = $1 order by benefit_id, version desc"#,
        tenant.as_str()
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| Benefit::try_from(row).map(|it| (it.id.clone(), it))).collect()
}
