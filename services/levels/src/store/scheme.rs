//! The tenant's schemes, all versions.

use std::collections::BTreeMap;

use ids::{Key, TenantId};
use pg::StoreError;
use serde::{Deserialize, Serialize};
use service::rows;
use sqlx::PgConnection;
use sqlx::types::Json;
use time::OffsetDateTime;

use crate::domain::expiry::Stretch;
use crate::domain::scheme::level::Level;
use crate::domain::scheme::policy::{Downgrade, PeriodEnd, Policy, Upgrade, Validity};
use crate::domain::scheme::{Basis, Measure, Scheme};
use units::text::LocalizedText;

/// A measure as it is stored.
#[derive(Serialize, Deserialize)]
struct StoredMeasure {
    point_type: String,
    basis: i16,
}

/// A policy as it is stored.
#[derive(Serialize, Deserialize)]
struct StoredPolicy {
    upgrade: i16,
    downgrade: i16,
    one_step: bool,
    grace_days: u32,
    protection_days: u32,
    review_delay_days: u32,
}

struct Row {
    scheme_id: String,
    version: i32,
    display_name: Json<LocalizedText>,
    point_type_id: String,
    measures: Option<Json<Vec<StoredMeasure>>>,
    any_measure: bool,
    levels: Json<Vec<Level>>,
    validity_months: i32,
    validity_rounding: Option<i16>,
    period_end: Option<i16>,
    policy: Option<Json<StoredPolicy>>,
    publish_time: OffsetDateTime,
    create_time: OffsetDateTime,
}

impl TryFrom<Row> for Scheme {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let unreadable = || rows::unreadable("period_end");
        let rounding = row
            .validity_rounding
            .map(|code| Stretch::from_code(code).ok_or_else(|| rows::unreadable("validity_rounding")));
        let rounding = rounding.transpose()?;
        let validity = match (u32::try_from(row.validity_months), row.period_end) {
            (Ok(0), _) => None,
            (Ok(months), Some(code)) => {
                Some(Validity { months, rounding, end: PeriodEnd::from_code(code).ok_or_else(unreadable)? })
            }
            _ => return Err(unreadable()),
        };
        let measure = |it: StoredMeasure| {
            let basis = Basis::from_code(it.basis).ok_or_else(|| rows::unreadable("measures"))?;
            Ok(Measure { point_type: rows::key(it.point_type, "measures")?, basis })
        };
        let measures = match row.measures {
            Some(Json(measures)) => measures.into_iter().map(measure).collect::<Result<Vec<_>, StoreError>>()?,
            None => vec![Measure { point_type: rows::key(row.point_type_id, "point_type_id")?, basis: Basis::Growth }],
        };
        if measures.is_empty() {
            return Err(rows::unreadable("measures"));
        }
        Ok(Self {
            id: rows::key(row.scheme_id, "scheme_id")?,
            display_name: row.display_name.0,
            measures,
            any: row.any_measure,
            levels: row.levels.0,
            validity,
            policy: row.policy.map(|Json(policy)| read_policy(&policy)).transpose()?.unwrap_or_default(),
            version: row.version,
            publish_time: row.publish_time,
            create_time: row.create_time,
        })
    }
}

fn read_policy(it: &StoredPolicy) -> Result<Policy, StoreError> {
    let unreadable = || rows::unreadable("policy");
    Ok(Policy {
        upgrade: Upgrade::from_code(it.upgrade).ok_or_else(unreadable)?,
        downgrade: Downgrade::from_code(it.downgrade).ok_or_else(unreadable)?,
        one_step: it.one_step,
        grace_days: it.grace_days,
        protection_days: it.protection_days,
        review_delay_days: it.review_delay_days,
    })
}

/// Adds a version. A concurrent publishing of the same version violates `scheme_pkey`.
pub async fn insert(conn: &mut PgConnection, tenant: &TenantId, it: &Scheme) -> Result<(), StoreError> {
    let stored = |it: &Measure| StoredMeasure { point_type: it.point_type.to_string(), basis: it.basis.code() };
    let measures: Vec<StoredMeasure> = it.measures.iter().map(stored).collect();
    let policy = StoredPolicy {
        upgrade: it.policy.upgrade.code(),
        downgrade: it.policy.downgrade.code(),
        one_step: it.policy.one_step,
        grace_days: it.policy.grace_days,
        protection_days: it.policy.protection_days,
        review_delay_days: it.policy.review_delay_days,
    };
    sqlx::query!(
        "insert into scheme (tenant_id, scheme_id, version, display_name, point_type_id, measures, any_measure, levels,
            validity_months, validity_rounding, period_end, policy, publish_time)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        tenant.as_str(),
        it.id.as_str(),
        it.version,
        Json(&it.display_name) as _,
        it.guard().as_str(),
        Json(&measures) as _,
        it.any,
        Json(&it.levels) as _,
        it.validity.map_or(0, |validity| i32::try_from(validity.months).unwrap_or(i32::MAX)),
        it.validity.and_then(|validity| validity.rounding).map(Stretch::code),
        it.validity.map(|validity| validity.end.code()),
        Json(&policy) as _,
        it.publish_time
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Holds others off who would publish a scheme for the tenant, until the transaction ends: there is a limit to them.
pub async fn lock(conn: &mut PgConnection, tenant: &TenantId) -> Result<(), StoreError> {
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('levels.scheme/' || $1, 0))", tenant.as_str())
        .execute(conn)
        .await?;
    Ok(())
}

/// The newest versions of all the tenant's schemes.
pub async fn all(conn: &mut PgConnection, tenant: &TenantId) -> Result<BTreeMap<Key, Scheme>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"select distinct on (scheme_id) scheme_id, version, display_name as "display_name: Json<LocalizedText>",
            point_type_id, measures as "measures: Json<Vec<StoredMeasure>>", any_measure,
            levels as "levels: Json<Vec<Level>>", validity_months, validity_rounding, period_end,
            policy as "policy: Json<StoredPolicy>", publish_time,
            min(publish_time) over (partition by scheme_id) as "create_time!"
        from scheme where tenant_id = $1 order by scheme_id, version desc"#,
        tenant.as_str()
    )
    .fetch_all(conn)
    .await?;
    let schemes = rows.into_iter().map(|row| {
        let scheme = Scheme::try_from(row)?;
        Ok((scheme.id.clone(), scheme))
    });
    schemes.collect()
}
