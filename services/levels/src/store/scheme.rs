//! The tenant's scheme, all versions.

use ids::TenantId;
use pg::StoreError;
use service::rows;
use sqlx::PgConnection;
use sqlx::types::Json;
use time::OffsetDateTime;

use crate::domain::scheme::{Level, PeriodEnd, Scheme, Validity};
use units::text::LocalizedText;

struct Row {
    scheme_id: String,
    version: i32,
    display_name: Json<LocalizedText>,
    point_type_id: String,
    levels: Json<Vec<Level>>,
    validity_months: i32,
    period_end: Option<i16>,
    publish_time: OffsetDateTime,
}

impl TryFrom<Row> for Scheme {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let unreadable = || rows::unreadable("period_end");
        let validity = match (u32::try_from(row.validity_months), row.period_end) {
            (Ok(0), _) => None,
            (Ok(months), Some(code)) => {
                Some(Validity { months, end: PeriodEnd::from_code(code).ok_or_else(unreadable)? })
            }
            _ => return Err(unreadable()),
        };
        Ok(Self {
            id: rows::key(row.scheme_id, "scheme_id")?,
            display_name: row.display_name.0,
            point_type: rows::key(row.point_type_id, "point_type_id")?,
            levels: row.levels.0,
            validity,
            version: row.version,
            publish_time: row.publish_time,
        })
    }
}

/// Adds a version. A concurrent publishing of the same version violates `scheme_pkey`.
pub async fn insert(conn: &mut PgConnection, tenant: &TenantId, it: &Scheme) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into scheme (tenant_id, scheme_id, version, display_name, point_type_id, levels, validity_months,
            period_end, publish_time)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        tenant.as_str(),
        it.id.as_str(),
        it.version,
        Json(&it.display_name) as _,
        it.point_type.as_str(),
        Json(&it.levels) as _,
        it.validity.map_or(0, |validity| i32::try_from(validity.months).unwrap_or(i32::MAX)),
        it.validity.map(|validity| validity.end.code()),
        it.publish_time
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Holds others off who would publish a scheme for the tenant, until the transaction ends: it has at most one.
pub async fn lock(conn: &mut PgConnection, tenant: &TenantId) -> Result<(), StoreError> {
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('levels.scheme/' || $1, 0))", tenant.as_str())
        .execute(conn)
        .await?;
    Ok(())
}

/// The newest version of the tenant's scheme.
pub async fn current(conn: &mut PgConnection, tenant: &TenantId) -> Result<Option<Scheme>, StoreError> {
    let row = sqlx::query_as!(
        Row,
        r#"select scheme_id, version, display_name as "display_name: Json<LocalizedText>", point_type_id,
            levels as "levels: Json<Vec<Level>>", validity_months, period_end, publish_time
        from scheme where tenant_id = $1 order by version desc limit 1"#,
        tenant.as_str()
    )
    .fetch_optional(conn)
    .await?;
    row.map(Scheme::try_from).transpose()
}
