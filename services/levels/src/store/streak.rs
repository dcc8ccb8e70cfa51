//! Streaks, all versions.

use std::collections::BTreeMap;

use ids::{Key, TenantId};
use pg::StoreError;
use serde::{Deserialize, Serialize};
use service::rows;
use sqlx::PgConnection;
use sqlx::types::Json;
use time::OffsetDateTime;
use units::text::LocalizedText;
use units::zone::Zone;

use super::bonus::StoredBonus;
use crate::domain::bonus::Bonus;
use crate::domain::streak::{Milestone, Streak};

/// A milestone as it is stored; the names never change.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct StoredMilestone {
    length: i32,
    repeats: bool,
    bonus: StoredBonus,
}

struct Row {
    streak_id: String,
    version: i32,
    display_name: Json<LocalizedText>,
    description: Option<Json<LocalizedText>>,
    zone: String,
    forgiven_days: i32,
    make_ups_per_month: i32,
    make_up_days: i32,
    milestones: Json<Vec<StoredMilestone>>,
    valid_from: Option<OffsetDateTime>,
    valid_until: Option<OffsetDateTime>,
    paused: bool,
    publish_time: OffsetDateTime,
}

impl TryFrom<Row> for Streak {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let milestone = |it: StoredMilestone| {
            let bonus = Bonus::try_from(it.bonus)?;
            Ok::<_, StoreError>(Milestone { length: it.length, repeats: it.repeats, bonus })
        };
        Ok(Self {
            id: rows::key(row.streak_id, "streak_id")?,
            display_name: row.display_name.0,
            description: row.description.map(|description| description.0),
            zone: Zone::new(&row.zone).map_err(|_| rows::unreadable("zone"))?,
            forgiven_days: row.forgiven_days,
            make_ups_per_month: row.make_ups_per_month,
            make_up_days: row.make_up_days,
            milestones: row.milestones.0.into_iter().map(milestone).collect::<Result<_, _>>()?,
            valid_from: row.valid_from,
            valid_until: row.valid_until,
            paused: row.paused,
            version: row.version,
            publish_time: row.publish_time,
        })
    }
}

/// Adds a version.
pub async fn insert(conn: &mut PgConnection, tenant: &TenantId, it: &Streak) -> Result<(), StoreError> {
    let stored = |it: &Milestone| {
        let (length, repeats) = (it.length, it.repeats);
        StoredMilestone { length, repeats, bonus: StoredBonus::from(&it.bonus) }
    };
    let milestones: Vec<StoredMilestone> = it.milestones.iter().map(stored).collect();
    sqlx::query!(
        "insert into streak (tenant_id, streak_id, version, display_name, description, zone, forgiven_days,
            make_ups_per_month, make_up_days, milestones, valid_from, valid_until, paused, publish_time)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        tenant.as_str(),
        it.id.as_str(),
        it.version,
        Json(&it.display_name) as _,
        it.description.as_ref().map(Json) as _,
        it.zone.name(),
        it.forgiven_days,
        it.make_ups_per_month,
        it.make_up_days,
        Json(&milestones) as _,
        it.valid_from,
        it.valid_until,
        it.paused,
        it.publish_time
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Holds others off who would publish a streak for the tenant, until the transaction ends: their number is limited.
pub async fn lock(conn: &mut PgConnection, tenant: &TenantId) -> Result<(), StoreError> {
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('levels.streak/' || $1, 0))", tenant.as_str())
        .execute(conn)
        .await?;
    Ok(())
}

/// The newest versions of all of a tenant's streaks.
pub async fn all(conn: &mut PgConnection, tenant: &TenantId) -> Result<BTreeMap<Key, Streak>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"select distinct on (streak_id) streak_id, version, display_name as "display_name: Json<LocalizedText>",
            description as "description: Json<LocalizedText>", zone, forgiven_days, make_ups_per_month, make_up_days,
            milestones as "milestones: Json<Vec<StoredMilestone>>", valid_from, valid_until, paused, publish_time
        from streak where tenant_id = $1 order by streak_id, version desc"#,
        tenant.as_str()
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| Streak::try_from(row).map(|it| (it.id.clone(), it))).collect()
}
