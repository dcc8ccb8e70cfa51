//! Earning rules, all versions.

use ids::TenantId;
use pg::StoreError;
use service::rows;
use sqlx::PgConnection;
use sqlx::types::Json;
use time::OffsetDateTime;

use crate::domain::cap::Cap;
use crate::domain::earning::EarningRule;
use crate::domain::entry::Payer;
use crate::domain::group::{Choice, Place};
use crate::domain::line_rate::LineRate;
use crate::domain::multiplier::{Mix, Multiplier, Multipliers};
use rules::Written;

struct Row {
    rule_id: String,
    version: i32,
    point_type_id: String,
    event_type: String,
    condition: Json<Written>,
    formula: String,
    exact: bool,
    line_rates: Json<Vec<LineRate>>,
    multipliers: Json<Vec<Multiplier>>,
    multiplier_mix: i16,
    group_id: String,
    priority: i32,
    group_choice: i16,
    valid_from: Option<OffsetDateTime>,
    valid_until: Option<OffsetDateTime>,
    caps: Json<Vec<Cap>>,
    paused: bool,
    publish_time: OffsetDateTime,
    cost_centre: String,
    funder: i32,
}

impl TryFrom<Row> for EarningRule {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: rows::key(row.rule_id, "rule_id")?,
            version: row.version,
            point_type: rows::key(row.point_type_id, "point_type_id")?,
            event_type: row.event_type,
            condition: row.condition.0,
            formula: row.formula,
            exact: row.exact,
            line_rates: row.line_rates.0,
            multipliers: Multipliers {
                list: row.multipliers.0,
                mix: Mix::from_code(row.multiplier_mix).ok_or_else(|| rows::unreadable("multiplier_mix"))?,
            },
            place: Place {
                group: (!row.group_id.is_empty()).then(|| rows::key(row.group_id, "group_id")).transpose()?,
                priority: row.priority,
                choice: Choice::from_code(row.group_choice).ok_or_else(|| rows::unreadable("group_choice"))?,
            },
            valid_from: row.valid_from,
            valid_until: row.valid_until,
            caps: row.caps.0,
            payer: Payer { cost_centre: row.cost_centre, funder: row.funder },
            paused: row.paused,
            publish_time: row.publish_time,
        })
    }
}

/// Adds a version. A concurrent publishing of the same version violates `earning_rule_pkey`.
pub async fn insert(conn: &mut PgConnection, tenant: &TenantId, it: &EarningRule) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into earning_rule (tenant_id, rule_id, version, point_type_id, event_type, condition, formula,
            valid_from, valid_until, paused, publish_time, caps, exact, line_rates, multipliers, multiplier_mix, group_id,
            priority, group_choice, cost_centre, funder)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)",
        tenant.as_str(),
        it.id.as_str(),
        it.version,
        it.point_type.as_str(),
        it.event_type,
        Json(&it.condition) as _,
        it.formula,
        it.valid_from,
        it.valid_until,
        it.paused,
        it.publish_time,
        Json(&it.caps) as _,
        it.exact,
        Json(&it.line_rates) as _,
        Json(&it.multipliers.list) as _,
        it.multipliers.mix.code(),
        it.place.group.as_ref().map_or("", |group| group.as_str()),
        it.place.priority,
        it.place.choice.code(),
        it.payer.cost_centre,
        it.payer.funder
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The newest version.
pub async fn read(
    conn: &mut PgConnection,
    tenant: &TenantId,
    rule_id: &str,
) -> Result<Option<EarningRule>, StoreError> {
    let row = sqlx::query_as!(
        Row,
        r#"select rule_id, version, point_type_id, event_type, condition as "condition: Json<Written>", formula,
            valid_from, valid_until, caps as "caps: Json<Vec<Cap>>", paused, publish_time, exact,
            line_rates as "line_rates: Json<Vec<LineRate>>", multipliers as "multipliers: Json<Vec<Multiplier>>",
            multiplier_mix, group_id, priority, group_choice, cost_centre, funder
        from earning_rule where tenant_id = $1 and rule_id = $2 order by version desc limit 1"#,
        tenant.as_str(),
        rule_id
    )
    .fetch_optional(conn)
    .await?;
    row.map(EarningRule::try_from).transpose()
}

/// The newest versions of rules after an id, in byte order.
pub async fn list(
    conn: &mut PgConnection,
    tenant: &TenantId,
    after: &str,
    limit: i64,
) -> Result<Vec<EarningRule>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"select distinct on (rule_id) rule_id, version, point_type_id, event_type,
            condition as "condition: Json<Written>", formula, valid_from, valid_until, caps as "caps: Json<Vec<Cap>>", paused, publish_time, exact,
            line_rates as "line_rates: Json<Vec<LineRate>>", multipliers as "multipliers: Json<Vec<Multiplier>>",
            multiplier_mix, group_id, priority, group_choice, cost_centre, funder
        from earning_rule where tenant_id = $1 and rule_id > $2 order by rule_id, version desc limit $3"#,
        tenant.as_str(),
        after,
        limit
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(EarningRule::try_from).collect()
}

/// All versions that were the newest at some time between two, oldest first.
pub async fn in_force(
    conn: &mut PgConnection,
    tenant: &TenantId,
    from: OffsetDateTime,
    until: OffsetDateTime,
) -> Result<Vec<EarningRule>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"select rule_id, version, point_type_id, event_type, condition as "condition: Json<Written>", formula,
            valid_from, valid_until, caps as "caps: Json<Vec<Cap>>", paused, publish_time, exact,
            line_rates as "line_rates: Json<Vec<LineRate>>", multipliers as "multipliers: Json<Vec<Multiplier>>",
            multiplier_mix, group_id, priority, group_choice, cost_centre, funder
        from earning_rule r
        where tenant_id = $1 and publish_time <= $3 and not exists (
            select from earning_rule newer
            where newer.tenant_id = $1 and newer.rule_id = r.rule_id and newer.version > r.version
                and newer.publish_time <= $2
        )
        order by rule_id, version"#,
        tenant.as_str(),
        from,
        until
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(EarningRule::try_from).collect()
}
