//! What a user has come to in a period, from the user's own rows alone.

use std::collections::BTreeMap;

use ids::{Key, TenantId, UserId};
use pg::StoreError;
use service::rows;
use sqlx::PgConnection;

use crate::domain::badge::HeldBadge;
use crate::domain::result_card::CardPeriod;

/// Badges that a card shows.
const BADGES_MAX: i64 = 50;

/// What was earned and used, by point type: less what was taken back or came back, and never below 0.
pub async fn points(
    conn: &mut PgConnection,
    tenant: &TenantId,
    user: &UserId,
    period: &CardPeriod,
) -> Result<BTreeMap<Key, (i64, i64)>, StoreError> {
    // EARN and REVERSE; SPEND and RETURN
    let found = sqlx::query!(
        r#"select point_type_id, greatest(coalesce(sum(amount) filter (where kind in (1, 4)), 0), 0)::bigint as "earned!",
            greatest(-coalesce(sum(amount) filter (where kind in (2, 6)), 0), 0)::bigint as "spent!"
        from entry where tenant_id = $1 and user_id = $2 and occurred_at >= $3 and occurred_at < $4
        group by point_type_id"#,
        tenant.as_str(),
        user.as_str(),
        period.start,
        period.end
    )
    .fetch_all(conn)
    .await?;
    let moved = found.into_iter().filter(|row| row.earned > 0 || row.spent > 0);
    moved.map(|row| Ok((rows::key(row.point_type_id, "point_type_id")?, (row.earned, row.spent)))).collect()
}

/// The highest rank held in the period, and how often the level rose.
pub async fn levels(
    conn: &mut PgConnection,
    tenant: &TenantId,
    (scheme, user): (&Key, &UserId),
    period: &CardPeriod,
) -> Result<(usize, i32), StoreError> {
    let row = sqlx::query!(
        r#"select max(greatest(from_rank, to_rank)) filter (where moved_at >= $4) as within,
            (array_agg(to_rank order by move_seq desc) filter (where moved_at < $4))[1] as before,
            count(*) filter (where moved_at >= $4 and to_rank > from_rank)::integer as "rises!"
        from level_move where tenant_id = $1 and scheme_id = $2 and user_id = $3 and moved_at < $5"#,
        tenant.as_str(),
        scheme.as_str(),
        user.as_str(),
        period.start,
        period.end
    )
    .fetch_one(conn)
    .await?;
    let rank = row.within.max(row.before).unwrap_or(0);
    Ok((usize::try_from(rank).map_err(|_| rows::unreadable("rank"))?, row.rises))
}

/// How many quests were completed.
pub async fn quests(
    conn: &mut PgConnection,
    tenant: &TenantId,
    user: &UserId,
    period: &CardPeriod,
) -> Result<i32, StoreError> {
    let count = sqlx::query_scalar!(
        r#"select coalesce(sum(completions), 0)::integer as "count!" from quest_round
        where tenant_id = $1 and user_id = $2 and completions > 0 and completed_at >= $3 and completed_at < $4"#,
        tenant.as_str(),
        user.as_str(),
        period.start,
        period.end
    )
    .fetch_one(conn)
    .await?;
    Ok(count)
}

/// Badges whose tier was reached in the period, in the order of their ids.
pub async fn badges(
    conn: &mut PgConnection,
    tenant: &TenantId,
    user: &UserId,
    period: &CardPeriod,
) -> Result<Vec<(Key, HeldBadge)>, StoreError> {
    let found = sqlx::query!(
        "select badge_id, grounds, tier, reason, awarded_at from user_badge
        where tenant_id = $1 and user_id = $2 and tier > 0 and awarded_at >= $3 and awarded_at < $4
        order by badge_id limit $5",
        tenant.as_str(),
        user.as_str(),
        period.start,
        period.end,
        BADGES_MAX
    )
    .fetch_all(conn)
    .await?;
    let read = found.into_iter().map(|row| {
        let tier = usize::try_from(row.tier).map_err(|_| rows::unreadable("tier"))?;
        let (grounds, reason, awarded_at) = (row.grounds, row.reason, row.awarded_at);
        Ok((rows::key(row.badge_id, "badge_id")?, HeldBadge { grounds, tier, reason, awarded_at }))
    });
    read.collect()
}

/// Days with a check-in, and the longest run that reaches into the period.
pub async fn check_ins(
    conn: &mut PgConnection,
    tenant: &TenantId,
    user: &UserId,
    period: &CardPeriod,
) -> Result<(i32, i32), StoreError> {
    let row = sqlx::query!(
        r#"select
            (select count(*) from check_in c
                where c.tenant_id = $1 and c.user_id = $2 and c.day >= $3 and c.day < $4)::integer as "days!",
            (select coalesce(max(r.length), 0) from streak_run r
                where r.tenant_id = $1 and r.user_id = $2 and r.last_day >= $3 and r.first_day < $4) as "longest!""#,
        tenant.as_str(),
        user.as_str(),
        period.first_day,
        period.end_day
    )
    .fetch_one(conn)
    .await?;
    Ok((row.days, row.longest))
}
