//! Leaderboards, all versions.

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

use crate::domain::leaderboard::{Leaderboard, PlacePrize, ScoreOrder, ScoreRule, Season, SeasonRule};

/// A season by dates, as it stands in its leaderboard.
#[derive(Debug, Serialize, Deserialize)]
struct Dates {
    id: String,
    start: OffsetDateTime,
    end: OffsetDateTime,
}

/// A prize, as it stands in its leaderboard.
#[derive(Debug, Serialize, Deserialize)]
struct Prize {
    first_place: i64,
    last_place: i64,
    point_type: String,
    points: i64,
}

struct Row {
    leaderboard_id: String,
    version: i32,
    display_name: Json<LocalizedText>,
    score_rule: i16,
    score_order: i16,
    season_rule: i16,
    seasons: Json<Vec<Dates>>,
    zone: String,
    prizes: Json<Vec<Prize>>,
    listed_places: Option<i64>,
    masked: bool,
    publish_time: OffsetDateTime,
}

impl TryFrom<Row> for Leaderboard {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let season = |it: Dates| Season { id: it.id, start: it.start, end: Some(it.end), closed: false };
        let prize = |it: Prize| {
            let point_type = rows::key(it.point_type, "prizes")?;
            Ok(PlacePrize { first_place: it.first_place, last_place: it.last_place, point_type, points: it.points })
        };
        Ok(Self {
            id: rows::key(row.leaderboard_id, "leaderboard_id")?,
            display_name: row.display_name.0,
            score_rule: ScoreRule::from_code(row.score_rule).ok_or_else(|| rows::unreadable("score_rule"))?,
            score_order: ScoreOrder::from_code(row.score_order).ok_or_else(|| rows::unreadable("score_order"))?,
            season_rule: SeasonRule::from_code(row.season_rule).ok_or_else(|| rows::unreadable("season_rule"))?,
            seasons: row.seasons.0.into_iter().map(season).collect(),
            zone: Zone::new(&row.zone).map_err(|_| rows::unreadable("zone"))?,
            prizes: row.prizes.0.into_iter().map(prize).collect::<Result<_, StoreError>>()?,
            listed_places: row.listed_places,
            masked: row.masked,
            version: row.version,
            publish_time: row.publish_time,
        })
    }
}

/// Adds a version.
pub async fn insert(conn: &mut PgConnection, tenant: &TenantId, it: &Leaderboard) -> Result<(), StoreError> {
    let dates = |it: &Season| Some(Dates { id: it.id.clone(), start: it.start, end: it.end? });
    let seasons: Vec<_> = it.seasons.iter().filter_map(dates).collect();
    let prize = |it: &PlacePrize| Prize {
        first_place: it.first_place,
        last_place: it.last_place,
        point_type: it.point_type.to_string(),
        points: it.points,
    };
    let prizes: Vec<_> = it.prizes.iter().map(prize).collect();
    sqlx::query!(
        "insert into leaderboard (tenant_id, leaderboard_id, version, display_name, score_rule, score_order, season_rule,
            seasons, zone, prizes, listed_places, masked, publish_time)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        tenant.as_str(),
        it.id.as_str(),
        it.version,
        Json(&it.display_name) as _,
        it.score_rule.code(),
        it.score_order.code(),
        it.season_rule.code(),
        Json(&seasons) as _,
        it.zone.name(),
        Json(&prizes) as _,
        it.listed_places,
        it.masked,
        it.publish_time
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Holds others off who would publish a leaderboard for the tenant, until the transaction ends: their number is limited.
pub async fn lock(conn: &mut PgConnection, tenant: &TenantId) -> Result<(), StoreError> {
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('levels.leaderboard/' || $1, 0))", tenant.as_str())
        .execute(conn)
        .await?;
    Ok(())
}

/// The newest versions of all of a tenant's leaderboards.
pub async fn all(conn: &mut PgConnection, tenant: &TenantId) -> Result<BTreeMap<Key, Leaderboard>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"select distinct on (leaderboard_id) leaderboard_id, version,
            display_name as "display_name: Json<LocalizedText>", score_rule, score_order, season_rule,
            seasons as "seasons: Json<Vec<Dates>>", zone, prizes as "prizes: Json<Vec<Prize>>", listed_places, masked,
            publish_time
        from leaderboard where tenant_id = $1 order by leaderboard_id, version desc"#,
        tenant.as_str()
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| Leaderboard::try_from(row).map(|it| (it.id.clone(), it))).collect()
}
