//! Scores in seasons, in the order of places.

use ids::{Key, Partition, TenantId, UserId};
use pg::StoreError;
use service::rows;
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::domain::leaderboard::ranking::{Score, block, block_start};

/// A season of a leaderboard.
pub type SeasonKey<'a> = (&'a Key, &'a str);

/// How many stand before somebody, and how many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Those before.
    pub before: i64,
    /// All.
    pub participants: i64,
}

struct Row {
    user_id: String,
    rank_key: i64,
    attained_at: OffsetDateTime,
    last_at: OffsetDateTime,
    display: String,
}

impl TryFrom<Row> for Score {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            user: rows::user(row.user_id)?,
            rank_key: row.rank_key,
            attained_at: row.attained_at,
            last_at: row.last_at,
            display: row.display,
        })
    }
}

/// Holds others off who would take a score of a user, until the transaction ends.
pub async fn lock(
    conn: &mut PgConnection,
    tenant: &TenantId,
    leaderboard: &Key,
    user: &UserId,
) -> Result<(), StoreError> {
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended(concat_ws('/', 'levels.score', $1::text, $2::text, $3::text), 0))",
        tenant.as_str(),
        leaderboard.as_str(),
        user.as_str()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Stores what counts of a user's scores. `before`: the key that it had.
pub async fn write(
    conn: &mut PgConnection,
    tenant: &TenantId,
    (leaderboard, season_id): SeasonKey<'_>,
    it: &Score,
    before: Option<i64>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into leaderboard_score (tenant_id, leaderboard_id, season_id, user_id, rank_key, attained_at, last_at, display)
        values ($1, $2, $3, $4, $5, $6, $7, $8)
        on conflict on constraint leaderboard_score_pkey do update
        set rank_key = excluded.rank_key, attained_at = excluded.attained_at, last_at = excluded.last_at,
            display = excluded.display",
        tenant.as_str(),
        leaderboard.as_str(),
        season_id,
        it.user.as_str(),
        it.rank_key,
        it.attained_at,
        it.last_at,
        it.display
    )
    .execute(&mut *conn)
    .await?;
    let (left, reached) = (before.map(block), block(it.rank_key));
    if left == Some(reached) {
        return Ok(());
    }
    let mut changes: Vec<(i32, i64)> = left.map(|block| (block, -1)).into_iter().chain([(reached, 1)]).collect();
    changes.sort_unstable(); // so that two who go opposite ways do not wait for each other
    let (blocks, users): (Vec<i32>, Vec<i64>) = changes.into_iter().unzip();
    sqlx::query!(
        "insert into leaderboard_block as t (tenant_id, leaderboard_id, season_id, block, partition, users)
        select $1, $2, $3, k.block, $4, k.users
        from unnest($5::integer[], $6::bigint[]) with ordinality k(block, users, ord) order by k.ord
        on conflict on constraint leaderboard_block_pkey do update set users = t.users + excluded.users",
        tenant.as_str(),
        leaderboard.as_str(),
        season_id,
        i16::from(Partition::of(tenant, it.user.as_str()).index()),
        &blocks,
        &users
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What counts of users' scores, of those who have any, highest first.
pub async fn read(
    conn: &mut PgConnection,
    tenant: &TenantId,
    (leaderboard, season_id): SeasonKey<'_>,
    users: &[&str],
) -> Result<Vec<Score>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        "select user_id, rank_key, attained_at, last_at, display from leaderboard_score
        where tenant_id = $1 and leaderboard_id = $2 and season_id = $3 and user_id = any($4)
        order by rank_key, attained_at, user_id",
        tenant.as_str(),
        leaderboard.as_str(),
        season_id,
        users as _
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Score::try_from).collect()
}

/// How many stand before a place in the order, and how many there are: what the blocks before hold, and what stands before
/// in the place's own block.
pub async fn standing(
    conn: &mut PgConnection,
    tenant: &TenantId,
    (leaderboard, season_id): SeasonKey<'_>,
    (rank_key, attained_at, user): (i64, OffsetDateTime, &str),
) -> Result<Standing, StoreError> {
    let own = block(rank_key);
    let row = sqlx::query!(
        r#"select coalesce(sum(b.users) filter (where b.block < $4), 0)::bigint as "before!",
            coalesce(sum(b.users), 0)::bigint as "participants!",
            (
                select count(*) from leaderboard_score s
                where s.tenant_id = $1 and s.leaderboard_id = $2 and s.season_id = $3 and s.rank_key >= $5
                    and s.rank_key <= $6 -- says nothing new, but lets the planner see how little it is
                    and (s.rank_key, s.attained_at, s.user_id) < ($6, $7, $8)
            ) as "in_block!"
        from leaderboard_block b
        where b.tenant_id = $1 and b.leaderboard_id = $2 and b.season_id = $3"#,
        tenant.as_str(),
        leaderboard.as_str(),
        season_id,
        own,
        block_start(own),
        rank_key,
        attained_at,
        user
    )
    .fetch_one(conn)
    .await?;
    Ok(Standing { before: row.before + row.in_block, participants: row.participants })
}

/// Those that come after a place in the order, which need not be anybody's; `None`: from the top.
pub async fn below(
    conn: &mut PgConnection,
    tenant: &TenantId,
    (leaderboard, season_id): SeasonKey<'_>,
    after: Option<(i64, OffsetDateTime, &str)>,
    limit: i64,
) -> Result<Vec<Score>, StoreError> {
    let (rank_key, attained_at, user) = after.map_or((i64::MIN, None, ""), |(key, at, user)| (key, Some(at), user));
    let rows = sqlx::query_as!(
        Row,
        "select user_id, rank_key, attained_at, last_at, display from leaderboard_score
        where tenant_id = $1 and leaderboard_id = $2 and season_id = $3
            and (rank_key, attained_at, user_id) > ($4, coalesce($5::timestamptz, '-infinity'), $6)
        order by rank_key, attained_at, user_id limit $7",
        tenant.as_str(),
        leaderboard.as_str(),
        season_id,
        rank_key,
        attained_at,
        user,
        limit
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Score::try_from).collect()
}

/// Those right before a place in the order, lowest first.
pub async fn above(
    conn: &mut PgConnection,
    tenant: &TenantId,
    (leaderboard, season_id): SeasonKey<'_>,
    (rank_key, attained_at, user): (i64, OffsetDateTime, &str),
    limit: i64,
) -> Result<Vec<Score>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        "select user_id, rank_key, attained_at, last_at, display from leaderboard_score
        where tenant_id = $1 and leaderboard_id = $2 and season_id = $3
            and (rank_key, attained_at, user_id) < ($4, $5, $6)
        order by rank_key desc, attained_at desc, user_id desc limit $7",
        tenant.as_str(),
        leaderboard.as_str(),
        season_id,
        rank_key,
        attained_at,
        user,
        limit
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Score::try_from).collect()
}
