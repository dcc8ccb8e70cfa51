//! Quests, all versions.

use std::collections::BTreeMap;

use ids::{Key, TenantId};
use pg::StoreError;
use rules::Written;
use serde::{Deserialize, Serialize};
use service::rows;
use sqlx::PgConnection;
use sqlx::types::Json;
use time::OffsetDateTime;
use units::text::LocalizedText;
use units::zone::Zone;

use super::bonus::StoredBonus;
use crate::domain::bonus::Bonus;
use crate::domain::entry::Payer;
use crate::domain::quest::{Quest, QuestPeriod, QuestReversal, QuestStart, Recurrence, Step};

/// A step as it is stored; the names never change.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct StoredStep {
    display_name: LocalizedText,
    event_type: String,
    condition: Written,
    formula: String,
    target: i64,
}

struct Row {
    quest_id: String,
    version: i32,
    display_name: Json<LocalizedText>,
    description: Option<Json<LocalizedText>>,
    steps: Json<Vec<StoredStep>>,
    in_order: bool,
    period: i16,
    period_days: i32,
    zone: String,
    recurrence: i16,
    rounds_max: i32,
    start_rule: i16,
    valid_from: Option<OffsetDateTime>,
    valid_until: Option<OffsetDateTime>,
    scheme_id: Option<String>,
    first_rank: i16,
    last_rank: Option<i16>,
    bonus: Json<StoredBonus>,
    reversal: i16,
    cost_centre: String,
    funder: i32,
    paused: bool,
    create_time: OffsetDateTime,
    publish_time: OffsetDateTime,
}

impl TryFrom<Row> for Quest {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        // readable when it was published: a bug, or an older release runs
        let step = |it: StoredStep| {
            let rule = (it.condition, it.formula);
            Step::new(it.display_name, it.event_type, rule, it.target).map_err(|_| rows::unreadable("steps"))
        };
        let rank = |rank: i16| usize::try_from(rank).map_err(|_| rows::unreadable("rank"));
        Ok(Self {
            id: rows::key(row.quest_id, "quest_id")?,
            display_name: row.display_name.0,
            description: row.description.map(|description| description.0),
            steps: row.steps.0.into_iter().map(step).collect::<Result<_, StoreError>>()?,
            in_order: row.in_order,
            period: QuestPeriod::from_code(row.period, row.period_days).ok_or_else(|| rows::unreadable("period"))?,
            zone: Zone::new(&row.zone).map_err(|_| rows::unreadable("zone"))?,
            recurrence: Recurrence::from_code(row.recurrence, row.rounds_max)
                .ok_or_else(|| rows::unreadable("recurrence"))?,
            start: QuestStart::from_code(row.start_rule).ok_or_else(|| rows::unreadable("start_rule"))?,
            valid_from: row.valid_from,
            valid_until: row.valid_until,
            scheme: row.scheme_id.map(|id| rows::key(id, "scheme_id")).transpose()?,
            first_rank: rank(row.first_rank)?,
            last_rank: row.last_rank.map(rank).transpose()?,
            bonus: Bonus::try_from(row.bonus.0)?,
            reversal: QuestReversal::from_code(row.reversal).ok_or_else(|| rows::unreadable("reversal"))?,
            payer: Payer { cost_centre: row.cost_centre, funder: row.funder },
            paused: row.paused,
            version: row.version,
            create_time: row.create_time,
            publish_time: row.publish_time,
        })
    }
}

fn stored(it: &Step) -> StoredStep {
    StoredStep {
        display_name: it.display_name.clone(),
        event_type: it.event_type.clone(),
        condition: it.condition.clone(),
        formula: it.formula.clone(),
        target: it.target,
    }
}

/// Adds a version.
pub async fn insert(conn: &mut PgConnection, tenant: &TenantId, it: &Quest) -> Result<(), StoreError> {
    let (period, days) = it.period.code();
    let steps: Vec<StoredStep> = it.steps.iter().map(stored).collect();
    let rank = |rank: usize| i16::try_from(rank).unwrap_or(i16::MAX); // at most 99
    sqlx::query!(
        "insert into quest (tenant_id, quest_id, version, display_name, description, steps, in_order, period, period_days,
            zone, recurrence, rounds_max, start_rule, valid_from, valid_until, scheme_id, first_rank, last_rank, bonus,
            reversal, cost_centre, funder, paused, create_time, publish_time)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23,
            $24, $25)",
        tenant.as_str(),
        it.id.as_str(),
        it.version,
        Json(&it.display_name) as _,
        it.description.as_ref().map(Json) as _,
        Json(&steps) as _,
        it.in_order,
        period,
        days,
        it.zone.name(),
        it.recurrence.code(),
        it.recurrence.rounds(),
        it.start.code(),
        it.valid_from,
        it.valid_until,
        it.scheme.as_ref().map(Key::as_str),
        rank(it.first_rank),
        it.last_rank.map(rank),
        Json(StoredBonus::from(&it.bonus)) as _,
        it.reversal.code(),
        it.payer.cost_centre,
        it.payer.funder,
        it.paused,
        it.create_time,
        it.publish_time
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Holds others off who would publish a quest for the tenant, until the transaction ends: their number is limited.
pub async fn lock(conn: &mut PgConnection, tenant: &TenantId) -> Result<(), StoreError> {
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('levels.quest/' || $1, 0))", tenant.as_str())
        .execute(conn)
        .await?;
    Ok(())
}

/// The newest versions of all of a tenant's quests.
pub async fn all(conn: &mut PgConnection, tenant: &TenantId) -> Result<BTreeMap<Key, Quest>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"select distinct on (quest_id) quest_id, version, display_name as "display_name: Json<LocalizedText>",
            description as "description: Json<LocalizedText>", steps as "steps: Json<Vec<StoredStep>>", in_order, period,
            period_days, zone, recurrence, rounds_max, start_rule, valid_from, valid_until, scheme_id, first_rank,
            last_rank, bonus as "bonus: Json<StoredBonus>", reversal, cost_centre, funder, paused, create_time,
            publish_time
        from quest where tenant_id = $1 order by quest_id, version desc"#,
        tenant.as_str()
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| Quest::try_from(row).map(|it| (it.id.clone(), it))).collect()
}
