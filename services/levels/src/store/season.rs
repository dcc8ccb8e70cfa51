//! Seasons of leaderboards, and what places in them got.

use ids::{Key, TenantId, UserId};
use pg::StoreError;
use service::rows;
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::domain::leaderboard::{Prize, Season};

struct Row {
    season_id: String,
    starts_at: OffsetDateTime,
    ends_at: Option<OffsetDateTime>,
    closed: bool,
}

impl From<Row> for Season {
    fn from(row: Row) -> Self {
        Self { id: row.season_id, start: row.starts_at, end: row.ends_at, closed: row.closed }
    }
}

/// Keeps a leaderboard's seasons from being closed until the transaction ends.
pub async fn keep_open(conn: &mut PgConnection, tenant: &TenantId, leaderboard: &Key) -> Result<(), StoreError> {
    sqlx::query!(
        "select pg_advisory_xact_lock_shared(hashtextextended(concat_ws('/', 'levels.season', $1::text, $2::text), 0))",
        tenant.as_str(),
        leaderboard.as_str()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Waits for all who keep a leaderboard's seasons open, and holds others off, until the transaction ends.
pub async fn lock(conn: &mut PgConnection, tenant: &TenantId, leaderboard: &Key) -> Result<(), StoreError> {
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended(concat_ws('/', 'levels.season', $1::text, $2::text), 0))",
        tenant.as_str(),
        leaderboard.as_str()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Notes that somebody has a score in a season.
pub async fn open(
    conn: &mut PgConnection,
    tenant: &TenantId,
    leaderboard: &Key,
    season: &Season,
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into leaderboard_season (tenant_id, leaderboard_id, season_id, starts_at, ends_at, closed)
        values ($1, $2, $3, $4, $5, false)
        on conflict on constraint leaderboard_season_pkey do nothing",
        tenant.as_str(),
        leaderboard.as_str(),
        season.id,
        season.start,
        season.end
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A season that anybody has a score in.
pub async fn read(
    conn: &mut PgConnection,
    tenant: &TenantId,
    leaderboard: &Key,
    season_id: &str,
) -> Result<Option<Season>, StoreError> {
    let row = sqlx::query_as!(
        Row,
        "select season_id, starts_at, ends_at, closed from leaderboard_season
        where tenant_id = $1 and leaderboard_id = $2 and season_id = $3",
        tenant.as_str(),
        leaderboard.as_str(),
        season_id
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Season::from))
}

/// A page of a leaderboard's seasons: newest first, those before a place.
pub async fn list(
    conn: &mut PgConnection,
    tenant: &TenantId,
    leaderboard: &Key,
    before: Option<(OffsetDateTime, &str)>,
    limit: i64,
) -> Result<Vec<Season>, StoreError> {
    let (starts_at, season_id) = before.unzip();
    let rows = sqlx::query_as!(
        Row,
        "select season_id, starts_at, ends_at, closed from leaderboard_season
        where tenant_id = $1 and leaderboard_id = $2
            and (starts_at, season_id) < (coalesce($3::timestamptz, 'infinity'), coalesce($4::text, ''))
        order by starts_at desc, season_id desc limit $5",
        tenant.as_str(),
        leaderboard.as_str(),
        starts_at,
        season_id,
        limit
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(Season::from).collect())
}

/// When the next season of a tenant ends whose prizes were not given.
pub async fn next_end(conn: &mut PgConnection, tenant: &TenantId) -> Result<Option<OffsetDateTime>, StoreError> {
    let next = sqlx::query_scalar!(
        r#"select ends_at as "ends_at!" from leaderboard_season
        where tenant_id = $1 and not closed and ends_at > '-infinity' order by ends_at limit 1"#,
        tenant.as_str()
    );
    Ok(next.fetch_optional(conn).await?)
}

/// The season that ended first by `at` and whose prizes were not given, with its leaderboard.
pub async fn ended(
    conn: &mut PgConnection,
    tenant: &TenantId,
    at: OffsetDateTime,
) -> Result<Option<(Key, String)>, StoreError> {
    let row = sqlx::query!(
        "select leaderboard_id, season_id from leaderboard_season
        where tenant_id = $1 and not closed and ends_at <= $2 order by ends_at limit 1",
        tenant.as_str(),
        at
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| Ok((rows::key(row.leaderboard_id, "leaderboard_id")?, row.season_id))).transpose()
}

/// Notes that a season's prizes were given, and which.
pub async fn close(
    conn: &mut PgConnection,
    tenant: &TenantId,
    (leaderboard, season_id): (&Key, &str),
    prizes: &[Prize],
) -> Result<(), StoreError> {
    sqlx::query!(
        "update leaderboard_season set closed = true
        where tenant_id = $1 and leaderboard_id = $2 and season_id = $3",
        tenant.as_str(),
        leaderboard.as_str(),
        season_id
    )
    .execute(&mut *conn)
    .await?;
    let users: Vec<&str> = prizes.iter().map(|it| it.user.as_str()).collect();
    let types: Vec<&str> = prizes.iter().map(|it| it.point_type.as_str()).collect();
    let numbers = |value: fn(&Prize) -> i64| prizes.iter().map(value).collect::<Vec<_>>();
    let (places, points, entries) = (numbers(|it| it.place), numbers(|it| it.points), numbers(|it| it.entry_seq));
    sqlx::query!(
        "insert into leaderboard_prize (tenant_id, leaderboard_id, season_id, user_id, place, point_type_id, points, entry_seq)
        select $1, $2, $3, k.user_id, k.place, k.point_type_id, k.points, k.entry_seq
        from unnest($4::text[], $5::bigint[], $6::text[], $7::bigint[], $8::bigint[])
            k(user_id, place, point_type_id, points, entry_seq)",
        tenant.as_str(),
        leaderboard.as_str(),
        season_id,
        &users as _,
        &places,
        &types as _,
        &points,
        &entries
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What a user got when a season ended.
pub async fn prize(
    conn: &mut PgConnection,
    tenant: &TenantId,
    (leaderboard, season_id): (&Key, &str),
    user: &UserId,
) -> Result<Option<Prize>, StoreError> {
    let row = sqlx::query!(
        "select place, point_type_id, points, entry_seq from leaderboard_prize
        where tenant_id = $1 and leaderboard_id = $2 and season_id = $3 and user_id = $4",
        tenant.as_str(),
        leaderboard.as_str(),
        season_id,
        user.as_str()
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        let point_type = rows::key(row.point_type_id, "point_type_id")?;
        let (place, points, entry_seq) = (row.place, row.points, row.entry_seq);
        Ok(Prize { user: user.clone(), place, point_type, points, entry_seq })
    })
    .transpose()
}
