//! Case types, all versions.

use std::collections::{BTreeMap, BTreeSet};

use ids::{Key, TenantId};
use pg::StoreError;
use sqlx::PgConnection;
use sqlx::types::Json;
use time::OffsetDateTime;

use super::unreadable;
use crate::domain::case_type::CaseType;
use crate::domain::triage::{Impact, Urgency};
use units::text::LocalizedText;

struct Row {
    case_type_id: String,
    version: i32,
    product_id: String,
    display_name: Json<LocalizedText>,
    department: String,
    urgency: Option<i16>,
    impact: Option<i16>,
    answer_within_minutes: i32,
    publish_time: OffsetDateTime,
}

impl TryFrom<Row> for CaseType {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let urgency = row.urgency.map(|code| Urgency::from_code(code).ok_or_else(|| unreadable("urgency")));
        let impact = row.impact.map(|code| Impact::from_code(code).ok_or_else(|| unreadable("impact")));
        Ok(Self {
            id: Key::new(row.case_type_id).map_err(|_| unreadable("case_type_id"))?,
            product: row.product_id,
            display_name: row.display_name.0,
            department: row.department,
            urgency: urgency.transpose()?,
            impact: impact.transpose()?,
            answer_within_minutes: row.answer_within_minutes,
            version: row.version,
            publish_time: row.publish_time,
        })
    }
}

/// Adds a version.
pub async fn insert(conn: &mut PgConnection, tenant: &TenantId, it: &CaseType) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into case_type (tenant_id, case_type_id, version, product_id, display_name, department, urgency, impact,
            answer_within_minutes, publish_time)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        tenant.as_str(),
        it.id.as_str(),
        it.version,
        it.product,
        Json(&it.display_name) as _,
        it.department,
        it.urgency.map(Urgency::code),
        it.impact.map(Impact::code),
        it.answer_within_minutes,
        it.publish_time
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The newest versions of types, by their ids, of those that there are.
pub async fn read(
    conn: &mut PgConnection,
    tenant: &TenantId,
    ids: &BTreeSet<&str>,
) -> Result<BTreeMap<String, CaseType>, StoreError> {
    let ids: Vec<&str> = ids.iter().copied().collect();
    let rows = sqlx::query_as!(
        Row,
        r#"select distinct on (case_type_id) case_type_id, version, product_id,
            display_name as "display_name: Json<LocalizedText>", department, urgency, impact, answer_within_minutes,
            publish_time
        from case_type where tenant_id = $1 and case_type_id = any($2) order by case_type_id, version desc"#,
        tenant.as_str(),
        &ids as _
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| Ok((row.case_type_id.clone(), CaseType::try_from(row)?))).collect()
}

/// The newest versions of all types, by their ids.
pub async fn all(conn: &mut PgConnection, tenant: &TenantId) -> Result<BTreeMap<String, CaseType>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"select distinct on (case_type_id) case_type_id, version, product_id,
            display_name as "display_name: Json<LocalizedText>", department, urgency, impact, answer_within_minutes,
            publish_time
        from case_type where tenant_id = $1 order by case_type_id, version desc"#,
        tenant.as_str()
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| Ok((row.case_type_id.clone(), CaseType::try_from(row)?))).collect()
}

/// The newest versions of the types after an id, of a product and of all products; an empty product: of every one.
pub async fn list(
    conn: &mut PgConnection,
    tenant: &TenantId,
    product: &str,
    after: &str,
    limit: i64,
) -> Result<Vec<CaseType>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"select case_type_id, version, product_id, display_name as "display_name: Json<LocalizedText>", department,
            urgency, impact, answer_within_minutes, publish_time
        from (
            select distinct on (case_type_id) case_type_id, version, product_id, display_name, department, urgency,
                impact, answer_within_minutes, publish_time
            from case_type where tenant_id = $1 and case_type_id > $2 order by case_type_id, version desc
        ) newest
        where $3 = '' or product_id in ('', $3)
        order by case_type_id limit $4"#,
        tenant.as_str(),
        after,
        product,
        limit
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(CaseType::try_from).collect()
}

/// Those of the ids that no type has.
pub async fn missing(conn: &mut PgConnection, tenant: &TenantId, ids: &[&str]) -> Result<Vec<String>, StoreError> {
    let missing = sqlx::query_scalar!(
        r#"select k.id as "id!" from unnest($2::text[]) with ordinality k(id, place)
        where not exists (select from case_type where tenant_id = $1 and case_type_id = k.id)
        order by k.place"#,
        tenant.as_str(),
        ids as _
    )
    .fetch_all(conn)
    .await?;
    Ok(missing)
}

/// Holds others off who would publish a case type of the tenant, until the transaction ends.
pub async fn lock(conn: &mut PgConnection, tenant: &TenantId) -> Result<(), StoreError> {
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('feedback.case_type/' || $1, 0))", tenant.as_str())
        .execute(conn)
        .await?;
    Ok(())
}
